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

/** Draws many bytes at once and hands them out in small parts: a draw costs as much for 16 as for 4,096. */
export class RandomPool implements RandomSource {
  readonly #source: RandomSource;
  #pool: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(source: RandomSource) {
    this.#source = source;
  }

  bytes(count: number): Uint8Array {
    if (this.#at + count > this.#pool.length) {
      // A plain array: a Buffer's slice would share what is wiped below.
      this.#pool = Uint8Array.from(this.#source.bytes(Math.max(count, POOL_BYTES)));
      this.#at = 0;
    }
    const bytes = this.#pool.slice(this.#at, this.#at + count);
    // Nothing that was handed out stays behind.
    this.#pool.fill(0, this.#at, this.#at + count);
    this.#at += count;
    return bytes;
  }
}

const POOL_BYTES = 4096;

/** A version 4 UUID (RFC 9562 §5.4) in its lower-case text form. */
export function randomUuid(random: RandomSource): string {
  const bytes = Uint8Array.from(random.bytes(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes.buffer).toString('hex');
  const [time, version] = [hex.slice(0, 8), `${hex.slice(8, 12)}-${hex.slice(12, 16)}`];
  return `${time}-${version}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
