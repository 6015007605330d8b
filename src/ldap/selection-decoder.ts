/**
 * Reads an AttributeSelection (RFC 4511 §4.5.1.8): of a search, or of a control that reads entries.
 *
 * @module
 */

import type { BerReader } from '../asn1/ber-reader.ts';
import { LdapError } from './errors.ts';
import type { LdapLimits } from './limits.ts';

/**
 * The descriptions up to the end of `reader`, as written.
 *
 * @throws {LdapError} `LDAP_TOO_MANY_PARTS`.
 * @throws {BerError} for bytes that are no descriptions.
 */
export function decodeSelection(reader: BerReader, limits: LdapLimits): readonly string[] {
  const attributes: string[] = [];
  while (!reader.isAtEnd) {
    if (attributes.length === limits.selectedAttributes) {
      throw new LdapError(
        'LDAP_TOO_MANY_PARTS',
        `more than ${limits.selectedAttributes} attributes are selected`,
      );
    }
    attributes.push(reader.readUtf8());
  }
  return attributes;
}
