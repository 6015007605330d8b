/**
 * The server's certificate and key as the TLS library wants them.
 *
 * @module
 */

import { createSecureContext, type SecureContext } from 'node:tls';

import { LdapError } from './errors.ts';

/** What the server shows under TLS. */
export interface TlsCredentials {
  /** PEM: the server's certificate, then those above it as far as clients need them. */
  readonly certificate: string;
  /** PEM, not encrypted. */
  readonly key: string;
}

/**
 * TLS 1.2 and 1.3 with these credentials.
 *
 * @throws {LdapError} `LDAP_TLS_CREDENTIALS` when they are no PEM or do not belong together.
 */
export function createTlsContext({ certificate, key }: TlsCredentials): SecureContext {
  if (certificate === '' || key === '') {
    // The library would take empty texts for credentials to be set later.
    throw new LdapError('LDAP_TLS_CREDENTIALS', 'the TLS certificate or key of LDAP is empty');
  }
  try {
    return createSecureContext({
      cert: certificate,
      key,
      minVersion: 'TLSv1.2',
      honorCipherOrder: true,
      // Without one, TLS cannot resume sessions that client certificates belong to.
      sessionIdContext: 'certdir ldap',
    });
  } catch (cause) {
    // The library's message names what is wrong with the files, never what is in them.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LdapError(
      'LDAP_TLS_CREDENTIALS',
      `the TLS certificate and key of the LDAP server cannot be used: ${reason}`,
      { cause },
    );
  }
}
