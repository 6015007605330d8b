/**
 * Invariants that hold over time (docs/architecture.md, the publish gate): which of them is broken for which list. What
 * breaks is told once in the log, and once when it is well again.
 *
 * @module
 */

import type { Log } from '../core/log.ts';

/**
 * `I7` a valid list with enough time left; `I8` read back as it was published, and withheld where it is restricted;
 * `I15` no revocation waits for its list for too long. `age` is the policy's own marks.
 */
export const watchedInvariants = ['I7', 'I8', 'I15', 'age'] as const;

export type WatchedInvariant = (typeof watchedInvariants)[number];

export interface BrokenInvariant {
  readonly invariant: WatchedInvariant;
  readonly scopeId: string;
  readonly level: 'warn' | 'error';
  readonly message: string;
}

export class BrokenInvariants {
  readonly #log: Log;
  /** By invariant and scope. */
  readonly #broken = new Map<string, BrokenInvariant>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** What is broken now. */
  get all(): readonly BrokenInvariant[] {
    return [...this.#broken.values()];
  }

  count(invariant: WatchedInvariant): number {
    return this.all.filter((one) => one.invariant === invariant).length;
  }

  raise(found: BrokenInvariant): void {
    const { invariant, scopeId, level, message } = found;
    const key = `${invariant} ${scopeId}`;
    const isNews = this.#broken.get(key)?.level !== level;
    this.#broken.set(key, found);
    if (isNews) {
      this.#log[level](`alarm: invariant ${invariant} does not hold`, { scope: scopeId, message });
    }
  }

  clear(invariant: WatchedInvariant, scopeId: string): void {
    if (this.#broken.delete(`${invariant} ${scopeId}`)) {
      this.#log.info(`invariant ${invariant} holds again`, { scope: scopeId });
    }
  }
}
