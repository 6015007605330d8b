/**
 * Applies records of the journal to an index. Rows say what is there afterwards, not what changes, so whatever
 * part of them the index has already, it ends in the same state.
 *
 * @module
 */

import type { LevelDatabase } from '../level/level-database.ts';
import type { Row } from '../level/sorted-rows.ts';
import type { JournalPosition } from './journal.ts';
import { RecordKind } from './journal-record.ts';
import { decodeRows } from './journal-rows.ts';
import { type IndexKnowledge, journalDamaged, readJournal } from './journal-scan.ts';

/** Of one batch of LevelDB's. */
const BATCH_BYTES = 1024 * 1024;
const BATCH_ROWS = 2048;

export interface Replay {
  readonly journalFolder: string;
  /** What the index has; undefined for an empty one. */
  readonly index: IndexKnowledge | undefined;
  /** The last group to apply. */
  readonly end: JournalPosition;
}

/**
 * Applies everything from the index's checkpoint to `end`.
 *
 * @param onGroup Told of each group that was read.
 * @returns how many groups that were.
 * @throws {StoreError} as `findJournalEnd`, and what the database fails with.
 */
export async function replay(
  { journalFolder, index, end }: Replay,
  database: LevelDatabase,
  onGroup: (sequence: number) => void = () => undefined,
): Promise<number> {
  let groups = 0;
  let bytes = 0;
  let batch: Row[] = [];
  const records = readJournal(journalFolder, index, end.sequence);
  for await (const { header, payload, offset } of records) {
    const rows = header.kind === RecordKind.rows ? decodeRows(payload) : [];
    if (rows === undefined) {
      throw journalDamaged(journalFolder, offset, `record ${header.sequence} does not hold rows`);
    }
    batch.push(...rows);
    bytes += payload.length;
    if (header.isGroupEnd) {
      groups += 1;
      onGroup(header.sequence);
    }
    if (batch.length >= BATCH_ROWS || bytes >= BATCH_BYTES) {
      await database.write(batch);
      batch = [];
      bytes = 0;
    }
  }
  await database.write(batch);
  return groups;
}
