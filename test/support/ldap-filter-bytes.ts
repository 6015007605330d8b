/**
 * Filters as bytes (RFC 4511 §4.5.1), written by hand and not with the code under test.
 *
 * @module
 */

import type { Filter } from '../../src/directory/filters/filter.ts';
import { bool, octets, tlv } from './ldap-request-bytes.ts';

type Octets = Uint8Array | string;

export const and = (...filters: readonly Uint8Array[]): Buffer => tlv(0xa0, filters);
export const or = (...filters: readonly Uint8Array[]): Buffer => tlv(0xa1, filters);
export const not = (filter: Uint8Array): Buffer => tlv(0xa2, filter);
/** RFC 4526. */
export const absoluteTrue: Buffer = and();
export const absoluteFalse: Buffer = or();

const comparison =
  (tag: number) =>
  (attribute: string, value: Octets): Buffer =>
    tlv(tag, octets(attribute), octets(value));

export const equals: (attribute: string, value: Octets) => Buffer = comparison(0xa3);
export const greaterOrEqual: (attribute: string, value: Octets) => Buffer = comparison(0xa5);
export const lessOrEqual: (attribute: string, value: Octets) => Buffer = comparison(0xa6);
export const approx: (attribute: string, value: Octets) => Buffer = comparison(0xa8);
export const isPresent = (attribute: string): Buffer => tlv(0x87, attribute);

export function substrings(
  attribute: string,
  parts: { readonly initial?: Octets; readonly any?: readonly Octets[]; readonly final?: Octets },
): Buffer {
  const { initial, any = [], final } = parts;
  return tlv(
    0xa4,
    octets(attribute),
    tlv(
      0x30,
      initial === undefined ? [] : tlv(0x80, initial),
      any.map((part) => tlv(0x81, part)),
      final === undefined ? [] : tlv(0x82, final),
    ),
  );
}

export function extensible(item: {
  readonly rule?: string;
  readonly attribute?: string;
  readonly value: Octets;
  readonly dnAttributes?: boolean;
}): Buffer {
  const { rule, attribute, value, dnAttributes } = item;
  return tlv(
    0xa9,
    rule === undefined ? [] : tlv(0x81, rule),
    attribute === undefined ? [] : tlv(0x82, attribute),
    tlv(0x83, value),
    dnAttributes === true ? tlv(0x84, bool(true).subarray(2)) : [],
  );
}

/** A filter that is there as a value. */
export function filterBytes(filter: Filter): Buffer {
  switch (filter.kind) {
    case 'and':
      return and(...filter.filters.map(filterBytes));
    case 'or':
      return or(...filter.filters.map(filterBytes));
    case 'not':
      return not(filterBytes(filter.filter));
    case 'equality':
      return equals(filter.attribute, filter.value);
    case 'greaterOrEqual':
      return greaterOrEqual(filter.attribute, filter.value);
    case 'lessOrEqual':
      return lessOrEqual(filter.attribute, filter.value);
    case 'approx':
      return approx(filter.attribute, filter.value);
    case 'present':
      return isPresent(filter.attribute);
    case 'substrings':
      return substrings(filter.attribute, filter);
    case 'extensible':
      return extensible(filter);
  }
}
