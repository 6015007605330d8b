/**
 * A list's entries as the engine keeps them: encoded once, when the certificate is revoked, with the
 * end of the certificate in front so that a list can be put together without looking anything up.
 *
 *     revokedEntry ‖ scope ‖ sequence (8)   notAfter (8) ‖ RevokedEntry in DER
 *
 * @module
 */

import { concatBytes } from '../../core/bytes.ts';
import { decodeUint64, encodeUint64 } from '../../store/keyspace.ts';

export interface StoredEntry {
  readonly notAfterMs: number;
  /** As it stands in the list (RFC 5280 §5.1.2.6). */
  readonly der: Uint8Array;
}

export function encodeStoredEntry({ notAfterMs, der }: StoredEntry): Uint8Array {
  return concatBytes(encodeUint64(notAfterMs), der);
}

/** Views of `bytes`, no copies. */
export function parseStoredEntry(bytes: Uint8Array): StoredEntry {
  return { notAfterMs: Number(decodeUint64(bytes)), der: bytes.subarray(8) };
}
