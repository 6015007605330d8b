/**
 * Reproducible randomness that costs little: xoshiro128** (Blackman and Vigna, 2018) from a text seed.
 * Good for choosing mutations and for nothing else.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { FuzzRandom } from './fuzz-target.ts';

export class SequenceRandom implements FuzzRandom {
  readonly #state: Uint32Array;

  constructor(seed: string) {
    const digest = createHash('sha256').update(seed).digest();
    this.#state = Uint32Array.from([0, 4, 8, 12], (offset) => digest.readUInt32LE(offset));
  }

  below(limit: number): number {
    return Math.floor((this.#next() / 2 ** 32) * limit);
  }

  bytes(count: number): Uint8Array {
    const out = new Uint8Array(count);
    for (let at = 0; at < count; at += 1) {
      out[at] = this.#next() >>> 24;
    }
    return out;
  }

  #next(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#state;
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const third = c ^ a;
    const fourth = d ^ b;
    this.#state[1] = b ^ third;
    this.#state[0] = a ^ fourth;
    this.#state[2] = third ^ (b << 9);
    this.#state[3] = rotate(fourth, 11);
    return scrambled;
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

/** One of `choices`, of which there is at least one. */
export function choose<T>(random: FuzzRandom, choices: readonly T[]): T {
  const chosen = choices[random.below(choices.length)];
  if (chosen === undefined) {
    throw new RangeError('nothing to choose from');
  }
  return chosen;
}
