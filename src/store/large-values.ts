/**
 * Large values (CRLs): kept once under their SHA-256, in pieces, with a count of references.
 *
 *     large            ‖ SHA-256 ‖ piece number (4)   a piece
 *     largeReferences  ‖ SHA-256                      references (8) ‖ length (8)
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { concatBytes, equalBytes } from '../core/bytes.ts';
import { StoreError } from './errors.ts';
import { decodeUint64, encodeUint64, Keyspace, keyOf } from './keyspace.ts';

/** Pieces keep LevelDB's blocks, and one turn of the event loop, small. */
const PIECE_BYTES = 256 * 1024;

/** How much is hashed or copied before other work gets a turn. */
const BYTES_PER_TURN = 1024 * 1024;

/** Reads of stored rows, in the store's own keyspaces too. */
export interface LargeValueRows {
  read(key: Uint8Array): Uint8Array | undefined;
}

/** Writes as well. */
export interface LargeValueWrites extends LargeValueRows {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
}

/** @throws {StoreError} `STORE_VALUE_DAMAGED` when a piece is missing or the hash is another. */
export async function readLargeValue(
  rows: LargeValueRows,
  sha256: Uint8Array,
): Promise<Uint8Array | undefined> {
  const head = readHead(rows, sha256);
  if (head === undefined) {
    return undefined;
  }
  const value = new Uint8Array(head.length);
  for (const { start, number } of piecesOf(head.length)) {
    const piece = rows.read(pieceKey(sha256, number));
    if (piece === undefined || piece.length !== Math.min(PIECE_BYTES, head.length - start)) {
      throw damaged();
    }
    value.set(piece, start);
    await yieldTurn(start);
  }
  if (!equalBytes(await hashLargeValue(value), sha256)) {
    throw damaged();
  }
  noteHash(value, sha256);
  return value;
}

/** The pieces of a value in order; none when there is no such value. @throws {StoreError} `STORE_VALUE_DAMAGED`. */
export async function* largeValuePieces(
  rows: LargeValueRows,
  sha256: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const length = largeValueLength(rows, sha256) ?? 0;
  for (const { start, number } of piecesOf(length)) {
    const piece = rows.read(pieceKey(sha256, number));
    if (piece === undefined || piece.length !== Math.min(PIECE_BYTES, length - start)) {
      throw damaged();
    }
    yield piece;
    await yieldTurn(start);
  }
}

/** Length of a value; undefined when it is not there. */
export function largeValueLength(rows: LargeValueRows, sha256: Uint8Array): number | undefined {
  return readHead(rows, sha256)?.length;
}

/** The hashes of arrays that were put or read: the same one is put again wherever else it is kept. */
const hashes = new WeakMap<Uint8Array, Uint8Array>();

function noteHash(value: Uint8Array, sha256: Uint8Array): void {
  hashes.set(value, Uint8Array.from(sha256));
}

/** The SHA-256 of an array that nobody changes any more; worked out once. */
export async function hashOfKept(value: Uint8Array, given?: Uint8Array): Promise<Uint8Array> {
  const sha256 = given ?? hashes.get(value) ?? (await hashLargeValue(value));
  noteHash(value, sha256);
  return Uint8Array.from(sha256);
}

/** Adds a reference, and the value itself with the first one. */
export async function putLargeValue(
  rows: LargeValueWrites,
  value: Uint8Array,
  given?: Uint8Array,
): Promise<Uint8Array> {
  const sha256 = await hashOfKept(value, given);
  if (!hasLargeValue(rows, sha256)) {
    await putPieces(rows, sha256, value);
  }
  addReferences(rows, sha256, { count: 1, length: value.length });
  return sha256;
}

/** Writes the pieces of a value, which a reference must follow. */
export async function putPieces(
  rows: Pick<LargeValueWrites, 'put'>,
  sha256: Uint8Array,
  value: Uint8Array,
): Promise<void> {
  for (const { start, number } of piecesOf(value.length)) {
    rows.put(pieceKey(sha256, number), value.subarray(start, start + PIECE_BYTES));
    await yieldTurn(start);
  }
}

/** Counts references to a value whose pieces are there, or are written in the same commit. */
export function addReferences(
  rows: LargeValueWrites,
  sha256: Uint8Array,
  { count, length }: { readonly count: number; readonly length: number },
): void {
  const references = readHead(rows, sha256)?.references ?? 0n;
  writeHead(rows, sha256, { references: references + BigInt(count), length });
}

/** @throws {StoreError} `STORE_LARGE_ABSENT` when nobody holds a reference. */
export function releaseLargeValue(rows: LargeValueWrites, sha256: Uint8Array): void {
  const head = readHead(rows, sha256);
  if (head === undefined) {
    throw new StoreError('STORE_LARGE_ABSENT', 'A large value was released that is not stored');
  }
  if (head.references > 1n) {
    writeHead(rows, sha256, { ...head, references: head.references - 1n });
    return;
  }
  for (const { number } of piecesOf(head.length)) {
    rows.delete(pieceKey(sha256, number));
  }
  rows.delete(headKey(sha256));
}

interface Head {
  readonly references: bigint;
  readonly length: number;
}

/** True when the value is stored, without reading it. */
export function hasLargeValue(rows: LargeValueRows, sha256: Uint8Array): boolean {
  return readHead(rows, sha256) !== undefined;
}

function readHead(rows: LargeValueRows, sha256: Uint8Array): Head | undefined {
  const bytes = rows.read(headKey(sha256));
  if (bytes === undefined) {
    return undefined;
  }
  return {
    references: decodeUint64(bytes.subarray(0, 8)),
    length: Number(decodeUint64(bytes.subarray(8, 16))),
  };
}

function writeHead(rows: LargeValueWrites, sha256: Uint8Array, head: Head): void {
  const value = concatBytes(encodeUint64(head.references), encodeUint64(head.length));
  rows.put(headKey(sha256), value);
}

function headKey(sha256: Uint8Array): Uint8Array {
  return keyOf(Keyspace.largeReferences, sha256);
}

function pieceKey(sha256: Uint8Array, number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return keyOf(Keyspace.large, sha256, bytes);
}

function* piecesOf(length: number): Generator<{ readonly start: number; readonly number: number }> {
  for (let start = 0; start < length; start += PIECE_BYTES) {
    yield { start, number: start / PIECE_BYTES };
  }
}

/** How many pieces a value of this length has. */
export function pieceCountOf(length: number): number {
  return Math.ceil(length / PIECE_BYTES);
}

/** SHA-256, in turns of the event loop. */
export async function hashLargeValue(value: Uint8Array): Promise<Uint8Array> {
  const digest = createHash('sha256');
  for (let start = 0; start < value.length; start += PIECE_BYTES) {
    digest.update(value.subarray(start, start + PIECE_BYTES));
    await yieldTurn(start);
  }
  return new Uint8Array(digest.digest());
}

async function yieldTurn(start: number): Promise<void> {
  if (start > 0 && start % BYTES_PER_TURN === 0) {
    await nextTurn();
  }
}

function damaged(): StoreError {
  return new StoreError('STORE_VALUE_DAMAGED', 'A large value is damaged. Restore a backup');
}
