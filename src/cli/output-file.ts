/**
 * A file that a command answers into.
 *
 * @module
 */

import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { writingTo } from './output-error.ts';
import { UsageError } from './usage-error.ts';

/**
 * Lets `work` write `file`. A regular file is there, whole and on the disk, when the work has succeeded,
 * and as it was before when not; that it can be written at all is found out before the work begins.
 *
 * @param mode Permissions of a new file, e.g. `0o600`.
 * @throws {UsageError} when it cannot be written at all. @throws {OutputError} when the disk refuses it later.
 */
export async function withOutputFile<T>(
  file: string,
  mode: number,
  work: (write: (content: string | Uint8Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  // A terminal or a pipe is written to as it is; only files can be put in place at the end.
  const written = (await isReplaceable(file)) ? `${file}.partial` : file;
  const handle = await openForWriting(written, mode);
  try {
    const result = await work((content) => writingTo(file, () => handle.writeFile(content)));
    await writingTo(file, async () => {
      if (written !== file) {
        await handle.sync();
      }
      await handle.close();
      if (written !== file) {
        await rename(written, file);
        await syncFolder(dirname(file));
      }
    });
    return result;
  } catch (error) {
    await handle.close().catch(() => undefined);
    if (written !== file) {
      await rm(written, { force: true });
    }
    throw error;
  }
}

/** Removes a file, if it is there, so that it does not come back after a crash. */
export async function removeOutputFile(file: string): Promise<void> {
  await rm(file, { force: true });
  await syncFolder(dirname(file));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function isReplaceable(file: string): Promise<boolean> {
  const there = await stat(file).catch(() => undefined);
  if (there?.isDirectory() === true) {
    throw new UsageError(`${file} is a folder; name a file`);
  }
  return there?.isFile() ?? true;
}

async function openForWriting(file: string, mode: number): Promise<FileHandle> {
  try {
    return await open(file, 'w', mode);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`the answer cannot be written: ${reason}`, { cause });
  }
}
