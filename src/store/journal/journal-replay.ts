/**
 * Applies records of the journal to an index. Rows say what is there afterwards, not what changes, so whatever
 * part of them the index has already, it ends in the same state.
 *
 * @module
 */

import type { LevelDatabase } from '../level/level-database.ts';
import type { Row } from '../level/sorted-rows.ts';
import type { JournalPosition } from './journal.ts';
import { RecordKind, type RecordKindCode } from './journal-record.ts';
import { decodeRows } from './journal-rows.ts';
import { type IndexKnowledge, journalDamaged, readJournal } from './journal-scan.ts';
import { type LargePlace, parseLargePiece, placeRow } from './large-record.ts';
import { withValuesChecked } from './value-checking.ts';

/** Of one batch of LevelDB's. */
const BATCH_BYTES = 1024 * 1024;
const BATCH_ROWS = 2048;

/**
 * What an index has of a record.
 *
 * @param place Where the record stands.
 * @returns undefined when the payload does not hold what a record of its kind holds.
 */
export function indexRowsOf(
  kind: RecordKindCode,
  payload: Uint8Array,
  place: Omit<LargePlace, 'length'>,
): readonly Row[] | undefined {
  if (kind === RecordKind.rows) {
    return decodeRows(payload);
  }
  if (kind === RecordKind.seal) {
    return [];
  }
  const piece = parseLargePiece(payload);
  if (piece === undefined) {
    return undefined;
  }
  const { sha256, start, length } = piece;
  return start === 0 ? [placeRow(sha256, { ...place, length })] : [];
}

export interface Replay {
  readonly journalFolder: string;
  /** What the index has; undefined for an empty one. */
  readonly index: IndexKnowledge | undefined;
  /** The last group to apply. */
  readonly end: JournalPosition;
  /** Compares each large value with its name. */
  readonly checksValues?: boolean;
}

/**
 * Applies everything from the index's checkpoint to `end`.
 *
 * @param onGroup Told of each group that was read.
 * @returns how many groups that were.
 * @throws {StoreError} as `findJournalEnd`, and what the database fails with.
 */
export async function replay(
  { journalFolder, index, end, checksValues = false }: Replay,
  database: LevelDatabase,
  onGroup: (sequence: number) => void = () => undefined,
): Promise<number> {
  let groups = 0;
  let bytes = 0;
  let batch: Row[] = [];
  const read = readJournal(journalFolder, index, end.sequence);
  const records = checksValues ? withValuesChecked(journalFolder, read) : read;
  for await (const { header, payload, offset, segment } of records) {
    const rows = indexRowsOf(header.kind, payload, { segment, offset });
    if (rows === undefined) {
      throw journalDamaged(
        journalFolder,
        offset,
        `record ${header.sequence} does not hold what it says`,
      );
    }
    batch.push(...rows);
    bytes += header.kind === RecordKind.rows ? payload.length : 0;
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
