/**
 * The store on LevelDB and its journal: one folder, one process, group commit. The journal makes a group durable
 * and tells what LevelDB alone would lose (docs/decisions/0002, 0008).
 *
 * @module
 */

import assert from 'node:assert/strict';

import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { LevelBulkLoad } from '../bulk/bulk-load.ts';
import { StoreError } from '../errors.ts';
import type { JournalFeed } from '../journal/journal-feed.ts';
import type { OpenAppendFile } from '../journal/journal-file.ts';
import { JournalKeeper } from '../journal/journal-keeper.ts';
import { SharedLargeValues } from '../shared-large-values.ts';
import type { StoreRole } from '../standby/standby-marks.ts';
import type { BulkLoad, Snapshot, Store, StoreStatistics, Transaction } from '../store.ts';
import { CommitQueue } from './commit-queue.ts';
import { DurableStates } from './durable-states.ts';
import type { JournaledDatabase, SealedJournal } from './journaled-database.ts';
import type { LevelDatabase, OpenLevelDatabase } from './level-database.ts';
import {
  LevelSnapshot,
  LevelTransaction,
  type SnapshotBasis,
  type TransactionLimits,
} from './level-transaction.ts';
import { type Row, SortedRows } from './sorted-rows.ts';
import { openJournaledDatabase } from './store-opening.ts';

export interface StoreLimits extends TransactionLimits {
  /** Of what one flush makes durable; the next transaction waits when there is more. */
  readonly maxGroupBytes: number;
  readonly maxGroupRows: number;
  /** A body that runs longer is reported in the log. */
  readonly slowBodyMs: number;
  /** Bytes of one sorted run of a bulk load; up to four times as much is in memory. */
  readonly loadRunBytes: number;
}

export interface LevelStoreOptions {
  /** Made where it is missing. No other program may open or copy the files in it meanwhile. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** LevelDB's block cache; 64 MiB by default. */
  readonly cacheBytes?: number;
  /** LevelDB's write buffer; 16 MiB by default. Up to two are in memory. */
  readonly writeBufferBytes?: number;
  readonly limits?: Partial<StoreLimits>;
  /** How LevelDB is opened; fault tests put something in between. */
  readonly openDatabase?: OpenLevelDatabase;
  /** How the journal's segments are opened for writing; the same. */
  readonly openJournalFile?: OpenAppendFile;
  /** Writes as another writer than before, in an epoch of its own: after a restore. */
  readonly isNewWriter?: boolean;
  /** Who opens it; `primary` when left out. */
  readonly role?: StoreRole;
  /** Gives the journal to standbys. */
  readonly feed?: JournalFeed | undefined;
  /** A segment of the journal is sealed when it has this much; 64 MiB by default. */
  readonly segmentBytes?: number;
}

const MIB = 1024 * 1024;

const DEFAULT_LIMITS: StoreLimits = {
  maxKeyBytes: 16 * 1024,
  maxValueBytes: 16 * MIB,
  maxTransactionBytes: 512 * MIB,
  maxGroupBytes: 8 * MIB,
  maxGroupRows: 20_000,
  slowBodyMs: 10_000,
  loadRunBytes: 32 * MIB,
};

/**
 * Opens the store in a folder, making it where there is none.
 *
 * @throws {StoreError} `STORE_LOCKED`, `STORE_FORMAT`, `STORE_DAMAGED`, `STORE_OPEN_FAILED`, and what
 *   journal and index can be found in: `STORE_JOURNAL_DAMAGED`, `STORE_JOURNAL_BEHIND`,
 *   `STORE_JOURNAL_FOREIGN`, `STORE_INDEX_BEHIND`, `STORE_STANDBY`, `STORE_FENCED`.
 */
export async function openLevelStore(options: LevelStoreOptions): Promise<Store> {
  const { folder, clock, log, openDatabase, openJournalFile, segmentBytes, isNewWriter } = options;
  const sizes = {
    cacheBytes: options.cacheBytes ?? 64 * MIB,
    writeBufferBytes: options.writeBufferBytes ?? 16 * MIB,
  };
  const { role, feed } = options;
  const journal = { openJournalFile, segmentBytes, isNewWriter, role, feed };
  const parts = { folder, clock, log, sizes, openDatabase, ...journal };
  return new LevelStore(await openJournaledDatabase(parts), options);
}

class LevelStore implements Store {
  readonly journal: JournalKeeper;
  readonly #journaled: JournaledDatabase;
  readonly #database: LevelDatabase;
  readonly #log: Log;
  readonly #limits: StoreLimits;
  readonly #states: DurableStates;
  readonly #commits: CommitQueue;
  readonly #snapshots: SnapshotBasis;
  readonly #folder: string;
  #isLoading = false;
  #closed: Promise<void> | undefined;

  constructor(journaled: JournaledDatabase, { folder, clock, log, limits }: LevelStoreOptions) {
    this.#journaled = journaled;
    this.journal = new JournalKeeper(journaled, (work) =>
      this.#commit('store: move a large value', async () => undefined, work),
    );
    this.#database = journaled.database;
    this.#folder = folder;
    this.#states = new DurableStates(journaled.database);
    this.#log = log;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    const { maxKeyBytes } = this.#limits;
    this.#snapshots = {
      database: journaled.database,
      log,
      large: new SharedLargeValues(),
      maxKeyBytes,
      journalFolder: journaled.journalFolder,
      holdJournal: () => this.journal.hold(),
    };
    this.#commits = new CommitQueue({
      ...this.#limits,
      clock,
      log,
      write: (rows) => this.#states.change(() => journaled.write([...rows])),
    });
  }

  get isWritable(): boolean {
    return (
      this.#commits.failure === undefined &&
      this.#closed === undefined &&
      this.#journaled.isWritable
    );
  }

  async transact<T>(reason: string, body: (transaction: Transaction) => Promise<T>): Promise<T> {
    return await this.#commit(reason, body);
  }

  async #commit<T>(
    reason: string,
    body: (transaction: LevelTransaction) => Promise<T>,
    commit?: (rows: Iterable<Row>) => Promise<void>,
  ): Promise<T> {
    this.#assertOpen();
    if (this.#journaled.refusal !== undefined) {
      throw this.#journaled.refusal;
    }
    return await new Promise<T>((resolve, reject) => {
      let transaction: LevelTransaction | undefined;
      const settle = (answer: () => void): void => {
        transaction?.settled();
        answer();
      };
      this.#commits.add({
        reason,
        isAlone: commit !== undefined,
        run: async (layers) => {
          transaction = this.#begin(layers);
          try {
            const result = await body(transaction);
            transaction.end();
            return {
              rows: transaction.rows,
              settle: () => settle(() => resolve(result)),
              ...(commit === undefined ? {} : { commit: this.#behindOldState(commit) }),
            };
          } catch (error) {
            return { rows: discard(transaction), settle: () => settle(() => reject(error)) };
          }
        },
        fail: (error) => settle(() => reject(error)),
      });
    });
  }

  /** Until `commit` has ended readers see what was durable before. A failure leaves them there. */
  #behindOldState(
    commit: (rows: Iterable<Row>) => Promise<void>,
  ): (rows: Iterable<Row>) => Promise<void> {
    const release = this.#states.freeze();
    return async (rows) => {
      await this.#states.change(() => commit(rows));
      await release();
    };
  }

  async sealJournal(): Promise<SealedJournal> {
    let sealed: SealedJournal | undefined;
    await this.#commit(
      'store: seal the journal',
      async () => undefined,
      async () => {
        sealed = await this.#journaled.seal();
      },
    );
    assert(sealed !== undefined);
    return sealed;
  }

  async beginLoad(): Promise<BulkLoad> {
    this.#assertOpen();
    if (this.#commits.failure !== undefined) {
      throw this.#commits.failure;
    }
    if (this.#isLoading) {
      throw new StoreError('STORE_LOAD_ACTIVE', 'Another load is under way; wait for its end');
    }
    this.#isLoading = true;
    const onEnd = (): void => {
      this.#isLoading = false;
    };
    try {
      return await LevelBulkLoad.begin({
        storeFolder: this.#folder,
        journaled: this.#journaled,
        limits: this.#limits,
        commitAlone: (reason, body, commit) => this.#commit(reason, body, commit),
        onEnd,
      });
    } catch (error) {
      onEnd();
      throw error;
    }
  }

  snapshot(): Snapshot {
    this.#assertOpen();
    return new LevelSnapshot(this.#snapshots, this.#states.hold());
  }

  get statistics(): StoreStatistics {
    return { ...this.#commits.statistics, sharedLargeValues: this.#snapshots.large.count };
  }

  onFlushed(listener: (durationMs: number) => void): void {
    this.#commits.onFlushed(listener);
  }

  onWriterClosed(listener: (error: Error) => void): void {
    this.#commits.onFailure(listener);
  }

  close(): Promise<void> {
    this.#closed ??= this.#commits.idle().then(() => this.#journaled.close());
    return this.#closed;
  }

  #begin(layers: readonly SortedRows[]): LevelTransaction {
    const { journalFolder } = this.#journaled;
    const source = { journalFolder, database: this.#database, log: this.#log, layers };
    return new LevelTransaction(source, this.#limits);
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) {
      throw new StoreError('STORE_CLOSED', 'The store is closed');
    }
  }
}

/** Ends a transaction whose body threw and drops its writes. */
function discard(transaction: LevelTransaction): SortedRows {
  try {
    transaction.end();
  } catch {
    // Its refusal is what the body threw, or less than that.
  }
  return new SortedRows();
}
