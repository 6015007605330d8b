/**
 * Where small parts of messages are put together before they are sent, so that what leaves at once lies
 * in one piece: one block of memory after another, for all connections.
 *
 * @module
 */

/** A reader that stops reading holds at most one block beyond what waits for it. */
const BLOCK_BYTES = 16 * 1024;

/** Parts that are shorter than this are copied; longer ones are cheaper to send from where they are. */
export const COPIED_BELOW_BYTES = 4096;

let block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
let used = 0;

/** The small parts of one connection that follow each other. */
export class SmallParts {
  #block = block;
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /**
   * Makes room for `size` bytes, at most a part's, behind those that are there.
   *
   * @returns false when there is none: take what is there first.
   */
  reserve(size: number): boolean {
    const isLast = this.#block === block && this.#end === used;
    if (isLast && used + size <= BLOCK_BYTES) {
      return true;
    }
    if (this.length > 0) {
      return false;
    }
    if (used + size > BLOCK_BYTES) {
      block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      used = 0;
    }
    this.#block = block;
    this.#start = used;
    this.#end = used;
    return true;
  }

  /** Copies a part for which there is room. */
  append(part: Uint8Array): void {
    block.set(part, used);
    this.#advance(used + part.length);
  }

  /** Lets `write` put bytes, for which there is room, at an offset; it returns the one behind them. */
  write(write: (target: Buffer, offset: number) => number): void {
    this.#advance(write(block, used));
  }

  /** Hands out what is there, and starts anew. */
  take(): Uint8Array {
    const taken = this.#block.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return taken;
  }

  #advance(end: number): void {
    used = end;
    this.#end = end;
  }
}
