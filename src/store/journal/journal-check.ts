/**
 * Compares an index with its journal, while both are in use: reads the whole chain up to where the index stands,
 * and, in depth, makes the index that the journal says there should be and compares every row. That also finds
 * what no checksum can: rows that are not there any more.
 *
 * Where segments were retired, the chain is read from the anchor on, and rows that nothing behind it has written
 * are not compared; put the segments back from a backup to compare all.
 *
 * @module
 */

import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { compareBytes, equalBytes } from '../../core/bytes.ts';
import { StoreError } from '../errors.ts';
import { Keyspace } from '../keyspace.ts';
import { pieceKey } from '../large-values.ts';
import { readIndexKnowledge, readJournalKeeping } from '../level/index-position.ts';
import {
  type DatabaseCursor,
  type DatabaseSnapshot,
  type LevelDatabase,
  openLevelDatabase,
} from '../level/level-database.ts';
import { checkTable } from '../level/table-check.ts';
import type { StoreDamage } from '../store.ts';
import { listSegments } from './journal-file.ts';
import { HASH_BYTES } from './journal-record.ts';
import { replay } from './journal-replay.ts';
import { type IndexKnowledge, readJournal, START } from './journal-scan.ts';
import { placeKey } from './large-record.ts';
import { withValuesChecked } from './value-checking.ts';

const PAGE_ROWS = 512;
const RECORDS_PER_TURN = 256;
const MIB = 1024 * 1024;
const SIZES = { cacheBytes: 8 * MIB, writeBufferBytes: 16 * MIB };

/** Where the index that the journal says there should be is made; removed afterwards. */
export function checkFolderOf(journalFolder: string): string {
  return join(dirname(journalFolder), 'check');
}

export interface CheckedIndex {
  readonly journalFolder: string;
  readonly database: LevelDatabase;
  readonly snapshot: DatabaseSnapshot;
}

export interface JournalCheck {
  /** Compares every row, which takes the time and the room of making the index anew. */
  readonly isDeep: boolean;
  /** Told from time to time of the records or rows that have been looked at. */
  readonly onProgress: (what: string, done: number) => void;
}

/** See `Snapshot.findJournalDamage`. */
export async function* findJournalDamage(
  subject: CheckedIndex,
  check: JournalCheck,
): AsyncGenerator<StoreDamage, void, undefined> {
  try {
    const index = readIndexKnowledge(subject.database, subject.snapshot);
    if (index === undefined) {
      throw new StoreError('STORE_DAMAGED', 'The index has lost its place in the journal');
    }
    const { retired } = readJournalKeeping(subject.database, index.storeId, subject.snapshot);
    const isWhole = await beginsAtStart(subject.journalFolder);
    const whole = { ...index, checkpoint: isWhole ? START : retired };
    yield* damagedTables(subject.database);
    if (check.isDeep) {
      yield* compare(subject, whole, check);
    } else {
      await readChain(subject.journalFolder, whole, check);
    }
  } catch (error) {
    if (!(error instanceof StoreError)) {
      throw error;
    }
    yield { code: error.code, key: new Uint8Array(0), message: error.message };
  }
}

/** True when no segment was retired, or those that were have been put back. */
async function beginsAtStart(journalFolder: string): Promise<boolean> {
  return ((await listSegments(journalFolder))[0] ?? 1) === 1;
}

async function* damagedTables(
  database: LevelDatabase,
): AsyncGenerator<StoreDamage, void, undefined> {
  for (const table of database.tables()) {
    try {
      await checkTable(table);
    } catch (error) {
      if (!(error instanceof StoreError)) {
        throw error;
      }
      yield { code: error.code, key: new Uint8Array(0), message: error.message };
    }
  }
}

async function readChain(
  journalFolder: string,
  index: IndexKnowledge,
  { onProgress }: JournalCheck,
): Promise<void> {
  const { sequence: end } = index.applied;
  if (end === index.checkpoint.sequence) {
    return;
  }
  const records = withValuesChecked(journalFolder, readJournal(journalFolder, index, end));
  for await (const { header } of records) {
    if (header.sequence % RECORDS_PER_TURN === 0) {
      onProgress('journal records', header.sequence);
      await nextTurn();
    }
  }
}

async function* compare(
  { journalFolder, database, snapshot }: CheckedIndex,
  index: IndexKnowledge,
  { onProgress }: JournalCheck,
): AsyncGenerator<StoreDamage, void, undefined> {
  const folder = checkFolderOf(journalFolder);
  await rm(folder, { recursive: true, force: true });
  const made = await openLevelDatabase(folder, SIZES, true);
  try {
    const { applied: end } = index;
    const isWhole = index.checkpoint.sequence === 0;
    if (end.sequence > index.checkpoint.sequence) {
      const onGroup = (sequence: number): void => onProgress('journal records', sequence);
      await replay({ journalFolder, index, end, checksValues: true }, made, onGroup);
    }
    const range = { gte: Uint8Array.of(Keyspace.meta + 1) };
    const onRows = (rows: number): void => onProgress('rows compared', rows);
    const found = database.rows(range, snapshot);
    for await (const damage of differences(made.rows(range), found, { isWhole, onRows })) {
      // In pieces instead of its place: moved out of a segment that was retired. The pieces are read by `findDamage`.
      const isMoved =
        isOfLargeValue(damage.key) && isMovedOut({ made, database, snapshot }, damage.key);
      if (!isMoved) {
        yield damage;
      }
    }
  } finally {
    await made.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function isOfLargeValue([keyspace]: Uint8Array): boolean {
  return keyspace === Keyspace.large || keyspace === Keyspace.largePlace;
}

/** The journal that is here has the value's place, the index has no place and the value's pieces. */
function isMovedOut(
  {
    made,
    database,
    snapshot,
  }: Pick<CheckedIndex, 'database' | 'snapshot'> & { readonly made: LevelDatabase },
  key: Uint8Array,
): boolean {
  const sha256 = key.subarray(1, 1 + HASH_BYTES);
  return (
    made.read(placeKey(sha256)) !== undefined &&
    database.read(placeKey(sha256), snapshot) === undefined &&
    database.read(pieceKey(sha256, 0), snapshot) !== undefined
  );
}

type StoredRow = readonly [key: Uint8Array, stored: Uint8Array];

async function* differences(
  expected: DatabaseCursor<StoredRow>,
  found: DatabaseCursor<StoredRow>,
  { isWhole, onRows }: { readonly isWhole: boolean; readonly onRows: (rows: number) => void },
): AsyncGenerator<StoreDamage, void, undefined> {
  const [left, right] = [new Walk(expected), new Walk(found)];
  try {
    let rows = 0;
    await Promise.all([left.next(), right.next()]);
    while (left.row !== undefined || right.row !== undefined) {
      const order = orderOf(left.row, right.row);
      const key = (order <= 0 ? left.row : right.row)?.[0] ?? new Uint8Array(0);
      if (order < 0) {
        yield damageAt(key, 'the journal has this row, and the index has lost it');
      } else if (order > 0 && !isWhole) {
        // It may have been written by what was retired.
      } else if (order > 0) {
        yield damageAt(key, 'the index has this row, and the journal knows nothing of it');
      } else if (!equalBytes(left.row?.[1] ?? key, right.row?.[1] ?? key)) {
        yield damageAt(key, 'the index has another value than the journal');
      }
      if (order <= 0) {
        await left.next();
      }
      if (order >= 0) {
        await right.next();
      }
      rows += 1;
      if (rows % PAGE_ROWS === 0) {
        onRows(rows);
        await nextTurn();
      }
    }
  } finally {
    await Promise.all([expected.close(), found.close()]);
  }
}

function orderOf(left: StoredRow | undefined, right: StoredRow | undefined): number {
  if (left === undefined) {
    return 1;
  }
  return right === undefined ? -1 : compareBytes(left[0], right[0]);
}

class Walk {
  readonly #cursor: DatabaseCursor<StoredRow>;
  #page: readonly StoredRow[] = [];
  #at = 0;
  row: StoredRow | undefined;

  constructor(cursor: DatabaseCursor<StoredRow>) {
    this.#cursor = cursor;
  }

  async next(): Promise<void> {
    if (this.#at === this.#page.length) {
      this.#page = await this.#cursor.nextPage(PAGE_ROWS);
      this.#at = 0;
    }
    this.row = this.#page[this.#at];
    this.#at += this.row === undefined ? 0 : 1;
  }
}

function damageAt(key: Uint8Array, message: string): StoreDamage {
  return { code: 'STORE_VALUE_DAMAGED', key: Uint8Array.from(key), message };
}
