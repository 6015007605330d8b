/**
 * The bytes of the journal: the head of a segment, and records.
 *
 * A record, all numbers big-endian:
 *
 *      0   4  CRC-32C of the store id and the header's bytes 4 to 80
 *      4   4  length of the payload
 *      8   8  sequence number: one more than the record before
 *     16   8  sequence number of the first record of its group
 *     24   8  epoch: which writer; raised when a standby takes over
 *     32   8  time of writing, milliseconds since the epoch of time
 *     40   1  kind: rows, seal, or a piece of a large value
 *     41   1  1 when the record is the last of its group
 *     42   2  zero
 *     44   4  CRC-32C of the payload; of a piece of a large value CRC-32
 *     48  32  SHA-256 over the hash before, the header's bytes 4 to 48 and the payload; of a piece of a large value its first 48 bytes alone
 *     80      payload
 *
 * A large value is named by its own SHA-256, which is in those 48 bytes: the chain binds the name, the name binds the
 * bytes, and nothing is hashed twice. Accidents in its bytes are found record by record; who wants more checks the name
 * (`LargeValueCheck` in large-record.ts), as every reader of a value does.
 *
 * The checksums say quickly that bytes are not those that were written; the header has one of its own,
 * so that a damaged length is not taken for a record that was cut. It covers the store id, which nobody is
 * told: a value that someone has stored cannot look like a record. The hashes bind each record to all before it. Groups are what is made durable and applied as a whole.
 *
 * Not here: what a payload holds (`journal-rows.ts`), files (`journal-segment.ts`).
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { asBuffer, encodeUtf8, equalBytes } from '../../core/bytes.ts';
import { crc32c } from './crc32c.ts';

export const HEADER_BYTES = 80;
export const HASH_BYTES = 32;
export const SEGMENT_HEAD_BYTES = 128;
/** A record that claims more is damaged: bounded before memory is taken. */
export const MAX_PAYLOAD_BYTES: number = 64 * 1024 * 1024;

export const RecordKind = {
  /** Rows to be put and deleted. */
  rows: 1,
  /** The end of a segment; nothing follows in it. */
  seal: 2,
  /** A piece of a large value (large-record.ts). */
  large: 3,
} as const;

const KINDS: readonly number[] = Object.values(RecordKind);

/** What of a piece of a large value is not the value's own bytes: its SHA-256 (32), where it starts (8), the value's length (8). */
export const LARGE_PREFIX_BYTES = 48;

/** A record that has no header yet, but room for it. */
export interface RecordDraft {
  /** 80 bytes to be filled in, then the payload, or what comes before the bytes of {@link RecordDraft.large}. */
  readonly head: Uint8Array;
  /** The rest of the payload, which is not copied. */
  readonly large?: LargePiece;
}

/** A piece of a large value. */
export interface LargePiece {
  /** Of the whole value. */
  readonly sha256: Uint8Array;
  readonly start: number;
  /** Of the whole value. */
  readonly length: number;
  readonly bytes: Uint8Array;
}

export type RecordKindCode = (typeof RecordKind)[keyof typeof RecordKind];

export interface RecordHeader {
  readonly sequence: number;
  readonly groupStart: number;
  readonly epoch: number;
  readonly atMs: number;
  readonly kind: RecordKindCode;
  readonly isGroupEnd: boolean;
  readonly payloadBytes: number;
  readonly payloadSum: number;
  /** The chain's hash with this record. */
  readonly hash: Uint8Array;
}

/** What a record says of itself beside its payload. */
export type RecordPlace = Pick<
  RecordHeader,
  'sequence' | 'groupStart' | 'epoch' | 'atMs' | 'kind' | 'isGroupEnd'
>;

/** What a record is bound to. */
export interface RecordChain {
  /** CRC-32C of the store id. */
  readonly storeSum: number;
  /** The chain's hash before the record. */
  readonly hash: Uint8Array;
}

/**
 * Fills in the header of a draft, whose first 80 bytes are overwritten.
 *
 * @returns the chain's hash with it.
 */
export function sealRecord(
  { head, large }: RecordDraft,
  place: RecordPlace,
  chain: RecordChain,
): Uint8Array {
  const payload = head.subarray(HEADER_BYTES);
  const header = asBuffer(head).subarray(0, HEADER_BYTES);
  header.writeUInt32BE(payload.length + (large?.bytes.length ?? 0), 4);
  header.writeBigUInt64BE(BigInt(place.sequence), 8);
  header.writeBigUInt64BE(BigInt(place.groupStart), 16);
  header.writeBigUInt64BE(BigInt(place.epoch), 24);
  header.writeBigUInt64BE(BigInt(place.atMs), 32);
  header[40] = place.kind;
  header[41] = place.isGroupEnd ? 1 : 0;
  header[42] = 0;
  header[43] = 0;
  header.writeUInt32BE(sumOfPayload(place.kind, payload, large?.bytes), 44);
  const hash = chainHash(chain.hash, header, payload);
  header.set(hash, 48);
  header.writeUInt32BE(crc32c(header.subarray(4), chain.storeSum), 0);
  return hash;
}

/**
 * Reads the 80 bytes of a header.
 *
 * @returns undefined when they are not a header that was written so.
 */
export function parseRecordHeader(bytes: Uint8Array, storeSum: number): RecordHeader | undefined {
  const header = asBuffer(bytes);
  if (
    header.length < HEADER_BYTES ||
    header.readUInt32BE(0) !== crc32c(header.subarray(4, HEADER_BYTES), storeSum)
  ) {
    return undefined;
  }
  const kind = header[40] as RecordKindCode;
  const payloadBytes = header.readUInt32BE(4);
  const [sequence, groupStart, epoch, atMs] = [8, 16, 24, 32].map((at) =>
    Number(header.readBigUInt64BE(at)),
  );
  if (
    !KINDS.includes(kind) ||
    payloadBytes > MAX_PAYLOAD_BYTES ||
    sequence === undefined ||
    groupStart === undefined ||
    epoch === undefined ||
    atMs === undefined
  ) {
    return undefined;
  }
  return {
    ...{ sequence, groupStart, epoch, atMs, kind, payloadBytes },
    isGroupEnd: header[41] === 1,
    payloadSum: header.readUInt32BE(44),
    hash: Uint8Array.from(header.subarray(48, HEADER_BYTES)),
  };
}

/** True when header and payload are what was written, directly behind `previousHash`. */
export function isRecordIntact(
  header: Uint8Array,
  payload: Uint8Array,
  previousHash: Uint8Array,
): boolean {
  const kind = header[40] as RecordKindCode;
  const bound = kind === RecordKind.large ? payload.subarray(0, LARGE_PREFIX_BYTES) : payload;
  return (
    sumOfPayload(kind, payload) === asBuffer(header).readUInt32BE(44) &&
    equalBytes(chainHash(previousHash, header, bound), header.subarray(48, HEADER_BYTES))
  );
}

/** The checksum that a record of this kind has of its payload, of which `rest` is the end. */
export function sumOfPayload(
  kind: RecordKindCode,
  payload: Uint8Array,
  rest: Uint8Array = new Uint8Array(0),
): number {
  return kind === RecordKind.large ? crc32(rest, crc32(payload)) : crc32c(rest, crc32c(payload));
}

function chainHash(previous: Uint8Array, header: Uint8Array, payload: Uint8Array): Uint8Array {
  return createHash('sha256')
    .update(previous)
    .update(header.subarray(4, 48))
    .update(payload)
    .digest();
}

/** What a segment begins with. */
export interface SegmentHead {
  /** 16 random bytes, the same in all segments of a store and in its index. */
  readonly storeId: Uint8Array;
  readonly firstSequence: number;
  readonly epoch: number;
  readonly createdMs: number;
  /** The chain's hash at the end of the segment before; zeros in the first. */
  readonly previousHash: Uint8Array;
}

const MAGIC = encodeUtf8('certdir-journal 1\n');
export const STORE_ID_BYTES = 16;

/**
 * 128 bytes:
 *
 *      0  18  `certdir-journal 1` and a line feed
 *     18   6  zero
 *     24  16  store id
 *     40   8  first sequence number
 *     48   8  epoch
 *     56   8  time of creation
 *     64  32  the chain's hash before
 *     96  28  zero
 *    124   4  CRC-32C of all before
 */
export function encodeSegmentHead(head: SegmentHead): Uint8Array {
  const bytes = Buffer.alloc(SEGMENT_HEAD_BYTES);
  bytes.set(MAGIC);
  bytes.set(head.storeId, 24);
  bytes.writeBigUInt64BE(BigInt(head.firstSequence), 40);
  bytes.writeBigUInt64BE(BigInt(head.epoch), 48);
  bytes.writeBigUInt64BE(BigInt(head.createdMs), 56);
  bytes.set(head.previousHash, 64);
  bytes.writeUInt32BE(crc32c(bytes.subarray(0, 124)), 124);
  return bytes;
}

/** @returns undefined when the bytes are not a head that was written so. */
export function parseSegmentHead(bytes: Uint8Array): SegmentHead | undefined {
  const head = asBuffer(bytes);
  if (
    head.length !== SEGMENT_HEAD_BYTES ||
    !equalBytes(head.subarray(0, MAGIC.length), MAGIC) ||
    head.readUInt32BE(124) !== crc32c(head.subarray(0, 124))
  ) {
    return undefined;
  }
  return {
    storeId: Uint8Array.from(head.subarray(24, 40)),
    firstSequence: Number(head.readBigUInt64BE(40)),
    epoch: Number(head.readBigUInt64BE(48)),
    createdMs: Number(head.readBigUInt64BE(56)),
    previousHash: Uint8Array.from(head.subarray(64, 96)),
  };
}

/** The hash that the first record of a segment goes on from: it binds the head. */
export function hashOfHead(head: Uint8Array): Uint8Array {
  return createHash('sha256').update(head).digest();
}
