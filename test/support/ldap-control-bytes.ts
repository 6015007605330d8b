/**
 * Request controls as bytes, written by hand from their RFCs and not with the code under test.
 *
 * @module
 */

import { bool, type ControlBytes, int, octets, tlv } from './ldap-request-bytes.ts';

/** RFC 4528. */
export function assertionControl(filter: Uint8Array, isCritical = true): ControlBytes {
  return { type: '1.3.6.1.1.12', isCritical, value: filter };
}

/** RFC 4527. */
export function preReadControl(...attributes: readonly string[]): ControlBytes {
  return { type: '1.3.6.1.1.13.1', isCritical: true, value: selection(attributes) };
}

/** RFC 4527. */
export function postReadControl(...attributes: readonly string[]): ControlBytes {
  return { type: '1.3.6.1.1.13.2', isCritical: true, value: selection(attributes) };
}

function selection(attributes: readonly string[]): Buffer {
  return tlv(0x30, ...attributes.map(octets));
}

/** RFC 2696. */
export function pagedControl(size: number, cookie: Uint8Array = Buffer.alloc(0)): ControlBytes {
  const value = tlv(0x30, int(size), octets(cookie));
  return { type: '1.2.840.113556.1.4.319', isCritical: true, value };
}

export interface SortKeyBytes {
  readonly attribute: string;
  readonly rule?: string;
  readonly isReverse?: boolean;
}

/** RFC 2891. */
export function sortControl(...keys: readonly SortKeyBytes[]): ControlBytes {
  const list = keys.map(({ attribute, rule, isReverse }) =>
    tlv(
      0x30,
      octets(attribute),
      rule === undefined ? [] : tlv(0x80, rule),
      isReverse === undefined ? [] : tlv(0x81, Uint8Array.of(isReverse ? 0xff : 0)),
    ),
  );
  return { type: '1.2.840.113556.1.4.473', isCritical: true, value: tlv(0x30, list) };
}

/** RFC 3876. */
export function matchedValuesControl(...items: readonly Uint8Array[]): ControlBytes {
  return { type: '1.2.826.0.1.3344810.2.3', isCritical: true, value: tlv(0x30, items) };
}

/** RFC 3296. */
export const manageDsaItControl: ControlBytes = {
  type: '2.16.840.1.113730.3.4.2',
  isCritical: true,
};

/** RFC 3672. */
export function subentriesControl(areVisible: boolean): ControlBytes {
  return { type: '1.3.6.1.4.1.4203.1.10.1', isCritical: true, value: bool(areVisible) };
}
