/**
 * Many who are ready to go on at the same time, as after a flush that all of them waited for: they go on one after another,
 * one in each turn of the event loop, so that whoever else waits for it waits for one of them and not for all.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

export class Turnstile {
  readonly #waiting: (() => void)[] = [];
  #isTurning = false;

  /** Resolves when it is the caller's turn, in the order of the calls. */
  pass(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#isTurning) {
        this.#isTurning = true;
        void this.#turn();
      }
    });
  }

  async #turn(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next();
      await nextTurn();
    }
    this.#isTurning = false;
  }
}
