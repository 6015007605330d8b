/**
 * Request controls as bytes, written by hand from their RFCs and not with the code under test.
 *
 * @module
 */

import { type ControlBytes, octets, tlv } from './ldap-request-bytes.ts';

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
