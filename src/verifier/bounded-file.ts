/**
 * Reading files that somebody else may have put there: never more than what can be right.
 *
 * @module
 */

import { open } from 'node:fs/promises';

const FIRST_BYTES = 64 * 1024;

/**
 * Reads a file whole, whatever its size is said to be.
 *
 * @throws {RangeError} when it has more than `maxBytes`. @throws what the file system throws.
 */
export async function readBoundedFile(file: string, maxBytes: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    let buffer = Buffer.alloc(Math.min(FIRST_BYTES, maxBytes + 1));
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      length += bytesRead;
      if (length > maxBytes) {
        throw new RangeError(`it is longer than ${maxBytes} bytes`);
      }
      if (bytesRead === 0) {
        return buffer.subarray(0, length);
      }
      if (length === buffer.length) {
        const larger = Buffer.alloc(Math.min(2 * length, maxBytes + 1));
        buffer.copy(larger);
        buffer = larger;
      }
    }
  } finally {
    await handle.close();
  }
}
