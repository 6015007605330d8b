/**
 * Where a log's files come from: a folder, or an address (C2SP tlog-tiles).
 *
 * @module
 */

import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

import { readBoundedFile } from './bounded-file.ts';
import { VerifierError } from './errors.ts';

/** The files of a log, by path below its folder or address. */
export interface LogSource {
  /**
   * @returns undefined where there is no such file.
   * @throws {VerifierError} `VERIFIER_UNREADABLE`.
   */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Every file below `tile/`; undefined where that cannot be told. */
  list(): Promise<readonly string[] | undefined>;
}

/** More than any file of a log can have: 256 entries of 64 KiB with their lengths. */
const MAX_FILE_BYTES = 17 * 1024 * 1024;
const FETCH_TIMEOUT_MS = 30_000;

/** @param place A folder's path, or an address with `http:` or `https:`. */
export function openLogSource(place: string): LogSource {
  return /^https?:\/\//.test(place)
    ? addressSource(place.replace(/\/+$/, ''))
    : folderSource(place);
}

function folderSource(folder: string): LogSource {
  return {
    read: async (path) => {
      try {
        return await readBoundedFile(join(folder, path), MAX_FILE_BYTES);
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
          return undefined;
        }
        throw unreadable(join(folder, path), cause);
      }
    },
    list: async () => {
      try {
        const found = await readdir(join(folder, 'tile'), { recursive: true, withFileTypes: true });
        return found
          .filter((one) => !one.isDirectory())
          .map((one) => relative(folder, join(one.parentPath, one.name)).split(sep).join('/'));
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
          return [];
        }
        throw unreadable(folder, cause);
      }
    },
  };
}

function addressSource(address: string): LogSource {
  return {
    read: async (path) => {
      const url = `${address}/${path}`;
      try {
        const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
        if (answer.status === 404) {
          await answer.body?.cancel();
          return undefined;
        }
        if (!answer.ok) {
          throw new Error(`it answers ${answer.status}`);
        }
        return await readBounded(answer);
      } catch (cause) {
        throw unreadable(url, cause);
      }
    },
    list: async () => undefined,
  };
}

async function readBounded(answer: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > MAX_FILE_BYTES) {
      throw new Error(`it is longer than ${MAX_FILE_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function unreadable(what: string, cause: unknown): VerifierError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new VerifierError('VERIFIER_UNREADABLE', `${what} cannot be read: ${reason}`, { cause });
}
