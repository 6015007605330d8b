/**
 * The deadlines of one connection on one timer, so that ten thousand idle connections cost ten
 * thousand timers and a deadline that moves on with every request costs nothing.
 *
 * @module
 */

import type { Clock, TimerHandle } from '../core/clock.ts';

/** What a connection can be late with. */
export type Deadline = 'idle' | 'header' | 'request' | 'write' | 'handshake' | 'close';

export class Deadlines {
  readonly #clock: Clock;
  readonly #onExpired: (deadline: Deadline) => void;
  readonly #dueMs = new Map<Deadline, number>();
  #timer: TimerHandle | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;

  /** @param onExpired Called once for a deadline that passes; it may set new ones. */
  constructor(clock: Clock, onExpired: (deadline: Deadline) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  /** Sets or moves a deadline to `delayMs` from now. */
  set(deadline: Deadline, delayMs: number): void {
    const dueMs = this.#clock.monotonicMs() + delayMs;
    this.#dueMs.set(deadline, dueMs);
    if (dueMs < this.#timerDueMs) {
      this.#arm(dueMs);
    }
  }

  /** Sets a deadline unless it runs already. */
  begin(deadline: Deadline, delayMs: number): void {
    if (!this.#dueMs.has(deadline)) {
      this.set(deadline, delayMs);
    }
  }

  clear(deadline: Deadline): void {
    this.#dueMs.delete(deadline);
  }

  /** Drops all of them. */
  clearAll(): void {
    this.#dueMs.clear();
    this.#disarm();
  }

  #arm(dueMs: number): void {
    this.#disarm();
    this.#timerDueMs = dueMs;
    const delayMs = Math.max(0, dueMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.schedule(delayMs, () => this.#check());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
  }

  #check(): void {
    this.#disarm();
    const nowMs = this.#clock.monotonicMs();
    const expired = [...this.#dueMs].filter(([, dueMs]) => dueMs <= nowMs);
    for (const [deadline] of expired) {
      this.#dueMs.delete(deadline);
    }
    for (const [deadline] of expired) {
      this.#onExpired(deadline);
    }
    const nextMs = Math.min(...this.#dueMs.values());
    if (nextMs < this.#timerDueMs) {
      this.#arm(nextMs);
    }
  }
}
