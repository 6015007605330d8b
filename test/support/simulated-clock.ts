/**
 * A clock that moves only when told to.
 *
 * @module
 */

import type { Clock, TimerHandle } from '../../src/core/clock.ts';

interface PendingTimer {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

export class SimulatedClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;
  #order = 0;
  #timers: PendingTimer[] = [];

  constructor(startMs: number = Date.UTC(2026, 0, 5, 0, 0, 0)) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  schedule(delayMs: number, onElapsed: () => void): TimerHandle {
    this.#order += 1;
    const timer = {
      dueMs: this.#monotonicMs + Math.max(0, delayMs),
      order: this.#order,
      fire: onElapsed,
    };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** How many timers wait. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Sets the wall clock alone, as an operator or a bad time source would. */
  setWallClock(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** Moves both clocks on, firing timers in order of their due time and letting promises settle. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#monotonicMs + byMs;
    await settle();
    for (;;) {
      const next = this.#nextBefore(untilMs);
      if (next === undefined) {
        break;
      }
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#moveTo(Math.max(next.dueMs, this.#monotonicMs));
      next.fire();
      await settle();
    }
    this.#moveTo(untilMs);
    await settle();
  }

  #moveTo(monotonicMs: number): void {
    this.#nowMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }

  #nextBefore(untilMs: number): PendingTimer | undefined {
    return this.#timers
      .filter((timer) => timer.dueMs <= untilMs)
      .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
  }
}

/** Lets everything that is ready run: promise jobs and one round of the event loop. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
