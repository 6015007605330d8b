/**
 * What can be wrong with a name, a schema, a filter, an LDIF record or a directory operation.
 *
 * The LDAP result code of each is in ldap/result-codes.ts.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type DirectoryErrorCode =
  /** Text that is not a distinguished name (RFC 4514), or names an unknown attribute type. */
  | 'DIRECTORY_DN_SYNTAX'
  /** Text that is not a filter (RFC 4515). */
  | 'DIRECTORY_FILTER_SYNTAX'
  /** A filter deeper or larger than allowed. */
  | 'DIRECTORY_FILTER_LIMIT'
  /** An attribute description that the schema does not know. */
  | 'DIRECTORY_UNDEFINED_ATTRIBUTE'
  /** A value that does not fit its attribute's syntax. */
  | 'DIRECTORY_INVALID_SYNTAX'
  /** The attribute type has no matching rule for what was asked. */
  | 'DIRECTORY_INAPPROPRIATE_MATCHING'
  /** More values than the attribute type or its rules allow. */
  | 'DIRECTORY_CONSTRAINT_VIOLATION'
  /** A value is given twice. */
  | 'DIRECTORY_VALUE_EXISTS'
  /** The entry's object classes, or its attributes under them, break the schema. */
  | 'DIRECTORY_OBJECT_CLASS_VIOLATION'
  /** A schema file that cannot be read. */
  | 'SCHEMA_UNREADABLE'
  /** A description that does not follow RFC 4512 §4.1. */
  | 'SCHEMA_SYNTAX'
  /** Two elements of one kind share an OID or a name. */
  | 'SCHEMA_DUPLICATE'
  /** A superior, attribute type, syntax or matching rule that nothing defines. */
  | 'SCHEMA_UNKNOWN_REFERENCE'
  /** An element that is its own superior. */
  | 'SCHEMA_CYCLE'
  /** Parts that do not go together (no syntax, a rule of the wrong kind, a structural SUP auxiliary, …). */
  | 'SCHEMA_INCONSISTENT'
  /** Text that is not LDIF (RFC 2849). */
  | 'LDIF_SYNTAX'
  /** Not `version: 1`. */
  | 'LDIF_VERSION'
  /** A change record where content records are read. */
  | 'LDIF_CHANGE_RECORD'
  /** A value given as a URL (`attribute:< url`). */
  | 'LDIF_URL_VALUE'
  /** A line, value or record larger than allowed. */
  | 'LDIF_LIMIT';

export class DirectoryError extends CertdirError<DirectoryErrorCode> {}
