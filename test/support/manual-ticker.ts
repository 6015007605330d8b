/**
 * A ticker that ticks when told to.
 *
 * @module
 */

import type { Ticker } from '../../src/scheduler/ticker.ts';

export class ManualTicker implements Ticker {
  #onTick: (() => void) | undefined;

  get isStarted(): boolean {
    return this.#onTick !== undefined;
  }

  start(onTick: () => void): void {
    this.#onTick = onTick;
  }

  stop(): void {
    this.#onTick = undefined;
  }

  /** Does nothing when it is not started. */
  tick(): void {
    this.#onTick?.();
  }
}
