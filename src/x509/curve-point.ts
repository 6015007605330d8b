/**
 * Whether a point lies on its NIST curve, y² = x³ - 3x + b (SP 800-186 §3.2.1). Both curves have
 * cofactor 1, so a point on the curve is in the right group.
 *
 * @module
 */

import { formatHex } from '../core/bytes.ts';
import type { CurveName } from './algorithms.ts';

const curves: Readonly<Record<CurveName, { readonly prime: bigint; readonly b: bigint }>> = {
  'P-256': {
    prime: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  'P-384': {
    prime: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
};

/** @param point Uncompressed: 04, x, y, each coordinate as long as the field. */
export function isOnCurve(curve: CurveName, point: Uint8Array): boolean {
  const { prime, b } = curves[curve];
  const octets = (point.length - 1) / 2;
  const x = BigInt(`0x${formatHex(point.subarray(1, 1 + octets))}`);
  const y = BigInt(`0x${formatHex(point.subarray(1 + octets))}`);
  if (x >= prime || y >= prime) {
    return false;
  }
  return (y * y - (x * x * x - 3n * x + b)) % prime === 0n;
}
