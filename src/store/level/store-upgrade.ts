/**
 * Gives an index a journal: everything that it holds becomes the journal's first group. For stores of the format
 * before the journal, and for an index whose journal is lost or damaged.
 *
 * @module
 */

import { rm } from 'node:fs/promises';

import type { Clock } from '../../core/clock.ts';
import { Journal, type JournalPosition, NEW_CHAIN } from '../journal/journal.ts';
import { makeFolder } from '../journal/journal-file.ts';
import { encodeRows } from '../journal/journal-rows.ts';
import { Keyspace } from '../keyspace.ts';
import type { LevelDatabase } from './level-database.ts';

export interface NewJournal {
  /** What is in it is removed. */
  readonly journalFolder: string;
  readonly storeId: Uint8Array;
  readonly clock: Clock;
}

const PAGE_ROWS = 1024;

/** @returns where the journal ends. */
export async function copyIntoJournal(
  { journalFolder, storeId, clock }: NewJournal,
  database: LevelDatabase,
): Promise<JournalPosition> {
  await rm(journalFolder, { recursive: true, force: true });
  await makeFolder(journalFolder);
  const journal = new Journal({
    ...{ folder: journalFolder, storeId, clock, segment: undefined },
    ...{ end: NEW_CHAIN, chainHash: NEW_CHAIN.hash },
  });
  try {
    return await journal.appendRecords(recordsOf(database));
  } finally {
    await journal.close();
  }
}

/** All rows but those that say what and where the index itself is. */
async function* recordsOf(database: LevelDatabase): AsyncGenerator<Uint8Array, void, undefined> {
  const cursor = database.rows({ gte: Uint8Array.of(Keyspace.meta + 1) });
  try {
    for (;;) {
      const page = await cursor.nextPage(PAGE_ROWS);
      if (page.length === 0) {
        return;
      }
      yield* encodeRows(page);
    }
  } finally {
    await cursor.close();
  }
}
