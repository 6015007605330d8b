/**
 * Writing lengths in their minimal form (X.690 §10.1), which DER demands and BER allows.
 *
 * @module
 */

/** The largest content length that is written: what four length bytes can say. */
export const MAX_CONTENT_LENGTH = 0xffff_ffff;

/** How many bytes the length itself takes, 1 to 5. */
export function lengthSize(contentLength: number): number {
  if (contentLength < 0x80) {
    return 1;
  }
  if (contentLength < 0x100) {
    return 2;
  }
  if (contentLength < 0x1_0000) {
    return 3;
  }
  return contentLength < 0x100_0000 ? 4 : 5;
}

/**
 * Writes a length into bytes that have room for it.
 *
 * @param contentLength A whole number from 0 to `MAX_CONTENT_LENGTH`.
 * @returns The offset after the length.
 */
export function writeLength(target: Uint8Array, offset: number, contentLength: number): number {
  const size = lengthSize(contentLength);
  if (size === 1) {
    target[offset] = contentLength;
    return offset + 1;
  }
  target[offset] = 0x80 | (size - 1);
  let rest = contentLength;
  for (let at = offset + size - 1; at > offset; at -= 1) {
    target[at] = rest & 0xff;
    rest >>>= 8;
  }
  return offset + size;
}
