/**
 * How many calls each may make: a budget for every operator and every source address that fills up again with time, so
 * that a short burst is fine and a flood is not. Bounded in memory: who has not called for longest is forgotten first, with
 * a full budget by then unless more callers than there is room for come within a minute.
 *
 * @module
 */

import type { Clock } from '../../core/clock.ts';

interface Budget {
  left: number;
  atMs: number;
}

const MINUTE_MS = 60_000;
const MAX_TRACKED = 65_536;

export class CallBudget {
  readonly #clock: Clock;
  readonly #perMinute: number;
  /** The one that called longest ago first. */
  readonly #budgets = new Map<string, Budget>();

  /** @param perMinute Calls in a minute, and as many at once after a minute without. */
  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
  }

  /** Takes one call from a caller's budget. @returns 0, or after how many seconds there is one again. */
  take(caller: string): number {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#budgets.get(caller) ?? { left: this.#perMinute, atMs: nowMs };
    const grown = ((nowMs - before.atMs) * this.#perMinute) / MINUTE_MS;
    const left = Math.min(this.#perMinute, before.left + grown);
    this.#budgets.delete(caller);
    this.#makeRoom();
    const isEnough = left >= 1;
    this.#budgets.set(caller, { left: isEnough ? left - 1 : left, atMs: nowMs });
    return isEnough ? 0 : Math.max(1, Math.ceil(((1 - left) * 60) / this.#perMinute));
  }

  #makeRoom(): void {
    if (this.#budgets.size >= MAX_TRACKED) {
      const [oldest] = this.#budgets.keys();
      if (oldest !== undefined) {
        this.#budgets.delete(oldest);
      }
    }
  }
}
