/**
 * A list's entry as layouts 1 and 2 kept it, in a row of its own:
 *
 *     formerEntry ‖ scope ‖ sequence (8)   notAfter (8) ‖ RevokedEntry in DER
 *
 * Read once, by `list-layout.ts`.
 *
 * @module
 */

import { concatBytes } from '../../core/bytes.ts';
import { decodeUint64, encodeUint64 } from '../../store/keyspace.ts';
import type { NewEntry } from './waiting-entries.ts';

export function encodeFormerEntry({ notAfterMs, der }: NewEntry): Uint8Array {
  return concatBytes(encodeUint64(notAfterMs), der);
}

/** Views of `bytes`, no copies. */
export function parseFormerEntry(bytes: Uint8Array): NewEntry {
  return { notAfterMs: Number(decodeUint64(bytes)), der: bytes.subarray(8) };
}
