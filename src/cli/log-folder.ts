/**
 * A folder with an export of the audit log. Files that are full are never written again; those that grew
 * are replaced, and only when everything is there and verifies does the new checkpoint follow.
 *
 * @module
 */

import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { syncFolder } from '../audit/durable-file.ts';
import { formatHex } from '../core/bytes.ts';
import type { AuditFile } from '../http/audit-operations.ts';
import { parseCheckpoint } from '../tlog/checkpoint.ts';
import { handoverPath } from '../tlog/key-lineage.ts';
import { parseNoteKey } from '../tlog/signed-note.ts';
import { parseTilePath, tilePath, tilesOf } from '../tlog/tile.ts';
import { openLogSource } from '../verifier/log-source.ts';
import { readKeys, verifyLog } from '../verifier/log-verification.ts';
import { writingTo } from './output-error.ts';
import { UsageError } from './usage-error.ts';

const KEY_FILE = 'audit-key.txt';

export class LogFolder {
  readonly path: string;
  /** Records that the folder has in full tiles at least; 0 of a new one. */
  readonly size: bigint;
  readonly #earlier: string | undefined;

  private constructor(path: string, earlier: string | undefined) {
    this.path = path;
    this.#earlier = earlier;
    this.size = earlier === undefined ? 0n : parseCheckpoint(textOf(earlier)).size;
  }

  /** @throws {UsageError} when it is neither empty nor an export. */
  static async open(path: string): Promise<LogFolder> {
    const folder = resolve(path);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const names = await readdir(folder);
    if (!names.includes('checkpoint')) {
      if (names.some((name) => !['tile', 'handover', KEY_FILE].includes(name))) {
        throw new UsageError(`${folder} is neither empty nor an export of the log`);
      }
      return new LogFolder(folder, undefined);
    }
    return new LogFolder(folder, await readFile(join(folder, 'checkpoint'), 'utf8'));
  }

  /**
   * Writes the files and checks the whole.
   *
   * @returns what is to be recorded.
   * @throws {OutputError} when the disk refuses it: what is there is completed the next time.
   * @throws {VerifierError} when what is in the folder does not verify, or is of another log.
   */
  update(
    files: AsyncIterable<AuditFile>,
  ): Promise<{ readonly size: string; readonly rootHash: string }> {
    return writingTo(this.path, () => this.#update(files));
  }

  async #update(
    files: AsyncIterable<AuditFile>,
  ): Promise<{ readonly size: string; readonly rootHash: string }> {
    const made = new Map<string, string>();
    const folders = new Set([this.path]);
    for await (const { path, content } of files) {
      const isKnown = parseTilePath(path) !== undefined;
      if (isKnown) {
        const file = join(this.path, path);
        await writeDurably(file, Buffer.from(content, 'base64'));
        for (let folder = dirname(file); folder !== this.path; folder = dirname(folder)) {
          folders.add(folder);
        }
      } else {
        made.set(path, Buffer.from(content, 'base64').toString('utf8'));
      }
    }
    const keyText = made.get(KEY_FILE) ?? '';
    const note = made.get('checkpoint') ?? '';
    const key = parseNoteKey(keyText);
    const source = openLogSource(this.path);
    const newSource = {
      ...source,
      read: async (path: string) => {
        const text = made.get(path);
        return text === undefined ? await source.read(path) : Buffer.from(text, 'utf8');
      },
    };
    const keys = await readKeys(newSource, key);
    const { size, rootHash } = keys.open(note);
    await this.#removePartial(size);
    const kept = this.#earlier === undefined ? [] : [keys.open(this.#earlier)];
    await verifyLog({ source: newSource, key, kept, entries: 'rest' });
    for (const at of keys.notes.keys()) {
      const path = handoverPath(at + 1);
      await writeDurably(join(this.path, path), made.get(path) ?? '');
      folders.add(dirname(join(this.path, path)));
    }
    await writeDurably(join(this.path, KEY_FILE), keyText);
    await writeDurably(join(this.path, 'checkpoint'), note);
    // Records may be removed as soon as it is on record that they are here.
    for (const folder of folders) {
      await syncFolder(folder);
    }
    return { size: size.toString(), rootHash: formatHex(rootHash) };
  }

  /** Tiles that have grown since stand under another name. */
  async #removePartial(size: bigint): Promise<void> {
    if (this.size === size) {
      return;
    }
    const current = new Set([...tilesOf(size)].map(tilePath));
    for (const place of tilesOf(this.size, this.size)) {
      const path = tilePath(place);
      if (!current.has(path)) {
        await rm(join(this.path, path), { force: true });
        await rm(dirname(join(this.path, path)), { force: true, recursive: false }).catch(
          () => undefined,
        );
      }
    }
  }
}

/** The signed part of a note. */
function textOf(note: string): string {
  return note.slice(0, note.lastIndexOf('\n\n') + 1);
}

async function writeDurably(file: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.new`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
