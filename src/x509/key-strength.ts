/**
 * Weaknesses of public keys that others ask certificates for.
 *
 * RSA: size, exponent, small factors, close primes (Fermat's factorisation) and the structure of
 * CVE-2017-15361 (ROCA). EC: the curves P-256 and P-384, the point's encoding and place.
 *
 * Not here: keys that are known to be lost, or that an authority already uses; those need a store.
 *
 * @module
 */

import { type PublicKeyInfo, parseSubjectPublicKeyInfo } from './algorithms.ts';
import { isOnCurve } from './curve-point.ts';
import { hasRocaFingerprint, hasSmallFactor, isProductOfClosePrimes } from './rsa-weakness.ts';

/** What is wrong with a key. */
export type KeyWeakness =
  | 'key-type-unsupported'
  | 'rsa-modulus-short'
  | 'rsa-modulus-long'
  | 'rsa-exponent'
  | 'rsa-small-factor'
  | 'rsa-close-primes'
  | 'rsa-roca'
  | 'ec-point-encoding'
  | 'ec-point-not-on-curve';

/** What a person is told about each weakness. */
export const keyWeaknessText: Readonly<Record<KeyWeakness, string>> = {
  'key-type-unsupported': 'only RSA and the curves P-256 and P-384 are supported',
  'rsa-modulus-short': 'the RSA modulus is shorter than 2048 bits',
  'rsa-modulus-long': 'the RSA modulus is longer than 8192 bits',
  'rsa-exponent': 'the RSA public exponent is not 65537',
  'rsa-small-factor': 'the RSA modulus has a small factor',
  'rsa-close-primes': 'the primes of the RSA modulus lie too close together',
  'rsa-roca': 'the RSA modulus was made by a faulty key generator (ROCA, CVE-2017-15361)',
  'ec-point-encoding': 'the EC point is not in its uncompressed form',
  'ec-point-not-on-curve': 'the EC point is not on its curve',
};

/** Below this, the modulus can be factored within the life of a certificate (SP 800-131A). */
const MIN_MODULUS_BITS = 2048;
/** Above this, verifying costs everybody too much. */
const maxModulusBits = 8192;

/**
 * Assesses the key of a SubjectPublicKeyInfo.
 *
 * @param minModulusBits Less than 2048 for those who have to live with what a statement of long ago prints.
 * @returns Every weakness found; empty for a good key.
 * @throws {X509Error} `X509_PUBLIC_KEY` when it is malformed.
 */
export function assessPublicKey(
  spki: Uint8Array,
  minModulusBits: number = MIN_MODULUS_BITS,
): readonly KeyWeakness[] {
  const key = parseSubjectPublicKeyInfo(spki);
  switch (key.kind) {
    case 'rsa':
      return assessRsaKey(key, minModulusBits);
    case 'ec':
      return assessEcKey(key);
    case 'other':
      return ['key-type-unsupported'];
  }
}

function assessRsaKey(
  key: Extract<PublicKeyInfo, { kind: 'rsa' }>,
  minModulusBits: number,
): readonly KeyWeakness[] {
  if (key.modulusBits > maxModulusBits) {
    // The checks below take time that grows with the modulus.
    return ['rsa-modulus-long'];
  }
  const found: KeyWeakness[] = [];
  if (key.modulusBits < minModulusBits) {
    found.push('rsa-modulus-short');
  }
  if (key.publicExponent !== 65537n) {
    found.push('rsa-exponent');
  }
  if (hasSmallFactor(key.modulus)) {
    found.push('rsa-small-factor');
  } else if (isProductOfClosePrimes(key.modulus)) {
    found.push('rsa-close-primes');
  }
  if (hasRocaFingerprint(key.modulus)) {
    found.push('rsa-roca');
  }
  return found;
}

function assessEcKey(key: Extract<PublicKeyInfo, { kind: 'ec' }>): readonly KeyWeakness[] {
  const octets = key.curve === 'P-256' ? 32 : 48;
  // RFC 5480 §2.2: 04, x, y. The compressed forms are left to those who can check them.
  if (key.point.length !== 1 + 2 * octets || key.point[0] !== 0x04) {
    return ['ec-point-encoding'];
  }
  return isOnCurve(key.curve, key.point) ? [] : ['ec-point-not-on-curve'];
}
