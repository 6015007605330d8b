/**
 * Authentication by bind (RFC 4511 §4.2, RFC 4513 §5): what is decided before the directory is
 * asked. That the connection is anonymous meanwhile, and stays so after a failure, is
 * connection.ts's.
 *
 * @module
 */

import type { Principal } from '../directory/accounts/principal.ts';
import type { DirectoryService, Session } from '../directory/service.ts';
import { LdapError } from './errors.ts';
import type { BindRequest } from './requests.ts';
import { authenticateSasl } from './sasl-bind.ts';

export interface BindEnvironment {
  readonly directory: DirectoryService;
  readonly session: Session;
  /** Lets passwords through on connections that others can read. */
  readonly allowClearPasswords: boolean;
}

/**
 * Finds out who the client is.
 *
 * @throws {LdapError} `LDAP_FIELD`, `LDAP_AUTH_METHOD`, `LDAP_EMPTY_PASSWORD`,
 *   `LDAP_CLEAR_PASSWORD`, `LDAP_EMPTY_NAME`, and as `authenticateSasl`.
 * @throws {DirectoryError} as `DirectoryService.bind`.
 */
export async function authenticate(
  { version, name, authentication }: BindRequest,
  environment: BindEnvironment,
): Promise<Principal> {
  const { directory, session, allowClearPasswords } = environment;
  if (version !== 3) {
    throw new LdapError('LDAP_FIELD', 'only version 3 of LDAP is spoken here');
  }
  if (authentication.kind === 'sasl') {
    // The name has no meaning here (RFC 4513 §5.2.1.1).
    return await authenticateSasl(authentication, { directory, session });
  }
  if (authentication.kind !== 'simple') {
    throw new LdapError('LDAP_AUTH_METHOD', 'this choice of authentication is not known here');
  }
  const { password } = authentication;
  if (password.length === 0 && name !== '') {
    throw new LdapError('LDAP_EMPTY_PASSWORD', 'a name without a password proves nothing');
  }
  if (password.length > 0 && !session.isProtected && !allowClearPasswords) {
    throw new LdapError('LDAP_CLEAR_PASSWORD', 'use TLS before sending a password');
  }
  if (password.length > 0 && name === '') {
    throw new LdapError('LDAP_EMPTY_NAME', 'a password without a name');
  }
  return await directory.bind(name, password, session);
}
