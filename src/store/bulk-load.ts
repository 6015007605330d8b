/**
 * The LevelDB driver's bulk load (see `BulkLoad` in store.ts).
 *
 * Rows gather in memory; whenever some MiB are full, a thread sorts them and writes them to a file of their
 * own, a run, in a folder beside the database:
 *
 *     load/0, load/1, …   sorted runs (run-file.ts); nothing of the database yet
 *
 * The commit writes one synced batch: the body's rows, and a row that names the runs with their lengths and
 * checksums (pending-load.ts). That is the moment from which the load is done. Then the runs are merged into
 * the database in the order of keys, which costs LevelDB least, without syncing each batch; at the end
 * LevelDB's memory is turned into files and synced, and the row that names the runs is deleted.
 *
 * Opening a store finds either no such row, and deletes what is in `load`, or such a row, and puts the runs in
 * place again from their beginning before anyone sees the store: the same rows under the same keys.
 *
 * For whatever keeps a second record of commits: the named runs are part of the commit that names them. A
 * record that is to be replayed on an older copy of the database must keep the runs (or their rows) with
 * that commit until the database is known to have it all.
 *
 * @module
 */

import { mkdir } from 'node:fs/promises';

import { formatHex } from '../core/bytes.ts';
import { formatError } from '../core/errors.ts';
import { StoreError } from './errors.ts';
import { addReferences, hashLargeValue, putPieces } from './large-values.ts';
import type { LevelDatabase } from './level-database.ts';
import { assertRow, type LevelTransaction } from './level-transaction.ts';
import { clearLoadFolder, loadFolderOf, pendingLoadRow, placeRuns } from './pending-load.ts';
import { mergeRuns, type RunFile } from './run-file.ts';
import { RunWriter } from './run-writer.ts';
import type { BulkLoad, LoadedRow, Transaction } from './store.ts';
import { syncFolder } from './store-format.ts';

/** What the load needs of the store that it belongs to. */
export interface LoadHost {
  readonly storeFolder: string;
  readonly database: LevelDatabase;
  readonly limits: {
    readonly maxKeyBytes: number;
    readonly maxValueBytes: number;
    /** Bytes of one run; about four times as much is in memory. */
    readonly loadRunBytes: number;
  };
  /**
   * Runs a transaction with nothing before, behind or beside it. Readers see the state before it until
   * `finish` has ended.
   */
  commitAlone<T>(
    reason: string,
    body: (transaction: LevelTransaction) => Promise<T>,
    finish: () => Promise<void>,
  ): Promise<T>;
  isWritable(): boolean;
  /** Told once when the load has ended. */
  onEnd(): void;
}

interface LargeValueCount {
  readonly sha256: Uint8Array;
  readonly length: number;
  count: number;
}

export class LevelBulkLoad implements BulkLoad {
  readonly #host: LoadHost;
  readonly #writer: RunWriter;
  readonly #large = new Map<string, LargeValueCount>();
  #runs: readonly RunFile[] = [];
  #state: 'gathering' | 'committing' | 'over' = 'gathering';
  tag = 0;

  private constructor(host: LoadHost) {
    this.#host = host;
    this.#writer = new RunWriter(loadFolderOf(host.storeFolder), host.limits.loadRunBytes);
  }

  /** @throws {StoreError} `STORE_LOAD_FAILED` when its folder cannot be made. */
  static async begin(host: LoadHost): Promise<LevelBulkLoad> {
    try {
      await clearLoadFolder(host.storeFolder);
      await mkdir(loadFolderOf(host.storeFolder), { mode: 0o700 });
    } catch (cause) {
      throw new StoreError(
        'STORE_LOAD_FAILED',
        `No folder for the files of a load can be made: ${formatError(cause)}. Check the disk`,
        { cause },
      );
    }
    return new LevelBulkLoad(host);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#expect('gathering');
    assertRow(key, value, this.#host.limits);
    this.#writer.put(this.tag, key, value);
  }

  async putLarge(value: Uint8Array): Promise<Uint8Array> {
    this.#expect('gathering');
    const sha256 = await hashLargeValue(value);
    const name = formatHex(sha256);
    const known = this.#large.get(name);
    if (known === undefined) {
      this.#large.set(name, { sha256, length: value.length, count: 1 });
      // Also when the store has the value: its last reference may go before this load is committed.
      const put = (key: Uint8Array, piece: Uint8Array): void => {
        this.#writer.put(this.tag, key, piece);
      };
      await putPieces({ put }, sha256, value);
    } else {
      known.count += 1;
    }
    return sha256;
  }

  room(): Promise<void> | undefined {
    return this.#writer.room();
  }

  async *rowPages(keyspace: number): AsyncGenerator<readonly LoadedRow[], void, undefined> {
    this.#expect('committing');
    yield* mergeRuns(this.#runs, keyspace);
  }

  async commit<T>(
    reason: string,
    body: (transaction: Transaction) => Promise<T>,
    onRows: (done: number, total: number) => void = () => undefined,
  ): Promise<T> {
    this.#expect('gathering');
    this.#state = 'committing';
    try {
      this.#runs = await this.#writer.finish();
      await syncFolder(loadFolderOf(this.#host.storeFolder));
      await syncFolder(this.#host.storeFolder);
      const total = this.#runs.reduce((sum, { rows }) => sum + rows, 0);
      return await this.#host.commitAlone(
        reason,
        (transaction) => this.#conclude(transaction, body),
        () => placeRuns(this.#host.database, this.#runs, (done) => onRows(done, total)),
      );
    } finally {
      await this.#end();
    }
  }

  async discard(): Promise<void> {
    if (this.#state === 'gathering') {
      await this.#end();
    }
  }

  async #conclude<T>(
    transaction: LevelTransaction,
    body: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    const result = await body(transaction);
    for (const { sha256, length, count } of this.#large.values()) {
      addReferences(transaction.ownRows, sha256, { count, length });
    }
    transaction.ownRows.put(...pendingLoadRow(this.#runs));
    return result;
  }

  async #end(): Promise<void> {
    this.#state = 'over';
    await this.#writer.close();
    // What a failed write may have committed is needed when the store is opened the next time.
    if (this.#host.isWritable()) {
      await clearLoadFolder(this.#host.storeFolder);
    }
    this.#host.onEnd();
  }

  #expect(state: 'gathering' | 'committing'): void {
    if (this.#state !== state) {
      throw new StoreError('STORE_LOAD_OVER', 'A load was used out of its turn, or after its end');
    }
  }
}
