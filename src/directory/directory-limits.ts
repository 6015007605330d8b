/**
 * The limits of directory operations, each a setting.
 *
 * @module
 */

export interface DirectoryLimits {
  /** Entries that one search returns at most. */
  readonly maxSizeLimit: number;
  /** Milliseconds that one search takes at most. */
  readonly maxTimeLimitMs: number;
  /** Entries that one search looks at at most, of those the caller may know of. */
  readonly maxLookThrough: number;
  /** Entries that one search sorts at most. */
  readonly maxSortedEntries: number;
  /** Entries that all searches under way together sort at most. */
  readonly maxSortedEntriesInAll: number;
  /** Bytes of a name's key at most; an index posting holds it and must fit the store's keys. */
  readonly maxNameBytes: number;
  /** Entries that move along with one that is renamed; other changes wait meanwhile. */
  readonly maxMovedEntries: number;
  /**
   * Bytes of what is read that one LDIF import, or a file of changes, holds in memory. A larger import goes
   * through files of the store.
   */
  readonly importMemoryBytes: number;
  /** Passwords that are hashed at a time; the threads that do it also serve the store. */
  readonly maxRunningHashes: number;
  /** Passwords that wait to be hashed; further ones are answered `busy`. */
  readonly maxWaitingHashes: number;
  /** Pairs of account and address whose wrong passwords are remembered. */
  readonly maxTrackedGuessers: number;
}

export const defaultDirectoryLimits: DirectoryLimits = {
  maxSizeLimit: 10_000,
  maxTimeLimitMs: 60_000,
  maxLookThrough: 100_000,
  maxSortedEntries: 10_000,
  maxSortedEntriesInAll: 200_000,
  maxNameBytes: 8192,
  maxMovedEntries: 1_000,
  importMemoryBytes: 4 * 1024 * 1024,
  maxRunningHashes: 2,
  maxWaitingHashes: 256,
  maxTrackedGuessers: 65_536,
};
