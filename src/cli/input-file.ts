/**
 * Small files that a command reads whole.
 *
 * @module
 */

import { open } from 'node:fs/promises';

import { InputError } from './input-error.ts';

/**
 * Reads a file, or standard input for `-`, up to a bound.
 *
 * @throws {InputError} `CLI_INPUT_UNREADABLE`, `CLI_INPUT_TOO_LARGE`.
 */
export async function readInputFile(
  file: string,
  { what, maxBytes }: { readonly what: string; readonly maxBytes: number },
): Promise<Buffer> {
  try {
    const handle = await open(file === '-' ? '/dev/stdin' : file, 'r');
    try {
      // One byte more than allowed tells a file that is too large, also one without an end.
      const buffer = Buffer.alloc(maxBytes + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
        length += bytesRead;
        if (length > maxBytes) {
          throw new InputError(
            'CLI_INPUT_TOO_LARGE',
            `${file}: ${what} has at most ${maxBytes} bytes`,
          );
        }
        if (bytesRead === 0) {
          return buffer.subarray(0, length);
        }
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof InputError) {
      throw cause;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError('CLI_INPUT_UNREADABLE', `${what} cannot be read: ${reason}`, { cause });
  }
}
