/**
 * Which segments of the journal are kept, and for what; removing those that nothing needs any more.
 *
 * A segment is removed when the index is durably whole without it (its last record is not behind the
 * checkpoint), it is as old as the rules want, it is in a verified backup where they ask for one, every standby has it, and
 * all before it are removed. The last segment stays whatever the rules say. An anchor row (`index-position.ts`) is durable before
 * the first file goes: it names the last record that was removed and the chain's hash there, so that the chain of what
 * is left is verified from it on. Large values that stand in a segment are moved into the index before it goes.
 *
 * Not here: when this is done (`app/journal-keeping.ts`), making backups (`store-backup.ts`).
 *
 * @module
 */

import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { StoreError } from '../errors.ts';
import {
  anchorRow,
  backedUpRow,
  type JournalKeeping,
  readIndexKnowledge,
  readJournalKeeping,
} from '../level/index-position.ts';
import type { JournaledDatabase } from '../level/journaled-database.ts';
import type { JournalPosition } from './journal.ts';
import { listSegments, segmentName, syncFolder } from './journal-file.ts';
import { type IndexKnowledge, journalDamaged } from './journal-scan.ts';
import { SegmentReader } from './segment-reader.ts';
import { moveValuesOut } from './value-moving.ts';

/** What the operator wants kept. */
export interface KeepingRules {
  /** From a segment's seal until it may go; undefined keeps all. */
  readonly keepMs: number | undefined;
  readonly keepUntilBackedUp: boolean;
  /** The last record that every standby has; undefined where there is none. */
  readonly standbysHave: number | undefined;
  readonly nowMs: number;
}

export type SegmentState =
  /** The last one: it is written to, or the next record goes on from it. */
  | 'last'
  /** Opening the store may need it: the index is not known to be whole without it. */
  | 'needed-by-index'
  /** The rules say so, or a segment before it stays. */
  | 'kept'
  | 'waits-for-backup'
  | 'waits-for-standby'
  /** Nothing needs it; it goes the next time. */
  | 'retirable'
  /** It was removed and is there again, put back or not yet gone. */
  | 'retired';

export interface JournalSegment {
  readonly name: string;
  readonly first: number;
  /** Undefined of the last segment. */
  readonly last: number | undefined;
  readonly bytes: number;
  readonly createdMs: number;
  /** When the next one was begun; undefined of the last segment. */
  readonly sealedMs: number | undefined;
  readonly state: SegmentState;
}

export interface JournalOverview extends JournalKeeping {
  /** The index is whole up to here. */
  readonly checkpoint: JournalPosition;
  readonly applied: JournalPosition;
  readonly segments: readonly JournalSegment[];
}

export interface RetiredSegments {
  readonly segments: readonly JournalSegment[];
  /** True when nothing was done because the journal is being read as a whole. */
  readonly isInUse: boolean;
}

/** Runs work while nothing else is written. */
export type RunAlone = (work: () => Promise<void>) => Promise<void>;

export class JournalKeeper {
  readonly #journaled: JournaledDatabase;
  readonly #runAlone: RunAlone;
  #readers = 0;
  #isRetiring = false;

  constructor(journaled: JournaledDatabase, runAlone: RunAlone) {
    this.#journaled = journaled;
    this.#runAlone = runAlone;
  }

  /** Until the returned function is called no segment is removed. */
  hold(): () => void {
    this.#readers += 1;
    let isHeld = true;
    return () => {
      this.#readers -= isHeld ? 1 : 0;
      isHeld = false;
    };
  }

  /** Takes note that everything up to `position` is in a backup that was verified. */
  async noteBackup(position: JournalPosition): Promise<void> {
    const { storeId } = this.#knowledge();
    await this.#journaled.noteMarks([backedUpRow(storeId, position)]);
  }

  /** What there is of the journal, and why. */
  async overview(rules: KeepingRules): Promise<JournalOverview> {
    const known = this.#knowledge();
    const keeping = readJournalKeeping(this.#journaled.database, known.storeId);
    const { checkpoint, applied } = known;
    const segments = await this.#judge({ ...keeping, checkpoint }, rules);
    return { ...keeping, checkpoint, applied, segments };
  }

  /**
   * Removes the segments that nothing needs.
   *
   * @throws {StoreError} `STORE_JOURNAL_DAMAGED` when the heads of segments do not go on from each other: nothing is
   *   removed then.
   */
  async retire(rules: KeepingRules): Promise<RetiredSegments> {
    if (this.#readers > 0 || this.#isRetiring) {
      return { segments: [], isInUse: true };
    }
    this.#isRetiring = true;
    try {
      return { segments: await this.#retire(rules), isInUse: false };
    } finally {
      this.#isRetiring = false;
    }
  }

  async #retire(rules: KeepingRules): Promise<readonly JournalSegment[]> {
    const { segments } = await this.overview(rules);
    const going = segments.filter(({ state }) => state === 'retirable');
    const last = going.at(-1);
    const folder = this.#journaled.journalFolder;
    const gone = segments.filter(({ state }) => state === 'retired' || state === 'retirable');
    await moveValuesOut(this.#journaled, new Set(gone.map(({ first }) => first)), this.#runAlone);
    if (last?.last !== undefined) {
      const { storeId } = this.#knowledge();
      const anchor = await positionBefore(folder, last.last + 1);
      // Its flush also puts the checkpoint into a table that was only in LevelDB's log so far.
      await this.#journaled.noteMarks([anchorRow(storeId, anchor)]);
    }
    // The oldest first: what an interruption leaves does not begin with record 1 and is told from a whole journal.
    for (const { name } of gone) {
      await rm(join(folder, name), { force: true });
    }
    if (gone.length > 0) {
      await syncFolder(folder);
    }
    return gone;
  }

  async #judge(
    facts: JournalKeeping & { readonly checkpoint: JournalPosition },
    rules: KeepingRules,
  ): Promise<readonly JournalSegment[]> {
    const folder = this.#journaled.journalFolder;
    const firsts = await listSegments(folder);
    const files: Awaited<ReturnType<typeof describeFile>>[] = [];
    for (const first of firsts) {
      files.push(await describeFile(folder, first));
    }
    const segments: JournalSegment[] = [];
    let goesOn = true;
    for (const [at, file] of files.entries()) {
      const next = files[at + 1];
      const place = {
        ...file,
        last: next === undefined ? undefined : next.first - 1,
        sealedMs: next?.createdMs,
      };
      const state = stateOf(place, facts, rules);
      goesOn &&= state === 'retirable' || state === 'retired';
      segments.push({ ...place, state: state === 'retirable' && !goesOn ? 'kept' : state });
    }
    return segments;
  }

  #knowledge(): IndexKnowledge {
    const known = readIndexKnowledge(this.#journaled.database);
    if (known === undefined) {
      throw new StoreError('STORE_DAMAGED', 'The index has lost its place in the journal');
    }
    return known;
  }
}

function stateOf(
  { last, sealedMs }: Pick<JournalSegment, 'last' | 'sealedMs'>,
  { retired, backedUp, checkpoint }: JournalKeeping & { readonly checkpoint: JournalPosition },
  { keepMs, keepUntilBackedUp, standbysHave, nowMs }: KeepingRules,
): SegmentState {
  if (last === undefined || sealedMs === undefined) {
    return 'last';
  }
  if (last <= retired.sequence) {
    return 'retired';
  }
  if (last > checkpoint.sequence) {
    return 'needed-by-index';
  }
  if (keepMs === undefined || nowMs - sealedMs < keepMs) {
    return 'kept';
  }
  if (keepUntilBackedUp && last > backedUp.sequence) {
    return 'waits-for-backup';
  }
  return standbysHave !== undefined && last > standbysHave ? 'waits-for-standby' : 'retirable';
}

async function describeFile(
  folder: string,
  first: number,
): Promise<Pick<JournalSegment, 'name' | 'first' | 'bytes' | 'createdMs'>> {
  const name = segmentName(first);
  const path = join(folder, name);
  const { size: bytes } = await stat(path);
  return { name, first, bytes, createdMs: (await headOf(path)).createdMs };
}

/** Where the chain stood when the segment that begins with `first` was begun. */
async function positionBefore(folder: string, first: number): Promise<JournalPosition> {
  const { firstSequence, epoch, previousHash } = await headOf(join(folder, segmentName(first)));
  return { sequence: firstSequence - 1, epoch, hash: previousHash };
}

async function headOf(path: string): Promise<SegmentReader['head']> {
  const reader = await SegmentReader.open(path);
  if (reader === undefined) {
    throw journalDamaged(path, 0, 'its head is not one that was written');
  }
  await reader.close();
  return reader.head;
}
