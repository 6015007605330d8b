/**
 * Verifies a log from its public form alone: the signed checkpoint, the tiles, the bundles of entries, and
 * checkpoints that somebody has kept. Every entry is hashed, every tile is made again and compared, and
 * the tree of every kept checkpoint is found within this one. Entries are records of certdir, which carry
 * their own number (audit/record-encoding.ts).
 *
 * No part of certdir that writes the log is used here.
 *
 * @module
 */

import { asBuffer, concatBytes, decodeUtf8, encodeUtf8, equalBytes } from '../core/bytes.ts';
import type { Checkpoint } from '../tlog/checkpoint.ts';
import { parseEntryBundle } from '../tlog/entry-bundle.ts';
import { TlogError } from '../tlog/errors.ts';
import { handoverPath, KeyLineage, MAX_HANDOVERS } from '../tlog/key-lineage.ts';
import {
  appendLeaf,
  emptyFrontier,
  HASH_BYTES,
  hashComplete,
  hashLeaf,
  type MerkleFrontier,
  rootHash,
} from '../tlog/merkle-tree.ts';
import { MAX_NOTE_CHARACTERS, type NoteKey } from '../tlog/signed-note.ts';
import { TILE_WIDTH, type TilePlace, tileAt, tilePath, tilesOf } from '../tlog/tile.ts';
import { VerifierError } from './errors.ts';
import type { LogSource } from './log-source.ts';

export interface LogClaim {
  readonly source: LogSource;
  /** Any of the log's, from where it is trusted; handovers lead from it to the others. */
  readonly key: NoteKey;
  /** Checkpoints of this log that were kept elsewhere. */
  readonly kept: readonly Checkpoint[];
  /**
   * `all`: every entry must be there. `rest`: the first ones may have been removed, as many as an entry of the log
   * says, and their hashes must be there. `none`: hashes alone are looked at.
   */
  readonly entries: 'all' | 'rest' | 'none';
}

export interface VerifiedLog {
  readonly checkpoint: Checkpoint;
  /** Entries that were read and hashed; of the others, only hashes. */
  readonly entriesRead: bigint;
}

const WIDTH = BigInt(TILE_WIDTH);

/**
 * @throws {VerifierError} what is wrong first. @throws {TlogError} when the checkpoint is none of the key.
 */
export async function verifyLog(claim: LogClaim): Promise<VerifiedLog> {
  const keys = await readKeys(claim.source, claim.key);
  const checkpoint = await readCheckpoint(claim.source, keys);
  const kept = [...keys.heads, ...claim.kept];
  const shortened = kept.find(({ size }) => size > checkpoint.size);
  if (shortened !== undefined) {
    throw new VerifierError(
      'VERIFIER_SHORTENED',
      `the log has ${checkpoint.size} entries, but there was a checkpoint over ${shortened.size}`,
    );
  }
  await expectNoOthers(claim, checkpoint.size);
  return await new LogReading({ ...claim, kept }, checkpoint).run();
}

/**
 * The log's keys, from one that is trusted: what it handed over to, and what handed over to it.
 *
 * @throws {TlogError} for handovers that do not follow one another.
 */
export async function readKeys(source: LogSource, key: NoteKey): Promise<KeyLineage> {
  const notes: string[] = [];
  for (let number = 1; number <= MAX_HANDOVERS; number += 1) {
    const bytes = await source.read(handoverPath(number));
    if (bytes === undefined) {
      break;
    }
    if (bytes.length > MAX_NOTE_CHARACTERS) {
      throw changed(`${handoverPath(number)} is too long`);
    }
    notes.push(decodeUtf8(bytes) ?? '');
  }
  return KeyLineage.follow(key, notes);
}

async function readCheckpoint(source: LogSource, keys: KeyLineage): Promise<Checkpoint> {
  const bytes = await source.read('checkpoint');
  if (bytes === undefined) {
    throw missing('checkpoint');
  }
  return keys.open(decodeUtf8(bytes) ?? '');
}

/** A file that does not belong is something that somebody has put there. */
async function expectNoOthers({ source }: LogClaim, size: bigint): Promise<void> {
  const found = await source.list();
  if (found === undefined) {
    return;
  }
  const expected = new Set<string>();
  for (const place of tilesOf(size)) {
    expected.add(tilePath(place));
  }
  const other = found.find((path) => !expected.has(path));
  if (other !== undefined) {
    throw new VerifierError('VERIFIER_UNEXPECTED', `${other} does not belong to the log`);
  }
}

/** One pass over the log. */
class LogReading {
  readonly #claim: LogClaim;
  readonly #checkpoint: Checkpoint;
  /** By height of tiles, the hashes of the tile that is growing. */
  readonly #growing: Uint8Array[][] = [];
  /** Over the full tiles of level 0. */
  #frontier: MerkleFrontier = emptyFrontier;
  #entriesRead = 0n;
  /** Full tiles at the start whose entries are not there. */
  #absent = 0n;
  /** How many entries were removed, as the last entry says that tells of it. */
  #removed = 0n;

  constructor(claim: LogClaim, checkpoint: Checkpoint) {
    this.#claim = claim;
    this.#checkpoint = checkpoint;
  }

  async run(): Promise<VerifiedLog> {
    const { size } = this.#checkpoint;
    const heads = [this.#checkpoint, ...this.#claim.kept];
    let index = 0n;
    for (let place = tileAt(0, 0n, size); place !== undefined; ) {
      const leaves = await this.#leaves(place);
      for (const head of heads) {
        this.#expectHead(head, index, leaves);
      }
      if (place.width === TILE_WIDTH) {
        await this.#addTile(index, leaves);
      }
      index += 1n;
      place = tileAt(0, index, size);
    }
    for (const head of heads) {
      this.#expectHead(head, index, []);
    }
    await this.#expectLastTiles();
    // What an entry says counts only now: it is known to be one of the log.
    if (this.#absent > this.#removed) {
      throw new VerifierError(
        'VERIFIER_MISSING',
        `the first ${this.#absent} entries are missing, and the log tells that ${this.#removed} were removed`,
      );
    }
    return { checkpoint: this.#checkpoint, entriesRead: this.#entriesRead };
  }

  /** The hashes of a tile of level 0, which are those of its entries. */
  async #leaves(place: TilePlace): Promise<readonly Uint8Array[]> {
    const tile = await this.#read(place);
    if (tile.length !== place.width * HASH_BYTES) {
      throw changed(`${tilePath(place)} has another length`);
    }
    const hashes = Array.from({ length: place.width }, (_, at) =>
      tile.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
    );
    const entries = await this.#entries(place);
    for (const [at, entry] of (entries ?? []).entries()) {
      const number = place.index * WIDTH + BigInt(at);
      if (!equalBytes(hashLeaf(entry), hashes[at] ?? tile)) {
        throw changed(`entry ${number} is not what it was`);
      }
      if (!isNumbered(entry, number)) {
        throw changed(`entry ${number} says that it is another one`);
      }
      this.#removed = removedBy(entry) ?? this.#removed;
    }
    this.#entriesRead += BigInt(entries?.length ?? 0);
    return hashes;
  }

  /** @returns undefined where hashes have to do. */
  async #entries(place: TilePlace): Promise<readonly Uint8Array[] | undefined> {
    if (this.#claim.entries === 'none') {
      return undefined;
    }
    const bundle: TilePlace = { ...place, level: 'entries' };
    const bytes = await this.#claim.source.read(tilePath(bundle));
    if (bytes === undefined) {
      const isFirst = this.#entriesRead === 0n && place.width === TILE_WIDTH;
      if (this.#claim.entries === 'rest' && isFirst) {
        this.#absent += WIDTH;
        return undefined;
      }
      throw missing(tilePath(bundle));
    }
    try {
      return parseEntryBundle(bytes, place.width);
    } catch (cause) {
      if (cause instanceof TlogError) {
        throw changed(`${tilePath(bundle)}: ${cause.message}`);
      }
      throw cause;
    }
  }

  /** Compares a tree whose last leaf is in this tile, or that ends before it. */
  #expectHead(head: Checkpoint, index: bigint, leaves: readonly Uint8Array[]): void {
    const isHere = head.size / WIDTH === index;
    if (!isHere) {
      return;
    }
    let partial = emptyFrontier;
    for (const leaf of leaves.slice(0, Number(head.size % WIDTH))) {
      partial = appendLeaf(partial, leaf);
    }
    const peaks = [...this.#frontier.peaks, ...partial.peaks];
    if (equalBytes(rootHash({ size: head.size, peaks }), head.rootHash)) {
      return;
    }
    if (head === this.#checkpoint) {
      throw changed('the entries do not give the root hash of the checkpoint');
    }
    throw new VerifierError(
      'VERIFIER_FORKED',
      `the log does not begin with the ${head.size} entries of a checkpoint that was kept`,
    );
  }

  async #addTile(index: bigint, leaves: readonly Uint8Array[]): Promise<void> {
    let node = hashComplete(concatBytes(...leaves));
    this.#frontier = appendLeaf(this.#frontier, node);
    let at = index;
    for (let level = 1; ; level += 1) {
      const row = this.#growing[level] ?? [];
      this.#growing[level] = row;
      row.push(node);
      if (row.length < TILE_WIDTH) {
        return;
      }
      at /= WIDTH;
      const hashes = concatBytes(...row.splice(0));
      await this.#expectTile({ level, index: at, width: TILE_WIDTH }, hashes);
      node = hashComplete(hashes);
    }
  }

  /** The tiles above level 0 that are not full. */
  async #expectLastTiles(): Promise<void> {
    for (const [level, row = []] of this.#growing.entries()) {
      if (row.length > 0) {
        const index = this.#checkpoint.size >> BigInt(8 * (level + 1));
        await this.#expectTile({ level, index, width: row.length }, concatBytes(...row));
      }
    }
  }

  async #expectTile(place: TilePlace, hashes: Uint8Array): Promise<void> {
    if (!equalBytes(await this.#read(place), hashes)) {
      throw changed(`${tilePath(place)} does not fit the entries`);
    }
  }

  async #read(place: TilePlace): Promise<Uint8Array> {
    const bytes = await this.#claim.source.read(tilePath(place));
    if (bytes === undefined) {
      throw missing(tilePath(place));
    }
    return bytes;
  }
}

/** A record of certdir begins with its number, so that none can be added twice. */
function isNumbered(entry: Uint8Array, number: bigint): boolean {
  const start = encodeUtf8(`{"v":1,"sequence":"${number}",`);
  return equalBytes(entry.subarray(0, start.length), start);
}

/** How far an entry says that records were removed; undefined for all others. */
function removedBy(entry: Uint8Array): bigint | undefined {
  const bytes = asBuffer(entry);
  if (!bytes.includes('"kind":"audit.prune","result":"done"')) {
    return undefined;
  }
  try {
    const { kind, details } = JSON.parse(bytes.toString('utf8')) as {
      readonly kind?: unknown;
      readonly details?: { readonly below?: unknown };
    };
    const below = details?.below;
    return kind === 'audit.prune' && typeof below === 'string' && /^\d{1,20}$/.test(below)
      ? BigInt(below)
      : undefined;
  } catch {
    return undefined;
  }
}

function changed(why: string): VerifierError {
  return new VerifierError('VERIFIER_CHANGED', why);
}

function missing(path: string): VerifierError {
  return new VerifierError('VERIFIER_MISSING', `${path} is missing`);
}
