/**
 * A file of the access journal, appended to.
 *
 * @module
 */

import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { FILE_HEADER } from './access-encoding.ts';
import { syncFolder } from './durable-file.ts';

export interface AccessFile {
  readonly number: number;
  /** Bytes that are written and synced. */
  readonly size: number;
  /** Appends and syncs; after a failure nothing of it counts, and it can be tried again. */
  append(bytes: Uint8Array): Promise<void>;
  /** True when what is under its name is another file, or none: it was removed or moved away while it is written to. */
  isGone(): Promise<boolean>;
  close(): Promise<void>;
}

/** `access-00000001.log` */
export function accessFileName(number: number): string {
  return `access-${number.toString().padStart(8, '0')}.log`;
}

/**
 * Opens a file to append behind `offset`, cutting off what follows; 0 makes a new one.
 */
export async function openAccessFile(
  folder: string,
  number: number,
  offset: number,
): Promise<AccessFile> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const handle = await open(join(folder, accessFileName(number)), offset === 0 ? 'w' : 'r+', 0o600);
  const path = join(folder, accessFileName(number));
  const file = new AppendedFile({ number, handle, path }, offset);
  if (offset === 0) {
    await file.append(FILE_HEADER);
    await syncFolder(folder);
  } else {
    await handle.truncate(offset);
    await handle.datasync();
  }
  return file;
}

class AppendedFile implements AccessFile {
  readonly number: number;
  readonly #handle: FileHandle;
  readonly #path: string;
  #size: number;
  #isDirty = false;

  constructor(
    opened: { readonly number: number; readonly handle: FileHandle; readonly path: string },
    size: number,
  ) {
    this.number = opened.number;
    this.#handle = opened.handle;
    this.#path = opened.path;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (this.#isDirty) {
      await this.#handle.truncate(this.#size);
    }
    this.#isDirty = true;
    for (let done = 0; done < bytes.length; ) {
      const rest = bytes.length - done;
      const { bytesWritten } = await this.#handle.write(bytes, done, rest, this.#size + done);
      done += bytesWritten;
    }
    await this.#handle.datasync();
    this.#isDirty = false;
    this.#size += bytes.length;
  }

  async isGone(): Promise<boolean> {
    const [own, named] = await Promise.all([
      this.#handle.stat(),
      stat(this.#path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') {
          return undefined;
        }
        throw error;
      }),
    ]);
    return named?.ino !== own.ino || named.dev !== own.dev;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
