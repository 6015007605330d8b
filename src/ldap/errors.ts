/**
 * What can go wrong between the socket and the directory. Codes that reach a peer map to one LDAP
 * result code in result-codes.ts; the name in the comment is that result code.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type LdapErrorCode =
  /** protocolError, notice of disconnection: bytes that are no LDAPMessage of a client. */
  | 'LDAP_MALFORMED'
  /** protocolError, notice of disconnection: longer than the state of the connection allows. */
  | 'LDAP_PDU_TOO_LARGE'
  /** protocolError: well-formed, but a field has a value that the request does not know. */
  | 'LDAP_FIELD'
  /** adminLimitExceeded: more attributes, values, changes or controls than allowed. */
  | 'LDAP_TOO_MANY_PARTS'
  /** unavailableCriticalExtension */
  | 'LDAP_CRITICAL_CONTROL'
  /** protocolError: an extended operation that is not known (RFC 4511 §4.12). */
  | 'LDAP_UNKNOWN_EXTENSION'
  /** authMethodNotSupported */
  | 'LDAP_AUTH_METHOD'
  /** saslBindInProgress: the mechanism wants the client's first words (RFC 4422 §3.3). */
  | 'LDAP_SASL_IN_PROGRESS'
  /** invalidCredentials: credentials that the mechanism cannot read. */
  | 'LDAP_SASL_CREDENTIALS'
  /** inappropriateAuthentication: EXTERNAL without a client certificate (RFC 4513 §5.2.3). */
  | 'LDAP_NO_CERTIFICATE'
  /** confidentialityRequired: a password in clear. */
  | 'LDAP_CLEAR_PASSWORD'
  /** unwillingToPerform: a name without a password (RFC 4513 §5.1.2). */
  | 'LDAP_EMPTY_PASSWORD'
  /** invalidCredentials: a password without a name. */
  | 'LDAP_EMPTY_NAME'
  /** operationsError: StartTLS under TLS or beside other operations (RFC 4511 §4.14.2). */
  | 'LDAP_START_TLS_STATE'
  /** protocolError: StartTLS where there is no TLS to start (RFC 4511 §4.14.2). */
  | 'LDAP_START_TLS_UNAVAILABLE'
  /** noSuchOperation: Cancel of what is not under way (RFC 3909). */
  | 'LDAP_CANCEL_NOTHING'
  /** tooLate */
  | 'LDAP_CANCEL_TOO_LATE'
  /** cannotCancel */
  | 'LDAP_CANCEL_REFUSED'
  /** busy: too many answers wait for slow readers. */
  | 'LDAP_BUSY'
  /** unavailable, notice of disconnection: the server stops. */
  | 'LDAP_SHUTDOWN'
  /** Not for peers: another program listens on the port. */
  | 'LDAP_PORT_IN_USE'
  /** Not for peers: the system does not let this user listen on the port. */
  | 'LDAP_PORT_DENIED'
  /** Not for peers: the address is not of this machine, or listening fails otherwise. */
  | 'LDAP_LISTEN'
  /** Not for peers: certificate and key are missing, unreadable or do not belong together. */
  | 'LDAP_TLS_CREDENTIALS';

export class LdapError extends CertdirError<LdapErrorCode> {}
