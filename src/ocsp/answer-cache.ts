/**
 * Signed answers kept under the bytes of the request, until they are half way to their nextUpdate, a certificate in them
 * is revoked, or others need the room.
 *
 * Whoever makes an answer asks for a ticket before it reads the register and shows it when it is done: a
 * revocation in between voids the ticket, so that nothing older than what was acknowledged is kept or given.
 *
 * @module
 */

import type { OcspAnswer } from './answer.ts';

export interface AnswerCacheLimits {
  readonly entries: number;
  readonly bytes: number;
}

interface Kept {
  readonly answer: OcspAnswer;
  readonly bytes: number;
}

/** The right to keep an answer about these certificates. */
export interface Ticket {
  readonly serialNumbers: readonly bigint[];
  isVoid: boolean;
}

export class AnswerCache {
  readonly #limits: AnswerCacheLimits;
  /** In the order of their making, oldest first. */
  readonly #kept = new Map<string, Kept>();
  readonly #bySerial = new Map<bigint, Set<string>>();
  readonly #tickets = new Set<Ticket>();
  #bytes = 0;

  constructor(limits: AnswerCacheLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#kept.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The answer, if it may still be given at `nowMs`; not before it was made either, should the clock go back. */
  find(key: string, nowMs: number): OcspAnswer | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) {
      return undefined;
    }
    const { answer } = kept;
    if (nowMs < answer.thisUpdateMs || nowMs >= answer.refreshMs) {
      this.#drop(key, kept);
      return undefined;
    }
    return answer;
  }

  /** To be taken before the register is read. */
  takeTicket(serialNumbers: readonly bigint[]): Ticket {
    const ticket = { serialNumbers, isVoid: false };
    this.#tickets.add(ticket);
    return ticket;
  }

  /** To be given back in any case. */
  returnTicket(ticket: Ticket): void {
    this.#tickets.delete(ticket);
  }

  keep(key: string, answer: OcspAnswer, ticket: Ticket): void {
    // Strings hold one byte for each of the request's.
    const bytes = key.length + answer.der.length;
    if (ticket.isVoid || bytes > this.#limits.bytes) {
      return;
    }
    const before = this.#kept.get(key);
    if (before !== undefined) {
      this.#drop(key, before);
    }
    this.#kept.set(key, { answer, bytes });
    this.#bytes += bytes;
    for (const serialNumber of answer.serialNumbers) {
      const keys = this.#bySerial.get(serialNumber);
      if (keys === undefined) {
        this.#bySerial.set(serialNumber, new Set([key]));
      } else {
        keys.add(key);
      }
    }
    this.#makeRoom();
  }

  /** Drops every answer about a certificate, and those that are being made. */
  dropSerial(serialNumber: bigint): void {
    for (const ticket of this.#tickets) {
      ticket.isVoid ||= ticket.serialNumbers.includes(serialNumber);
    }
    for (const key of this.#bySerial.get(serialNumber) ?? []) {
      const kept = this.#kept.get(key);
      if (kept !== undefined) {
        this.#drop(key, kept);
      }
    }
  }

  #makeRoom(): void {
    for (const [key, kept] of this.#kept) {
      if (this.#kept.size <= this.#limits.entries && this.#bytes <= this.#limits.bytes) {
        return;
      }
      this.#drop(key, kept);
    }
  }

  #drop(key: string, { answer, bytes }: Kept): void {
    this.#kept.delete(key);
    this.#bytes -= bytes;
    for (const serialNumber of answer.serialNumbers) {
      const keys = this.#bySerial.get(serialNumber);
      keys?.delete(key);
      if (keys?.size === 0) {
        this.#bySerial.delete(serialNumber);
      }
    }
  }
}
