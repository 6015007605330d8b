/**
 * Root hashes and proofs of a tree from its tiles: RFC 6962 §2.1.1 and §2.1.2, reading O(log n) tiles.
 *
 * Not here: checking proofs (`proof.ts`).
 *
 * @module
 */

import { TlogError } from './errors.ts';
import { emptyFrontier, HASH_BYTES, hashNode, rootHash } from './merkle-tree.ts';
import { TILE_HEIGHT, type TilePlace, tileAt, tilePath } from './tile.ts';
import { type TileCache, TileHashes } from './tile-hashes.ts';

/** Reads a tile's hashes, one after the other. `level` is a number. */
export type ReadTile = (place: TilePlace) => Promise<Uint8Array>;

/** A tree of one size over tiles, each read once. */
export class TreeReader {
  readonly #size: bigint;
  readonly #read: ReadTile;
  readonly #cache: TileCache | undefined;
  readonly #tiles = new Map<string, Promise<TileHashes>>();

  /** @param cache Of the same log; left out where tiles are to be looked at, not believed. */
  constructor(size: bigint, read: ReadTile, cache?: TileCache) {
    this.#size = size;
    this.#read = read;
    this.#cache = cache;
  }

  /** @throws {TlogError} `TLOG_TILE_MALFORMED`, and what reading a tile throws. */
  async rootHash(): Promise<Uint8Array> {
    return this.#size === 0n ? rootHash(emptyFrontier) : await this.#rangeHash(0n, this.#size);
  }

  /** Hash of a leaf, as the tiles have it. */
  leafHash(index: bigint): Promise<Uint8Array> {
    return this.#subtreeHash(0, index);
  }

  /**
   * The audit path of a leaf, from its sibling up (RFC 6962 §2.1.1).
   *
   * @param index Below the tree's size.
   */
  async inclusionProof(index: bigint): Promise<readonly Uint8Array[]> {
    const path: Uint8Array[] = [];
    let from = 0n;
    let to = this.#size;
    while (to - from > 1n) {
      const split = from + largestPowerBelow(to - from);
      if (index < split) {
        path.push(await this.#rangeHash(split, to));
        to = split;
      } else {
        path.push(await this.#rangeHash(from, split));
        from = split;
      }
    }
    return path.reverse();
  }

  /**
   * That this tree begins with the tree of `oldSize` leaves (RFC 6962 §2.1.2); empty when both are of
   * the same size, and for an old tree that is empty.
   *
   * @param oldSize At most the tree's size.
   */
  async consistencyProof(oldSize: bigint): Promise<readonly Uint8Array[]> {
    const path: Uint8Array[] = [];
    if (oldSize === 0n) {
      return path;
    }
    let from = 0n;
    let to = this.#size;
    let isWhole = true;
    while (oldSize < to) {
      const split = from + largestPowerBelow(to - from);
      if (oldSize <= split) {
        path.push(await this.#rangeHash(split, to));
        to = split;
      } else {
        path.push(await this.#rangeHash(from, split));
        from = split;
        isWhole = false;
      }
    }
    if (!isWhole) {
      path.push(await this.#rangeHash(from, to));
    }
    return path.reverse();
  }

  /** Hash of the tree over leaves `from` up to but not including `to`; `from` suits its height. */
  async #rangeHash(from: bigint, to: bigint): Promise<Uint8Array> {
    const count = to - from;
    const height = bitLength(count) - 1;
    if (count === 1n << BigInt(height)) {
      return await this.#subtreeHash(height, from >> BigInt(height));
    }
    const split = from + largestPowerBelow(count);
    return hashNode(await this.#rangeHash(from, split), await this.#rangeHash(split, to));
  }

  /** Root of the complete subtree of 2^height leaves, the `index`th of that height. */
  async #subtreeHash(height: number, index: bigint): Promise<Uint8Array> {
    const level = Math.floor(height / TILE_HEIGHT);
    const rest = height % TILE_HEIGHT;
    const first = index << BigInt(rest);
    const hashes = await this.#tile(level, first >> BigInt(TILE_HEIGHT));
    return hashes.node(rest, Number(first & 0xffn) >> rest);
  }

  #tile(level: number, index: bigint): Promise<TileHashes> {
    const place = tileAt(level, index, this.#size);
    if (place === undefined) {
      throw new RangeError(`a tree of ${this.#size} leaves has no tile ${level}/${index}`);
    }
    const path = tilePath(place);
    const known = this.#tiles.get(path) ?? this.#readChecked(place);
    this.#tiles.set(path, known);
    return known;
  }

  async #readChecked(place: TilePlace): Promise<TileHashes> {
    const cached = this.#cache?.get(place);
    if (cached !== undefined) {
      return cached;
    }
    const bytes = await this.#read(place);
    if (bytes.length !== place.width * HASH_BYTES) {
      throw new TlogError(
        'TLOG_TILE_MALFORMED',
        `${tilePath(place)} has ${bytes.length} bytes instead of ${place.width * HASH_BYTES}`,
      );
    }
    const hashes = new TileHashes(bytes);
    this.#cache?.put(place, hashes);
    return hashes;
  }
}

/** The largest power of two below `count`, which is at least 2. */
export function largestPowerBelow(count: bigint): bigint {
  return 1n << BigInt(bitLength(count - 1n) - 1);
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
