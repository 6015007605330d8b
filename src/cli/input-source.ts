/**
 * Files that a command reads as a stream.
 *
 * @module
 */

import { open } from 'node:fs/promises';

import { InputError } from './input-error.ts';

/**
 * The bytes of a file; `-` is standard input.
 *
 * @throws {InputError} `CLI_INPUT_UNREADABLE`
 */
export async function openSource(file: string, what: string): Promise<AsyncIterable<Uint8Array>> {
  if (file === '-') {
    return process.stdin;
  }
  try {
    const handle = await open(file, 'r');
    if (!(await handle.stat()).isDirectory()) {
      return handle.createReadStream();
    }
    await handle.close();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError('CLI_INPUT_UNREADABLE', `${what} cannot be read: ${reason}`, { cause });
  }
  throw new InputError('CLI_INPUT_UNREADABLE', `${file} is a folder; name a file`);
}
