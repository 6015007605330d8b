/**
 * The server's end of a connection that goes nowhere: what a test says arrives, and what the server sends is
 * kept.
 *
 * @module
 */

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

class FakeSocketStream extends Duplex {
  readonly remoteAddress = '192.0.2.7';
  readonly sent: Buffer[] = [];

  constructor() {
    super({ allowHalfOpen: true });
  }

  setNoDelay(): this {
    return this;
  }

  override _read(): void {
    // What arrives is pushed.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.sent.push(chunk);
    done();
  }
}

export class FakeSocket {
  readonly #stream = new FakeSocketStream();

  /** What the server takes for a connected socket: it has all that the server uses of one. */
  get socket(): Socket {
    return this.#stream as unknown as Socket;
  }

  /** Everything that was sent so far. */
  get sent(): Buffer {
    return Buffer.concat(this.#stream.sent);
  }

  /** Bytes arrive, with a turn of the event loop behind each piece. */
  async arrive(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      if (this.#stream.destroyed) {
        return;
      }
      // The receiver may keep what it is given.
      this.#stream.push(Buffer.from(piece));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The peer has said all it had to say. */
  arriveEnd(): void {
    if (!this.#stream.destroyed) {
      this.#stream.push(null);
    }
  }
}
