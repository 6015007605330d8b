/**
 * LDAP result codes (RFC 4511 §4.1.9 and appendix A) and the one place where errors become them.
 *
 * The tables name every code of the directory and of this folder; a new code does not compile
 * until it has a result. Anything else that is thrown is `other`, its detail for the log alone.
 *
 * @module
 */

import { DirectoryError, type DirectoryErrorCode } from '../directory/errors.ts';
import { LdapError, type LdapErrorCode } from './errors.ts';

/** The result codes of RFC 4511, under their names there, and of extensions. */
export const ResultCode = {
  success: 0,
  operationsError: 1,
  protocolError: 2,
  timeLimitExceeded: 3,
  sizeLimitExceeded: 4,
  compareFalse: 5,
  compareTrue: 6,
  authMethodNotSupported: 7,
  strongerAuthRequired: 8,
  referral: 10,
  adminLimitExceeded: 11,
  unavailableCriticalExtension: 12,
  confidentialityRequired: 13,
  saslBindInProgress: 14,
  noSuchAttribute: 16,
  undefinedAttributeType: 17,
  inappropriateMatching: 18,
  constraintViolation: 19,
  attributeOrValueExists: 20,
  invalidAttributeSyntax: 21,
  noSuchObject: 32,
  aliasProblem: 33,
  invalidDNSyntax: 34,
  aliasDereferencingProblem: 36,
  inappropriateAuthentication: 48,
  invalidCredentials: 49,
  insufficientAccessRights: 50,
  busy: 51,
  unavailable: 52,
  unwillingToPerform: 53,
  loopDetect: 54,
  namingViolation: 64,
  objectClassViolation: 65,
  notAllowedOnNonLeaf: 66,
  notAllowedOnRDN: 67,
  entryAlreadyExists: 68,
  objectClassModsProhibited: 69,
  affectsMultipleDSAs: 71,
  other: 80,
  /** RFC 3909. */
  canceled: 118,
  noSuchOperation: 119,
  tooLate: 120,
  cannotCancel: 121,
  /** RFC 4528. */
  assertionFailed: 122,
} as const;

/** The fields that every response has. */
export interface LdapResult {
  readonly resultCode: number;
  readonly matchedDn: string;
  readonly diagnosticMessage: string;
  /** URIs, at least one, with the code `referral` alone. */
  readonly referral?: readonly string[];
}

/** A success without more to say. */
export const success: LdapResult = resultOf(ResultCode.success);

/** A result without a matched name. */
export function resultOf(resultCode: number, diagnosticMessage = ''): LdapResult {
  return { resultCode, matchedDn: '', diagnosticMessage };
}

const directoryResults = {
  DIRECTORY_DN_SYNTAX: ResultCode.invalidDNSyntax,
  DIRECTORY_INVALID_SYNTAX: ResultCode.invalidAttributeSyntax,
  DIRECTORY_UNDEFINED_TYPE: ResultCode.undefinedAttributeType,
  DIRECTORY_INAPPROPRIATE_MATCHING: ResultCode.inappropriateMatching,
  DIRECTORY_CONSTRAINT: ResultCode.constraintViolation,
  DIRECTORY_VALUE_EXISTS: ResultCode.attributeOrValueExists,
  DIRECTORY_NO_SUCH_ATTRIBUTE: ResultCode.noSuchAttribute,
  DIRECTORY_NO_SUCH_OBJECT: ResultCode.noSuchObject,
  DIRECTORY_ENTRY_EXISTS: ResultCode.entryAlreadyExists,
  DIRECTORY_OBJECT_CLASS: ResultCode.objectClassViolation,
  DIRECTORY_OBJECT_CLASS_MODS: ResultCode.objectClassModsProhibited,
  DIRECTORY_NAMING: ResultCode.namingViolation,
  DIRECTORY_NOT_ON_NON_LEAF: ResultCode.notAllowedOnNonLeaf,
  DIRECTORY_PAGE_COOKIE: ResultCode.unwillingToPerform,
  DIRECTORY_SORT_REFUSED: ResultCode.unavailableCriticalExtension,
  DIRECTORY_REFERRAL: ResultCode.referral,
  DIRECTORY_OTHER_SERVER: ResultCode.affectsMultipleDSAs,
  DIRECTORY_ASSERTION_FAILED: ResultCode.assertionFailed,
  DIRECTORY_SUBTREE_LIMIT: ResultCode.adminLimitExceeded,
  DIRECTORY_NOT_ON_RDN: ResultCode.notAllowedOnRDN,
  DIRECTORY_FILTER_SYNTAX: ResultCode.protocolError,
  DIRECTORY_FILTER_LIMIT: ResultCode.adminLimitExceeded,
  DIRECTORY_MANAGED_ATTRIBUTE: ResultCode.unwillingToPerform,
  DIRECTORY_UNWILLING: ResultCode.unwillingToPerform,
  DIRECTORY_INVALID_CREDENTIALS: ResultCode.invalidCredentials,
  DIRECTORY_ACCESS_DENIED: ResultCode.insufficientAccessRights,
  DIRECTORY_BUSY: ResultCode.busy,
  DIRECTORY_SIZE_LIMIT: ResultCode.sizeLimitExceeded,
  DIRECTORY_TIME_LIMIT: ResultCode.timeLimitExceeded,
  DIRECTORY_LOOK_THROUGH_LIMIT: ResultCode.adminLimitExceeded,
  DIRECTORY_UNAVAILABLE: ResultCode.unavailable,
  DIRECTORY_ABANDONED: ResultCode.other,
  DIRECTORY_ENTRY_DAMAGED: ResultCode.other,
  DIRECTORY_SCHEMA_UNREADABLE: ResultCode.other,
  DIRECTORY_SCHEMA_SYNTAX: ResultCode.other,
  DIRECTORY_SCHEMA_DUPLICATE: ResultCode.other,
  DIRECTORY_SCHEMA_REFERENCE: ResultCode.other,
  DIRECTORY_SCHEMA_CYCLE: ResultCode.other,
  DIRECTORY_SCHEMA_INCONSISTENT: ResultCode.other,
  DIRECTORY_ACCESS_RULE: ResultCode.other,
  DIRECTORY_LDIF_SYNTAX: ResultCode.other,
  DIRECTORY_LDIF_VERSION: ResultCode.other,
  DIRECTORY_LDIF_CHANGE: ResultCode.other,
  DIRECTORY_LDIF_CONTROL: ResultCode.other,
  DIRECTORY_LDIF_URL: ResultCode.other,
  DIRECTORY_LDIF_LIMIT: ResultCode.other,
} satisfies Record<DirectoryErrorCode, number>;

const ldapResults = {
  LDAP_MALFORMED: ResultCode.protocolError,
  LDAP_PDU_TOO_LARGE: ResultCode.protocolError,
  LDAP_FIELD: ResultCode.protocolError,
  LDAP_TOO_MANY_PARTS: ResultCode.adminLimitExceeded,
  LDAP_CRITICAL_CONTROL: ResultCode.unavailableCriticalExtension,
  LDAP_UNKNOWN_EXTENSION: ResultCode.protocolError,
  LDAP_AUTH_METHOD: ResultCode.authMethodNotSupported,
  LDAP_SASL_IN_PROGRESS: ResultCode.saslBindInProgress,
  LDAP_SASL_CREDENTIALS: ResultCode.invalidCredentials,
  LDAP_NO_CERTIFICATE: ResultCode.inappropriateAuthentication,
  LDAP_CLEAR_PASSWORD: ResultCode.confidentialityRequired,
  LDAP_EMPTY_PASSWORD: ResultCode.unwillingToPerform,
  LDAP_EMPTY_NAME: ResultCode.invalidCredentials,
  LDAP_START_TLS_STATE: ResultCode.operationsError,
  LDAP_START_TLS_UNAVAILABLE: ResultCode.protocolError,
  LDAP_CANCEL_NOTHING: ResultCode.noSuchOperation,
  LDAP_CANCEL_TOO_LATE: ResultCode.tooLate,
  LDAP_CANCEL_REFUSED: ResultCode.cannotCancel,
  LDAP_BUSY: ResultCode.busy,
  LDAP_SHUTDOWN: ResultCode.unavailable,
  LDAP_PORT_IN_USE: ResultCode.other,
  LDAP_PORT_DENIED: ResultCode.other,
  LDAP_LISTEN: ResultCode.other,
  LDAP_TLS_CREDENTIALS: ResultCode.other,
} satisfies Record<LdapErrorCode, number>;

/** What a client is told of an error of which it may learn nothing. */
const internal = resultOf(ResultCode.other, 'internal error; the server log has the detail');

/**
 * The result that a thrown value becomes. With `other` the message stays here: the caller logs it.
 */
export function resultOfError(error: unknown): LdapResult {
  if (error instanceof DirectoryError) {
    const resultCode = directoryResults[error.code];
    return resultCode === ResultCode.other
      ? internal
      : {
          resultCode,
          matchedDn: error.matchedDn,
          diagnosticMessage: error.message,
          ...(error.referrals.length === 0 ? {} : { referral: error.referrals }),
        };
  }
  if (error instanceof LdapError) {
    const resultCode = ldapResults[error.code];
    return resultCode === ResultCode.other ? internal : resultOf(resultCode, error.message);
  }
  return internal;
}
