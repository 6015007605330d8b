/**
 * Looks for damage: reads everything that is stored at one state, the store's own rows and the pieces of
 * large values included, and goes on behind what it finds.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import { formatHex } from '../../core/bytes.ts';
import { StoreError } from '../errors.ts';
import { Keyspace, keyOf } from '../keyspace.ts';
import {
  hasLargeValue,
  isPlaced,
  type LargeValueRows,
  pieceCountOf,
  readLargeValue,
} from '../large-values.ts';
import type { StoreDamage } from '../store.ts';
import type { DatabaseSnapshot, LevelDatabase } from './level-database.ts';
import { openSealedValue } from './value-checksum.ts';

const PAGE_ROWS = 256;
/** SHA-256 begins behind the keyspace. */
const HASH_START = 1;
const HASH_END = 33;

export interface ScannedState {
  readonly database: LevelDatabase;
  readonly snapshot: DatabaseSnapshot;
  /** Reads of the same state, for large values. */
  readonly rows: LargeValueRows;
}

/** See `Snapshot.findDamage`. */
export async function* findDamage(
  { database, snapshot, rows }: ScannedState,
  onRows: (rows: number) => void,
): AsyncGenerator<StoreDamage, void, undefined> {
  /** Pieces found of each large value; their keyspace comes before the one of the heads. */
  const pieces = new Map<string, number>();
  let count = 0;
  const cursor = database.rows({}, snapshot);
  try {
    for (;;) {
      const page = await cursor.nextPage(PAGE_ROWS);
      if (page.length === 0) {
        break;
      }
      for (const [key, stored] of page) {
        if (openSealedValue(key, stored) === undefined) {
          yield damageAt(key, 'the value does not have the checksum that it was stored with');
        } else if (key[0] === Keyspace.large) {
          const sha256 = formatHex(key.subarray(HASH_START, HASH_END));
          pieces.set(sha256, (pieces.get(sha256) ?? 0) + 1);
        } else if (key[0] === Keyspace.largeReferences) {
          yield* largeDamage(rows, key, pieces);
        } else if (key[0] === Keyspace.largePlace && !hasLargeValue(rows, key.slice(HASH_START))) {
          yield damageAt(key, 'the place of a large value that is not on record');
        }
      }
      count += page.length;
      onRows(count);
      await nextTurn();
    }
  } catch (error) {
    if (!(error instanceof StoreError) || isOver(error)) {
      throw error;
    }
    // The database itself cannot go on: what lies behind stays unread.
    const { code, message } = error;
    yield { code, key: new Uint8Array(0), message: `after ${count} rows: ${message}` };
  } finally {
    await cursor.close();
  }
  for (const sha256 of pieces.keys()) {
    const key = keyOf(Keyspace.large, Buffer.from(sha256, 'hex'));
    yield damageAt(key, 'pieces of a large value that is not on record');
  }
}

async function* largeDamage(
  rows: LargeValueRows,
  key: Uint8Array,
  pieces: Map<string, number>,
): AsyncGenerator<StoreDamage, void, undefined> {
  const sha256 = key.subarray(HASH_START);
  const name = formatHex(sha256);
  const found = pieces.get(name) ?? 0;
  pieces.delete(name);
  try {
    const value = await readLargeValue(rows, sha256);
    const isInJournal = found === 0 && isPlaced(rows, sha256);
    if (value !== undefined && !isInJournal && found !== pieceCountOf(value.length)) {
      yield damageAt(key, `a large value has ${found} pieces, not ${pieceCountOf(value.length)}`);
    }
  } catch (error) {
    if (!(error instanceof StoreError) || isOver(error)) {
      throw error;
    }
    yield damageAt(key, 'a large value is not the one that was stored');
  }
}

function damageAt(key: Uint8Array, message: string): StoreDamage {
  // A copy: the page's memory is the database's.
  return { code: 'STORE_VALUE_DAMAGED', key: Uint8Array.from(key), message };
}

function isOver({ code }: StoreError): boolean {
  return code === 'STORE_CLOSED' || code === 'STORE_SNAPSHOT_CLOSED';
}
