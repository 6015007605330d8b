/**
 * Moves large values out of segments that are to be removed, into pieces of the index. The value stays the same, under the
 * same name; who reads a state from before finds the pieces where the segment is gone.
 *
 * @module
 */

import { StoreError } from '../errors.ts';
import { Keyspace } from '../keyspace.ts';
import { putPieces } from '../large-values.ts';
import type { JournaledDatabase } from '../level/journaled-database.ts';
import type { Row } from '../level/sorted-rows.ts';
import { openSealedValue, sealValue } from '../level/value-checksum.ts';
import type { RunAlone } from './journal-keeper.ts';
import { decodePlace, readPlacedValue } from './large-record.ts';

const PAGE_ROWS = 1024;

/**
 * Moves every value that stands in one of the segments; they are durable in the index afterwards.
 *
 * @param segments First sequence numbers.
 * @param runAlone Each value is written in a turn of its own, so that a release cannot come between.
 * @throws {StoreError} `STORE_VALUE_DAMAGED` when a value cannot be read: the segments must stay then.
 */
export async function moveValuesOut(
  journaled: JournaledDatabase,
  segments: ReadonlySet<number>,
  runAlone: RunAlone,
): Promise<void> {
  for (const key of await placesIn(journaled, segments)) {
    await moveOut(journaled, key, runAlone);
  }
}

async function placesIn(
  { database }: JournaledDatabase,
  segments: ReadonlySet<number>,
): Promise<readonly Uint8Array[]> {
  const keys: Uint8Array[] = [];
  if (segments.size === 0) {
    return keys;
  }
  const [gte, lt] = [Keyspace.largePlace, Keyspace.largePlace + 1].map((byte) =>
    Uint8Array.of(byte),
  );
  const cursor = database.rows({ gte, lt });
  try {
    for (;;) {
      const page = await cursor.nextPage(PAGE_ROWS);
      if (page.length === 0) {
        return keys;
      }
      for (const [key, stored] of page) {
        if (segments.has(placeOf(key, stored).segment)) {
          keys.push(Uint8Array.from(key));
        }
      }
    }
  } finally {
    await cursor.close();
  }
}

function placeOf(key: Uint8Array, stored: Uint8Array): ReturnType<typeof decodePlace> {
  const value = openSealedValue(key, stored);
  if (value === undefined) {
    throw damaged();
  }
  return decodePlace(value);
}

async function moveOut(
  journaled: JournaledDatabase,
  key: Uint8Array,
  runAlone: RunAlone,
): Promise<void> {
  const { database, journalFolder } = journaled;
  const stored = database.read(key);
  if (stored === undefined) {
    // It was released meanwhile.
    return;
  }
  const sha256 = key.subarray(1);
  const value = await readPlacedValue(journalFolder, sha256, placeOf(key, stored));
  if (value === undefined) {
    throw damaged();
  }
  const rows: Row[] = [];
  const put = (pieceKey: Uint8Array, piece: Uint8Array): void => {
    rows.push([pieceKey, sealValue(pieceKey, piece)]);
  };
  await putPieces({ put }, sha256, value);
  await runAlone(async () => {
    if (database.read(key) !== undefined) {
      await journaled.noteMarks([...rows, [key, null]]);
    }
  });
}

function damaged(): StoreError {
  return new StoreError(
    'STORE_VALUE_DAMAGED',
    'A large value in the journal is damaged or missing, so its segment is kept. Put the segment back from a backup',
  );
}
