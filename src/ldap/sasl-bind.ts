/**
 * SASL binds (RFC 4513 §5.2): EXTERNAL by the client's TLS certificate, PLAIN (RFC 4616) under TLS. Both
 * are done with the client's first words, so no bind leaves anything behind for the next.
 *
 * Not here: which account a certificate belongs to (`DirectoryService.bindCertificate`).
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts';
import type { Principal } from '../directory/accounts/principal.ts';
import { DirectoryError } from '../directory/errors.ts';
import type { DirectoryService, Session } from '../directory/service.ts';
import { LdapError } from './errors.ts';
import type { BindAuthentication } from './requests.ts';

export interface SaslEnvironment {
  readonly directory: DirectoryService;
  readonly session: Session;
}

type SaslAuthentication = Extract<BindAuthentication, { readonly kind: 'sasl' }>;

/** What can be used on a connection, for its root DSE. */
export function offeredMechanisms(session: Session): readonly string[] {
  return [
    ...(session.clientCertificate === undefined ? [] : ['EXTERNAL']),
    ...(session.isProtected ? ['PLAIN'] : []),
  ];
}

/**
 * Finds out who the client is.
 *
 * @throws {LdapError} `LDAP_AUTH_METHOD` for every other mechanism, `LDAP_NO_CERTIFICATE`,
 *   `LDAP_CLEAR_PASSWORD`, `LDAP_SASL_CREDENTIALS`, `LDAP_SASL_IN_PROGRESS`.
 * @throws {DirectoryError} as `DirectoryService.bindCertificate`, `bind` and `checkAuthorization`.
 */
export async function authenticateSasl(
  { mechanism, credentials }: SaslAuthentication,
  environment: SaslEnvironment,
): Promise<Principal> {
  switch (mechanism) {
    case 'EXTERNAL':
      return await authenticateExternal(credentials, environment);
    case 'PLAIN':
      return await authenticatePlain(credentials, environment);
    default:
      throw new LdapError('LDAP_AUTH_METHOD', 'the SASL mechanism is not known here');
  }
}

/** RFC 4422 appendix A; the credentials are the authorisation identity. */
async function authenticateExternal(
  credentials: Uint8Array = new Uint8Array(0),
  { directory, session }: SaslEnvironment,
): Promise<Principal> {
  if (session.clientCertificate === undefined) {
    throw new LdapError('LDAP_NO_CERTIFICATE', 'no client certificate was shown in TLS');
  }
  const authorizationId = decodeUtf8(credentials);
  if (authorizationId === undefined) {
    throw unreadable();
  }
  const principal = await directory.bindCertificate(session);
  directory.checkAuthorization(authorizationId, { principal, session });
  return principal;
}

/** RFC 4616. Accounts are known by their distinguished names, with or without `dn:` before them. */
async function authenticatePlain(
  credentials: Uint8Array | undefined,
  environment: SaslEnvironment,
): Promise<Principal> {
  const { directory, session } = environment;
  if (!session.isProtected) {
    throw new LdapError('LDAP_CLEAR_PASSWORD', 'use TLS before sending a password');
  }
  if (credentials === undefined) {
    throw new LdapError('LDAP_SASL_IN_PROGRESS', 'send the credentials');
  }
  const [authorizationId, name, password, ...more] = decodeUtf8(credentials)?.split('\0') ?? [];
  // Three parts, the last two of one character or more.
  if (authorizationId === undefined || !name || !password || more.length > 0) {
    throw unreadable();
  }
  const dn = /^dn:/i.test(name) ? name.slice('dn:'.length) : name;
  if (dn === '') {
    throw unreadable();
  }
  const principal = await bindByName({ dn, password: encodeUtf8(password) }, environment);
  directory.checkAuthorization(authorizationId, { principal, session });
  return principal;
}

async function bindByName(
  { dn, password }: { readonly dn: string; readonly password: Uint8Array },
  { directory, session }: SaslEnvironment,
): Promise<Principal> {
  try {
    return await directory.bind(dn, password, session);
  } catch (error) {
    if (error instanceof DirectoryError && error.code === 'DIRECTORY_DN_SYNTAX') {
      const message = 'accounts are known by their distinguished names here';
      throw new LdapError('LDAP_SASL_CREDENTIALS', message, { cause: error });
    }
    throw error;
  }
}

function unreadable(): LdapError {
  return new LdapError('LDAP_SASL_CREDENTIALS', 'the credentials are none of this mechanism');
}
