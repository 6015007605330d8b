/**
 * Blind mutations: octets changed, left out, doubled, moved and mixed without a thought of what they mean.
 *
 * @module
 */

import { concatBytes } from '../../src/core/bytes.ts';
import type { FuzzRandom } from './fuzz-target.ts';
import { choose } from './sequence-random.ts';

/** Octets at which readers decide something. */
const interesting = [
  0x00, 0x01, 0x02, 0x04, 0x05, 0x0a, 0x1f, 0x20, 0x22, 0x23, 0x24, 0x28, 0x29, 0x2a, 0x2b, 0x2c,
  0x30, 0x31, 0x3a, 0x3d, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xa0, 0xa3, 0xc0,
  0xed, 0xff,
];

/** More than any reader here takes at one go would only make the fuzzer slow. */
const MAX_BYTES = 128 * 1024;

/** One to four changes; `other` is another input, from which pieces are taken. */
export function mutateBytes(
  random: FuzzRandom,
  seed: Uint8Array,
  other: Uint8Array = seed,
): Uint8Array {
  let mutated = seed;
  for (let rounds = 1 + random.below(4); rounds > 0; rounds -= 1) {
    mutated = mutateOnce(random, mutated, other);
  }
  return mutated.subarray(0, MAX_BYTES);
}

function mutateOnce(random: FuzzRandom, seed: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random.below(seed.length + 1);
  const end = at + random.below(Math.min(seed.length - at, 1 << random.below(10)) + 1);
  const [head, middle, tail] = [seed.subarray(0, at), seed.subarray(at, end), seed.subarray(end)];
  switch (random.below(9)) {
    case 0:
      return replaceOctet(seed, at, 1 << random.below(8));
    case 1:
      return concatBytes(head, Uint8Array.of(choose(random, interesting)), seed.subarray(at + 1));
    case 2:
      return concatBytes(head, Uint8Array.of(choose(random, interesting)), seed.subarray(at));
    case 3:
      return concatBytes(head, tail);
    case 4:
      return concatBytes(head, middle, middle, tail);
    case 5:
      return concatBytes(head, random.bytes(random.below(17)), tail);
    case 6:
      return head;
    case 7:
      return repeatPiece(random, [head, middle, tail]);
    default:
      return concatBytes(head, pieceOf(random, other), tail);
  }
}

/** A piece many times over: what is quadratic shows. */
function repeatPiece(
  random: FuzzRandom,
  [head, middle, tail]: readonly [Uint8Array, Uint8Array, Uint8Array],
): Uint8Array {
  const times = 1 << random.below(12);
  const fits = Math.min(times, Math.ceil(65_536 / Math.max(1, middle.length)));
  return concatBytes(head, ...Array<Uint8Array>(fits).fill(middle), tail);
}

function replaceOctet(seed: Uint8Array, at: number, bits: number): Uint8Array {
  const mutated = Uint8Array.from(seed);
  if (at < mutated.length) {
    mutated[at] = (mutated[at] ?? 0) ^ bits;
  }
  return mutated;
}

function pieceOf(random: FuzzRandom, from: Uint8Array): Uint8Array {
  const start = random.below(from.length + 1);
  return from.subarray(start, start + random.below(from.length - start + 1));
}
