/**
 * Makes inputs for one target, tries them, and says what went wrong.
 *
 * What an input came to, its error's code and message without figures, is taken for a sign of where in
 * the code it came to: inputs with a new outcome are kept and mutated further.
 *
 * Not here: processes and the watch over endless loops (run.ts, fuzz-worker.ts).
 *
 * @module
 */

import { formatError, isCertdirError } from '../../src/core/errors.ts';
import { mutateBer } from './ber-mutation.ts';
import { mutateBytes } from './byte-mutation.ts';
import type { FuzzRandom, FuzzTarget } from './fuzz-target.ts';
import { choose } from './sequence-random.ts';
import { mutateText } from './text-mutation.ts';

/** Processor time that one input may take. */
export const MAX_INPUT_MS = 50;
/** An input that took longer is tried so often, and the quickest time counts: machines are shared. */
const TIMED_TRIES = 12;
const MAX_KEPT = 400;
const MAX_KEPT_BYTES = 16 * 1024;
/** After so many no outcome is news any more. */
const MAX_OUTCOMES = 20_000;

export interface Finding {
  readonly target: string;
  readonly input: Uint8Array;
  readonly kind: 'threw' | 'slow';
  readonly detail: string;
}

export class Fuzzer {
  readonly #target: FuzzTarget;
  readonly #random: FuzzRandom;
  readonly #kept: Uint8Array[];
  readonly #outcomes = new Set<string>();
  #tried = 0;

  constructor(target: FuzzTarget, random: FuzzRandom) {
    this.#target = target;
    this.#random = random;
    this.#kept = [...target.seeds];
  }

  /** Inputs so far. */
  get tried(): number {
    return this.#tried;
  }

  /** Kinds of outcomes so far. */
  get outcomes(): number {
    return this.#outcomes.size;
  }

  /** The seeds as they are, then mutations without end. */
  next(): Uint8Array {
    const seed = this.#target.seeds[this.#tried];
    return seed ?? this.#mutate(choose(this.#random, this.#kept));
  }

  /** Tries one input. */
  async try(input: Uint8Array): Promise<Finding | undefined> {
    this.#tried += 1;
    const startMs = performance.now();
    const outcome = await outcomeOf(this.#target, input);
    const tookMs = performance.now() - startMs;
    if (outcome.finding !== undefined) {
      return outcome.finding;
    }
    this.#keep(input, outcome.label);
    return tookMs < MAX_INPUT_MS ? undefined : await this.#timed(input);
  }

  #mutate(seed: Uint8Array): Uint8Array {
    const random = this.#random;
    const other = choose(random, this.#kept);
    switch (random.below(this.#target.mutate === undefined ? 3 : 5)) {
      case 0:
        return mutateBytes(random, seed, other);
      case 1:
        return mutateText(random, seed);
      case 2:
        return mutateBer(random, seed, other) ?? mutateBytes(random, seed, other);
      default:
        return this.#target.mutate?.(random, seed) ?? seed;
    }
  }

  #keep(input: Uint8Array, label: string): void {
    if (this.#outcomes.has(label) || this.#outcomes.size === MAX_OUTCOMES) {
      return;
    }
    this.#outcomes.add(label);
    if (input.length > MAX_KEPT_BYTES) {
      return;
    }
    if (this.#kept.length < MAX_KEPT) {
      this.#kept.push(Uint8Array.from(input));
    } else {
      const { length } = this.#target.seeds;
      this.#kept[length + this.#random.below(MAX_KEPT - length)] = Uint8Array.from(input);
    }
  }

  async #timed(input: Uint8Array): Promise<Finding | undefined> {
    let quickestMs = Infinity;
    for (let tries = 0; tries < TIMED_TRIES && quickestMs >= MAX_INPUT_MS; tries += 1) {
      const start = process.cpuUsage();
      await outcomeOf(this.#target, input);
      const { user, system } = process.cpuUsage(start);
      quickestMs = Math.min(quickestMs, (user + system) / 1000);
    }
    return quickestMs < MAX_INPUT_MS
      ? undefined
      : {
          ...{ target: this.#target.name, input, kind: 'slow' },
          detail: `${quickestMs.toFixed(0)} ms of processor time`,
        };
  }
}

interface Outcome {
  readonly label: string;
  readonly finding?: Finding;
}

async function outcomeOf(target: FuzzTarget, input: Uint8Array): Promise<Outcome> {
  try {
    const running = target.run(input);
    const said = running instanceof Promise ? await running : running;
    return { label: `taken ${said ?? ''}` };
  } catch (error) {
    const label = formatError(error).replace(/\d+/g, '0').slice(0, 200);
    if (isCertdirError(error)) {
      return { label };
    }
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { label, finding: { target: target.name, input, kind: 'threw', detail } };
  }
}

/**
 * Cuts pieces out of an input for as long as it goes wrong in the same way.
 *
 * @param maxTries Bounds the work.
 */
export async function minimise(
  target: FuzzTarget,
  finding: Finding,
  maxTries = 400,
): Promise<Uint8Array> {
  const kindOf = (detail: string): string => detail.split('\n', 1)[0] ?? '';
  let input = finding.input;
  let tries = 0;
  for (let size = input.length >> 1; size > 0 && tries < maxTries; size >>= 1) {
    for (let at = 0; at < input.length && tries < maxTries; tries += 1) {
      const shorter = Buffer.concat([input.subarray(0, at), input.subarray(at + size)]);
      const { finding: again } = await outcomeOf(target, shorter);
      if (again !== undefined && kindOf(again.detail) === kindOf(finding.detail)) {
        input = shorter;
      } else {
        at += size;
      }
    }
  }
  return input;
}
