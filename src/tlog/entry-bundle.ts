/**
 * Entry bundles (C2SP tlog-tiles): up to 256 entries, each behind its length of 16 bits, big-endian.
 *
 * @module
 */

import { concatBytes } from '../core/bytes.ts';
import { TlogError } from './errors.ts';

export const MAX_ENTRY_BYTES = 65_535;

const LENGTH_BYTES = 2;

/** @param entries At most {@link MAX_ENTRY_BYTES} each. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    ...entries.flatMap((entry) => {
      if (entry.length > MAX_ENTRY_BYTES) {
        throw new RangeError(`an entry has at most ${MAX_ENTRY_BYTES} bytes`);
      }
      return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry];
    }),
  );
}

/**
 * The entries of a bundle, as views.
 *
 * @throws {TlogError} `TLOG_BUNDLE_MALFORMED` unless there are exactly `count` and nothing else.
 */
export function parseEntryBundle(bytes: Uint8Array, count: number): readonly Uint8Array[] {
  const entries: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.length && entries.length < count) {
    const length = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
    const end = offset + LENGTH_BYTES + length;
    if (offset + LENGTH_BYTES > bytes.length || end > bytes.length) {
      throw malformed(`entry ${entries.length} ends behind the bundle's end`);
    }
    entries.push(bytes.subarray(offset + LENGTH_BYTES, end));
    offset = end;
  }
  if (entries.length < count) {
    throw malformed(`it has ${entries.length} entries instead of ${count}`);
  }
  if (offset < bytes.length) {
    throw malformed(`something follows its ${count} entries`);
  }
  return entries;
}

function malformed(why: string): TlogError {
  return new TlogError('TLOG_BUNDLE_MALFORMED', why);
}
