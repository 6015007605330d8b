/**
 * The checksum on every stored value: four bytes behind it, CRC-32 over key length, key and value.
 *
 * LevelDB's own block checksums are not verified on reads through classic-level (docs/decisions/
 * 0002), so a flipped bit would come back as a wrong value. The key is part of the sum, so that a
 * value found under another key is damage too. This finds accidents; what someone changed on
 * purpose is found by the audit tree.
 *
 * @module
 */

import { crc32 } from 'node:zlib';

export const CHECKSUM_BYTES = 4;

/** A copy of the value with its checksum behind it, as it is stored under `key`. */
export function sealValue(key: Uint8Array, value: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(value.length + CHECKSUM_BYTES);
  writeSealedValue(sealed, 0, [key, value]);
  return sealed;
}

/** Writes what {@link sealValue} makes of the value into `target`, from `at`. */
export function writeSealedValue(
  target: Uint8Array,
  at: number,
  [key, value]: readonly [key: Uint8Array, value: Uint8Array],
): void {
  target.set(value, at);
  writeChecksum(target, at + value.length, checksum(key, value));
}

/**
 * The value inside what is stored under `key`, without a copy.
 *
 * @returns undefined when the checksum does not match.
 */
export function openSealedValue(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const length = sealed.length - CHECKSUM_BYTES;
  if (length < 0) {
    return undefined;
  }
  const value = trustSealedValue(sealed);
  return checksum(key, value) === readChecksum(sealed, length) ? value : undefined;
}

/** The value inside bytes that {@link sealValue} has just made in this process. */
export function trustSealedValue(sealed: Uint8Array): Uint8Array {
  // Not subarray(): on a Buffer it would give a Buffer, and callers should see one type.
  return new Uint8Array(sealed.buffer, sealed.byteOffset, sealed.length - CHECKSUM_BYTES);
}

/** The key's length is the starting value, so that bytes cannot move between key and value. */
function checksum(key: Uint8Array, value: Uint8Array): number {
  const ofKey = crc32(key, key.length);
  // Index postings have no value; a call that changes nothing would be half of what they cost.
  return value.length === 0 ? ofKey : crc32(value, ofKey);
}

function writeChecksum(bytes: Uint8Array, offset: number, sum: number): void {
  bytes[offset] = sum >>> 24;
  bytes[offset + 1] = sum >>> 16;
  bytes[offset + 2] = sum >>> 8;
  bytes[offset + 3] = sum;
}

function readChecksum(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] ?? 0) << 24) | ((bytes[offset + 1] ?? 0) << 16);
  return (high | ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0)) >>> 0;
}
