/**
 * Extended operations (RFC 4511 §4.12) that are carried out like any other. StartTLS changes the
 * connection itself; see start-tls.ts.
 *
 * @module
 */

import { encodeUtf8 } from '../core/bytes.ts';
import { authorizationIdentity } from '../directory/principal.ts';
import type { Caller } from '../directory/service.ts';
import { LdapError } from './errors.ts';
import type { ExtendedRequest } from './requests.ts';
import type { ExtendedAnswer } from './response-encoder.ts';

/** RFC 4532. */
export const WHO_AM_I = '1.3.6.1.4.1.4203.1.11.3';

/**
 * Carries out an extended operation.
 *
 * @throws {LdapError} `LDAP_UNKNOWN_EXTENSION`; `LDAP_FIELD` for a value that the operation does not
 *   have.
 */
export function performExtended(request: ExtendedRequest, caller: Caller): ExtendedAnswer {
  if (request.name !== WHO_AM_I) {
    throw new LdapError('LDAP_UNKNOWN_EXTENSION', 'the extended operation is not known here');
  }
  if (request.value !== undefined) {
    throw new LdapError('LDAP_FIELD', 'who am I has no request value');
  }
  return { value: encodeUtf8(authorizationIdentity(caller.principal)) };
}
