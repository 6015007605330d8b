/**
 * The digests in audit records.
 *
 * @module
 */

import { hash } from 'node:crypto';

/** SHA-256 as records have it: lower-case hexadecimal. */
export function recordDigest(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}
