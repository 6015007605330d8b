/**
 * Tiles: how a log's tree is cut into files (C2SP tlog-tiles). A tile of level 0 has the hashes of
 * 256 leaves, a tile of level n + 1 the root hashes of 256 tiles of level n. The last tile of a level
 * may be partial; what is in it never changes, it only grows.
 *
 * @module
 */

import { HASH_BYTES } from './merkle-tree.ts';

/** Levels of the tree that one tile spans. */
export const TILE_HEIGHT = 8;
/** Hashes in a full tile, and entries in a full bundle. */
export const TILE_WIDTH = 256;

export const FULL_TILE_BYTES: number = TILE_WIDTH * HASH_BYTES;

const WIDTH: bigint = BigInt(TILE_WIDTH);

/** `entries` stands for the bundles of entries, which are cut as level 0 is. */
export type TileLevel = number | 'entries';

/** Where a tile stands in a tree of some size. */
export interface TilePlace {
  readonly level: TileLevel;
  readonly index: bigint;
  /** 1 to 256 hashes or entries. */
  readonly width: number;
}

/** How many hashes a level has in a tree: complete subtrees of 256^level leaves. */
export function levelSize(level: TileLevel, treeSize: bigint): bigint {
  return level === 'entries' ? treeSize : treeSize >> BigInt(TILE_HEIGHT * level);
}

/** @returns undefined when the tree has no such tile. */
export function tileAt(level: TileLevel, index: bigint, treeSize: bigint): TilePlace | undefined {
  const rest = levelSize(level, treeSize) - index * WIDTH;
  return rest <= 0n ? undefined : { level, index, width: Number(rest < WIDTH ? rest : WIDTH) };
}

/**
 * Every tile of a tree, level by level from 0 and left to right, then every bundle.
 *
 * @param from Size of an earlier tree, whose full tiles are left out.
 */
export function* tilesOf(treeSize: bigint, from = 0n): Generator<TilePlace, void, undefined> {
  let level = 0;
  for (; levelSize(level, treeSize) > 0n; level += 1) {
    yield* levelTiles(level, treeSize, from);
  }
  yield* levelTiles('entries', treeSize, from);
}

function* levelTiles(
  level: TileLevel,
  treeSize: bigint,
  from: bigint,
): Generator<TilePlace, void, undefined> {
  let index = levelSize(level, from) / WIDTH;
  for (let tile = tileAt(level, index, treeSize); tile !== undefined; ) {
    yield tile;
    index += 1n;
    tile = tileAt(level, index, treeSize);
  }
}

/** The tile's path below the log's own address, e.g. `tile/0/x001/234.p/17`. */
export function tilePath({ level, index, width }: TilePlace): string {
  const digits = index.toString();
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const groups = padded.match(/\d{3}/g) ?? [];
  const last = groups.pop() ?? '000';
  const path = [...groups.map((group) => `x${group}`), last].join('/');
  return `tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

const PATH = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;
const MAX_PATH_CHARACTERS = 64;
const MAX_LEVEL = 63;

/** The reverse of {@link tilePath}; undefined for anything else. */
export function parseTilePath(path: string): TilePlace | undefined {
  const [, levelText, groups, widthText] =
    path.length > MAX_PATH_CHARACTERS ? [] : (PATH.exec(path) ?? []);
  if (levelText === undefined || groups === undefined) {
    return undefined;
  }
  const level: TileLevel = levelText === 'entries' ? 'entries' : Number(levelText);
  const index = BigInt(groups.replaceAll(/[x/]/g, ''));
  const width = widthText === undefined ? TILE_WIDTH : Number(widthText);
  const place = { level, index, width };
  // One path for each tile: no leading zeroes beyond those of a group, no ".p/256".
  const isInRange = level === 'entries' || level <= MAX_LEVEL;
  return isInRange && width <= TILE_WIDTH && tilePath(place) === path ? place : undefined;
}
