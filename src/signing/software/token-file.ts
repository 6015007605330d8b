/**
 * The token file on the disk: read only when nobody else may read it, replaced atomically.
 *
 * @module
 */

import { open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

import { SigningError } from '../errors.ts';

/** Larger than any token with thousands of keys. */
const MAX_TOKEN_BYTES = 64 * 2 ** 20;

/**
 * @returns undefined when there is no such file.
 * @throws {SigningError} `SIGNING_TOKEN_EXPOSED` when others may read or write it,
 *   `SIGNING_TOKEN_ACCESS` when we may not, `SIGNING_TOKEN_DAMAGED` when it is far too long.
 */
export async function readTokenFile(file: string): Promise<Uint8Array | undefined> {
  try {
    const handle = await open(file, 'r');
    try {
      const { mode, size } = await handle.stat();
      assertOwnerOnly(file, mode);
      if (size > MAX_TOKEN_BYTES) {
        throw new SigningError('SIGNING_TOKEN_DAMAGED', `${file} is not a token: ${size} bytes`);
      }
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) {
      return undefined;
    }
    throw cause instanceof SigningError ? cause : inaccessible(file, 'read', cause);
  }
}

function assertOwnerOnly(file: string, mode: number): void {
  if ((mode & 0o077) !== 0) {
    throw new SigningError(
      'SIGNING_TOKEN_EXPOSED',
      `${file} is open to others (mode ${(mode & 0o777).toString(8)}); find out who had it, then run: chmod 600 ${file}`,
    );
  }
}

/**
 * Replaces the file so that a crash at any moment leaves the old content or the new, and resolves
 * when the new one is durable (the file and its folder are flushed). Mode 0600.
 *
 * @throws {SigningError} `SIGNING_TOKEN_ACCESS`. The new content may be there all the same when
 *   only the last flush failed.
 */
export async function replaceTokenFile(file: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${file}.new`;
  try {
    // What a crash may have left there is worth nothing.
    await unlinkIfThere(fresh);
    await writeDurably(fresh, bytes);
    await rename(fresh, file);
    await flushFolder(dirname(file));
  } catch (cause) {
    await unlinkIfThere(fresh).catch(() => undefined);
    throw inaccessible(file, 'written', cause);
  }
}

async function unlinkIfThere(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (cause) {
    if (!isCode(cause, 'ENOENT')) {
      throw cause;
    }
  }
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function inaccessible(file: string, what: 'read' | 'written', cause: unknown): SigningError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SigningError('SIGNING_TOKEN_ACCESS', `${file} cannot be ${what}: ${reason}`, {
    cause,
  });
}
