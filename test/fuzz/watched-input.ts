/**
 * The input that a worker is trying, in memory that it shares with the thread that watches it: when the
 * worker does not come back, there is something to save.
 *
 * @module
 */

const MAX_BYTES = 256 * 1024;
const HEADER_BYTES = 8;
const COUNTER = 0;
const LENGTH = 1;

export class WatchedInput {
  readonly memory: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(HEADER_BYTES + MAX_BYTES)) {
    this.memory = memory;
    this.#header = new Int32Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory, HEADER_BYTES);
  }

  /** Goes up with every input. */
  get counter(): number {
    return Atomics.load(this.#header, COUNTER);
  }

  get input(): Uint8Array {
    return Uint8Array.from(this.#bytes.subarray(0, Atomics.load(this.#header, LENGTH)));
  }

  set(input: Uint8Array): void {
    const kept = input.subarray(0, MAX_BYTES);
    this.#bytes.set(kept);
    Atomics.store(this.#header, LENGTH, kept.length);
    Atomics.add(this.#header, COUNTER, 1);
  }
}
