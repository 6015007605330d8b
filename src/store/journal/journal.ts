/**
 * The journal: everything that was ever committed, in order, in segments that only grow.
 *
 *     journal/0000000000000001.journal     named by its first sequence number
 *
 * Each commit group is appended and made durable before it is applied to the index and before anyone is
 * answered. A segment that has reached its size is sealed, and the next one begins. The chain of hashes
 * goes through all of them. (docs/decisions/0008)
 *
 * The first failure is the last: what is on the disk then is found out by opening again.
 *
 * Not here: reading at opening (`journal-scan.ts`), the index (`journaled-database.ts`).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Clock } from '../../core/clock.ts';
import type { Row } from '../level/sorted-rows.ts';
import { crc32c } from './crc32c.ts';
import { GroupWriting } from './group-writing.ts';
import {
  type AppendFile,
  type OpenAppendFile,
  openAppendFile,
  segmentName,
  writeWholeFile,
} from './journal-file.ts';
import { JournalGroup } from './journal-group.ts';
import {
  encodeSegmentHead,
  HEADER_BYTES,
  hashOfHead,
  type RecordDraft,
  RecordKind,
  SEGMENT_HEAD_BYTES,
} from './journal-record.ts';
import { encodeRows } from './journal-rows.ts';
import { type LargePlace, placeRow } from './large-record.ts';

export const SEGMENT_BYTES: number = 64 * 1024 * 1024;

/** A group that is durable. */
export interface AppendedGroup {
  readonly end: JournalPosition;
  /** Rows for the index that say where the group's large values stand. */
  readonly places: readonly Row[];
}

/** How much is hashed and handed over in one turn of the event loop: of rows, and of large values, which are not hashed. */
const BYTES_PER_TURN = 1024 * 1024;
const LARGE_BYTES_PER_TURN = 8 * 1024 * 1024;

/** A place in the chain: the last record of a group. */
export interface JournalPosition {
  readonly sequence: number;
  readonly epoch: number;
  readonly hash: Uint8Array;
}

/** How far a segment may be read while it grows. */
export interface DurableSegment {
  /** Its first sequence number. */
  readonly first: number;
  readonly bytes: number;
}

/** The last segment, when it can be gone on with. */
export interface OpenSegment {
  readonly path: string;
  readonly size: number;
}

export interface JournalOptions {
  readonly folder: string;
  readonly storeId: Uint8Array;
  readonly clock: Clock;
  /** Where the chain ends. */
  readonly end: JournalPosition;
  /** What the next record goes on from: `end.hash`, or that of a head behind it. */
  readonly chainHash: Uint8Array;
  /** Undefined when the next group begins a segment. */
  readonly segment: OpenSegment | undefined;
  readonly segmentBytes?: number | undefined;
  readonly openFile?: OpenAppendFile | undefined;
}

/** The chain before the first record of a store. */
export const NEW_CHAIN: JournalPosition = { sequence: 0, epoch: 1, hash: new Uint8Array(32) };

export class Journal {
  readonly #folder: string;
  readonly #storeId: Uint8Array;
  readonly #storeSum: number;
  readonly #clock: Clock;
  readonly #segmentBytes: number;
  readonly #openFile: OpenAppendFile;
  #segment: OpenSegment | undefined;
  #file: AppendFile | undefined;
  #size = 0;
  /** The last durable record. */
  #end: JournalPosition;
  /** What the next record goes on from: the last one's hash, or that of the head in between. */
  #chainHash: Uint8Array;
  #failure: unknown;
  #sealedSegments = 0;
  /** Of the last segment, as far as it is synced. */
  #durableBytes: number;

  constructor(options: JournalOptions) {
    this.#folder = options.folder;
    this.#storeId = options.storeId;
    this.#storeSum = crc32c(options.storeId);
    this.#clock = options.clock;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#openFile = options.openFile ?? openAppendFile;
    this.#segment = options.segment;
    this.#end = options.end;
    this.#chainHash = options.chainHash;
    this.#durableBytes = options.segment?.size ?? 0;
  }

  /** The last durable record. */
  get end(): JournalPosition {
    return this.#end;
  }

  /** What the next record goes on from. */
  get chainHash(): Uint8Array {
    return this.#chainHash;
  }

  /** What is durable of the last segment; undefined when it is sealed. All before it are. */
  get durableSegment(): DurableSegment | undefined {
    return this.#segment === undefined
      ? undefined
      : { first: Number.parseInt(basename(this.#segment.path), 10), bytes: this.#durableBytes };
  }

  /** How many segments this journal has sealed since it was opened. */
  get sealedSegments(): number {
    return this.#sealedSegments;
  }

  /** Appends a group and makes it durable. */
  async append(rows: readonly Row[]): Promise<AppendedGroup> {
    return await this.appendRecords(encodeRows(rows));
  }

  /**
   * Appends a group of any size from records with room for their headers, one turn of the event loop for
   * each MiB. When the source fails, nothing of the group stays and the journal goes on.
   */
  async appendRecords(
    records: Iterable<RecordDraft> | AsyncIterable<RecordDraft>,
  ): Promise<AppendedGroup> {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    let file: AppendFile;
    try {
      file = await this.#roomyFile();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    const group = this.#group();
    const start = this.#size;
    const places: Row[] = [];
    try {
      await this.#writeGroup(file, group, noting(records, places, this.#here()));
    } catch (error) {
      this.#size = start;
      await this.#giveUp(file, error);
      throw error instanceof SourceFailure ? error.cause : error;
    }
    this.#end = group.end;
    this.#chainHash = group.end.hash;
    this.#durableBytes = this.#size;
    return { end: group.end, places };
  }

  /** Where the next record will stand. */
  #here(): Omit<LargePlace, 'length'> {
    assert(this.#segment !== undefined, 'a segment was begun');
    const segment = Number.parseInt(basename(this.#segment.path), 10);
    return { segment, offset: this.#size };
  }

  /**
   * Begins a segment with the head that it has elsewhere. This and the two after it make a copy, byte for byte;
   * whoever calls them has verified what is copied.
   */
  async beginCopy(head: Uint8Array): Promise<void> {
    await this.#copy(async () => {
      await this.#beginWith(head, this.#end.sequence + 1);
    });
  }

  /** Adds a record of a group; not yet durable. */
  async copyRecord(record: Uint8Array): Promise<void> {
    await this.#copy(async () => {
      await this.#write(await this.#copyFile(), [record]);
    });
  }

  /** Makes the group that has been copied durable. */
  async settleCopy(end: JournalPosition, isSeal: boolean): Promise<void> {
    await this.#copy(async () => {
      const file = await this.#copyFile();
      await file.sync();
      this.#end = end;
      this.#chainHash = end.hash;
      this.#durableBytes = this.#size;
      if (isSeal) {
        await this.#leaveSegment(file);
      }
    });
  }

  async #copyFile(): Promise<AppendFile> {
    assert(this.#segment !== undefined, 'a segment was begun');
    return await this.#openedFile(this.#segment);
  }

  async #copy(work: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    try {
      await work();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** Seals the last segment, so that every segment there is will not change any more. */
  async seal(): Promise<void> {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    try {
      if (this.#segment !== undefined) {
        await this.#seal(await this.#openedFile(this.#segment));
      }
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#failure ??= new Error('the journal is closed');
    await this.#file?.close();
    this.#file = undefined;
  }

  async #writeGroup(
    file: AppendFile,
    group: JournalGroup,
    records: AsyncIterable<RecordDraft>,
  ): Promise<void> {
    const writing = new GroupWriting(file);
    const add = (draft: RecordDraft, isGroupEnd: boolean): void => {
      const { large, head } = draft;
      const kind = large === undefined ? RecordKind.rows : RecordKind.large;
      const share =
        large === undefined
          ? head.length / BYTES_PER_TURN
          : large.bytes.length / LARGE_BYTES_PER_TURN;
      const isMade = large === undefined;
      writing.add(group.seal(draft, { kind, isGroupEnd }), { share, isMade });
    };
    // One record is held back: only the next one, or none, tells whether it is the group's last.
    let held: RecordDraft | undefined;
    try {
      for await (const draft of records) {
        if (held !== undefined) {
          add(held, false);
        }
        held = draft;
        if (writing.isTurnOver) {
          await writing.turn();
          await nextTurn();
        }
      }
      add(held ?? { head: new Uint8Array(HEADER_BYTES) }, true);
      await writing.finish();
    } finally {
      // Its failure is worse than the source's.
      await writing.settled();
    }
    this.#size += writing.bytes;
  }

  /** After a group that was not written to its end: what is there of it goes, or the journal stops. */
  async #giveUp(file: AppendFile, error: unknown): Promise<void> {
    if (!(error instanceof SourceFailure)) {
      this.#failure = error;
      return;
    }
    try {
      await file.cut(this.#size);
    } catch (failure) {
      this.#failure = failure;
      throw failure;
    }
  }

  #group(): JournalGroup {
    return new JournalGroup(
      { ...this.#end, chainHash: this.#chainHash, storeSum: this.#storeSum },
      this.#nowMs(),
    );
  }

  /** A clock that stands before 1970 must not stop anything. */
  #nowMs(): number {
    return Math.max(0, this.#clock.nowMs());
  }

  /** The file to write to; a full segment is sealed and a new one begun. */
  async #roomyFile(): Promise<AppendFile> {
    if (this.#segment !== undefined) {
      const file = await this.#openedFile(this.#segment);
      if (this.#size >= this.#segmentBytes) {
        await this.#seal(file);
      }
    }
    this.#file ??= await this.#begin();
    return this.#file;
  }

  async #openedFile({ path, size }: OpenSegment): Promise<AppendFile> {
    if (this.#file === undefined) {
      this.#file = await this.#openFile(path, size);
      this.#size = size;
    }
    return this.#file;
  }

  async #seal(file: AppendFile): Promise<void> {
    const group = this.#group();
    const seal = { kind: RecordKind.seal, isGroupEnd: true };
    await this.#write(file, group.seal({ head: new Uint8Array(HEADER_BYTES) }, seal));
    await file.sync();
    await this.#leaveSegment(file);
    this.#end = group.end;
    this.#chainHash = group.end.hash;
  }

  async #leaveSegment(file: AppendFile): Promise<void> {
    await file.close();
    this.#file = undefined;
    this.#segment = undefined;
    this.#sealedSegments += 1;
  }

  async #begin(): Promise<AppendFile> {
    const { sequence, epoch, hash } = this.#end;
    const head = encodeSegmentHead({
      storeId: this.#storeId,
      firstSequence: sequence + 1,
      epoch,
      createdMs: this.#nowMs(),
      previousHash: hash,
    });
    return await this.#beginWith(head, sequence + 1);
  }

  async #beginWith(head: Uint8Array, firstSequence: number): Promise<AppendFile> {
    const path = join(this.#folder, segmentName(firstSequence));
    await writeWholeFile(path, head);
    this.#segment = { path, size: SEGMENT_HEAD_BYTES };
    this.#chainHash = hashOfHead(head);
    this.#size = SEGMENT_HEAD_BYTES;
    this.#durableBytes = SEGMENT_HEAD_BYTES;
    this.#file = await this.#openFile(path, SEGMENT_HEAD_BYTES);
    return this.#file;
  }

  async #write(file: AppendFile, parts: readonly Uint8Array[]): Promise<void> {
    await file.append(parts);
    this.#size += parts.reduce((sum, part) => sum + part.length, 0);
  }
}

/** What whoever gives the records has failed with. */
class SourceFailure extends Error {}

/** Gives drafts on, and notes where the large values among them begin. */
async function* noting(
  records: Iterable<RecordDraft> | AsyncIterable<RecordDraft>,
  places: Row[],
  { segment, offset }: Omit<LargePlace, 'length'>,
): AsyncGenerator<RecordDraft, void, undefined> {
  let at = offset;
  try {
    for await (const draft of records) {
      const { head, large } = draft;
      if (large?.start === 0) {
        places.push(placeRow(large.sha256, { segment, offset: at, length: large.length }));
      }
      at += head.length + (large?.bytes.length ?? 0);
      yield draft;
    }
  } catch (cause) {
    throw new SourceFailure('the source of a group has failed', { cause });
  }
}
