/**
 * RFC 6962 §2.1, word for word: slow, and nothing shared with the code that is tested against it.
 *
 * @module
 */

import { createHash } from 'node:crypto';

/** Where the RFC splits `count` leaves: the largest power of two smaller than it. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) {
    split *= 2;
  }
  return split;
}

/** MTH(D[n]). */
export function naiveRoot(data: readonly Uint8Array[]): Uint8Array {
  const [only] = data;
  if (only === undefined) {
    return createHash('sha256').digest();
  }
  if (data.length === 1) {
    return createHash('sha256').update(Buffer.of(0)).update(only).digest();
  }
  const split = splitOf(data.length);
  return createHash('sha256')
    .update(Buffer.of(1))
    .update(naiveRoot(data.slice(0, split)))
    .update(naiveRoot(data.slice(split)))
    .digest();
}

/** §2.1.1: PATH(m, D[n]). */
export function naivePath(index: number, data: readonly Uint8Array[]): readonly Uint8Array[] {
  if (data.length <= 1) {
    return [];
  }
  const split = splitOf(data.length);
  return index < split
    ? [...naivePath(index, data.slice(0, split)), naiveRoot(data.slice(split))]
    : [...naivePath(index - split, data.slice(split)), naiveRoot(data.slice(0, split))];
}

/** §2.1.2: PROOF(m, D[n]). */
export function naiveConsistency(old: number, data: readonly Uint8Array[]): readonly Uint8Array[] {
  return subproof(old, data, true);
}

function subproof(
  old: number,
  data: readonly Uint8Array[],
  isWhole: boolean,
): readonly Uint8Array[] {
  if (old === data.length) {
    return isWhole ? [] : [naiveRoot(data)];
  }
  const split = splitOf(data.length);
  return old <= split
    ? [...subproof(old, data.slice(0, split), isWhole), naiveRoot(data.slice(split))]
    : [...subproof(old - split, data.slice(split), false), naiveRoot(data.slice(0, split))];
}
