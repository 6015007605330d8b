/**
 * Reads the journal's segments at opening: verifies the chain from where the index is known to be whole, finds
 * the end, and tells what is wrong with it.
 *
 * @module
 */

import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

import { equalBytes } from '../../core/bytes.ts';
import { StoreError } from '../errors.ts';
import type { JournalPosition, OpenSegment } from './journal.ts';
import { listSegments, segmentName } from './journal-file.ts';
import { RecordKind } from './journal-record.ts';
import { continues, type JournalRecord, SegmentReader } from './segment-reader.ts';
import { isTornTail } from './torn-tail.ts';

/** What the index says of the journal that it was made from. */
export interface IndexKnowledge {
  readonly storeId: Uint8Array;
  /** The last group that was applied. It was durable in the journal before. */
  readonly applied: JournalPosition;
  /** Everything up to here is in the index, whatever was lost of its newest files. */
  readonly checkpoint: JournalPosition;
}

/** Bytes of the last segment. */
export interface SegmentRange {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

export interface JournalEnd {
  readonly storeId: Uint8Array;
  /** The last whole group. */
  readonly end: JournalPosition;
  /** What the next record goes on from. */
  readonly chainHash: Uint8Array;
  /** Undefined when the last segment is sealed. */
  readonly segment: OpenSegment | undefined;
  /** The last group, which may not have become durable; undefined when it is in a sealed segment. */
  readonly lastGroup: SegmentRange | undefined;
  /** What was torn while it was written; nobody was promised it. */
  readonly torn: SegmentRange | undefined;
}

/** A position before everything. */
export const START: JournalPosition = { sequence: 0, epoch: 0, hash: new Uint8Array(32) };

/**
 * Verifies the journal from the index's checkpoint to its end, or all of it without an index.
 *
 * @returns undefined when there is no segment.
 * @throws {StoreError} `STORE_JOURNAL_DAMAGED`, `STORE_JOURNAL_BEHIND`, `STORE_JOURNAL_FOREIGN`,
 *   `STORE_INDEX_BEHIND`.
 */
export async function findJournalEnd(
  folder: string,
  index: IndexKnowledge | undefined,
): Promise<JournalEnd | undefined> {
  const scan = new Scan(folder, index);
  for await (const _ of scan.records()) {
    // The scan takes note of what it passes.
  }
  return scan.end;
}

/**
 * The records behind the index's checkpoint, verified, in order. The last group may lack its end.
 *
 * @param until Where to stop: what is behind may still be being written.
 * @throws {StoreError} as {@link findJournalEnd}.
 */
export async function* readJournal(
  folder: string,
  index: IndexKnowledge | undefined,
  until: number = Number.POSITIVE_INFINITY,
): AsyncGenerator<JournalRecord, void, undefined> {
  const after = index?.checkpoint.sequence ?? 0;
  for await (const record of new Scan(folder, index, until).records()) {
    if (record.header.sequence > after) {
      yield record;
    }
  }
}

class Scan {
  readonly #folder: string;
  readonly #index: IndexKnowledge | undefined;
  readonly #until: number;
  #storeId: Uint8Array | undefined;
  /** Behind the last whole group. */
  #settled = { position: START, chainHash: START.hash, offset: 0 };
  #lastGroup: SegmentRange | undefined;
  #last: Pick<JournalEnd, 'segment' | 'torn'> = { segment: undefined, torn: undefined };
  #before: SegmentReader | undefined;

  constructor(
    folder: string,
    index: IndexKnowledge | undefined,
    until: number = Number.POSITIVE_INFINITY,
  ) {
    this.#folder = folder;
    this.#index = index;
    this.#until = until;
    this.#storeId = index?.storeId;
  }

  /** To be read when all records have been passed. */
  get end(): JournalEnd | undefined {
    const { position: end, chainHash } = this.#settled;
    return this.#storeId === undefined || this.#before === undefined
      ? undefined
      : { storeId: this.#storeId, end, chainHash, lastGroup: this.#lastGroup, ...this.#last };
  }

  async *records(): AsyncGenerator<JournalRecord, void, undefined> {
    const firsts = await this.#segmentsToRead();
    for (const [at, first] of firsts.entries()) {
      const path = join(this.#folder, segmentName(first));
      const reader = await SegmentReader.open(path);
      if (reader === undefined) {
        throw journalDamaged(path, 0, 'its head is not one that was written');
      }
      try {
        this.#enter(reader, first);
        yield* this.#recordsOf(reader);
        if (reader.place.nextSequence > this.#until) {
          return;
        }
        await this.#leave(reader, at === firsts.length - 1);
      } finally {
        await reader.close();
      }
    }
    const applied = this.#index?.applied;
    if (applied !== undefined && applied.sequence > this.#settled.position.sequence) {
      throw this.#behind(applied);
    }
  }

  async #segmentsToRead(): Promise<readonly number[]> {
    const firsts = await listSegments(this.#folder);
    const from = (this.#index?.checkpoint.sequence ?? 0) + 1;
    const start = firsts.findLastIndex((first) => first <= from);
    const oldest = firsts[0];
    if (start < 0 && oldest !== undefined) {
      throw new StoreError(
        'STORE_INDEX_BEHIND',
        `${this.#folder} begins with record ${oldest}, and those from ${from} on are needed. Put the missing ` +
          'segments there (certdir store rebuild --backup DIR), or restore a backup',
      );
    }
    return firsts.slice(Math.max(0, start));
  }

  #enter(reader: SegmentReader, first: number): void {
    const { head, path } = reader;
    this.#storeId ??= head.storeId;
    if (!equalBytes(head.storeId, this.#storeId)) {
      throw foreign(path, 'it is another store’s');
    }
    if (head.firstSequence !== first) {
      throw journalDamaged(path, 0, `it begins with record ${head.firstSequence}`);
    }
    const before = this.#before;
    if (before !== undefined && !continues(head, before.place)) {
      throw journalDamaged(path, 0, `it does not go on from ${before.path}`);
    }
    const position = { sequence: first - 1, epoch: head.epoch, hash: head.previousHash };
    this.#compare(position, path);
    const { offset, hash } = reader.place;
    this.#settled = { position, chainHash: hash, offset };
    this.#lastGroup = undefined;
    this.#before = reader;
  }

  async *#recordsOf(reader: SegmentReader): AsyncGenerator<JournalRecord, void, undefined> {
    for (let record = await reader.next(); record !== undefined; record = await reader.next()) {
      const { sequence, epoch, hash, isGroupEnd, kind } = record.header;
      const position = { sequence, epoch, hash };
      this.#compare(position, reader.path);
      if (isGroupEnd) {
        const { offset } = reader.place;
        const group = { path: reader.path, start: this.#settled.offset, end: offset };
        this.#lastGroup = kind === RecordKind.seal ? undefined : group;
        this.#settled = { position, chainHash: hash, offset };
      }
      yield record;
      if (sequence >= this.#until) {
        return;
      }
    }
  }

  async #leave(reader: SegmentReader, isLast: boolean): Promise<void> {
    const { path, size, place, isSealed, openGroup } = reader;
    if (isSealed) {
      if (place.offset < size) {
        throw journalDamaged(path, place.offset, 'something stands behind the seal');
      }
      return;
    }
    const isWhole = place.offset === size && openGroup === undefined;
    if (!isLast) {
      const why = isWhole ? 'its seal is missing' : 'a record is not the one that was written';
      throw journalDamaged(path, place.offset, why);
    }
    if (!isWhole && place.offset < size && !(await isTornTail(reader))) {
      throw journalDamaged(path, place.offset, 'a record is not the one that was written');
    }
    const { offset } = this.#settled;
    this.#last = {
      segment: { path, size: offset },
      torn: offset < size ? { path, start: offset, end: size } : undefined,
    };
  }

  /** The chain must be the one that the index has seen. */
  #compare(here: JournalPosition, path: string): void {
    for (const known of [this.#index?.checkpoint, this.#index?.applied]) {
      const isSame = known?.sequence === here.sequence && here.sequence > 0;
      if (isSame && !equalBytes(known.hash, here.hash)) {
        throw foreign(path, `record ${here.sequence} is not the one that the index was made from`);
      }
    }
  }

  #behind(applied: JournalPosition): StoreError {
    const { torn } = this.#last;
    if (torn !== undefined) {
      return journalDamaged(torn.path, torn.start, 'the index has applied what stood here');
    }
    const { sequence } = this.#settled.position;
    return new StoreError(
      'STORE_JOURNAL_BEHIND',
      `The journal in ${this.#folder} ends with record ${sequence}, and the index has ${applied.sequence}: ` +
        'the journal’s files are older than the index, or were cut. Put the newest segments back; ' +
        'without them: certdir store rebuild --journal keeps what the index has',
    );
  }
}

/** What stands in a segment is not what was written. */
export function journalDamaged(path: string, offset: number, why: string): StoreError {
  return new StoreError(
    'STORE_JOURNAL_DAMAGED',
    `The journal is damaged: ${path}, byte ${offset}: ${why}. Nothing was changed. Keep a copy of the ` +
      'folder; put the segment back from a backup, or see "certdir store rebuild --help"',
  );
}

function foreign(path: string, why: string): StoreError {
  return new StoreError(
    'STORE_JOURNAL_FOREIGN',
    `Index and journal do not belong together: ${path}: ${why}. Nothing was changed. Put files of ` +
      'one time together, or make the index anew: certdir store rebuild',
  );
}

/**
 * Makes the end of the journal what it was found to be: cuts a torn tail, and writes the last group once more,
 * so that it is durable now even where an earlier attempt to make it so has failed unseen.
 */
export async function settleJournalEnd({ lastGroup, torn }: JournalEnd): Promise<void> {
  const path = torn?.path ?? lastGroup?.path;
  if (path === undefined) {
    return;
  }
  const handle = await open(path, 'r+');
  try {
    if (torn !== undefined) {
      await handle.truncate(torn.start);
    }
    if (lastGroup !== undefined) {
      await rewrite(handle, lastGroup);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const REWRITE_BYTES = 1024 * 1024;

async function rewrite(handle: FileHandle, { start, end }: SegmentRange): Promise<void> {
  const bytes = new Uint8Array(Math.min(REWRITE_BYTES, end - start));
  for (let at = start; at < end; ) {
    const wanted = Math.min(bytes.length, end - at);
    const { bytesRead } = await handle.read(bytes, 0, wanted, at);
    await handle.write(bytes, 0, bytesRead, at);
    at += bytesRead;
    if (bytesRead === 0) {
      throw new Error(`the file has become shorter while it was read`);
    }
  }
}
