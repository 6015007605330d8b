/**
 * A tile as a part of the tree: its hashes, and the nodes above them, each hashed when it is first asked for.
 *
 * @module
 */

import { HASH_BYTES, hashNode } from './merkle-tree.ts';
import { TILE_WIDTH, type TilePlace, tilePath } from './tile.ts';

/** Of a full tile, and so of any. */
const NODES = 2 * TILE_WIDTH - 1;

export class TileHashes {
  /** Row by row, the tile's own hashes first. */
  readonly #nodes = new Uint8Array(NODES * HASH_BYTES);
  readonly #isKnown = new Uint8Array(NODES);

  /** @param hashes One after the other, at most 256. */
  constructor(hashes: Uint8Array) {
    this.#nodes.set(hashes);
    this.#isKnown.fill(1, 0, hashes.length / HASH_BYTES);
  }

  /**
   * Root of the complete subtree of 2^height of the tile's hashes, the `index`th of that height.
   *
   * @param height At most 8; the tile must have all of these hashes.
   */
  node(height: number, index: number): Uint8Array {
    const at = 2 * TILE_WIDTH - ((2 * TILE_WIDTH) >> height) + index;
    const offset = at * HASH_BYTES;
    if (this.#isKnown[at] !== 1) {
      if (height === 0) {
        throw new RangeError(`the tile has no hash ${index}`);
      }
      const node = hashNode(this.node(height - 1, 2 * index), this.node(height - 1, 2 * index + 1));
      this.#nodes.set(node, offset);
      this.#isKnown[at] = 1;
    }
    return this.#nodes.subarray(offset, offset + HASH_BYTES);
  }
}

/**
 * Tiles that many proofs pass through: those above level 0, and the last one of level 0. What a tile of a log
 * holds, its place and width say for good; so nothing in here is ever outdated. The least recently used goes.
 */
export class TileCache {
  readonly #tiles = new Map<string, TileHashes>();
  readonly #maxTiles: number;

  /** @param maxTiles Some 17 KB each. */
  constructor(maxTiles = 256) {
    this.#maxTiles = maxTiles;
  }

  get(place: TilePlace): TileHashes | undefined {
    const path = tilePath(place);
    const known = this.#tiles.get(path);
    if (known !== undefined) {
      this.#tiles.delete(path);
      this.#tiles.set(path, known);
    }
    return known;
  }

  put(place: TilePlace, hashes: TileHashes): void {
    const isOneOfMany = place.level === 0 && place.width === TILE_WIDTH;
    if (isOneOfMany) {
      return;
    }
    this.#tiles.set(tilePath(place), hashes);
    const [oldest] = this.#tiles.keys();
    if (this.#tiles.size > this.#maxTiles && oldest !== undefined) {
      this.#tiles.delete(oldest);
    }
  }
}
