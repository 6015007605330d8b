/**
 * Reads a segment of the journal from its start, verifying each record against those before it.
 *
 * @module
 */

import { type FileHandle, open } from 'node:fs/promises';

import { equalBytes } from '../../core/bytes.ts';
import { crc32c } from './crc32c.ts';
import {
  HEADER_BYTES,
  hashOfHead,
  isRecordIntact,
  parseRecordHeader,
  parseSegmentHead,
  type RecordHeader,
  RecordKind,
  SEGMENT_HEAD_BYTES,
  type SegmentHead,
} from './journal-record.ts';

/** Read ahead in one go. */
const WINDOW_BYTES = 1024 * 1024;

export interface JournalRecord {
  readonly header: RecordHeader;
  /** A view of what was read; stays as it is. */
  readonly payload: Uint8Array;
  /** Where the record begins in its file. */
  readonly offset: number;
  /** The segment's first sequence number, which names its file. */
  readonly segment: number;
}

/** Where reading stands: behind the last good record. */
export interface ReaderPlace {
  readonly offset: number;
  /** The sequence number that must come next. */
  readonly nextSequence: number;
  /** The chain's hash so far. */
  readonly hash: Uint8Array;
}

export class SegmentReader {
  readonly path: string;
  readonly head: SegmentHead;
  /** The file's size when it was opened. */
  readonly size: number;
  readonly storeSum: number;
  readonly #handle: FileHandle;
  #place: ReaderPlace;
  #epoch: number;
  #groupStart: number | undefined;
  #isSealed = false;
  #window: { readonly start: number; readonly bytes: Uint8Array } = {
    start: 0,
    bytes: new Uint8Array(0),
  };

  private constructor(
    { path, handle, size }: { path: string; handle: FileHandle; size: number },
    head: SegmentHead,
    headBytes: Uint8Array,
  ) {
    this.path = path;
    this.head = head;
    this.size = size;
    this.storeSum = crc32c(head.storeId);
    this.#handle = handle;
    this.#epoch = head.epoch;
    this.#place = {
      offset: SEGMENT_HEAD_BYTES,
      nextSequence: head.firstSequence,
      hash: hashOfHead(headBytes),
    };
  }

  /** @returns undefined when the head is not one that was written so. */
  static async open(path: string): Promise<SegmentReader | undefined> {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const bytes = await readAt(handle, 0, SEGMENT_HEAD_BYTES);
      const head = parseSegmentHead(bytes);
      if (head !== undefined) {
        return new SegmentReader({ path, handle, size }, head, bytes);
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }

  /** Behind the last record that {@link next} has given. */
  get place(): ReaderPlace {
    return this.#place;
  }

  /** True behind the seal. */
  get isSealed(): boolean {
    return this.#isSealed;
  }

  /** The first record of a group whose end has not come yet. */
  get openGroup(): number | undefined {
    return this.#groupStart;
  }

  /**
   * The next record.
   *
   * @returns undefined at the end, and where what follows is not a good record: then
   *   `place.offset` is below `size`.
   */
  async next(): Promise<JournalRecord | undefined> {
    const { offset, nextSequence, hash } = this.#place;
    if (this.#isSealed || offset + HEADER_BYTES > this.size) {
      return undefined;
    }
    const headerBytes = await this.bytes(offset, HEADER_BYTES);
    const header = parseRecordHeader(headerBytes, this.storeSum);
    if (header === undefined || offset + HEADER_BYTES + header.payloadBytes > this.size) {
      return undefined;
    }
    const groupStart = this.#groupStart ?? nextSequence;
    const payload = await this.bytes(offset + HEADER_BYTES, header.payloadBytes);
    if (
      header.sequence !== nextSequence ||
      header.groupStart !== groupStart ||
      header.epoch < this.#epoch ||
      payload.length !== header.payloadBytes ||
      !isRecordIntact(headerBytes, payload, hash)
    ) {
      return undefined;
    }
    this.#place = {
      offset: offset + HEADER_BYTES + header.payloadBytes,
      nextSequence: nextSequence + 1,
      hash: header.hash,
    };
    this.#epoch = header.epoch;
    this.#groupStart = header.isGroupEnd ? undefined : groupStart;
    this.#isSealed = header.kind === RecordKind.seal;
    return { header, payload, offset, segment: this.head.firstSequence };
  }

  /** Bytes of the file as they are; fewer at its end. */
  async bytes(offset: number, length: number): Promise<Uint8Array> {
    const from = offset - this.#window.start;
    if (from >= 0 && from + length <= this.#window.bytes.length) {
      return this.#window.bytes.subarray(from, from + length);
    }
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), Math.max(0, this.size - offset));
    const bytes = await readAt(this.#handle, offset, wanted);
    this.#window = { start: offset, bytes };
    return bytes.subarray(0, length);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** True when the head goes on from a chain that ended so. */
export function continues(head: SegmentHead, { nextSequence, hash }: ReaderPlace): boolean {
  return head.firstSequence === nextSequence && equalBytes(head.previousHash, hash);
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) {
      break;
    }
    filled += bytesRead;
  }
  return filled === length ? bytes : bytes.subarray(0, filled);
}
