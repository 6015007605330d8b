/**
 * A transparency log in memory: its files as C2SP tlog-tiles lays them out, made from the entries by
 * the naive tree's rules or by the code under test.
 *
 * @module
 */

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { formatCheckpoint } from '../../src/tlog/checkpoint.ts';
import { encodeEntryBundle } from '../../src/tlog/entry-bundle.ts';
import {
  appendLeaf,
  emptyFrontier,
  hashComplete,
  hashLeaf,
  rootHash,
} from '../../src/tlog/merkle-tree.ts';
import { ed25519KeyOf, formatSignedNote, type NoteKey } from '../../src/tlog/signed-note.ts';
import { TILE_WIDTH, tilePath, tilesOf } from '../../src/tlog/tile.ts';

/** A log's key with its private half. */
export interface LogKey {
  readonly note: NoteKey;
  readonly privateKey: KeyObject;
}

export function makeLogKey(name = 'log.example/audit'): LogKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const key = ed25519KeyOf(spki);
  if (key === undefined) {
    throw new Error('no Ed25519 key');
  }
  return { note: { name, publicKey: key }, privateKey };
}

/** Root hash over the entries, by the code under test. */
export function rootOf(entries: readonly Uint8Array[]): Uint8Array {
  return rootHash(
    entries.reduce((tree, entry) => appendLeaf(tree, hashLeaf(entry)), emptyFrontier),
  );
}

/** A checkpoint over the entries as a signed note. */
export function signCheckpoint(
  entries: readonly Uint8Array[],
  { note, privateKey }: LogKey,
): string {
  const size = BigInt(entries.length);
  const text = formatCheckpoint({ origin: note.name, size, rootHash: rootOf(entries) });
  return formatSignedNote(text, note, sign(null, Buffer.from(text), privateKey));
}

/** The files of a log: tiles, bundles and checkpoint, by path. */
export function logFiles(entries: readonly Uint8Array[], key: LogKey): Map<string, Uint8Array> {
  const levels: Uint8Array[][] = [entries.map(hashLeaf)];
  for (let row = levels[0] ?? []; row.length >= TILE_WIDTH; ) {
    const next: Uint8Array[] = [];
    for (let at = 0; at + TILE_WIDTH <= row.length; at += TILE_WIDTH) {
      next.push(hashComplete(Buffer.concat(row.slice(at, at + TILE_WIDTH))));
    }
    levels.push(next);
    row = next;
  }
  const files = new Map<string, Uint8Array>();
  for (const place of tilesOf(BigInt(entries.length))) {
    const from = Number(place.index) * TILE_WIDTH;
    const to = from + place.width;
    const bytes =
      place.level === 'entries'
        ? encodeEntryBundle(entries.slice(from, to))
        : Buffer.concat(levels[place.level]?.slice(from, to) ?? []);
    files.set(tilePath(place), bytes);
  }
  files.set('checkpoint', Buffer.from(signCheckpoint(entries, key)));
  return files;
}
