/**
 * The way of long content into the signer process: a pipe beside the channel of calls, over which bytes go as they are.
 * A list of 50 MB costs either side some 10 ms beside hashing it; as messages it took 200.
 *
 *     stream (4) ‖ length (4) ‖ bytes, again and again
 *
 * Not here: what the bytes are for (`signer-protocol.ts`).
 *
 * @module
 */

import type { Writable } from 'node:stream';

const HEADER_OCTETS = 8;

/**
 * Sends bytes of a stream.
 *
 * @returns when the other side's system has taken them, and `bytes` may be used again. Rejects when the lane is broken.
 */
export function sendFrame(lane: Writable, stream: number, bytes: Uint8Array): Promise<void> {
  const header = Buffer.alloc(HEADER_OCTETS);
  header.writeUInt32BE(stream, 0);
  header.writeUInt32BE(bytes.length, 4);
  return new Promise((resolve, reject) => {
    lane.cork();
    lane.write(header);
    lane.write(bytes, (error) => {
      if (error === undefined || error === null) {
        resolve();
      } else {
        reject(error);
      }
    });
    lane.uncork();
  });
}

/** Takes apart what comes over the lane, in whatever portions. */
export class FrameReader {
  readonly #onBytes: (stream: number, bytes: Uint8Array) => void;
  readonly #header = Buffer.alloc(HEADER_OCTETS);
  #headerLength = 0;
  #left = 0;

  /** @param onBytes Gets views of what was pushed, to be used at once. */
  constructor(onBytes: (stream: number, bytes: Uint8Array) => void) {
    this.#onBytes = onBytes;
  }

  push(portion: Uint8Array): void {
    let at = 0;
    while (at < portion.length) {
      at += this.#left === 0 ? this.#takeHeader(portion, at) : this.#takeBytes(portion, at);
    }
  }

  #takeHeader(portion: Uint8Array, at: number): number {
    const part = portion.subarray(at, at + HEADER_OCTETS - this.#headerLength);
    this.#header.set(part, this.#headerLength);
    this.#headerLength += part.length;
    if (this.#headerLength === HEADER_OCTETS) {
      this.#headerLength = 0;
      this.#left = this.#header.readUInt32BE(4);
    }
    return part.length;
  }

  #takeBytes(portion: Uint8Array, at: number): number {
    const part = portion.subarray(at, at + this.#left);
    this.#left -= part.length;
    this.#onBytes(this.#header.readUInt32BE(0), part);
    return part.length;
  }
}
