/**
 * What waits to be sent on one connection. Messages go out whole and in order; a large value is
 * handed to the socket in slices of the memory it lies in, so that it is neither copied nor
 * encrypted at one go, and the peer's progress can be seen. Small messages of one turn of the event
 * loop leave in one write, and the writes of all connections follow each other at the turn's end.
 *
 * Back-pressure is by bytes: producers ask `ready` before they make the next message, and the
 * reader of requests stops while `hasRoom` is false.
 *
 * @module
 */

import type { Socket } from 'node:net';

import type { Clock } from '../core/clock.ts';

import {
  type EncodedOperation,
  MAX_MESSAGE_HEAD_BYTES,
  writeMessageHead,
} from './entry-encoder.ts';
import { COPIED_BELOW_BYTES, SmallParts } from './small-parts.ts';

/** As much is given to the socket at a time, */
const SLICE_BYTES = 256 * 1024;
/** and as much to one in clear whose peer takes it at once: fewer system calls, fewer wake-ups of the peer. */
const MAX_SLICE_BYTES = 1024 * 1024;
/** A peer that takes a slice within this time is given a larger one next. */
const QUICK_MS = 50;

/** So many sent parts are kept as holes at the head of the queue before it is moved up. */
const COMPACT_AT = 1024;

/** What waits to be sent on all connections of a server together. */
export class OutputTotal {
  #bytes = 0;
  #ownBytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Without large values, which are in memory once for all who read them. */
  get ownBytes(): number {
    return this.#ownBytes;
  }

  add(bytes: number, ownBytes: number): void {
    this.#bytes += bytes;
    this.#ownBytes += ownBytes;
  }
}

interface Part {
  readonly bytes: Uint8Array;
  /** A large value, in memory whether it is sent or not. */
  readonly isShared: boolean;
}

const NOTHING: Part = { bytes: new Uint8Array(0), isShared: false };

/** Connections with something to send, in the order in which they came by it. */
let senders: (() => void)[] = [];

/**
 * Calls `send` when everything that has arrived is read. The first write of a turn wakes a peer that waits,
 * which costs as much as the rest of a small answer; one process with many connections is woken once so.
 */
function sendAtEndOfTurn(send: () => void): void {
  if (senders.push(send) === 1) {
    setImmediate(sendAll);
  }
}

function sendAll(): void {
  const due = senders;
  senders = [];
  for (const send of due) {
    send();
  }
}

export interface OutputOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
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
  #queue: Part[] = [];
  #head = 0;
  #headOffset = 0;
  /** What follows the queue. */
  readonly #small = new SmallParts();
  #queuedBytes = 0;
  /** Of these, bytes of values that are shared. */
  #sharedBytes = 0;
  /** Of the bytes that the socket has been given and the peer has not taken, write by write. */
  readonly #sharedGiven: number[] = [];
  #sharedGivenBytes = 0;
  #countedBytes = 0;
  #countedOwnBytes = 0;
  #isEncrypted = false;
  #sliceBytes = SLICE_BYTES;
  /** When the last whole slice was given to the socket; undefined when what was given is less. */
  #slicedAtMs: number | undefined;
  #isPumpPlanned = false;
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
    if (this.#state === 'open') {
      for (const part of parts) {
        this.#append(part, false);
      }
      this.#planPump();
    }
  }

  /** Sends an operation as the answer to `messageId`; what is large in it is shared with others. */
  sendOperation(messageId: number, { parts, length }: EncodedOperation): void {
    if (this.#state !== 'open') {
      return;
    }
    this.#reserve(MAX_MESSAGE_HEAD_BYTES);
    const head = { messageId, operationLength: length };
    const before = this.#small.length;
    this.#small.write((target, offset) => writeMessageHead(target, offset, head));
    this.#queuedBytes += this.#small.length - before;
    for (const part of parts) {
      this.#append(part, true);
    }
    this.#planPump();
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
    this.#isEncrypted = true;
    this.#sliceBytes = SLICE_BYTES;
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
    this.#small.take();
    this.#queuedBytes = 0;
    this.#options.total.add(-this.#countedBytes, -this.#countedOwnBytes);
    this.#countedBytes = 0;
    this.#countedOwnBytes = 0;
    this.#onFlushed = undefined;
    this.#wake();
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (this.#state === 'closed' || error) {
      return;
    }
    this.#adaptSlices();
    this.#pump();
    this.#account();
    if (this.hasRoom) {
      this.#wake();
    }
    this.#options.onTaken();
    this.#settle();
  };

  readonly #onSharedWritten = (error?: Error | null): void => {
    this.#sharedGivenBytes -= this.#sharedGiven.shift() ?? 0;
    this.#onWritten(error);
  };

  #append(bytes: Uint8Array, isShared: boolean): void {
    this.#queuedBytes += bytes.length;
    if (bytes.length < COPIED_BELOW_BYTES) {
      this.#reserve(bytes.length);
      this.#small.append(bytes);
      return;
    }
    this.#closeSmall();
    this.#queue.push({ bytes, isShared });
    this.#sharedBytes += isShared ? bytes.length : 0;
  }

  #reserve(size: number): void {
    if (!this.#small.reserve(size)) {
      this.#closeSmall();
      this.#small.reserve(size);
    }
  }

  #closeSmall(): void {
    if (this.#small.length > 0) {
      this.#queue.push({ bytes: this.#small.take(), isShared: false });
    }
  }

  /** What is sent until the end of this turn leaves together, behind what other connections have sent. */
  #planPump(): void {
    this.#account();
    if (!this.#isPumpPlanned) {
      this.#isPumpPlanned = true;
      sendAtEndOfTurn(this.#runPump);
    }
  }

  readonly #runPump = (): void => {
    this.#isPumpPlanned = false;
    if (this.#state === 'closed' || this.#queuedBytes === 0) {
      return;
    }
    const hadUnsent = this.#socket.writableLength > 0;
    this.#pump();
    this.#account();
    if (!hadUnsent && this.#socket.writableLength > 0) {
      this.#options.onUnsent();
    }
  };

  #pump(): void {
    this.#closeSmall();
    const socket = this.#socket;
    const isSeveral = this.#queue.length - this.#head > 1;
    if (isSeveral) {
      socket.cork();
    }
    while (this.#queuedBytes > 0 && socket.writableLength < this.#sliceBytes) {
      const { isShared } = this.#queue[this.#head] ?? NOTHING;
      const slice = this.#nextSlice();
      if (isShared) {
        this.#sharedGiven.push(slice.length);
        this.#sharedGivenBytes += slice.length;
      }
      socket.write(slice, isShared ? this.#onSharedWritten : this.#onWritten);
    }
    if (isSeveral) {
      socket.uncork();
    }
  }

  /**
   * By how long the last whole slice took. Small ones for a slow peer, or its progress would not be seen for
   * long; and for TLS, which holds what it has encrypted.
   */
  #adaptSlices(): void {
    if (this.#slicedAtMs === undefined || this.#isEncrypted) {
      return;
    }
    const tookMs = this.#options.clock.monotonicMs() - this.#slicedAtMs;
    this.#slicedAtMs = undefined;
    this.#sliceBytes =
      tookMs > QUICK_MS ? SLICE_BYTES : Math.min(2 * this.#sliceBytes, MAX_SLICE_BYTES);
  }

  #nextSlice(): Uint8Array {
    const { bytes, isShared } = this.#queue[this.#head] ?? NOTHING;
    const end = Math.min(bytes.length, this.#headOffset + this.#sliceBytes);
    const slice =
      end === bytes.length && this.#headOffset === 0
        ? bytes
        : bytes.subarray(this.#headOffset, end);
    if (slice.length === this.#sliceBytes) {
      this.#slicedAtMs = this.#options.clock.monotonicMs();
    }
    this.#queuedBytes -= slice.length;
    this.#sharedBytes -= isShared ? slice.length : 0;
    this.#headOffset = end;
    if (end === bytes.length) {
      this.#dropHead();
    }
    return slice;
  }

  /** Lets go of a part that was given to the socket, and of the room it took in the queue. */
  #dropHead(): void {
    this.#queue[this.#head] = NOTHING;
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
    // What is encrypted is no longer shared.
    const shared = this.#sharedBytes + (this.#isEncrypted ? 0 : this.#sharedGivenBytes);
    const own = unsent - shared;
    this.#options.total.add(unsent - this.#countedBytes, own - this.#countedOwnBytes);
    this.#countedBytes = unsent;
    this.#countedOwnBytes = own;
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
