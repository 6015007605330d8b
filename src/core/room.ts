/**
 * A bound on what is in work at the same time, counted in the caller's own unit. First come, first served.
 *
 * @module
 */

interface Waiter {
  readonly amount: number;
  readonly enter: () => void;
}

export class Room {
  readonly #capacity: number;
  readonly #waiting: Waiter[] = [];
  #taken = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /**
   * Runs `work` once there is room for it. What is larger than the whole room gets all of it, alone.
   *
   * @param amount How much room `work` takes until it has ended.
   */
  async within<T>(amount: number, work: () => Promise<T>): Promise<T> {
    const wanted = Math.min(amount, this.#capacity);
    if (this.#waiting.length > 0 || this.#taken + wanted > this.#capacity) {
      await new Promise<void>((enter) => {
        this.#waiting.push({ amount: wanted, enter });
      });
    } else {
      this.#taken += wanted;
    }
    try {
      return await work();
    } finally {
      this.#taken -= wanted;
      this.#letIn();
    }
  }

  #letIn(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#taken + next.amount > this.#capacity) {
        return;
      }
      this.#taken += next.amount;
      this.#waiting.shift();
      next.enter();
    }
  }
}
