/**
 * What waits to be sent on one connection. Messages go out whole and in order; a large value is
 * handed to the socket in slices of the memory it lies in, so that it is neither copied nor
 * encrypted at one go, and the peer's progress can be seen. Small messages of one turn of the event
 * loop leave in one gathering write.
 *
 * Back-pressure is by bytes: producers ask `ready` before they make the next message, and the
 * reader of requests stops while `hasRoom` is false.
 *
 * @module
 */

import type { Socket } from 'node:net';

/** As much is given to the socket at a time. */
const SLICE_BYTES = 256 * 1024;

/** So many sent parts are kept as holes at the head of the queue before it is moved up. */
const COMPACT_AT = 1024;

const EMPTY = new Uint8Array(0);

/** Unsent bytes of all connections of a server together. */
export class OutputTotal {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }
}

export interface OutputOptions {
  /** Unsent bytes from which on there is no room. */
  readonly capacityBytes: number;
  readonly total: OutputTotal;
  /** Called when something begins to wait for the peer. */
  readonly onUnsent: () => void;
  /** Called, never from within `send`, when the peer took something. */
  readonly onTaken: () => void;
}

export class Output {
  readonly #options: OutputOptions;
  #socket: Socket;
  /** Parts that the socket has not been given; `#queue[#head]` from `#headOffset` on is next. */
  #queue: Uint8Array[] = [];
  #head = 0;
  #headOffset = 0;
  #queuedBytes = 0;
  #countedBytes = 0;
  #isCorked = false;
  #state: 'open' | 'ending' | 'ended' | 'closed' = 'open';
  #waiting: (() => void)[] = [];
  #onFlushed: (() => void) | undefined;

  constructor(socket: Socket, options: OutputOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Bytes that the operating system has not taken. */
  get unsentBytes(): number {
    return this.#queuedBytes + this.#socket.writableLength;
  }

  get hasRoom(): boolean {
    return this.unsentBytes < this.#options.capacityBytes;
  }

  /** Sends one message, or several; the arrays must not be changed until the connection closes. */
  send(parts: readonly Uint8Array[]): void {
    if (this.#state !== 'open') {
      return;
    }
    const hadUnsent = this.unsentBytes > 0;
    for (const part of parts) {
      this.#queue.push(part);
      this.#queuedBytes += part.length;
    }
    this.#pump();
    this.#account();
    if (!hadUnsent) {
      this.#options.onUnsent();
    }
  }

  /**
   * Waits for room.
   *
   * @returns undefined when there is room now; the promise resolves when there is, or when the
   *   connection is gone.
   */
  ready(): Promise<void> | undefined {
    if (this.hasRoom || this.#state === 'closed') {
      return undefined;
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Calls `onFlushed` once everything sent so far has left; not at all when the connection is lost. */
  whenFlushed(onFlushed: () => void): void {
    this.#onFlushed = onFlushed;
    this.#settle();
  }

  /** Goes on over another socket, with nothing unsent on the one before. */
  moveTo(socket: Socket): void {
    this.#socket = socket;
  }

  /** Sends what waits, then ends this side of the connection. Later messages are dropped. */
  end(): void {
    if (this.#state === 'open') {
      this.#state = 'ending';
      this.#settle();
    }
  }

  /** The connection is gone: forgets everything and wakes those who wait. */
  close(): void {
    this.#state = 'closed';
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#options.total.add(-this.#countedBytes);
    this.#countedBytes = 0;
    this.#onFlushed = undefined;
    this.#wake();
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (this.#state === 'closed' || error) {
      return;
    }
    this.#pump();
    this.#account();
    if (this.hasRoom) {
      this.#wake();
    }
    this.#options.onTaken();
    this.#settle();
  };

  #pump(): void {
    while (this.#queuedBytes > 0 && this.#socket.writableLength < SLICE_BYTES) {
      this.#cork();
      this.#socket.write(this.#nextSlice(), this.#onWritten);
    }
  }

  /** Writes until the end of this turn become one system call. */
  #cork(): void {
    if (!this.#isCorked) {
      const socket = this.#socket;
      this.#isCorked = true;
      socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        socket.uncork();
      });
    }
  }

  #nextSlice(): Uint8Array {
    const part = this.#queue[this.#head] ?? EMPTY;
    const end = Math.min(part.length, this.#headOffset + SLICE_BYTES);
    const slice =
      end === part.length && this.#headOffset === 0 ? part : part.subarray(this.#headOffset, end);
    this.#queuedBytes -= slice.length;
    this.#headOffset = end;
    if (end === part.length) {
      this.#dropHead();
    }
    return slice;
  }

  /** Lets go of a part that was given to the socket, and of the room it took in the queue. */
  #dropHead(): void {
    this.#queue[this.#head] = EMPTY;
    this.#head += 1;
    this.#headOffset = 0;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head === COMPACT_AT) {
      this.#queue.splice(0, COMPACT_AT);
      this.#head = 0;
    }
  }

  #account(): void {
    const unsent = this.unsentBytes;
    this.#options.total.add(unsent - this.#countedBytes);
    this.#countedBytes = unsent;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) {
      resolve();
    }
  }

  #settle(): void {
    if (this.unsentBytes > 0) {
      return;
    }
    const onFlushed = this.#onFlushed;
    this.#onFlushed = undefined;
    onFlushed?.();
    if (this.#state === 'ending') {
      this.#state = 'ended';
      this.#socket.end();
    }
  }
}
