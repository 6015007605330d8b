/**
 * Is it due? By the wall clock, or by the time that really went by: a clock set back must not put off
 * what would have been due, and one set forward makes it due once, not many times.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';

export class DueTime {
  readonly #clock: Clock;
  #dueMs: number | undefined;
  /** Monotonic time at which `#dueMs` is reached, reckoned when it was first seen. */
  #dueMonotonicMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** As last given. */
  get dueMs(): number | undefined {
    return this.#dueMs;
  }

  /** What is due by this time is due: now, or the due time that has come although the clock says otherwise. */
  get asOfMs(): number {
    const nowMs = this.#clock.nowMs();
    const hasCome = this.#clock.monotonicMs() >= this.#dueMonotonicMs;
    return this.#dueMs !== undefined && hasCome ? Math.max(nowMs, this.#dueMs) : nowMs;
  }

  /**
   * @param dueMs What the job computes now; undefined for nothing to do.
   * @returns by how many milliseconds it is late, at least 0, or undefined when it is not due.
   */
  lateness(dueMs: number | undefined): number | undefined {
    const nowMs = this.#clock.nowMs();
    const monotonicMs = this.#clock.monotonicMs();
    if (dueMs !== this.#dueMs) {
      this.#dueMs = dueMs;
      this.#dueMonotonicMs = monotonicMs + ((dueMs ?? 0) - nowMs);
    }
    if (dueMs === undefined) {
      return undefined;
    }
    const lateMs = Math.max(nowMs - dueMs, monotonicMs - this.#dueMonotonicMs);
    return lateMs >= 0 ? lateMs : undefined;
  }
}
