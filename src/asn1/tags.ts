/**
 * Identifier octets (X.690 §8.1.2) as single numbers: class, form and tag number in one byte.
 *
 * Tag numbers above 30 need more bytes. Nothing in X.509, PKCS#10, OCSP or LDAP uses one, so the
 * readers refuse them and nothing here makes them.
 *
 * @module
 */

import assert from 'node:assert/strict';

/** The universal types that occur in X.509 and LDAP; SEQUENCE and SET with their constructed bit. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** How an element's content is to be read: as a value, or as further elements. */
export type TagForm = 'primitive' | 'constructed';

const CONSTRUCTED_BIT = 0x20;
const APPLICATION_CLASS = 0x40;
const CONTEXT_CLASS = 0x80;
const MAX_LOW_NUMBER = 30;

/** EXTERNAL, EMBEDDED PDV, SEQUENCE, SET and CHARACTER STRING, one bit per tag number. */
const CONSTRUCTED_UNIVERSALS = (1 << 8) | (1 << 11) | (1 << 16) | (1 << 17) | (1 << 29);

/** The identifier octet of `[number]`; `number` from 0 to 30. */
export function contextTag(number: number, form: TagForm): number {
  return classTag(CONTEXT_CLASS, number, form);
}

/** The identifier octet of `[APPLICATION number]`; `number` from 0 to 30. */
export function applicationTag(number: number, form: TagForm): number {
  return classTag(APPLICATION_CLASS, number, form);
}

function classTag(tagClass: number, number: number, form: TagForm): number {
  assert(Number.isInteger(number) && number >= 0 && number <= MAX_LOW_NUMBER);
  return tagClass | number | (form === 'constructed' ? CONSTRUCTED_BIT : 0);
}

/** True when the content of an element with this tag is a series of elements. */
export function isConstructed(tag: number): boolean {
  return (tag & CONSTRUCTED_BIT) !== 0;
}

/**
 * True for a tag that DER and LDAP's BER allow: one byte, and a universal type in its own form.
 * That excludes end-of-contents, constructed strings and a primitive SEQUENCE (X.690 §10.2,
 * RFC 4511 §5.1).
 */
export function isAllowedTag(tag: number): boolean {
  const number = tag & 0x1f;
  if (number > MAX_LOW_NUMBER) {
    return false;
  }
  if (tag >= APPLICATION_CLASS) {
    return true;
  }
  return number !== 0 && ((CONSTRUCTED_UNIVERSALS >>> number) & 1) === tag >>> 5;
}

/** A tag for messages: two hexadecimal digits. */
export function formatTag(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}
