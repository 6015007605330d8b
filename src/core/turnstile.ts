/**
 * Many who are ready to go on at the same time, as after a flush that all of them waited for: they go on one after another,
 * a few in each turn of the event loop, so that whoever else waits for it waits for a few of them and not for all.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

export class Turnstile {
  readonly #perTurn: number;
  readonly #waiting: (() => void)[] = [];
  #isTurning = false;

  /** @param perTurn How many go on in one turn: fewer are kinder to others, more need fewer turns and messages. */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

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
    while (this.#waiting.length > 0) {
      for (const next of this.#waiting.splice(0, this.#perTurn)) {
        next();
      }
      await nextTurn();
    }
    this.#isTurning = false;
  }
}
