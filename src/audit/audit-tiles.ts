/**
 * The tree's hashes in the store, cut into tiles (tlog/tile.ts):
 *
 *     auditTile ‖ level (1) ‖ index (8)    hashes, one after the other
 *
 * Tiles of level 0 are kept when they are full; until then their records are at hand and are hashed
 * when they are asked for. Tiles above grow by one hash with every 256 or more records. So an append
 * costs no more than it did without tiles, but for one in 256.
 *
 * @module
 */

import { concatBytes, prefixEnd } from '../core/bytes.ts';
import { encodeUint64, Keyspace, keyOf } from '../store/keyspace.ts';
import type { KeyRange, ReadView, Store, Transaction } from '../store/store.ts';
import { HASH_BYTES, hashComplete, hashLeaf } from '../tlog/merkle-tree.ts';
import { FULL_TILE_BYTES, TILE_WIDTH, type TilePlace, tilePath } from '../tlog/tile.ts';
import { readFrontier } from './audit-state.ts';
import { AuditError } from './errors.ts';

const WIDTH = BigInt(TILE_WIDTH);

/** Where a record is kept. */
export function recordKey(sequence: bigint): Uint8Array {
  return keyOf(Keyspace.auditRecord, encodeUint64(sequence));
}

/** Every record from a number on. */
export function recordsFrom(sequence: bigint): KeyRange {
  const end = prefixEnd(keyOf(Keyspace.auditRecord));
  return { gte: recordKey(sequence), ...(end === undefined ? {} : { lt: end }) };
}

/**
 * Puts the hashes into their tiles when a bundle of records has become full.
 *
 * @param size Number of records, the last within this transaction.
 */
export async function extendTiles(transaction: Transaction, size: bigint): Promise<void> {
  if (size % WIDTH !== 0n || size === 0n) {
    return;
  }
  let index = size / WIDTH - 1n;
  let tile = concatBytes(
    ...(await leafHashes(transaction, { level: 0, index, width: TILE_WIDTH })),
  );
  transaction.put(tileKey(0, index), tile);
  for (let level = 1; tile.length === FULL_TILE_BYTES; level += 1) {
    const before = Number(index % WIDTH) * HASH_BYTES;
    const node = hashComplete(tile);
    index /= WIDTH;
    const grown = (await transaction.read(tileKey(level, index))) ?? new Uint8Array(0);
    if (grown.length !== before) {
      throw damaged({ level, index, width: before / HASH_BYTES + 1 });
    }
    tile = concatBytes(grown, node);
    transaction.put(tileKey(level, index), tile);
  }
}

/**
 * The hashes of a tile, in a log that has them.
 *
 * @throws {AuditError} `AUDIT_TILE_DAMAGED`, `AUDIT_RECORD_MISSING`.
 */
export async function readTile(view: ReadView, place: TilePlace): Promise<Uint8Array> {
  const { level, index, width } = place;
  if (level === 'entries') {
    throw new RangeError('bundles of entries are no hashes');
  }
  const stored = await view.read(tileKey(level, index));
  if (stored !== undefined && stored.length >= width * HASH_BYTES) {
    return stored.subarray(0, width * HASH_BYTES);
  }
  if (level > 0 || width === TILE_WIDTH) {
    throw damaged(place);
  }
  return concatBytes(...(await leafHashes(view, place)));
}

/** The records of a bundle as they are kept, in order. @throws {AuditError} `AUDIT_RECORD_MISSING`. */
export async function readBundle(
  view: ReadView,
  { index, width }: Pick<TilePlace, 'index' | 'width'>,
): Promise<readonly Uint8Array[]> {
  const first = index * WIDTH;
  const range = { gte: recordKey(first), lt: recordKey(first + BigInt(width)) };
  const records: Uint8Array[] = [];
  for await (const [, bytes] of view.range(range)) {
    records.push(bytes);
  }
  if (records.length !== width) {
    throw new AuditError(
      'AUDIT_RECORD_MISSING',
      `Of the audit records ${first} to ${first + BigInt(width - 1)} there are ${records.length}`,
    );
  }
  return records;
}

/** Tiles of a store that was written before there were any. At most this many bundles at a time. */
const BUNDLES_PER_TRANSACTION = 64n;

/**
 * Makes tiles that are missing. Nothing is done where none is.
 *
 * @throws {AuditError} `AUDIT_RECORD_MISSING`, `AUDIT_TILE_DAMAGED`.
 */
export async function settleTiles(store: Store): Promise<void> {
  for (let isSettled = false; !isSettled; ) {
    isSettled = await store.transact('audit: settle tiles', async (transaction) => {
      const full = (await readFrontier(transaction)).size / WIDTH;
      let index = await countTiles(transaction, full);
      const end = index + BUNDLES_PER_TRANSACTION;
      for (; index < full && index < end; index += 1n) {
        await extendTiles(transaction, (index + 1n) * WIDTH);
      }
      return index >= full;
    });
  }
}

/** How many tiles of level 0 there are, if all are there looking at one alone. */
async function countTiles(view: ReadView, full: bigint): Promise<bigint> {
  if (full === 0n || (await view.read(tileKey(0, full - 1n))) !== undefined) {
    return full;
  }
  let count = 0n;
  const range = { gte: tileKey(0, 0n), lt: tileKey(1, 0n) };
  for await (const _key of view.keys(range)) {
    count += 1n;
  }
  return count;
}

async function leafHashes(view: ReadView, place: TilePlace): Promise<readonly Uint8Array[]> {
  return (await readBundle(view, place)).map(hashLeaf);
}

function tileKey(level: number, index: bigint): Uint8Array {
  return keyOf(Keyspace.auditTile, Uint8Array.of(level), encodeUint64(index));
}

function damaged(place: TilePlace): AuditError {
  return new AuditError(
    'AUDIT_TILE_DAMAGED',
    `${tilePath(place)} of the audit log is not as it was written`,
  );
}
