/**
 * Makes one half of a store anew from the other: the index from the journal, or, where the journal is lost or
 * damaged, a journal from the index. For stores that nobody has open.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { formatHex } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { SystemRandom } from '../../core/random.ts';
import { StoreError } from '../errors.ts';
import type { JournalPosition } from '../journal/journal.ts';
import { listSegments, segmentName, syncFolder } from '../journal/journal-file.ts';
import { STORE_ID_BYTES } from '../journal/journal-record.ts';
import { replay } from '../journal/journal-replay.ts';
import {
  findJournalEnd,
  type IndexKnowledge,
  START,
  settleJournalEnd,
} from '../journal/journal-scan.ts';
import { placeKey } from '../journal/large-record.ts';
import { SegmentReader } from '../journal/segment-reader.ts';
import { findHeaders } from '../journal/torn-tail.ts';
import { appliedRow, checkpointRow, readIndexKnowledge } from './index-position.ts';
import { type LevelDatabase, openLevelDatabase } from './level-database.ts';
import { formatRow, openFailed, writeFormatFile } from './store-format.ts';
import { copyIntoJournal } from './store-upgrade.ts';

export interface RebuildOptions {
  /** The store's. */
  readonly folder: string;
  readonly clock: Clock;
  /**
   * Goes on where something that was acknowledged may be missing afterwards; the error without it says
   * what.
   */
  readonly acceptsLoss: boolean;
  /** Told from time to time how many records there were so far. */
  readonly onRecords: (done: number) => void;
}

export interface RebuildReport {
  /** The journal's last record. */
  readonly sequence: number;
  /** Bytes at the journal's end that were torn while they were written, and cut. */
  readonly tornBytes: number;
  /** Where what was replaced is kept; undefined when it was removed. */
  readonly keptFolder: string | undefined;
}

const MIB = 1024 * 1024;
const SIZES = { cacheBytes: 8 * MIB, writeBufferBytes: 32 * MIB };

/**
 * Makes the index anew from the journal.
 *
 * @throws {StoreError} `STORE_LOCKED`, and what the journal can be found in, `STORE_JOURNAL_BEHIND` too
 *   when the present index knows more, `STORE_INDEX_BEHIND` when segments were retired and are not put back
 *   (`putBackSegments`): then nothing was changed.
 */
export async function rebuildIndex(options: RebuildOptions): Promise<RebuildReport> {
  const { folder, acceptsLoss } = options;
  const present = await openPresentIndex(folder);
  try {
    const known = acceptsLoss ? undefined : present?.knowledge;
    const report = await makeIndex(options, known && { ...known, checkpoint: START });
    await present?.database.close();
    await putInPlace(folder, 'level');
    await writeFormatFile(folder);
    return report;
  } catch (error) {
    await present?.database.close();
    throw error instanceof StoreError ? error : openFailed(folder, error);
  }
}

async function makeIndex(
  { folder, onRecords }: RebuildOptions,
  known: IndexKnowledge | undefined,
): Promise<RebuildReport> {
  const journalFolder = join(folder, 'journal');
  const found = await findJournalEnd(journalFolder, known);
  if (found === undefined) {
    throw new StoreError(
      'STORE_JOURNAL_BEHIND',
      `${journalFolder} has no segment to make an index from. Put them back, or restore a backup`,
    );
  }
  const first = (await listSegments(journalFolder))[0];
  if (first !== 1) {
    throw new StoreError(
      'STORE_INDEX_BEHIND',
      `${journalFolder} begins with record ${first}; an index is made from record 1 on. The segments before, ` +
        'retired or lost, are in your backups: certdir store rebuild --backup DIR',
    );
  }
  await settleJournalEnd(found);
  const { storeId, end, torn } = found;
  const newFolder = join(folder, 'level.new');
  await rm(newFolder, { recursive: true, force: true });
  await mkdir(newFolder, { mode: 0o700 });
  const database = await openLevelDatabase(newFolder, SIZES, true);
  try {
    await replay({ journalFolder, index: undefined, end }, database, onRecords);
    await writePosition(database, storeId, end);
  } finally {
    await database.close();
  }
  const tornBytes = torn === undefined ? 0 : torn.end - torn.start;
  return { sequence: end.sequence, tornBytes, keptFolder: undefined };
}

/**
 * Makes a journal anew from the index, and keeps what is left of the old one.
 *
 * @throws {StoreError} `STORE_LOCKED`, what the index can be found in, and `STORE_INDEX_BEHIND` when the index
 *   may lack something that was acknowledged: then nothing was changed.
 */
export async function rebuildJournal(options: RebuildOptions): Promise<RebuildReport> {
  const { folder, clock, acceptsLoss } = options;
  const database = await openLevelDatabase(join(folder, 'level'), SIZES, false);
  try {
    if (!acceptsLoss) {
      await assertIndexIsWhole(folder, readIndexKnowledge(database));
    }
    const storeId = new SystemRandom().bytes(STORE_ID_BYTES);
    const journalFolder = join(folder, 'journal.new');
    const lost: Uint8Array[] = [];
    const onLost = (sha256: Uint8Array): void => {
      if (!acceptsLoss) {
        throw lostValue(folder, sha256);
      }
      lost.push(sha256);
    };
    const oldJournal = { folder: join(folder, 'journal'), onLost };
    const { end, places } = await copyIntoJournal(
      { journalFolder, oldJournal, storeId, clock },
      database,
    );
    const keptFolder = await setAside(folder);
    await rename(journalFolder, join(folder, 'journal'));
    await syncFolder(folder);
    await database.write([...places, ...lost.map((sha256) => [placeKey(sha256), null] as const)]);
    await writePosition(database, storeId, end);
    await writeFormatFile(folder);
    return { sequence: end.sequence, tornBytes: 0, keptFolder };
  } catch (error) {
    throw error instanceof StoreError ? error : openFailed(folder, error);
  } finally {
    await database.close();
  }
}

function lostValue(folder: string, sha256: Uint8Array): StoreError {
  return new StoreError(
    'STORE_INDEX_BEHIND',
    `A large value (a list, by its SHA-256 ${formatHex(sha256)}) is in the journal of ${folder} alone, and cannot be read ` +
      'there any more. Put its segment back from a backup; to go on without such values: --accept-loss',
  );
}

/** All that was acknowledged is in the index: everything it has applied is in tables, and nothing came later. */
async function assertIndexIsWhole(
  folder: string,
  known: IndexKnowledge | undefined,
): Promise<void> {
  const applied = known?.applied.sequence ?? 0;
  const whole = known?.checkpoint.sequence ?? 0;
  const last = Math.max(applied, await highestSequence(join(folder, 'journal')));
  if (whole < last) {
    throw new StoreError(
      'STORE_INDEX_BEHIND',
      `The index is known to be whole up to record ${whole}, has applied up to ${applied}, and the journal shows ` +
        `signs of record ${last}. Up to the applied one all is there unless the machine lost power since; what came ` +
        'behind it is not. To go on with what the index has: --accept-loss',
    );
  }
}

/** Of any record whose header is good, whatever stands before it. */
async function highestSequence(journalFolder: string): Promise<number> {
  const first = (await listSegments(journalFolder)).at(-1);
  if (first === undefined) {
    return 0;
  }
  let highest = first - 1;
  const reader = await SegmentReader.open(join(journalFolder, segmentName(first)));
  try {
    for await (const { sequence } of reader === undefined ? [] : findHeaders(reader, 0)) {
      highest = Math.max(highest, sequence);
    }
  } finally {
    await reader?.close();
  }
  return highest;
}

async function writePosition(
  database: LevelDatabase,
  storeId: Uint8Array,
  end: JournalPosition,
): Promise<void> {
  await database.flush();
  const rows = [appliedRow(storeId, end), checkpointRow(storeId, end)];
  await database.write([formatRow(), ...rows]);
  await database.flush();
}

interface PresentIndex {
  readonly database: LevelDatabase;
  readonly knowledge: IndexKnowledge | undefined;
}

/** Opened, so that nobody else can meanwhile. Undefined where it cannot be. */
async function openPresentIndex(folder: string): Promise<PresentIndex | undefined> {
  let database: LevelDatabase;
  try {
    database = await openLevelDatabase(join(folder, 'level'), SIZES, false);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'STORE_LOCKED') {
      throw error;
    }
    return undefined;
  }
  try {
    return { database, knowledge: readIndexKnowledge(database) };
  } catch {
    return { database, knowledge: undefined };
  }
}

async function putInPlace(folder: string, name: string): Promise<void> {
  const [place, made, old] = [name, `${name}.new`, `${name}.old`].map((each) => join(folder, each));
  if (place === undefined || made === undefined || old === undefined) {
    return;
  }
  await rm(old, { recursive: true, force: true });
  if (existsSync(place)) {
    await rename(place, old);
  }
  await rename(made, place);
  await syncFolder(folder);
  await rm(old, { recursive: true, force: true });
}

/** @returns where the old journal is kept. */
async function setAside(folder: string): Promise<string | undefined> {
  const journal = join(folder, 'journal');
  if (!existsSync(journal)) {
    return undefined;
  }
  for (let number = 1; ; number += 1) {
    const kept = join(folder, `journal.set-aside-${number}`);
    if (!existsSync(kept)) {
      await rename(journal, kept);
      return kept;
    }
  }
}
