/**
 * The LevelDB driver's bulk load (see `BulkLoad` in store.ts).
 *
 * Rows gather in memory; whenever some MiB are full, a thread sorts them and writes them to a file of their
 * own, a run, in a folder beside the database:
 *
 *     load/0, load/1, …   sorted runs (run-file.ts); nothing of the database yet
 *
 * The commit appends one group to the journal, the body's rows and those of the merged runs: from the moment that
 * it is durable the load is done, and the runs are needed no more. Then the runs are merged once more, into the
 * index, in the order of keys, which costs LevelDB least. If the program ends meanwhile the next opening
 * replays the group before anyone sees the store.
 *
 * @module
 */

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { formatHex } from '../../core/bytes.ts';
import { formatError } from '../../core/errors.ts';
import { StoreError } from '../errors.ts';
import { addReferences, hashOfKept, putPieces } from '../large-values.ts';
import type { JournaledDatabase } from '../level/journaled-database.ts';
import { assertRow, type LevelTransaction } from '../level/level-transaction.ts';
import type { Row } from '../level/sorted-rows.ts';
import type { BulkLoad, LoadedRow, Transaction } from '../store.ts';
import { isIntact, mergeRuns, type RunFile } from './run-file.ts';
import { RunWriter } from './run-writer.ts';
import { gatherSets } from './set-gathering.ts';

/** What the load needs of the store that it belongs to. */
export interface LoadHost {
  readonly storeFolder: string;
  readonly journaled: JournaledDatabase;
  readonly limits: {
    readonly maxKeyBytes: number;
    readonly maxValueBytes: number;
    /** Bytes of one run; about four times as much is in memory. */
    readonly loadRunBytes: number;
  };
  /**
   * Runs a transaction with nothing before, behind or beside it, whose rows `commit` makes durable. Readers see
   * the state before until that has ended.
   */
  commitAlone<T>(
    reason: string,
    body: (transaction: LevelTransaction) => Promise<T>,
    commit: (rows: Iterable<Row>) => Promise<void>,
  ): Promise<T>;
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
  /** Rows of the runs that this turn of merging them has come by. */
  #taken = 0;
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

  async putLarge(
    value: Uint8Array,
    { sha256: given }: { readonly sha256?: Uint8Array } = {},
  ): Promise<Uint8Array> {
    this.#expect('gathering');
    const sha256 = await hashOfKept(value, given);
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
      await assertIntact(this.#runs);
      const total = this.#runs.reduce((sum, { rows }) => sum + rows, 0);
      const onPage = (): void => onRows(this.#taken, total);
      return await this.#host.commitAlone(
        reason,
        (transaction) => this.#conclude(transaction, body),
        (rows) => this.#host.journaled.writeLoad(rows, () => this.#pages(), onPage),
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

  #pages(): AsyncIterable<readonly Row[]> {
    const { database } = this.#host.journaled;
    this.#taken = 0;
    return gatherSets(this.#takenPages(), (key) => database.read(key));
  }

  async *#takenPages(): AsyncGenerator<readonly Row[], void, undefined> {
    for await (const page of mergeRuns(this.#runs)) {
      this.#taken += page.length;
      yield page.map(({ key, stored }) => [key, stored] as const);
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
    return result;
  }

  async #end(): Promise<void> {
    this.#state = 'over';
    await this.#writer.close();
    await clearLoadFolder(this.#host.storeFolder);
    this.#host.onEnd();
  }

  #expect(state: 'gathering' | 'committing'): void {
    if (this.#state !== state) {
      throw new StoreError('STORE_LOAD_OVER', 'A load was used out of its turn, or after its end');
    }
  }
}

/** Where the files of a load are, beside the database. */
function loadFolderOf(storeFolder: string): string {
  return join(storeFolder, 'load');
}

/** Removes what a load has left, or was. */
export async function clearLoadFolder(storeFolder: string): Promise<void> {
  await rm(loadFolderOf(storeFolder), { recursive: true, force: true, maxRetries: 3 });
}

async function assertIntact(runs: readonly RunFile[]): Promise<void> {
  for (const run of runs) {
    if (!(await isIntact(run))) {
      throw new StoreError(
        'STORE_LOAD_FAILED',
        `A file of the load is not what was written: ${run.file}. Nothing was loaded; check the disk`,
      );
    }
  }
}
