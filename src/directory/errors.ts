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
  /** referral: another server keeps the target; where is in `referrals` */
  | 'DIRECTORY_REFERRAL'
  /** affectsMultipleDSAs: the new name of an entry is where another server keeps a subtree */
  | 'DIRECTORY_OTHER_SERVER'
  /** assertionFailed (RFC 4528) */
  | 'DIRECTORY_ASSERTION_FAILED'
  /** adminLimitExceeded: more entries below one that is to be moved than one change may move */
  | 'DIRECTORY_SUBTREE_LIMIT'
  /** notAllowedOnRDN */
  | 'DIRECTORY_NOT_ON_RDN'
  /** protocolError */
  | 'DIRECTORY_FILTER_SYNTAX'
  /** adminLimitExceeded: a filter deeper or with more parts than allowed */
  | 'DIRECTORY_FILTER_LIMIT'
  /** unwillingToPerform: the attribute is written by the CA engine alone */
  | 'DIRECTORY_MANAGED_ATTRIBUTE'
  /** unwillingToPerform */
  | 'DIRECTORY_UNWILLING'
  /** invalidCredentials */
  | 'DIRECTORY_INVALID_CREDENTIALS'
  /** insufficientAccessRights */
  | 'DIRECTORY_ACCESS_DENIED'
  /** unwillingToPerform: the cookie of a page is not of this search, or of another identity's */
  | 'DIRECTORY_PAGE_COOKIE'
  /** unavailableCriticalExtension: the entries cannot be sorted, and unsorted ones are not wanted */
  | 'DIRECTORY_SORT_REFUSED'
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
  /** other: a schema file cannot be read */
  | 'DIRECTORY_SCHEMA_UNREADABLE'
  /** other: a description that does not follow RFC 4512 §4.1; the message starts with file and line, as for all of these */
  | 'DIRECTORY_SCHEMA_SYNTAX'
  /** other: two elements of one kind share an OID or a name */
  | 'DIRECTORY_SCHEMA_DUPLICATE'
  /** other: a superior, attribute type, syntax or matching rule that nothing defines */
  | 'DIRECTORY_SCHEMA_REFERENCE'
  /** other: an element that is its own superior */
  | 'DIRECTORY_SCHEMA_CYCLE'
  /** other: parts that do not go together, e.g. a structural class under an auxiliary one */
  | 'DIRECTORY_SCHEMA_INCONSISTENT'
  /** other: access rules that name unknown attributes, classes or rights */
  | 'DIRECTORY_ACCESS_RULE'
  /** other: text that is not LDIF (RFC 2849); the message starts with `line N`, as for all of these */
  | 'DIRECTORY_LDIF_SYNTAX'
  /** other: a version other than 1 */
  | 'DIRECTORY_LDIF_VERSION'
  /** other: a change record where content records are read, or the other way round */
  | 'DIRECTORY_LDIF_CHANGE'
  /** other: a control of a change record that cannot be obeyed */
  | 'DIRECTORY_LDIF_CONTROL'
  /** other: a value given as a URL (`attribute:< url`) that may not be read */
  | 'DIRECTORY_LDIF_URL'
  /** other: a line, value or record larger than allowed */
  | 'DIRECTORY_LDIF_LIMIT';

export interface DirectoryErrorOptions {
  readonly cause?: unknown;
  /** The deepest ancestor that exists and that the caller may know of (RFC 4511 §4.1.9). */
  readonly matchedDn?: string;
  /** URIs of which the client may take any (RFC 4511 §4.1.10). */
  readonly referrals?: readonly string[];
}

export class DirectoryError extends CertdirError<DirectoryErrorCode> {
  /** Empty unless the code is `DIRECTORY_NO_SUCH_OBJECT`. */
  readonly matchedDn: string;
  /** Empty unless the code is `DIRECTORY_REFERRAL`. */
  readonly referrals: readonly string[];

  constructor(code: DirectoryErrorCode, message: string, options: DirectoryErrorOptions = {}) {
    super(code, message, options);
    this.matchedDn = options.matchedDn ?? '';
    this.referrals = options.referrals ?? [];
  }
}
