/**
 * Randomness, injected. Nothing outside this file draws random bytes for serial numbers, entry
 * UUIDs or salts, so that a test can replay a run from a seed. Key generation is not served from
 * here: keys come from the token (signing/).
 *
 * @module
 */

import { randomBytes } from 'node:crypto';

export interface RandomSource {
  /** `count` unpredictable bytes in a fresh array. */
  bytes(count: number): Uint8Array;
}

/** The operating system's generator. */
export class SystemRandom implements RandomSource {
  bytes(count: number): Uint8Array {
    return randomBytes(count);
  }
}

/** A version 4 UUID (RFC 9562 §5.4) in its lower-case text form. */
export function randomUuid(random: RandomSource): string {
  const bytes = Uint8Array.from(random.bytes(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
