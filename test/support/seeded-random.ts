/**
 * Reproducible bytes from a seed: SHA-256 in counter mode.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { RandomSource } from '../../src/core/random.ts';

export class SeededRandom implements RandomSource {
  readonly #seed: string;
  #counter = 0;

  constructor(seed: string | number = 'certdir') {
    this.#seed = String(seed);
  }

  bytes(count: number): Uint8Array {
    const out = new Uint8Array(count);
    for (let offset = 0; offset < count; offset += 32) {
      const block = createHash('sha256').update(`${this.#seed}:${this.#counter}`).digest();
      this.#counter += 1;
      out.set(block.subarray(0, Math.min(32, count - offset)), offset);
    }
    return out;
  }

  /** A whole number from 0 up to, but not including, `limit` (at most 2^32). */
  below(limit: number): number {
    const bytes = this.bytes(6);
    return Number(BigInt(`0x${Buffer.from(bytes).toString('hex')}`) % BigInt(limit));
  }
}
