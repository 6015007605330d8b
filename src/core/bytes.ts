/**
 * Small operations on byte arrays. A `Buffer` is a `Uint8Array`, so both are taken everywhere.
 *
 * @module
 */

import { isUtf8 } from 'node:buffer';

/** Joins byte arrays into a fresh one. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) {
    length += part.length;
  }
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Lexicographic order of unsigned bytes; a prefix sorts before what it is a prefix of. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right);
}

/** True when both hold the same bytes. Not constant-time: never for secrets. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && Buffer.compare(left, right) === 0;
}

/** A view of the same memory as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Lower-case hexadecimal text. */
export function formatHex(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('hex');
}

/**
 * Bytes from hexadecimal text of either case.
 *
 * @returns undefined when the text is not an even number of hexadecimal digits.
 */
export function parseHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    return undefined;
  }
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** UTF-8 bytes of a text. */
export function encodeUtf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

/**
 * Text from UTF-8 bytes.
 *
 * @returns undefined when the bytes are not well-formed UTF-8 (overlong forms, surrogates, …).
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? asBuffer(bytes).toString('utf8') : undefined;
}

/**
 * The smallest key greater than every key that starts with `prefix`: the exclusive upper bound of
 * a prefix range. Undefined when there is none (all bytes 0xff).
 */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  for (let last = prefix.length - 1; last >= 0; last -= 1) {
    const byte = prefix[last];
    if (byte !== undefined && byte < 0xff) {
      const end = prefix.slice(0, last + 1);
      end[last] = byte + 1;
      return end;
    }
  }
  return undefined;
}
