/**
 * The store on LevelDB: one folder, one process, group commit with synchronous writes.
 *
 * Not here: the journal, which keeps what LevelDB alone can lose (docs/decisions/0002).
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { LevelBulkLoad } from './bulk-load.ts';
import { CommitQueue } from './commit-queue.ts';
import { reportDroppedRecords } from './dropped-records.ts';
import { DurableStates } from './durable-states.ts';
import { StoreError } from './errors.ts';
import { type LevelDatabase, type OpenLevelDatabase, openLevelDatabase } from './level-database.ts';
import { LevelSnapshot, LevelTransaction, type TransactionLimits } from './level-transaction.ts';
import { settlePendingLoad } from './pending-load.ts';
import { SharedLargeValues } from './shared-large-values.ts';
import { SortedRows } from './sorted-rows.ts';
import type { BulkLoad, Snapshot, Store, Transaction } from './store.ts';
import { prepareStoreFolder, settleStoreFormat } from './store-format.ts';

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
 * @throws {StoreError} `STORE_LOCKED`, `STORE_FORMAT`, `STORE_DAMAGED`, `STORE_OPEN_FAILED`.
 */
export async function openLevelStore(options: LevelStoreOptions): Promise<Store> {
  const { levelFolder, isNew } = await prepareStoreFolder(options.folder);
  const openDatabase = options.openDatabase ?? openLevelDatabase;
  const sizes = {
    cacheBytes: options.cacheBytes ?? 64 * MIB,
    writeBufferBytes: options.writeBufferBytes ?? 16 * MIB,
  };
  const database = await openDatabase(levelFolder, sizes, isNew);
  try {
    await reportDroppedRecords(levelFolder, options.log);
    await settleStoreFormat(options.folder, database, isNew);
    await settlePendingLoad(options.folder, { database, log: options.log });
  } catch (error) {
    await database.close();
    throw error;
  }
  return new LevelStore(database, options);
}

class LevelStore implements Store {
  readonly #database: LevelDatabase;
  readonly #log: Log;
  readonly #limits: StoreLimits;
  readonly #states: DurableStates;
  readonly #commits: CommitQueue;
  readonly #large = new SharedLargeValues();
  readonly #folder: string;
  #isLoading = false;
  #closed: Promise<void> | undefined;

  constructor(database: LevelDatabase, { folder, clock, log, limits }: LevelStoreOptions) {
    this.#database = database;
    this.#folder = folder;
    this.#states = new DurableStates(database);
    this.#log = log;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#commits = new CommitQueue({
      ...this.#limits,
      clock,
      log,
      write: (rows) => this.#states.write(rows),
    });
  }

  get isWritable(): boolean {
    return this.#commits.failure === undefined && this.#closed === undefined;
  }

  async transact<T>(reason: string, body: (transaction: Transaction) => Promise<T>): Promise<T> {
    return await this.#commit(reason, body);
  }

  async #commit<T>(
    reason: string,
    body: (transaction: LevelTransaction) => Promise<T>,
    finish?: () => Promise<void>,
  ): Promise<T> {
    this.#assertOpen();
    return await new Promise<T>((resolve, reject) => {
      let transaction: LevelTransaction | undefined;
      const settle = (answer: () => void): void => {
        transaction?.settled();
        answer();
      };
      this.#commits.add({
        reason,
        isAlone: finish !== undefined,
        run: async (layers) => {
          transaction = this.#begin(layers);
          try {
            const result = await body(transaction);
            transaction.end();
            return {
              rows: transaction.rows,
              settle: () => settle(() => resolve(result)),
              ...(finish === undefined ? {} : { finish: this.#behindOldState(finish) }),
            };
          } catch (error) {
            return { rows: discard(transaction), settle: () => settle(() => reject(error)) };
          }
        },
        fail: (error) => settle(() => reject(error)),
      });
    });
  }

  /** From now until `finish` has ended readers see what is durable now. A failure leaves them there. */
  #behindOldState(finish: () => Promise<void>): () => Promise<void> {
    const release = this.#states.freeze();
    return async () => {
      await finish();
      await release();
    };
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
        database: this.#database,
        limits: this.#limits,
        commitAlone: (reason, body, finish) => this.#commit(reason, body, finish),
        isWritable: () => this.isWritable,
        onEnd,
      });
    } catch (error) {
      onEnd();
      throw error;
    }
  }

  snapshot(): Snapshot {
    this.#assertOpen();
    const state = this.#states.hold();
    const source = { database: this.#database, log: this.#log, state, large: this.#large };
    return new LevelSnapshot(source, this.#limits.maxKeyBytes);
  }

  onWriterClosed(listener: (error: Error) => void): void {
    this.#commits.onFailure(listener);
  }

  close(): Promise<void> {
    this.#closed ??= this.#commits.idle().then(() => this.#database.close());
    return this.#closed;
  }

  #begin(layers: readonly SortedRows[]): LevelTransaction {
    return new LevelTransaction({ database: this.#database, log: this.#log, layers }, this.#limits);
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
