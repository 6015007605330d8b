/**
 * The requests of one connection that are not answered yet: a few run, the others wait in order,
 * and their number and bytes are what the connection is measured by.
 *
 * @module
 */

import type { Caller, StopSignal } from '../directory/service.ts';
import type { RequestText } from './answer-cache.ts';
import type { LdapLimits } from './limits.ts';
import type { Control, OperationRequest } from './requests.ts';

/** What the requests of all connections of a server take together. */
export class PendingTotal {
  readonly #limits: Pick<LdapLimits, 'totalPendingOperations' | 'totalPendingBytes'>;
  #operations = 0;
  #bytes = 0;

  constructor(limits: Pick<LdapLimits, 'totalPendingOperations' | 'totalPendingBytes'>) {
    this.#limits = limits;
  }

  /** Requests that were read and are not answered. */
  get operations(): number {
    return this.#operations;
  }

  /** Their bytes, and those of requests that have begun to arrive. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there is room for bytes of a request that is not whole yet. */
  get hasRoomForBytes(): boolean {
    return this.#bytes <= this.#limits.totalPendingBytes;
  }

  /** Whether one more operation may be taken. */
  get hasRoom(): boolean {
    return this.hasRoomForBytes && this.#operations < this.#limits.totalPendingOperations;
  }

  addOperations(count: number): void {
    this.#operations += count;
  }

  addBytes(bytes: number): void {
    this.#bytes += bytes;
  }
}

/** What an operation is made from. */
export interface OperationSource {
  readonly messageId: number;
  readonly request: OperationRequest;
  readonly controls: readonly Control[];
  /** Who asked, as it was when the request arrived: a later bind does not change it. */
  readonly caller: Caller;
  /** The request's size on the wire. */
  readonly pduBytes: number;
  /** Under which its answer may be kept; undefined when it may not. */
  readonly answerKey?: RequestText | undefined;
  /** The whole message, of changes alone. */
  readonly received?: Uint8Array | undefined;
}

/** One request on its way. */
export class PendingOperation implements StopSignal {
  readonly messageId: number;
  readonly request: OperationRequest;
  readonly controls: readonly Control[];
  readonly caller: Caller;
  readonly pduBytes: number;
  readonly answerKey: RequestText | undefined;
  readonly received: Uint8Array | undefined;
  #isAbandoned = false;
  #isCancelled = false;

  constructor(source: OperationSource) {
    this.messageId = source.messageId;
    this.request = source.request;
    this.controls = source.controls;
    this.caller = source.caller;
    this.pduBytes = source.pduBytes;
    this.answerKey = source.answerKey;
    this.received = source.received;
  }

  /** Once true, nothing more is sent for this operation. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Once true, the operation's only answer is that it was cancelled (RFC 3909). */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Abandoned or cancelled: no more work is to be done. */
  get isStopped(): boolean {
    return this.#isAbandoned || this.#isCancelled;
  }

  /** The same, for the directory. */
  get aborted(): boolean {
    return this.isStopped;
  }

  /**
   * Writes are not given up half way: their outcome would be unknown. RFC 4511 §4.11 leaves it to
   * the server which operations can be abandoned.
   */
  get canBeAbandoned(): boolean {
    return this.request.kind === 'search' || this.request.kind === 'compare';
  }

  abandon(): void {
    this.#isAbandoned = true;
  }

  cancel(): void {
    this.#isCancelled = true;
  }
}

export interface PendingOperationsOptions {
  readonly maxRunning: number;
  readonly total: PendingTotal;
  /** Carries one operation out, unless it was abandoned before; must not reject. */
  readonly run: (operation: PendingOperation) => Promise<void>;
  /** Called after every operation that ended. */
  readonly onEnded: () => void;
}

export class PendingOperations {
  readonly #options: PendingOperationsOptions;
  readonly #byMessageId = new Map<number, PendingOperation>();
  readonly #waiting: PendingOperation[] = [];
  #running = 0;
  #bytes = 0;
  #onEmpty: (() => void) | undefined;

  constructor(options: PendingOperationsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#byMessageId.size;
  }

  /** Bytes of the pending requests. */
  get bytes(): number {
    return this.#bytes;
  }

  find(messageId: number): PendingOperation | undefined {
    return this.#byMessageId.get(messageId);
  }

  /** Takes an operation whose message id is not in use, and starts it as soon as its turn comes. */
  add(operation: PendingOperation): void {
    this.#byMessageId.set(operation.messageId, operation);
    this.#bytes += operation.pduBytes;
    this.#options.total.addOperations(1);
    this.#options.total.addBytes(operation.pduBytes);
    if (this.#running < this.#options.maxRunning) {
      this.#start(operation);
    } else {
      this.#waiting.push(operation);
    }
  }

  /** Resolves when nothing is pending; for one caller at a time. */
  whenEmpty(): Promise<void> | undefined {
    if (this.count === 0) {
      return undefined;
    }
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** Abandons what can be. */
  abandonAll(): void {
    for (const operation of this.#byMessageId.values()) {
      if (operation.canBeAbandoned) {
        operation.abandon();
      }
    }
  }

  /** Nobody is left to answer: whatever runs ends unanswered, and what waits is over at its turn. */
  drop(): void {
    for (const operation of this.#byMessageId.values()) {
      operation.abandon();
    }
  }

  #start(operation: PendingOperation): void {
    this.#running += 1;
    const onEnded = (): void => this.#ended(operation);
    // Twice the same costs less than a promise of `finally`.
    void this.#options.run(operation).then(onEnded, onEnded);
  }

  #ended(operation: PendingOperation): void {
    this.#running -= 1;
    this.#byMessageId.delete(operation.messageId);
    this.#bytes -= operation.pduBytes;
    this.#options.total.addOperations(-1);
    this.#options.total.addBytes(-operation.pduBytes);
    this.#startNext();
    this.#options.onEnded();
    if (this.count === 0) {
      this.#onEmpty?.();
      this.#onEmpty = undefined;
    }
  }

  #startNext(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      this.#start(next);
    }
  }
}
