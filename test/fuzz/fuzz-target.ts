/**
 * What the fuzzer needs to know of the code it tries.
 *
 * @module
 */

import type { RandomSource } from '../../src/core/random.ts';

/** Where mutations draw from; the same seed draws the same. */
export interface FuzzRandom extends RandomSource {
  /** A whole number from 0 up to, but not including, `limit` (at most 2^32). */
  below(limit: number): number;
}

// biome-ignore lint/suspicious/noConfusingVoidType: most targets have nothing to say.
export type FuzzOutcome = string | void;

/** A reader of bytes that strangers send. */
export interface FuzzTarget {
  /** As on the command line, and the folder of its regressions in test/fixtures/fuzz/. */
  readonly name: string;
  /** Well-formed inputs to start from; at least one. */
  readonly seeds: readonly Uint8Array[];
  /**
   * Takes one input to its end and checks what must hold whatever it is.
   *
   * @returns a few words for what it came to, if it can come to different things: inputs that come to
   *   something new are mutated further.
   * @throws {CertdirError} when the input is refused, as it may be. Anything else that is thrown is a
   *   finding.
   */
  run(input: Uint8Array): FuzzOutcome | Promise<FuzzOutcome>;
  /** A change that knows what the input is made of; the fuzzer's own are tried beside it. */
  mutate?(random: FuzzRandom, seed: Uint8Array): Uint8Array;
  /** Gives back what the target holds. */
  close?(): Promise<void>;
}
