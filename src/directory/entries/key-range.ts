/**
 * Ranges over keys of names (dn.ts) and what can be told from such a key alone.
 *
 * @module
 */

import { concatBytes, prefixEnd } from '../../core/bytes.ts';
import type { KeyRange } from '../../store/store.ts';

/** Every key that starts with `prefix`. */
export function prefixRange(prefix: Uint8Array): KeyRange {
  const end = prefixEnd(prefix);
  return end === undefined ? { gte: prefix } : { gte: prefix, lt: end };
}

/** Every key that starts with `prefix` and comes behind `after`, which starts with it too. */
export function prefixRangeBehind(prefix: Uint8Array, after: Uint8Array | undefined): KeyRange {
  const range = prefixRange(prefix);
  return after === undefined ? range : { ...range, gte: concatBytes(after, Uint8Array.of(0)) };
}

/** How many relative names a name's key holds: 0x00 0x01 ends one (dn.ts). */
export function keyDepth(key: Uint8Array): number {
  let depth = 0;
  for (let at = key.indexOf(0); at >= 0; at = key.indexOf(0, at + 2)) {
    if (key[at + 1] === 1) {
      depth += 1;
    }
  }
  return depth;
}

/** True when the first name is the second or lies below it. */
export function isKeyWithin(key: Uint8Array, baseKey: Uint8Array): boolean {
  return (
    key.length >= baseKey.length && Buffer.compare(key.subarray(0, baseKey.length), baseKey) === 0
  );
}

/** The length of the key of the name one level up: 0 for a name of one level, and for the root. */
export function parentKeyLength(key: Uint8Array): number {
  // Behind the end of the last relative name but one.
  for (let at = key.length - 4; at >= 0; at -= 1) {
    if (key[at] === 0 && key[at + 1] === 1) {
      return at + 2;
    }
  }
  return 0;
}
