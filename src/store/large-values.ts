/**
 * Large values (CRLs): kept once under their SHA-256, with a count of references.
 *
 *     largeReferences  ‖ SHA-256                      references (8) ‖ length (8)
 *     large            ‖ SHA-256 ‖ piece number (4)   a piece
 *     largePlace       ‖ SHA-256                      where in the journal the whole value stands (large-record.ts)
 *
 * One of up to 256 KiB is a piece. A larger one is written once, into the journal, and the index knows its place; in
 * pieces are those of a bulk load, of stores from before there were places, and what was moved out of a segment that was
 * retired. (docs/decisions/0013)
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { concatBytes, equalBytes } from '../core/bytes.ts';
import { StoreError } from './errors.ts';
import {
  decodePlace,
  type LargePlace,
  placedPieces,
  placeKey,
  readPlacedValue,
} from './journal/large-record.ts';
import { decodeUint64, encodeUint64, Keyspace, keyOf } from './keyspace.ts';

/** Pieces keep LevelDB's blocks, and one turn of the event loop, small. */
const PIECE_BYTES = 256 * 1024;

/** How much is hashed or copied before other work gets a turn. */
const BYTES_PER_TURN = 1024 * 1024;

/** Reads of stored rows, in the store's own keyspaces too. */
export interface LargeValueRows {
  readonly journalFolder: string;
  read(key: Uint8Array): Uint8Array | undefined;
  /** The database's row as it is now, whatever state is read. */
  readNewest(key: Uint8Array): Uint8Array | undefined;
  /** What is put under a key and not flushed; null where it was deleted; undefined where only the database knows. */
  unflushed(key: Uint8Array): Uint8Array | null | undefined;
}

/** Writes as well. */
export interface LargeValueWrites extends LargeValueRows {
  put(key: Uint8Array, value: Uint8Array): void;
  /** Puts a large value under the key of its place, as it is. */
  putWhole(key: Uint8Array, value: Uint8Array): void;
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
  const found = findPlace(rows, sha256, head);
  if (found instanceof Uint8Array) {
    return found;
  }
  const placed = found && (await readPlacedValue(rows.journalFolder, sha256, found));
  const value = placed ?? (await joinPieces(rows, sha256, head.length));
  noteHash(value, sha256);
  return value;
}

/** Where the journal has a value, or the value itself while it is being put; undefined when it is in pieces. */
function findPlace(
  rows: LargeValueRows,
  sha256: Uint8Array,
  head: Head,
): LargePlace | Uint8Array | undefined {
  const key = placeKey(sha256);
  const unflushed = rows.unflushed(key);
  if (unflushed !== undefined) {
    return unflushed ?? undefined;
  }
  const stored = rows.read(key);
  if (stored === undefined) {
    return undefined;
  }
  const place = decodePlace(stored);
  if (place.length !== head.length) {
    throw damaged();
  }
  return place;
}

async function joinPieces(
  rows: LargeValueRows,
  sha256: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  const value = new Uint8Array(length);
  for (const { start, number } of piecesOf(length)) {
    value.set(readPiece(rows, sha256, { start, number, length }), start);
    await yieldTurn(start);
  }
  if (!equalBytes(await hashLargeValue(value), sha256)) {
    throw damaged();
  }
  return value;
}

function readPiece(
  rows: LargeValueRows,
  sha256: Uint8Array,
  { start, number, length }: PiecePlace & { readonly length: number },
): Uint8Array {
  const key = pieceKey(sha256, number);
  // It may have been moved into pieces while somebody was still reading a state from before.
  const piece = rows.read(key) ?? rows.readNewest(key);
  if (piece === undefined || piece.length !== Math.min(PIECE_BYTES, length - start)) {
    throw damaged();
  }
  return piece;
}

/** The pieces of a value in order; none when there is no such value. @throws {StoreError} `STORE_VALUE_DAMAGED`. */
export async function* largeValuePieces(
  rows: LargeValueRows,
  sha256: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const head = readHead(rows, sha256);
  if (head === undefined) {
    return;
  }
  const found = findPlace(rows, sha256, head);
  if (found instanceof Uint8Array) {
    yield* piecesInMemory(found);
    return;
  }
  if (found !== undefined && (yield* placedPieces(rows.journalFolder, sha256, found))) {
    return;
  }
  const { length } = head;
  for (const { start, number } of piecesOf(length)) {
    yield readPiece(rows, sha256, { start, number, length });
    await yieldTurn(start);
  }
}

/** Pieces of a value that is at hand. */
export async function* piecesInMemory(
  value: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let start = 0; start < value.length; start += BYTES_PER_TURN) {
    yield value.subarray(start, start + BYTES_PER_TURN);
    await nextTurn();
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
    if (value.length > PIECE_BYTES) {
      rows.putWhole(placeKey(sha256), value);
    } else {
      await putPieces(rows, sha256, value);
    }
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
  rows.delete(headKey(sha256));
  if (head.length > PIECE_BYTES) {
    rows.delete(placeKey(sha256));
  }
  // Also where there are none: another machine that has this journal may have moved the value into pieces.
  for (const { number } of piecesOf(head.length)) {
    rows.delete(pieceKey(sha256, number));
  }
}

/** Whether all of a value stands in the journal, without reading it. */
export function isPlaced(rows: LargeValueRows, sha256: Uint8Array): boolean {
  const head = readHead(rows, sha256);
  return head !== undefined && findPlace(rows, sha256, head) !== undefined;
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

export function pieceKey(sha256: Uint8Array, number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return keyOf(Keyspace.large, sha256, bytes);
}

interface PiecePlace {
  readonly start: number;
  readonly number: number;
}

function* piecesOf(length: number): Generator<PiecePlace> {
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
