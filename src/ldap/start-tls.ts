/**
 * Whether StartTLS may happen (RFC 4511 §4.14, RFC 4513 §3.1.1). The change itself is made by
 * connection.ts and transport.ts.
 *
 * @module
 */

import type { SecureContext } from 'node:tls';

import { LdapError } from './errors.ts';
import type { ExtendedRequest } from './requests.ts';

/** RFC 4511 §4.14.1. */
export const START_TLS = '1.3.6.1.4.1.1466.20037';

export interface StartTlsState {
  /** The credentials to use; undefined where no TLS is offered. */
  readonly secureContext: SecureContext | undefined;
  readonly isProtected: boolean;
  readonly pendingOperations: number;
}

/**
 * @returns what TLS is to be started with.
 * @throws {LdapError} `LDAP_FIELD`, `LDAP_START_TLS_STATE`, `LDAP_START_TLS_UNAVAILABLE`.
 */
export function admitStartTls(request: ExtendedRequest, state: StartTlsState): SecureContext {
  if (request.value !== undefined) {
    throw new LdapError('LDAP_FIELD', 'StartTLS has no request value');
  }
  if (state.isProtected) {
    throw new LdapError('LDAP_START_TLS_STATE', 'TLS is established already');
  }
  if (state.secureContext === undefined) {
    throw new LdapError('LDAP_START_TLS_UNAVAILABLE', 'this address offers no TLS');
  }
  if (state.pendingOperations > 0) {
    throw new LdapError('LDAP_START_TLS_STATE', 'operations before StartTLS are not finished');
  }
  return state.secureContext;
}
