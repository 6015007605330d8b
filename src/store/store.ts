/**
 * The store: ordered byte keys, byte values, serialisable transactions.
 *
 * The interface promises nothing that a network database could not also keep: every read may have to be
 * waited for, a transaction body may be run again, ranges are paged by the driver. Drivers:
 * `level-store.ts` (LevelDB). Every driver passes `test/contract/store-contract.ts`.
 *
 * Not here: what the keys mean (each folder owns its keyspaces, see `keyspace.ts`).
 *
 * @module
 */

import type { Awaitable } from '../core/awaitable.ts';
import type { StoreErrorCode } from './errors.ts';
import type { JournalKeeper } from './journal/journal-keeper.ts';
import type { SealedJournal } from './level/journaled-database.ts';

/** Half-open key range `[gte, lt)`; a missing bound is open. */
export interface KeyRange {
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
  /** From the high end down; default false. */
  readonly reverse?: boolean;
  /** At most this many pairs. */
  readonly limit?: number;
}

export type KeyValue = readonly [key: Uint8Array, value: Uint8Array];

/** Reads at one consistent state. */
export interface ReadView {
  /**
   * What was made of something read may be used again for every view with the same object here. Undefined
   * where the driver cannot tell, and for transactions.
   */
  readonly revision?: object;
  /**
   * @returns The value, or undefined when the key is absent. The array must not be changed. A driver that
   *   has it at hand need not make a promise of it.
   * @throws {StoreError} `STORE_VALUE_DAMAGED` when the checksum does not match: never a wrong value.
   */
  read(key: Uint8Array): Awaitable<Uint8Array | undefined>;
  /**
   * Pairs in key order (unsigned bytes), each verified like `read`, as they are when the first is
   * asked for: what the loop's own body writes does not show. The store's own keys never do.
   */
  range(range: KeyRange): AsyncIterable<KeyValue>;
  /** Keys alone, without reading or verifying the values. */
  keys(range: KeyRange): AsyncIterable<Uint8Array>;
  /**
   * A large value kept by `putLarge`, by its SHA-256. Readers may be given the same array.
   *
   * @throws {StoreError} `STORE_VALUE_DAMAGED` when the bytes do not have that hash.
   */
  readLarge(sha256: Uint8Array): Promise<Uint8Array | undefined>;
  /** Length of a large value in bytes; undefined when it is not kept. */
  largeLength(sha256: Uint8Array): Awaitable<number | undefined>;
  /**
   * A large value piece by piece, never whole in memory; none when it is not kept. Each piece is verified like any
   * stored value; that all of them together have the hash is for the caller to find out. An array must not be
   * changed, and is good only until the next one is asked for.
   *
   * @throws {StoreError} `STORE_VALUE_DAMAGED`.
   */
  largePieces(sha256: Uint8Array): AsyncIterable<Uint8Array>;
}

/** Something stored that is not what was written. */
export interface StoreDamage {
  readonly code: StoreErrorCode;
  /** As stored, keyspace first; empty when the database itself failed. */
  readonly key: Uint8Array;
  readonly message: string;
}

/** A read view that holds resources until closed. */
export interface Snapshot extends ReadView {
  /**
   * Reads everything that is stored, large values and the store's own records included, and gives
   * what is damaged, in the order of keys. Other work goes on meanwhile.
   *
   * @param onRows Told from time to time how many rows have been read.
   */
  findDamage(onRows?: (rows: number) => void): AsyncIterable<StoreDamage>;
  /**
   * Verifies the record of everything that was committed, as far as this state goes, and with `isDeep` compares
   * every row with it: also rows that are not there any more are found.
   *
   * @param check `onProgress` is told from time to time what was looked at, and how much of it.
   */
  findJournalDamage(check: {
    readonly isDeep: boolean;
    readonly onProgress: (what: string, done: number) => void;
  }): AsyncIterable<StoreDamage>;
  close(): Awaitable<void>;
}

/** Takes rows: a transaction, or a load. */
export interface RowSink {
  /**
   * Writes a value. Key and value are copied.
   *
   * @throws {StoreError} `STORE_KEY_INVALID`, `STORE_VALUE_TOO_LARGE`,
   *   `STORE_TRANSACTION_TOO_LARGE`.
   */
  put(key: Uint8Array, value: Uint8Array): void;
  /**
   * Keeps a large value once under its SHA-256 and counts this reference. The array is not copied, and bodies that run
   * before it is durable are given it: it must never be changed afterwards. Snapshots read what was written.
   *
   * @param known What need not be found out: `sha256` of these very bytes. An array that was put or read before is
   *   known without it. Under a wrong one nobody could read the value, which ends in `STORE_VALUE_DAMAGED`.
   * @returns the SHA-256, 32 bytes.
   */
  putLarge(value: Uint8Array, known?: { readonly sha256?: Uint8Array }): Promise<Uint8Array>;
}

/**
 * Reads see the transaction's own writes. Only valid while its body runs; afterwards everything
 * fails with `STORE_TRANSACTION_OVER`. A write that is refused fails the whole transaction, also
 * when the body catches the error.
 */
export interface Transaction extends ReadView, RowSink {
  delete(key: Uint8Array): void;
  /**
   * Drops one reference; the value goes with the last one.
   *
   * @throws {StoreError} `STORE_LARGE_ABSENT` when there is none.
   */
  releaseLarge(sha256: Uint8Array): Promise<void>;
  /**
   * Calls `listener` once when it is known what has become of this run of the body: durable, refused or
   * lost. Snapshots made from then on show the outcome; whoever waits for `transact` learns it afterwards.
   */
  onSettled(listener: () => void): void;
}

/** A row of a load as its check sees it. */
export interface LoadedRow {
  readonly key: Uint8Array;
  readonly tag: number;
}

/**
 * More rows than a transaction can hold, made visible all at once or not at all, also when the program
 * is killed at any moment. Rows are put in any order, by one caller; whoever reads or writes the store
 * is not disturbed until {@link BulkLoad.commit}. Memory does not grow with the number of rows, but for
 * some hundred bytes for each different large value.
 *
 * A key put twice has the value put last; one that the store has already is overwritten. Whoever must
 * not have that looks at {@link BulkLoad.rowPages} in the body of `commit`.
 */
export interface BulkLoad extends RowSink {
  /** Goes with the rows put from now on: an integer below 2^32, say a line number. */
  tag: number;
  /** To be awaited between rows: undefined while there is room. Rejects when a file cannot be written. */
  room(): Promise<void> | undefined;
  /**
   * The rows of a keyspace in the order of keys, those of one key in the order of `put`. Only within the
   * body of `commit`, and before it returns.
   */
  rowPages(keyspace: number): AsyncIterable<readonly LoadedRow[]>;
  /**
   * Ends the load: runs `body` as `Store.transact` would, and makes the body's writes and the rows visible
   * together. Other writers wait for all of it; readers see the state before until it is done. A body
   * that throws ends the load without a trace.
   *
   * From the moment that the body's writes are durable the rows are as well: if the program ends before
   * they are all in place, the next opening goes on with them.
   *
   * @param onRows Told from time to time how many rows are in place, of how many.
   * @throws {StoreError} as `Store.transact`; also when files of the load cannot be written, and then the
   *   writer stays open.
   */
  commit<T>(
    reason: string,
    body: (transaction: Transaction) => Promise<T>,
    onRows?: (done: number, total: number) => void,
  ): Promise<T>;
  /** Ends the load without a trace. Does nothing to one that has ended. */
  discard(): Promise<void>;
}

/** Counters since the store was opened, and figures of the moment. */
export interface StoreStatistics {
  /** Transactions that were answered, well or not. */
  readonly transactions: number;
  /** Of these, those that writing failed. */
  readonly lostTransactions: number;
  /** Transactions that wait or run. */
  readonly pendingTransactions: number;
  /** Large values that are in memory, each once for all who read it. */
  readonly sharedLargeValues: number;
}

export interface Store {
  /**
   * Runs `body` against the newest state and commits its writes atomically. Bodies run one after
   * another; the promise resolves only when the commit is durable (group commit: one flush may make
   * many transactions durable). A later body sees an earlier one's writes even before they are
   * flushed, and is rejected with it if that flush fails.
   *
   * A body that throws changes nothing and its error is passed on, once what it had read is
   * durable. A body must not wait for another `transact`, which could not begin before it ends; nor
   * for anything slow, since all other writers wait with it.
   *
   * @param reason A short phrase for logs and metrics, e.g. `ca: revoke`.
   * @throws {StoreError} `STORE_WRITER_CLOSED` after a write error: reads go on, writes do not.
   * @throws {StoreError} `STORE_WRITE_FAILED` when this commit itself could not be made durable.
   */
  transact<T>(reason: string, body: (transaction: Transaction) => Promise<T>): Promise<T>;

  /**
   * Begins a load; there is one at a time.
   *
   * @throws {StoreError} `STORE_LOAD_ACTIVE`, `STORE_WRITER_CLOSED`, `STORE_WRITE_FAILED` when its folder
   *   cannot be made.
   */
  beginLoad(): Promise<BulkLoad>;

  /** A consistent, durable state: it never shows what a crash could still take back. */
  snapshot(): Snapshot;

  /**
   * Ends the segment of the journal that is written to, so that all there are can be copied as they are: they
   * hold everything that was acknowledged before the call.
   */
  sealJournal(): Promise<SealedJournal>;

  /** Which segments of the journal are kept, and for what. */
  readonly journal: Pick<JournalKeeper, 'hold' | 'noteBackup' | 'overview' | 'retire'>;

  /** Called once when the first write error has closed the writer. */
  onWriterClosed(listener: (error: Error) => void): void;

  /** Called with the duration of every flush that made transactions durable, in milliseconds. */
  onFlushed(listener: (durationMs: number) => void): void;

  /** False after the first write error. */
  readonly isWritable: boolean;

  readonly statistics: StoreStatistics;

  /** Waits for commits under way, then closes. Further calls fail with `STORE_CLOSED`. */
  close(): Promise<void>;
}
