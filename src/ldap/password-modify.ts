/**
 * The value of the Password Modify operation and of its answer (RFC 3062).
 *
 * @module
 */

import { BerReader } from '../asn1/ber-reader.ts';
import { BerWriter } from '../asn1/ber-writer.ts';
import { BerError } from '../asn1/errors.ts';
import { contextTag } from '../asn1/tags.ts';
import { decodeUtf8 } from '../core/bytes.ts';
import type { PasswordChange } from '../directory/service.ts';
import { LdapError } from './errors.ts';

/** RFC 3062 §2. */
export const PASSWORD_MODIFY = '1.3.6.1.4.1.4203.1.11.1';

const USER_IDENTITY_TAG = contextTag(0, 'primitive');
const OLD_PASSWORD_TAG = contextTag(1, 'primitive');
const NEW_PASSWORD_TAG = contextTag(2, 'primitive');
const GENERATED_TAG = contextTag(0, 'primitive');

/**
 * @param value Undefined is the request without any field.
 * @throws {LdapError} `LDAP_FIELD`, also for a user identity that is neither a distinguished name nor
 *   one behind `dn:` (RFC 4513 §5.2.1.8).
 */
export function decodePasswordModify(value: Uint8Array | undefined): PasswordChange {
  if (value === undefined) {
    return {};
  }
  try {
    const outer = new BerReader(value);
    const reader = outer.readConstructed();
    outer.expectEnd();
    const take = (tag: number): Uint8Array | undefined =>
      reader.peekTag() === tag ? reader.readOctetString(tag) : undefined;
    const identity = take(USER_IDENTITY_TAG);
    const oldPassword = take(OLD_PASSWORD_TAG);
    const newPassword = take(NEW_PASSWORD_TAG);
    reader.expectEnd();
    return {
      ...(identity === undefined ? {} : { dn: nameOf(identity) }),
      ...(oldPassword === undefined ? {} : { oldPassword }),
      ...(newPassword === undefined ? {} : { newPassword }),
    };
  } catch (error) {
    if (error instanceof BerError) {
      throw new LdapError('LDAP_FIELD', 'the value of Password Modify cannot be read', {
        cause: error,
      });
    }
    throw error;
  }
}

/** The answer's value: with the password that was made up. */
export function encodeGeneratedPassword(password: Uint8Array): Uint8Array {
  const writer = new BerWriter();
  writer.begin();
  writer.writeOctetString(password, GENERATED_TAG);
  writer.end();
  return writer.finish();
}

function nameOf(identity: Uint8Array): string {
  const text = decodeUtf8(identity);
  if (text === undefined || /^u:/i.test(text)) {
    throw new LdapError('LDAP_FIELD', 'accounts are known by their distinguished names here');
  }
  return /^dn:/i.test(text) ? text.slice('dn:'.length) : text;
}
