/**
 * The part of `level` that the store uses, with its errors turned into ours.
 *
 * Reads of single rows are synchronous: 6 µs against 32 µs through the thread pool, which a
 * transaction body, running alone, would wait for (docs/decisions/0002).
 *
 * @module
 */

import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Level } from 'level';

import { formatError } from '../../core/errors.ts';
import { StoreError, type StoreErrorCode } from '../errors.ts';
import type { Row } from './sorted-rows.ts';

/** Where a range starts and ends, in stored keys. */
export interface DatabaseRange {
  readonly gte?: Uint8Array | undefined;
  readonly lt?: Uint8Array | undefined;
  readonly reverse?: boolean;
}

/** A cursor over rows (or keys) at the state when it was made. */
export interface DatabaseCursor<Item> {
  /** The next items, at most `count`; none at the end. */
  nextPage(count: number): Promise<readonly Item[]>;
  close(): Promise<void>;
}

/** A state held for reading. */
export interface DatabaseSnapshot {
  close(): Promise<void>;
}

/** An open LevelDB. `Snapshot` arguments are the ones that this database gave. */
export interface LevelDatabase {
  read(key: Uint8Array, snapshot?: DatabaseSnapshot): Uint8Array | undefined;
  rows(
    range: DatabaseRange,
    snapshot?: DatabaseSnapshot,
  ): DatabaseCursor<readonly [key: Uint8Array, stored: Uint8Array]>;
  keys(range: DatabaseRange, snapshot?: DatabaseSnapshot): DatabaseCursor<Uint8Array>;
  snapshot(): DatabaseSnapshot;
  /** Writes all rows or none, without waiting for the disk: the journal has them. */
  write(rows: Iterable<Row>): Promise<void>;
  /**
   * Puts everything written before into tables and waits until they are on the disk and on record.
   * A failure shows at the next write, which fails then.
   */
  flush(): Promise<void>;
  /** The table files that are in use, the newest first: complete, and never changed. */
  tables(): readonly string[];
  close(): Promise<void>;
}

export interface LevelSizes {
  /** LevelDB's cache of uncompressed blocks. */
  readonly cacheBytes: number;
  /** LevelDB's write buffer; two may be in memory, and one is replayed at start. */
  readonly writeBufferBytes: number;
}

export type OpenLevelDatabase = (
  folder: string,
  sizes: LevelSizes,
  isNew: boolean,
) => Promise<LevelDatabase>;

/** How much one page of a cursor holds in memory beyond one row. */
const PAGE_BYTES = 256 * 1024;

/** How much of a batch is handed over in one turn of the event loop. */
const ROWS_PER_TURN = 2048;

/** Handing over more rows than this costs half as much one by one as in an array. */
const ROWS_IN_ARRAY = 64;
const BYTES_PER_TURN = 1024 * 1024;

type ByteLevel = Level<Uint8Array, Uint8Array>;

/**
 * Opens LevelDB's files in `folder`.
 *
 * @param isNew Whether a database is made where there is none. Otherwise a missing one is damage.
 * @throws {StoreError} `STORE_LOCKED`, `STORE_DAMAGED`, `STORE_OPEN_FAILED`.
 */
export const openLevelDatabase: OpenLevelDatabase = async (folder, sizes, isNew) => {
  const level: ByteLevel = new Level(folder, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    createIfMissing: isNew,
    cacheSize: sizes.cacheBytes,
    writeBufferSize: sizes.writeBufferBytes,
  });
  try {
    await level.open();
  } catch (error) {
    throw openFailure(folder, error);
  }
  return wrap(level);
};

function wrap(level: ByteLevel): LevelDatabase {
  return {
    read: (key, snapshot) => {
      try {
        // Without options the call has a faster way through `level`.
        return snapshot === undefined
          ? level.getSync(key)
          : level.getSync(key, { snapshot: snapshot as Snapshot });
      } catch (error) {
        throw readFailure(error);
      }
    },
    rows: (range, snapshot) => cursor(() => level.iterator(iteratorOptions(range, snapshot))),
    keys: (range, snapshot) => cursor(() => level.keys(iteratorOptions(range, snapshot))),
    snapshot: () => {
      try {
        return level.snapshot();
      } catch (error) {
        throw readFailure(error);
      }
    },
    write: (rows) => write(level, rows),
    flush: () => flush(level),
    tables: () => listTables(level),
    close: () => level.close(),
  };
}

type Snapshot = ReturnType<ByteLevel['snapshot']>;

async function write(level: ByteLevel, rows: Iterable<Row>): Promise<void> {
  const operations: BatchOperation[] = [];
  let bytes = 0;
  for (const [key, value] of rows) {
    operations.push(value === null ? { type: 'del', key } : { type: 'put', key, value });
    bytes += key.length + (value?.length ?? 0);
  }
  if (operations.length <= ROWS_IN_ARRAY && bytes <= BYTES_PER_TURN) {
    await level.batch(operations, { sync: false });
  } else {
    await writeInTurns(level, operations);
  }
}

/** What the LevelDB behind `level` can do, of which its types, made for browsers too, say nothing. */
interface Maintained {
  compactRange(start: Uint8Array, end: Uint8Array): Promise<void>;
  getProperty(name: string): string;
}

/** Each line of a table is ` number:size[...]`, with what keys have of control characters escaped. */
function listTables(level: ByteLevel): readonly string[] {
  const text = (level as ByteLevel & Maintained).getProperty('leveldb.sstables');
  return [...text.matchAll(/^ (\d+):\d+\[/gm)]
    .map(([, number]) => Number(number))
    .sort((left, right) => right - left)
    .map((number) => join(level.location, `${String(number).padStart(6, '0')}.ldb`));
}

/**
 * LevelDB 1.20, `DBImpl::CompactRange`: whatever the range, first the memory table is put into a synced table
 * and recorded in the synced manifest. No key is in this range, so nothing else happens. A synced empty
 * batch would not do: it syncs the newest log file alone, and the one before may still be needed.
 */
async function flush(level: ByteLevel): Promise<void> {
  await (level as ByteLevel & Maintained).compactRange(NO_KEY, NO_KEY);
}

const NO_KEY: Uint8Array = Uint8Array.of(0);

type BatchOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array };

/** Handing over the rows is synchronous; a large batch does it while others get their turn. */
async function writeInTurns(level: ByteLevel, operations: readonly BatchOperation[]) {
  const batch = level.batch();
  try {
    let rows = 0;
    let bytes = 0;
    for (const operation of operations) {
      if (operation.type === 'put') {
        batch.put(operation.key, operation.value);
        bytes += operation.value.length;
      } else {
        batch.del(operation.key);
      }
      rows += 1;
      if (rows >= ROWS_PER_TURN || bytes >= BYTES_PER_TURN) {
        rows = 0;
        bytes = 0;
        await nextTurn();
      }
    }
    await batch.write({ sync: false });
  } finally {
    await batch.close();
  }
}

function iteratorOptions(range: DatabaseRange, snapshot: DatabaseSnapshot | undefined) {
  return {
    ...(range.gte === undefined ? {} : { gte: range.gte }),
    ...(range.lt === undefined ? {} : { lt: range.lt }),
    reverse: range.reverse === true,
    snapshot: snapshot as Snapshot | undefined,
    highWaterMarkBytes: PAGE_BYTES,
  };
}

interface LevelIterator<Item> {
  nextv(count: number): Promise<Item[]>;
  close(): Promise<void>;
}

function cursor<Item>(open: () => LevelIterator<Item>): DatabaseCursor<Item> {
  let iterator: LevelIterator<Item>;
  try {
    iterator = open();
  } catch (error) {
    throw readFailure(error);
  }
  return {
    nextPage: async (count) => {
      try {
        return await iterator.nextv(count);
      } catch (error) {
        throw readFailure(error);
      }
    },
    close: () => iterator.close(),
  };
}

function levelCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function openFailure(folder: string, error: unknown): StoreError {
  // The code is on the cause: the error itself only says that the database is not open.
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const text = formatError(cause);
  const [code, advice] = openAdvice(levelCode(cause), text);
  return new StoreError(code, `The store in ${folder} cannot be opened: ${text}. ${advice}`, {
    cause,
  });
}

function openAdvice(code: string, text: string): readonly [StoreErrorCode, string] {
  if (code === 'LEVEL_LOCKED') {
    return ['STORE_LOCKED', 'Another process uses it; stop that one, or work through it'];
  }
  // LevelDB reports its own missing or cut files as I/O errors or bad arguments.
  const isDamage = code === 'LEVEL_CORRUPTION' || /no such file|does not exist/i.test(text);
  return isDamage
    ? ['STORE_DAMAGED', 'Nothing was changed; keep a copy of the folder and restore a backup']
    : ['STORE_OPEN_FAILED', 'Check the disk, the folder and its permissions'];
}

function readFailure(error: unknown): StoreError {
  switch (levelCode(error)) {
    case 'LEVEL_DATABASE_NOT_OPEN':
    case 'LEVEL_ITERATOR_NOT_OPEN':
      return new StoreError('STORE_CLOSED', 'The store is closed', { cause: error });
    case 'LEVEL_SNAPSHOT_NOT_OPEN':
      return new StoreError('STORE_SNAPSHOT_CLOSED', 'The snapshot is closed', { cause: error });
    case 'LEVEL_CORRUPTION':
      return new StoreError('STORE_DAMAGED', `The database is damaged: ${formatError(error)}`, {
        cause: error,
      });
    default:
      return new StoreError('STORE_READ_FAILED', `The read failed: ${formatError(error)}`, {
        cause: error,
      });
  }
}
