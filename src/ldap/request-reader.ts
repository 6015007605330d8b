/**
 * The receiving half of a session: takes requests from the socket while there is room for them, and
 * otherwise leaves them there, so that the peer's own writes come to a halt. A request that has
 * begun to arrive must be whole within its time.
 *
 * @module
 */

import type { Deadlines } from './deadlines.ts';
import { LdapError } from './errors.ts';
import { PduFramer } from './framing.ts';
import type { LdapLimits } from './limits.ts';
import type { PendingTotal } from './pending-operations.ts';
import { decodeEnvelope, type Envelope } from './request-decoder.ts';
import type { Transport } from './transport.ts';

export interface RequestReaderOptions {
  readonly transport: Transport;
  readonly deadlines: Deadlines;
  readonly limits: Pick<LdapLimits, 'headerMs' | 'requestMs'>;
  /** Where bytes are counted that were received and not handed out. */
  readonly total: PendingTotal;
  /** Whether another request may be taken now. */
  readonly hasRoom: () => boolean;
  /** What a request may have now, in bytes. */
  readonly maxPduBytes: () => number;
  readonly onRequest: (envelope: Envelope, pduBytes: number) => void;
}

/** Whoever holds no more than this of a request is not held answerable for a lack of memory. */
const SMALL_BYTES = 4096;

export class RequestReader {
  readonly #options: RequestReaderOptions;
  #framer = new PduFramer();
  #isDiscarding = false;
  #countedBytes = 0;

  constructor(options: RequestReaderOptions) {
    this.#options = options;
  }

  /** True when more was received than was taken as requests. */
  get hasUnreadBytes(): boolean {
    return this.#framer.bufferedBytes > 0 || this.#options.transport.hasUnreadBytes;
  }

  /** Keeps what was received until `readOn`. */
  push(chunk: Uint8Array): void {
    if (!this.#isDiscarding) {
      this.#framer.push(chunk);
      this.#account();
    }
  }

  /**
   * Hands out the requests for which there is room, then reads on or pauses.
   *
   * @returns true when every whole request that arrived has been handed out.
   * @throws {LdapError} `LDAP_MALFORMED`, `LDAP_PDU_TOO_LARGE`, `LDAP_BUSY` when the server has no memory
   *   for the rest of a request, and what `onRequest` throws; there is no way on.
   */
  readOn(): boolean {
    try {
      return this.#readOn();
    } finally {
      this.#account();
    }
  }

  #readOn(): boolean {
    const { transport, deadlines, hasRoom, maxPduBytes, onRequest } = this.#options;
    while (hasRoom()) {
      const pdu = this.#framer.next(maxPduBytes());
      if (pdu === undefined) {
        this.#awaitRest();
        transport.resume();
        return true;
      }
      deadlines.clear('header');
      deadlines.clear('request');
      this.#account();
      onRequest(decodeEnvelope(pdu), pdu.length);
    }
    this.pause();
    return false;
  }

  /** A request has begun, or none. */
  #awaitRest(): void {
    const { deadlines, limits, total } = this.#options;
    const { bufferedBytes, hasLength } = this.#framer;
    if (bufferedBytes === 0) {
      return;
    }
    if (bufferedBytes > SMALL_BYTES && !total.hasRoomForBytes) {
      throw new LdapError('LDAP_BUSY', 'too many requests are under way; try again');
    }
    deadlines.begin('request', limits.requestMs);
    if (hasLength) {
      deadlines.clear('header');
    } else {
      deadlines.begin('header', limits.headerMs);
    }
  }

  /** Lets go of what was received and takes nothing more. */
  close(): void {
    this.#isDiscarding = true;
    this.#framer = new PduFramer();
    this.#account();
  }

  #account(): void {
    const bytes = this.#framer.bufferedBytes;
    this.#options.total.addBytes(bytes - this.#countedBytes);
    this.#countedBytes = bytes;
  }

  /** Reads nothing until `readOn`. */
  pause(): void {
    if (!this.#isDiscarding) {
      this.#clearDeadlines();
      this.#options.transport.pause();
    }
  }

  /** From now on throws away what arrives. */
  discard(): void {
    this.close();
    this.#clearDeadlines();
    this.#options.transport.resume();
  }

  #clearDeadlines(): void {
    this.#options.deadlines.clear('header');
    this.#options.deadlines.clear('request');
  }
}
