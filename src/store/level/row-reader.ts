/**
 * Reads of stored rows at one state: layers of unflushed writes, newest first, over the database.
 * Values are verified here, so that nothing above ever sees a wrong one.
 *
 * @module
 */

import { equalBytes, formatHex } from '../../core/bytes.ts';
import type { Log } from '../../core/log.ts';
import { StoreError } from '../errors.ts';
import type { KeyRange, KeyValue } from '../store.ts';
import type { DurableState } from './durable-states.ts';
import { LayerMerge } from './layer-merge.ts';
import type { DatabaseCursor, LevelDatabase } from './level-database.ts';
import type { Row, RowState, SortedRows } from './sorted-rows.ts';
import { openSealedValue, trustSealedValue } from './value-checksum.ts';

export interface RowSource {
  readonly journalFolder: string;
  readonly database: LevelDatabase;
  readonly log: Log;
  /** The database's state to read; without one, the newest. */
  readonly state?: Pick<DurableState, 'snapshot'>;
  /** Newest first. Every row that the database may still lack is in one of them. */
  readonly layers: readonly SortedRows[];
  /** Throws when reading is no longer allowed. */
  assertUsable(): void;
}

/** Rows per page: few at first, because most ranges are short, then more. */
const FIRST_PAGE_ROWS = 64;
const MAX_PAGE_ROWS = 1024;

export class RowReader {
  readonly #source: RowSource;

  constructor(source: RowSource) {
    this.#source = source;
  }

  /** @throws {StoreError} `STORE_VALUE_DAMAGED`, or what the database failed with. */
  read(key: Uint8Array): Uint8Array | undefined {
    this.#source.assertUsable();
    for (const layer of this.#source.layers) {
      const state = layer.find(key);
      if (state !== undefined) {
        return state === null ? undefined : trustSealedValue(state);
      }
    }
    const stored = this.#source.database.read(key, this.#source.state?.snapshot);
    return stored === undefined ? undefined : this.#verify(key, stored);
  }

  get journalFolder(): string {
    return this.#source.journalFolder;
  }

  /** What is put under a key and not flushed; null where it was deleted; undefined where only the database knows. */
  unflushed(key: Uint8Array): RowState | undefined {
    this.#source.assertUsable();
    for (const layer of this.#source.layers) {
      const state = layer.find(key);
      if (state !== undefined) {
        return state;
      }
    }
    return undefined;
  }

  /** The database's row as it is now, whatever state is read. */
  readNewest(key: Uint8Array): Uint8Array | undefined {
    this.#source.assertUsable();
    const stored = this.#source.database.read(key);
    return stored === undefined ? undefined : this.#verify(key, stored);
  }

  /** Rows in order, as they are when the first is asked for. */
  rows(range: KeyRange): AsyncGenerator<KeyValue, void, undefined> {
    const { database, state } = this.#source;
    return this.#merge(range, {
      open: () => database.rows(range, state?.snapshot),
      keyOf: ([key]) => key,
      ofDatabase: ([key, stored]) => [asPlain(key), this.#verify(key, stored)],
      ofLayer: (key, state) => [key, trustSealedValue(state)],
    });
  }

  /** Keys in order, as they are when the first is asked for. */
  keys(range: KeyRange): AsyncGenerator<Uint8Array, void, undefined> {
    const { database, state } = this.#source;
    return this.#merge(range, {
      open: () => database.keys(range, state?.snapshot),
      keyOf: (key) => key,
      ofDatabase: (key) => asPlain(key),
      ofLayer: (key) => key,
    });
  }

  #verify(key: Uint8Array, stored: Uint8Array): Uint8Array {
    const value = openSealedValue(key, stored);
    if (value === undefined) {
      this.#source.log.error('a stored value is damaged', { key: formatHex(key) });
      throw new StoreError(
        'STORE_VALUE_DAMAGED',
        `A value in keyspace 0x${formatHex(key.subarray(0, 1))} is damaged; the log has its key. ` +
          'Restore a backup',
      );
    }
    return value;
  }

  async *#merge<Item, Result>(
    range: KeyRange,
    shape: RangeShape<Item, Result>,
  ): AsyncGenerator<Result, void, undefined> {
    this.#source.assertUsable();
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    if (left === 0) {
      return;
    }
    // The layers before the database: what a flush takes out of them, the database has gained.
    const layers = new LayerMerge(this.#source.layers, range, range.reverse === true);
    const cursor = shape.open();
    try {
      let pageRows = Math.min(left, FIRST_PAGE_ROWS);
      for (let isAtEnd = false; !isAtEnd; pageRows = Math.min(pageRows * 4, MAX_PAGE_ROWS)) {
        const page = await cursor.nextPage(pageRows);
        isAtEnd = page.length === 0;
        for (const result of mergePage(page, layers, shape)) {
          this.#source.assertUsable();
          yield result;
          left -= 1;
          if (left === 0) {
            return;
          }
        }
      }
    } finally {
      await cursor.close();
    }
  }
}

interface RangeShape<Item, Result> {
  open(): DatabaseCursor<Item>;
  keyOf(item: Item): Uint8Array;
  ofDatabase(item: Item): Result;
  ofLayer(key: Uint8Array, state: Uint8Array): Result;
}

/** The page's items and the layers' rows up to the last of them; an empty page is the end. */
function* mergePage<Item, Result>(
  page: readonly Item[],
  layers: LayerMerge,
  shape: RangeShape<Item, Result>,
): Generator<Result, void, undefined> {
  for (const item of page) {
    const key = shape.keyOf(item);
    let row: Row | undefined;
    let isOverridden = false;
    do {
      row = layers.takeUpTo(key);
      if (row !== undefined) {
        isOverridden = equalBytes(row[0], key);
        yield* present(row, shape);
      }
    } while (row !== undefined && !isOverridden);
    if (!isOverridden) {
      yield shape.ofDatabase(item);
    }
  }
  if (page.length === 0) {
    for (let row = layers.takeUpTo(undefined); row; row = layers.takeUpTo(undefined)) {
      yield* present(row, shape);
    }
  }
}

function* present<Item, Result>(
  [key, state]: Row,
  shape: RangeShape<Item, Result>,
): Generator<Result, void, undefined> {
  if (state !== null) {
    yield shape.ofLayer(key, state);
  }
}

/** Keys from the database are Buffers; callers should see one type. */
function asPlain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
