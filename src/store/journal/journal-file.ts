/**
 * Files of the journal: names, durable creation, appending.
 *
 * @module
 */

import { fdatasync, fsync, writev } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A segment that is being written. Appends and syncs come one after another. */
export interface AppendFile {
  /** Writes at the end as it is known here; not yet durable. */
  append(parts: readonly Uint8Array[]): Promise<void>;
  /** Makes everything appended durable. */
  sync(): Promise<void>;
  /** Cuts everything from `size` on, durably. */
  cut(size: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens a file that has `size` bytes for appending; fault tests put something in between. */
export type OpenAppendFile = (path: string, size: number) => Promise<AppendFile>;

export const openAppendFile: OpenAppendFile = async (path, size) =>
  new PositionedFile(await open(path, 'r+'), size);

class PositionedFile implements AppendFile {
  readonly #handle: FileHandle;
  #size: number;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#size = size;
  }

  async append(parts: readonly Uint8Array[]): Promise<void> {
    let left = parts.reduce((sum, part) => sum + part.length, 0);
    let rest = parts;
    while (left > 0) {
      const written = await this.#write(rest);
      this.#size += written;
      left -= written;
      rest = left === 0 ? [] : behind(rest, written);
    }
  }

  // Not the handle's own methods: these two calls are most of what a small transaction costs.
  #write(parts: readonly Uint8Array[]): Promise<number> {
    return new Promise((resolve, reject) => {
      writev(this.#handle.fd, parts, this.#size, (error, written) =>
        error === null ? resolve(written) : reject(error),
      );
    });
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#handle.fd, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  async cut(size: number): Promise<void> {
    await this.#handle.truncate(size);
    await new Promise<void>((resolve, reject) => {
      fsync(this.#handle.fd, (error) => (error === null ? resolve() : reject(error)));
    });
    this.#size = size;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** What is left of `parts` when their first `count` bytes are taken away. */
function behind(parts: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let skip = count;
  const rest: Uint8Array[] = [];
  for (const part of parts) {
    if (skip < part.length) {
      rest.push(part.subarray(skip));
    }
    skip = Math.max(0, skip - part.length);
  }
  return rest;
}

const NAME = /^(\d{16})\.journal$/;
const TEMPORARY = '.new';

/** The name of the segment that begins with a sequence number. */
export function segmentName(firstSequence: number): string {
  return `${String(firstSequence).padStart(16, '0')}.journal`;
}

/**
 * The first sequence numbers that the names in the folder tell, ascending.
 *
 * @returns an empty list where there is no folder.
 */
export async function listSegments(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) {
      return [];
    }
    throw error;
  });
  return names
    .map((name) => NAME.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((left, right) => left - right);
}

/** Makes the folder, durably. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await syncFolder(dirname(folder));
}

/** Makes a file that is there whole, durably, or not at all. */
export async function writeWholeFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}${TEMPORARY}`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Takes away what an interrupted {@link writeWholeFile} has left. */
export async function removeTemporaryFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith(TEMPORARY)) {
      await rm(join(folder, name));
    }
  }
}

/** Makes names in the folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether an error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
