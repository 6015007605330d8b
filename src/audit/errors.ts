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
  /** Hashes of the tree are missing or are not those of the records. */
  | 'AUDIT_TILE_DAMAGED'
  /** The records do not give the stored root hash: something was changed. */
  | 'AUDIT_ROOT_MISMATCH'
  /** The log does not begin with what a checkpoint over it says. */
  | 'AUDIT_CHECKPOINT_CONTRADICTED'
  /** No checkpoint was signed over more records than there are. */
  | 'AUDIT_NOTHING_LOST'
  /** There is no such record. */
  | 'AUDIT_RECORD_UNKNOWN'
  /** The record was removed after its time; its hash is still in the tree. */
  | 'AUDIT_RECORD_PRUNED'
  /** Nothing can be removed: not reviewed, not exported, or not old enough. */
  | 'AUDIT_NOT_PRUNABLE'
  /** A review or an export that does not fit what is recorded. */
  | 'AUDIT_MARK_REFUSED'
  /** A file of the access journal is missing, or not what was sealed. */
  | 'AUDIT_JOURNAL_DAMAGED'
  /** An account of what was provided is not what the access journal comes to. */
  | 'AUDIT_ACCOUNTS_DIFFER'
  /** No manifest with this SHA-256 was made here. */
  | 'AUDIT_COPY_UNKNOWN'
  /** Only an auditor may do this. */
  | 'AUDIT_NOT_AUDITOR';

export class AuditError extends CertdirError<AuditErrorCode> {}
