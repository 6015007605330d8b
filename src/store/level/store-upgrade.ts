/**
 * Gives an index a journal: everything that it holds becomes the journal's first group. For stores of the format
 * before the journal, and for an index whose journal is lost or damaged.
 *
 * @module
 */

import { rm } from 'node:fs/promises';

import type { Clock } from '../../core/clock.ts';
import { StoreError } from '../errors.ts';
import { type AppendedGroup, Journal, NEW_CHAIN } from '../journal/journal.ts';
import { makeFolder } from '../journal/journal-file.ts';
import type { RecordDraft } from '../journal/journal-record.ts';
import { encodeRows } from '../journal/journal-rows.ts';
import { decodePlace, draftLargeValue, readPlacedValue } from '../journal/large-record.ts';
import { Keyspace } from '../keyspace.ts';
import type { LevelDatabase } from './level-database.ts';
import { openSealedValue } from './value-checksum.ts';

export interface NewJournal {
  /** What is in it is removed. */
  readonly journalFolder: string;
  /** Where the index's large values stand; undefined where it has none in a journal. */
  readonly oldJournal?: OldJournal;
  readonly storeId: Uint8Array;
  readonly clock: Clock;
}

export interface OldJournal {
  readonly folder: string;
  /** Told of a large value that cannot be read any more; it is left out. What this throws ends the work. */
  onLost(sha256: Uint8Array): void;
}

const PAGE_ROWS = 1024;

/** Copies an index into a journal of one group. */
export async function copyIntoJournal(
  { journalFolder, oldJournal, storeId, clock }: NewJournal,
  database: LevelDatabase,
): Promise<AppendedGroup> {
  await rm(journalFolder, { recursive: true, force: true });
  await makeFolder(journalFolder);
  const journal = new Journal({
    ...{ folder: journalFolder, storeId, clock, segment: undefined },
    ...{ end: NEW_CHAIN, chainHash: NEW_CHAIN.hash },
  });
  try {
    return await journal.appendRecords(recordsOf(database, oldJournal));
  } finally {
    await journal.close();
  }
}

/** All rows but those that say what and where the index itself is. */
async function* recordsOf(
  database: LevelDatabase,
  oldJournal: OldJournal | undefined,
): AsyncGenerator<RecordDraft, void, undefined> {
  const cursor = database.rows({ gte: Uint8Array.of(Keyspace.meta + 1) });
  try {
    for (;;) {
      const page = await cursor.nextPage(PAGE_ROWS);
      if (page.length === 0) {
        return;
      }
      yield* encodeRows(page.filter(([key]) => key[0] !== Keyspace.largePlace));
      for (const [key, stored] of page) {
        if (key[0] === Keyspace.largePlace) {
          yield* largeRecords(key, stored, oldJournal);
        }
      }
    }
  } finally {
    await cursor.close();
  }
}

async function* largeRecords(
  key: Uint8Array,
  stored: Uint8Array,
  oldJournal: OldJournal | undefined,
): AsyncGenerator<RecordDraft, void, undefined> {
  const sha256 = Uint8Array.from(key.subarray(1));
  const place = openSealedValue(key, stored);
  let value: Uint8Array | undefined;
  try {
    value =
      place && oldJournal && (await readPlacedValue(oldJournal.folder, sha256, decodePlace(place)));
  } catch (error) {
    if (!(error instanceof StoreError)) {
      throw error;
    }
  }
  if (value === undefined) {
    oldJournal?.onLost(sha256);
  } else {
    yield* draftLargeValue(sha256, value);
  }
}
