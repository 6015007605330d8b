/**
 * The prefix byte that every key starts with: which folder owns it and what it holds. A prefix is
 * never given a second meaning; a changed layout gets a new one and a step in UPGRADING.md.
 *
 * @module
 */

export const Keyspace = {
  /** store: format version, store identity. */
  meta: 0x01,
  /** store: large values by SHA-256, and their reference counts. */
  large: 0x02,
  largeReferences: 0x03,
  /** store: where in the journal a large value stands that is not in pieces here; of this machine's files alone. */
  largePlace: 0x04,
  /** audit: records by sequence number; the tree's state, marks, the last checkpoint. */
  auditRecord: 0x10,
  auditState: 0x11,
  /** audit: tiles of the tree's hashes, by level and index. */
  auditTile: 0x12,
  /** audit: how far the access journal is sealed; accounts of what was provided. */
  access: 0x13,
  /** directory: entries by normalised name, children, index postings, UUIDs, counters. */
  entry: 0x20,
  child: 0x21,
  index: 0x22,
  entryUuid: 0x23,
  directoryState: 0x24,
  /** ca: everything the engine knows; the second byte is the CA's own table. */
  ca: 0x30,
  /** ca: what holds back signing after a restore. */
  recovery: 0x31,
  /** scheduler and app: jobs' last results. */
  job: 0x40,
  /** app: what the files of ceremonies have said. */
  ceremony: 0x41,
  /** app: what was answered to requests of the API that may come again. */
  answer: 0x42,
} as const;

/** Keyspaces below this one belong to the store itself and cannot be reached through it. */
export const FIRST_KEYSPACE = 0x10;

/** A key: the prefix byte followed by `parts`. */
export function keyOf(keyspace: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 1;
  for (const part of parts) {
    length += part.length;
  }
  const key = new Uint8Array(length);
  key[0] = keyspace;
  let offset = 1;
  for (const part of parts) {
    key.set(part, offset);
    offset += part.length;
  }
  return key;
}

/** Eight bytes, big-endian, so that numbers sort as keys. */
export function encodeUint64(value: bigint | number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** The reverse of {@link encodeUint64}. */
export function decodeUint64(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0);
}
