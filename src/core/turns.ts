/**
 * Long work in parts between which everything else gets its turn.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

export class Turns {
  readonly #perTurn: number;
  #spent = 0;

  /** @param perTurn How much work of the caller's own unit is done before others get their turn. */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** To be awaited after some work was done; undefined while there is nothing to wait for. */
  spend(amount: number): Promise<void> | undefined {
    this.#spent += amount;
    if (this.#spent < this.#perTurn) {
      return undefined;
    }
    this.#spent = 0;
    return nextTurn();
  }
}
