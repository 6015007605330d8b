/**
 * RFC 4511 §4: components that an extension of the protocol may put behind the known ones of a
 * SEQUENCE are passed over.
 *
 * @module
 */

import type { BerReader } from '../asn1/ber-reader.ts';
import { LdapError } from './errors.ts';

/**
 * Passes over what is left, as far as it is made of well-formed elements.
 *
 * @param knownTag The last optional component of this SEQUENCE; here it is out of place.
 * @throws {LdapError} `LDAP_MALFORMED` for a component out of place.
 * @throws {BerError} for bytes that are no elements.
 */
export function passTrailing(reader: BerReader, knownTag?: number): void {
  while (!reader.isAtEnd) {
    if (reader.peekTag() === knownTag) {
      throw new LdapError('LDAP_MALFORMED', 'a component stands twice or out of order');
    }
    reader.skip();
  }
}
