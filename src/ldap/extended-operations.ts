/**
 * Extended operations (RFC 4511 §4.12) that are carried out like any other. StartTLS and Cancel change
 * the connection itself; see start-tls.ts and cancel.ts.
 *
 * @module
 */

import { encodeUtf8 } from '../core/bytes.ts';
import { authorizationIdentity } from '../directory/accounts/principal.ts';
import type { Caller, DirectoryService } from '../directory/service.ts';
import { LdapError } from './errors.ts';
import {
  decodePasswordModify,
  encodeGeneratedPassword,
  PASSWORD_MODIFY,
} from './password-modify.ts';
import type { ExtendedRequest } from './requests.ts';
import type { ExtendedAnswer } from './response-encoder.ts';

/** RFC 4532. */
export const WHO_AM_I = '1.3.6.1.4.1.4203.1.11.3';

export interface ExtendedEnvironment {
  readonly directory: DirectoryService;
  readonly caller: Caller;
  /** Lets passwords through on connections that others can read. */
  readonly allowClearPasswords: boolean;
}

/**
 * Carries out an extended operation.
 *
 * @throws {LdapError} `LDAP_UNKNOWN_EXTENSION`; `LDAP_FIELD` for a value that the operation does not
 *   have; `LDAP_CLEAR_PASSWORD`.
 * @throws {DirectoryError} as `DirectoryService.changePassword`.
 */
export async function performExtended(
  request: ExtendedRequest,
  environment: ExtendedEnvironment,
): Promise<ExtendedAnswer> {
  switch (request.name) {
    case WHO_AM_I:
      return whoAmI(request, environment);
    case PASSWORD_MODIFY:
      return await modifyPassword(request, environment);
    default:
      throw new LdapError('LDAP_UNKNOWN_EXTENSION', 'the extended operation is not known here');
  }
}

function whoAmI({ value }: ExtendedRequest, { caller }: ExtendedEnvironment): ExtendedAnswer {
  if (value !== undefined) {
    throw new LdapError('LDAP_FIELD', 'who am I has no request value');
  }
  return { value: encodeUtf8(authorizationIdentity(caller.principal)) };
}

/** RFC 3062. */
async function modifyPassword(
  { value }: ExtendedRequest,
  { directory, caller, allowClearPasswords }: ExtendedEnvironment,
): Promise<ExtendedAnswer> {
  if (!caller.session.isProtected && !allowClearPasswords) {
    throw new LdapError('LDAP_CLEAR_PASSWORD', 'use TLS before changing a password');
  }
  const generated = await directory.changePassword(decodePasswordModify(value), caller);
  return generated === undefined ? {} : { value: encodeGeneratedPassword(generated) };
}
