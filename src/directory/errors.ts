/**
 * What can go wrong in the directory. Each code maps to exactly one LDAP result code (RFC 4511
 * appendix A) in ldap/result-codes.ts; the name in the comment is that result code.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type DirectoryErrorCode =
  /** invalidDNSyntax */
  | 'DIRECTORY_DN_SYNTAX'
  /** invalidAttributeSyntax */
  | 'DIRECTORY_INVALID_SYNTAX'
  /** undefinedAttributeType */
  | 'DIRECTORY_UNDEFINED_TYPE'
  /** inappropriateMatching */
  | 'DIRECTORY_INAPPROPRIATE_MATCHING'
  /** constraintViolation */
  | 'DIRECTORY_CONSTRAINT'
  /** attributeOrValueExists */
  | 'DIRECTORY_VALUE_EXISTS'
  /** noSuchAttribute */
  | 'DIRECTORY_NO_SUCH_ATTRIBUTE'
  /** noSuchObject */
  | 'DIRECTORY_NO_SUCH_OBJECT'
  /** entryAlreadyExists */
  | 'DIRECTORY_ENTRY_EXISTS'
  /** objectClassViolation */
  | 'DIRECTORY_OBJECT_CLASS'
  /** objectClassModsProhibited */
  | 'DIRECTORY_OBJECT_CLASS_MODS'
  /** namingViolation */
  | 'DIRECTORY_NAMING'
  /** notAllowedOnNonLeaf */
  | 'DIRECTORY_NOT_ON_NON_LEAF'
  /** notAllowedOnRDN */
  | 'DIRECTORY_NOT_ON_RDN'
  /** protocolError */
  | 'DIRECTORY_FILTER_SYNTAX'
  /** unwillingToPerform: the attribute is written by the CA engine alone */
  | 'DIRECTORY_MANAGED_ATTRIBUTE'
  /** unwillingToPerform */
  | 'DIRECTORY_UNWILLING'
  /** invalidCredentials */
  | 'DIRECTORY_INVALID_CREDENTIALS'
  /** insufficientAccessRights */
  | 'DIRECTORY_ACCESS_DENIED'
  /** busy */
  | 'DIRECTORY_BUSY'
  /** sizeLimitExceeded */
  | 'DIRECTORY_SIZE_LIMIT'
  /** timeLimitExceeded */
  | 'DIRECTORY_TIME_LIMIT'
  /** adminLimitExceeded */
  | 'DIRECTORY_LOOK_THROUGH_LIMIT'
  /** no answer is sent (RFC 4511 §4.11) */
  | 'DIRECTORY_ABANDONED'
  /** unavailable: the store accepts no writes */
  | 'DIRECTORY_UNAVAILABLE'
  /** other: a stored entry cannot be decoded */
  | 'DIRECTORY_ENTRY_DAMAGED'
  /** other: schema files that contradict each other or RFC 4512 */
  | 'DIRECTORY_SCHEMA'
  /** other: access rules that name unknown attributes, classes or rights */
  | 'DIRECTORY_ACCESS_RULE'
  /** other: LDIF text that is not RFC 2849; the message starts with `line N` */
  | 'DIRECTORY_LDIF';

export interface DirectoryErrorOptions {
  readonly cause?: unknown;
  /** The deepest ancestor that exists and that the caller may know of (RFC 4511 §4.1.9). */
  readonly matchedDn?: string;
}

export class DirectoryError extends CertdirError<DirectoryErrorCode> {
  /** Empty unless the code is `DIRECTORY_NO_SUCH_OBJECT`. */
  readonly matchedDn: string;

  constructor(code: DirectoryErrorCode, message: string, options: DirectoryErrorOptions = {}) {
    super(code, message, options);
    this.matchedDn = options.matchedDn ?? '';
  }
}
