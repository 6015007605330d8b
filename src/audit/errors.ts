/**
 * What the audit log can refuse or find wrong.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type AuditErrorCode =
  /** The event cannot be recorded as it is: a name, a number or its size is not allowed. */
  | 'AUDIT_EVENT_INVALID'
  /** A record's bytes are not those of a record, or of another one. */
  | 'AUDIT_RECORD_DAMAGED'
  /** A record is missing. */
  | 'AUDIT_RECORD_MISSING'
  /** There is a record where the log has ended already. */
  | 'AUDIT_RECORD_BEYOND_END'
  /** The tree's stored state is not one. */
  | 'AUDIT_STATE_DAMAGED'
  /** The records do not give the stored root hash: something was changed. */
  | 'AUDIT_ROOT_MISMATCH';

export class AuditError extends CertdirError<AuditErrorCode> {}
