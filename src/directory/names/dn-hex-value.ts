/**
 * The `#` form of a value in a distinguished name (RFC 4514 §2.4): the BER encoding of the value. A
 * string of any type, or an OCTET STRING, becomes the octets that the same value has in LDAP (RFC
 * 4517 §3.3), so that a name has one key however it is written.
 *
 * @module
 */

import { BerReader } from '../../asn1/ber-reader.ts';
import { decodeString } from '../../asn1/strings.ts';
import { Tag } from '../../asn1/tags.ts';
import { encodeUtf8 } from '../../core/bytes.ts';
import { isCertdirError } from '../../core/errors.ts';

/**
 * The LDAP octets of a BER value.
 *
 * @returns undefined when `ber` is not exactly one primitive, definite string value.
 */
export function decodeHexValue(ber: Uint8Array): Uint8Array | undefined {
  try {
    const reader = new BerReader(ber);
    const { tag, content } = reader.readElement();
    reader.expectEnd();
    return tag === Tag.octetString ? content : encodeUtf8(decodeString(tag, content));
  } catch (error) {
    if (isCertdirError(error)) {
      return undefined;
    }
    throw error;
  }
}
