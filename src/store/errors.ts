/**
 * What the store can refuse or fail at.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type StoreErrorCode =
  /** The folder cannot be made, listed or written. */
  | 'STORE_OPEN_FAILED'
  /** Another process, or another handle of this one, has the store open. */
  | 'STORE_LOCKED'
  /** The folder holds something else, or a format that this version does not read. */
  | 'STORE_FORMAT'
  /** The database's own files are damaged or missing. Nothing was changed. */
  | 'STORE_DAMAGED'
  /** A segment of the journal holds something else than what was written, elsewhere than at a torn end. */
  | 'STORE_JOURNAL_DAMAGED'
  /** The journal ends before what the index has applied: its files are older, cut or missing. */
  | 'STORE_JOURNAL_BEHIND'
  /** Journal and index are of two stores, or of two histories of one. */
  | 'STORE_JOURNAL_FOREIGN'
  /** A file of a backup is missing or not what was written. */
  | 'STORE_BACKUP_DAMAGED'
  /** The folder is no backup, is another store's, or does not reach the point that was asked for. */
  | 'STORE_BACKUP_INVALID'
  /** The backup is encrypted, and there is no passphrase or another one. */
  | 'STORE_BACKUP_PASSPHRASE'
  /** A backup cannot be written or read. */
  | 'STORE_BACKUP_FAILED'
  /** There is a store already where one is to be restored. */
  | 'STORE_EXISTS'
  /** The index is older than the oldest segment that is there. */
  | 'STORE_INDEX_BEHIND'
  /** What a standby follows is another store's journal. */
  | 'STORE_FEED_FOREIGN'
  /** What a standby follows is another history of its store: both have written since they were one. */
  | 'STORE_FEED_FORK'
  /** Records that a standby needs next are not in the journal that it follows. */
  | 'STORE_FEED_GAP'
  /** What a standby was given is not what was written. */
  | 'STORE_FEED_DAMAGED'
  /** The journal that a standby follows cannot be reached; it tries again. */
  | 'STORE_FEED_UNREACHABLE'
  /** Another store has taken over in a later epoch: this one writes nothing any more. */
  | 'STORE_FENCED'
  /** The store follows another one; only following it or its promotion may write. */
  | 'STORE_STANDBY'
  /** The store follows no other. */
  | 'STORE_NO_STANDBY'
  /** The standby that must have everything before it is acknowledged has not answered in time. */
  | 'STORE_STANDBY_SILENT'
  /** A promotion lacks approvals, or what they approve is not how the store stands. */
  | 'STORE_PROMOTION_REFUSED'
  /** The store was closed. */
  | 'STORE_CLOSED'
  /** The snapshot was closed. */
  | 'STORE_SNAPSHOT_CLOSED'
  /** The transaction's body has ended. */
  | 'STORE_TRANSACTION_OVER'
  /** The transaction's writes are larger than the limit. */
  | 'STORE_TRANSACTION_TOO_LARGE'
  /** The key is empty, too long, or in a keyspace that belongs to the store itself. */
  | 'STORE_KEY_INVALID'
  /** The value is larger than an ordinary value may be; see `putLarge`. */
  | 'STORE_VALUE_TOO_LARGE'
  /** Another load is under way. */
  | 'STORE_LOAD_ACTIVE'
  /** The load has been committed or discarded. */
  | 'STORE_LOAD_OVER'
  /** A file of the load could not be written; nothing of it is in the store. */
  | 'STORE_LOAD_FAILED'
  /** A reference was released that nobody holds. */
  | 'STORE_LARGE_ABSENT'
  /** The stored bytes are not the ones that were written. */
  | 'STORE_VALUE_DAMAGED'
  /** The database could not read. */
  | 'STORE_READ_FAILED'
  /** This commit may or may not be durable; which one is known after the store was reopened. */
  | 'STORE_WRITE_FAILED'
  /** An earlier commit failed; nothing was tried. */
  | 'STORE_WRITER_CLOSED';

export class StoreError extends CertdirError<StoreErrorCode> {}
