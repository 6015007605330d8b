/**
 * Large values in the journal: records of their own, each with a piece of the value, written from the caller's array and
 * read into the reader's. The index has a row that says where the first of them stands.
 *
 *     largePlace ‖ SHA-256    segment's first sequence number (8) ‖ offset of the first record (8) ‖ length (8)
 *
 * The pieces of a value stand one behind the other, so a place is enough to read all.
 *
 * Not here: which values are kept so, and their references (`large-values.ts`).
 *
 * @module
 */

import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

import { asBuffer, concatBytes, equalBytes } from '../../core/bytes.ts';
import { formatError } from '../../core/errors.ts';
import { StoreError } from '../errors.ts';
import { decodeUint64, encodeUint64, Keyspace, keyOf } from '../keyspace.ts';
import type { Row } from '../level/sorted-rows.ts';
import { sealValue } from '../level/value-checksum.ts';
import { isMissing, segmentName } from './journal-file.ts';
import {
  HASH_BYTES,
  HEADER_BYTES,
  LARGE_PREFIX_BYTES,
  type LargePiece,
  type RecordDraft,
  RecordKind,
  type RecordKindCode,
  sumOfPayload,
} from './journal-record.ts';

/** Of a value in one record; the last has what is left. */
export const LARGE_PIECE_BYTES: number = 1024 * 1024;

const FRAME_BYTES = HEADER_BYTES + LARGE_PREFIX_BYTES;

/** Where a value stands in the journal. */
export interface LargePlace {
  /** The first sequence number of the segment, which names its file. */
  readonly segment: number;
  /** Of the first record's header. */
  readonly offset: number;
  /** Of the value. */
  readonly length: number;
}

/** The key of the row that says where a value stands. */
export function placeKey(sha256: Uint8Array): Uint8Array {
  return keyOf(Keyspace.largePlace, sha256);
}

/** The row that says where a value stands. */
export function placeRow(sha256: Uint8Array, { segment, offset, length }: LargePlace): Row {
  const key = placeKey(sha256);
  const value = concatBytes(encodeUint64(segment), encodeUint64(offset), encodeUint64(length));
  return [key, sealValue(key, value)];
}

/** What {@link placeRow} has put into a value. */
export function decodePlace(value: Uint8Array): LargePlace {
  const [segment = 0, offset = 0, length = 0] = [0, 8, 16].map((at) =>
    Number(decodeUint64(value.subarray(at, at + 8))),
  );
  return { segment, offset, length };
}

/** The records of a value; its bytes are not copied. */
export function* draftLargeValue(
  sha256: Uint8Array,
  value: Uint8Array,
): Generator<RecordDraft, void, undefined> {
  const { length } = value;
  for (let start = 0; start < length; start += LARGE_PIECE_BYTES) {
    const head = new Uint8Array(FRAME_BYTES);
    head.set(sha256, HEADER_BYTES);
    head.set(encodeUint64(start), HEADER_BYTES + HASH_BYTES);
    head.set(encodeUint64(length), HEADER_BYTES + HASH_BYTES + 8);
    const bytes = value.subarray(start, start + LARGE_PIECE_BYTES);
    yield { head, large: { sha256, start, length, bytes } };
  }
}

/** @returns undefined when a payload does not hold a piece of a large value. */
export function parseLargePiece(payload: Uint8Array): LargePiece | undefined {
  if (payload.length <= LARGE_PREFIX_BYTES) {
    return undefined;
  }
  const sha256 = payload.subarray(0, HASH_BYTES);
  const start = Number(decodeUint64(payload.subarray(HASH_BYTES, HASH_BYTES + 8)));
  const length = Number(decodeUint64(payload.subarray(HASH_BYTES + 8, LARGE_PREFIX_BYTES)));
  const bytes = payload.subarray(LARGE_PREFIX_BYTES);
  const isPiece =
    start % LARGE_PIECE_BYTES === 0 && bytes.length === Math.min(LARGE_PIECE_BYTES, length - start);
  return isPiece ? { sha256, start, length, bytes } : undefined;
}

/** Looks, record by record, whether large values are the ones that their names say. */
export class LargeValueCheck {
  #open: { readonly piece: LargePiece; readonly hash: Hash; end: number } | undefined;

  /** @returns false when a value that ends here, or was broken off, is not what its name says. */
  take({ kind }: { readonly kind: RecordKindCode }, payload: Uint8Array): boolean {
    if (kind !== RecordKind.large) {
      return this.#open === undefined;
    }
    const piece = parseLargePiece(payload);
    const expected = this.#open?.end ?? 0;
    if (piece === undefined || piece.start !== expected || !this.#isSame(piece)) {
      return false;
    }
    const { start, length, bytes } = piece;
    // The name is needed for longer than the payload is there.
    const name = { ...piece, sha256: Uint8Array.from(piece.sha256), bytes: new Uint8Array(0) };
    this.#open ??= { piece: name, hash: createHash('sha256'), end: 0 };
    this.#open.hash.update(bytes);
    this.#open.end = start + bytes.length;
    if (this.#open.end < length) {
      return true;
    }
    const isRight = equalBytes(this.#open.hash.digest(), piece.sha256);
    this.#open = undefined;
    return isRight;
  }

  #isSame({ sha256, length }: LargePiece): boolean {
    const open = this.#open?.piece;
    return open === undefined || (open.length === length && equalBytes(open.sha256, sha256));
  }
}

/**
 * A value from the journal's files, checked against its name.
 *
 * @returns undefined when the segment is not there.
 * @throws {StoreError} `STORE_VALUE_DAMAGED`, `STORE_READ_FAILED`.
 */
export async function readPlacedValue(
  folder: string,
  sha256: Uint8Array,
  place: LargePlace,
): Promise<Uint8Array | undefined> {
  return await withSegment(folder, place, async (handle) => {
    const value = new Uint8Array(Buffer.allocUnsafeSlow(place.length).buffer);
    const hash = createHash('sha256');
    // One piece is read while the one before is hashed.
    let reading = readPiece(handle, place, { start: 0, target: value });
    for (let start = 0; start < place.length; ) {
      const { bytes } = await reading;
      start += bytes.length;
      if (start < place.length) {
        reading = readPiece(handle, place, { start, target: value });
        reading.catch(() => undefined);
      }
      hash.update(bytes);
    }
    if (!equalBytes(hash.digest(), sha256)) {
      throw damaged();
    }
    return value;
  });
}

/**
 * The pieces of a value from the journal's files, each verified by its checksum, and good until the next is asked for: two
 * arrays take turns, one is read into while the other is looked at.
 *
 * @returns false when the segment is not there.
 * @throws {StoreError} `STORE_VALUE_DAMAGED`, `STORE_READ_FAILED`.
 */
export async function* placedPieces(
  folder: string,
  sha256: Uint8Array,
  place: LargePlace,
): AsyncGenerator<Uint8Array, boolean, undefined> {
  const handle = await openSegment(folder, place);
  if (handle === undefined) {
    return false;
  }
  const targets = [new Uint8Array(LARGE_PIECE_BYTES), new Uint8Array(LARGE_PIECE_BYTES)] as const;
  const read = (start: number): ReturnType<typeof readPiece> => {
    const target = targets[(start / LARGE_PIECE_BYTES) % 2 === 0 ? 0 : 1];
    const reading = readPiece(handle, place, { start, target }).catch((error: unknown) => {
      throw error instanceof StoreError ? error : readFailed(error);
    });
    reading.catch(() => undefined);
    return reading;
  };
  let reading = read(0);
  try {
    for (let start = 0; start < place.length; start += LARGE_PIECE_BYTES) {
      const { frame, bytes } = await reading;
      if (start + LARGE_PIECE_BYTES < place.length) {
        reading = read(start + LARGE_PIECE_BYTES);
      }
      const prefix = frame.subarray(HEADER_BYTES);
      const isSound =
        sumOfPayload(RecordKind.large, prefix, bytes) === asBuffer(frame).readUInt32BE(44);
      if (!isSound || !equalBytes(prefix.subarray(0, HASH_BYTES), sha256)) {
        throw damaged();
      }
      yield bytes;
    }
  } finally {
    await reading.catch(() => undefined);
    await handle.close();
  }
  return true;
}

/** Reads a piece to where it belongs in an array for the whole value, or to the beginning of one that is shorter than that. */
async function readPiece(
  handle: FileHandle,
  { offset, length }: LargePlace,
  { start, target }: { readonly start: number; readonly target: Uint8Array },
): Promise<{ readonly frame: Uint8Array; readonly bytes: Uint8Array }> {
  const size = Math.min(LARGE_PIECE_BYTES, length - start);
  const to = target.length < length ? 0 : start;
  const frame = new Uint8Array(FRAME_BYTES);
  const bytes = target.subarray(to, to + size);
  const at = offset + start + (start / LARGE_PIECE_BYTES) * FRAME_BYTES;
  const { bytesRead } = await handle.readv([frame, bytes], at);
  if (bytesRead < FRAME_BYTES + size) {
    // The kernel may give less than was asked for, but only where the file ends has it nothing.
    await readRest(handle, { frame, bytes, at, from: bytesRead });
  }
  return { frame, bytes };
}

async function readRest(
  handle: FileHandle,
  part: {
    readonly frame: Uint8Array;
    readonly bytes: Uint8Array;
    readonly at: number;
    readonly from: number;
  },
): Promise<void> {
  const { frame, bytes, at } = part;
  const total = frame.length + bytes.length;
  for (let from = part.from; from < total; ) {
    const rest =
      from < frame.length ? [frame.subarray(from), bytes] : [bytes.subarray(from - frame.length)];
    const { bytesRead } = await handle.readv(rest, at + from);
    if (bytesRead === 0) {
      throw damaged();
    }
    from += bytesRead;
  }
}

async function openSegment(
  folder: string,
  { segment }: LargePlace,
): Promise<FileHandle | undefined> {
  try {
    return await open(join(folder, segmentName(segment)), 'r');
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw readFailed(error);
  }
}

async function withSegment<T>(
  folder: string,
  place: LargePlace,
  read: (handle: FileHandle) => Promise<T>,
): Promise<T | undefined> {
  const handle = await openSegment(folder, place);
  if (handle === undefined) {
    return undefined;
  }
  try {
    return await read(handle);
  } catch (error) {
    throw error instanceof StoreError ? error : readFailed(error);
  } finally {
    await handle.close();
  }
}

function damaged(): StoreError {
  return new StoreError(
    'STORE_VALUE_DAMAGED',
    'A large value in the journal is damaged: put its segment back from a backup, or from a standby',
  );
}

function readFailed(cause: unknown): StoreError {
  return new StoreError('STORE_READ_FAILED', `The journal was not read: ${formatError(cause)}`, {
    cause,
  });
}
