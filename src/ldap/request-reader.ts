/**
 * The receiving half of a session: takes requests from the socket while there is room for them, and
 * otherwise leaves them there, so that the peer's own writes come to a halt. A request that has
 * begun to arrive must be whole within its time.
 *
 * @module
 */

import type { Deadlines } from './deadlines.ts';
import { PduFramer } from './framing.ts';
import { decodeEnvelope, type Envelope } from './request-decoder.ts';
import type { Transport } from './transport.ts';

export interface RequestReaderOptions {
  readonly transport: Transport;
  readonly deadlines: Deadlines;
  /** From a request's first byte to its last. */
  readonly requestMs: number;
  /** Whether another request may be taken now. */
  readonly hasRoom: () => boolean;
  /** What a request may have now, in bytes. */
  readonly maxPduBytes: () => number;
  readonly onRequest: (envelope: Envelope, pduBytes: number) => void;
}

export class RequestReader {
  readonly #options: RequestReaderOptions;
  readonly #framer = new PduFramer();
  #isDiscarding = false;

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
    }
  }

  /**
   * Hands out the requests for which there is room, then reads on or pauses.
   *
   * @returns true when every whole request that arrived has been handed out.
   * @throws {LdapError} `LDAP_MALFORMED`, `LDAP_PDU_TOO_LARGE`, and what `onRequest` throws; there is
   *   no way on.
   */
  readOn(): boolean {
    const { transport, deadlines, hasRoom, maxPduBytes, onRequest, requestMs } = this.#options;
    while (hasRoom()) {
      const pdu = this.#framer.next(maxPduBytes());
      if (pdu === undefined) {
        if (this.#framer.bufferedBytes > 0) {
          deadlines.begin('request', requestMs);
        }
        transport.resume();
        return true;
      }
      deadlines.clear('request');
      onRequest(decodeEnvelope(pdu), pdu.length);
    }
    this.pause();
    return false;
  }

  /** Reads nothing until `readOn`. */
  pause(): void {
    if (!this.#isDiscarding) {
      this.#options.deadlines.clear('request');
      this.#options.transport.pause();
    }
  }

  /** From now on throws away what arrives. */
  discard(): void {
    this.#isDiscarding = true;
    this.#options.deadlines.clear('request');
    this.#options.transport.resume();
  }
}
