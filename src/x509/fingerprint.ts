/**
 * Fingerprints of certificates, as people compare them.
 *
 * @module
 */

import { createHash } from 'node:crypto';

/**
 * The hash of a certificate's DER.
 *
 * @returns Upper-case hexadecimal octets joined by colons, as OpenSSL prints them.
 */
export function fingerprint(der: Uint8Array, digest: 'sha1' | 'sha256' = 'sha256'): string {
  const hex = createHash(digest).update(der).digest('hex').toUpperCase();
  return (hex.match(/../g) ?? []).join(':');
}
