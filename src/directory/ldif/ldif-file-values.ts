/**
 * Values that LDIF gives as URLs of files (`attribute:< file:///…`, RFC 2849): read only below one folder that
 * whoever runs the command has named. Neither `..` nor a symbolic link leads out of it, also when somebody
 * changes links meanwhile.
 *
 * @module
 */

import { constants } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DirectoryError, type DirectoryErrorCode } from '../errors.ts';
import type { LdifReading } from './ldif-reader.ts';

/**
 * How values are read from files below `folder`, its own links resolved now.
 *
 * @throws {DirectoryError} `DIRECTORY_LDIF_URL` when there is no such folder.
 */
export async function readFilesUnder(folder: string): Promise<NonNullable<LdifReading['readUrl']>> {
  const root = await realpath(folder).catch((cause: unknown) => {
    throw refusal(`${folder}, where files may be read, is not there`, { cause });
  });
  if (!(await stat(root)).isDirectory()) {
    throw refusal(`${folder}, where files may be read, is not a folder`);
  }
  return (url, maxBytes) => readValue(root, pathOf(url), maxBytes);
}

function pathOf(url: string): string {
  let path: string | undefined;
  try {
    const parsed = new URL(url);
    const isPlain = parsed.search === '' && parsed.hash === '';
    const isHere = parsed.hostname === '' || parsed.hostname === 'localhost';
    if (parsed.protocol === 'file:' && isPlain && isHere) {
      parsed.hostname = '';
      path = fileURLToPath(parsed);
    }
  } catch {
    // Refused below.
  }
  if (path === undefined) {
    throw refusal('only a URL like file:///folder/file can be read');
  }
  return path;
}

async function readValue(root: string, path: string, maxBytes: number): Promise<Uint8Array> {
  // Without waiting: a FIFO has no end.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => {
    // The same whatever is outside: that is not for the file's writer to find out.
    throw refusal(unreadable);
  });
  try {
    const opened = await handle.stat();
    // Where the file that is open now stands: the name may be another's by now.
    const place = await realpath(path).catch(() => '');
    const there = await stat(place === '' ? root : place).catch(() => undefined);
    // The root of all files is itself a separator.
    const below = root.endsWith(sep) ? root : root + sep;
    if (!place.startsWith(below) || there?.dev !== opened.dev || there.ino !== opened.ino) {
      throw refusal(unreadable);
    }
    if (!opened.isFile() || opened.size > maxBytes) {
      throw refusal(`the file is not a regular one of at most ${maxBytes} bytes`, {
        code: 'DIRECTORY_LDIF_LIMIT',
      });
    }
    return await readWhole(handle, opened.size);
  } finally {
    await handle.close();
  }
}

const unreadable = 'no file that may be read is there; name one below --allow-files-under';

/** What grows meanwhile is not read further. */
async function readWhole(handle: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) {
      break;
    }
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

function refusal(
  message: string,
  options: { readonly cause?: unknown; readonly code?: DirectoryErrorCode } = {},
): DirectoryError {
  const { cause, code = 'DIRECTORY_LDIF_URL' } = options;
  return new DirectoryError(code, message, { cause });
}
