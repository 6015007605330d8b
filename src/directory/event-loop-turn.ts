/**
 * Long work in short slices: after some milliseconds without a pause it lets everything else that
 * waits for the event loop run.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';

/** Milliseconds of work between two pauses. */
const SLICE_MS = 5;

export class EventLoopTurn {
  readonly #clock: Clock;
  #endMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#endMs = clock.monotonicMs() + SLICE_MS;
  }

  /** To be awaited often; undefined, and nothing to wait for, while the slice lasts. */
  yieldIfDue(nowMs: number = this.#clock.monotonicMs()): Promise<void> | undefined {
    return nowMs > this.#endMs ? this.#pause() : undefined;
  }

  async #pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#endMs = this.#clock.monotonicMs() + SLICE_MS;
  }
}
