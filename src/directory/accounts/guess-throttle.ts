/**
 * Growing delays for those who guess passwords: per account and source address, so that nobody can lock
 * an account for others. Whether the account exists plays no part.
 *
 * Guesses that are being checked count as failures until they have succeeded, equal ones once: many
 * connections with one password are let through, many passwords at a time are not. What is remembered is
 * bounded; it is forgotten after so long a time that waiting for it wins nothing, and at a restart.
 *
 * @module
 */

import { createHmac } from 'node:crypto';

import { asBuffer } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { RandomSource } from '../../core/random.ts';
import { sourceOf } from '../access/address-range.ts';
import type { GuessDelays } from './password-policy.ts';

export interface GuessThrottleOptions {
  /** Of an account, whether or not it exists. */
  readonly delaysOf: (account: Uint8Array) => GuessDelays;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Pairs of account and address that are remembered. Default 65,536. */
  readonly maxTracked?: number;
}

/** A guess that may be checked. Exactly one of the methods is called, once. */
export interface AdmittedGuess {
  readonly kind: 'admitted';
  /** Everything that was held against the guesser is forgotten. */
  succeeded(): void;
  /** @returns the failures so far, this one included. */
  failed(): number;
  /** It was not checked after all. */
  withdrawn(): void;
}

/** A guess that comes too early. */
export interface DelayedGuess {
  readonly kind: 'delayed';
  /** The first of this delay. */
  readonly isFirst: boolean;
  readonly failures: number;
}

interface Guesser {
  readonly delays: GuessDelays;
  failures: number;
  /** Monotonic time before which nothing is checked. */
  closedUntilMs: number;
  lastMs: number;
  wasDelayed: boolean;
  /** How often each guess is being checked. */
  readonly inFlight: Map<string, number>;
}

const SECOND_MS = 1000;
const KEY_BYTES = 32;

/** Of an account's identity that is kept as it is. */
const MAX_PLAIN_BYTES = 128;

export class GuessThrottle {
  readonly #delaysOf: (account: Uint8Array) => GuessDelays;
  readonly #clock: Clock;
  readonly #maxTracked: number;
  /** Hides guesses and accounts in memory. */
  readonly #key: Uint8Array;
  /** Least recently used first. */
  readonly #guessers = new Map<string, Guesser>();

  constructor({ delaysOf, clock, random, maxTracked = 65_536 }: GuessThrottleOptions) {
    this.#delaysOf = delaysOf;
    this.#clock = clock;
    this.#maxTracked = maxTracked;
    this.#key = random.bytes(KEY_BYTES);
  }

  /** Pairs of account and address that are remembered. */
  get tracked(): number {
    return this.#guessers.size;
  }

  /**
   * @param account What identifies the account, whether or not it exists.
   * @param address The source's address; empty for local ones.
   */
  admit(account: Uint8Array, address: string, guess: Uint8Array): AdmittedGuess | DelayedGuess {
    const name = `${this.#nameOf(account)} ${sourceOf(address)}`;
    const guesser = this.#use(name, account);
    const digest = this.#digest(guess);
    if (!this.#mayTry(guesser, digest)) {
      const isFirst = !guesser.wasDelayed;
      guesser.wasDelayed = true;
      return { kind: 'delayed', isFirst, failures: guesser.failures };
    }
    guesser.wasDelayed = false;
    guesser.inFlight.set(digest, (guesser.inFlight.get(digest) ?? 0) + 1);
    return {
      kind: 'admitted',
      succeeded: () => {
        this.#land(guesser, digest);
        guesser.failures = 0;
        guesser.closedUntilMs = 0;
        this.#forgetIfIdle(name, guesser);
      },
      failed: () => this.#fail(guesser, digest),
      withdrawn: () => {
        this.#land(guesser, digest);
        this.#forgetIfIdle(name, guesser);
      },
    };
  }

  #mayTry({ delays, failures, closedUntilMs, inFlight }: Guesser, digest: string): boolean {
    const isOpen = this.#clock.monotonicMs() >= closedUntilMs;
    return (
      isOpen &&
      (inFlight.size === 0 ||
        inFlight.has(digest) ||
        failures + inFlight.size < delays.freeFailures)
    );
  }

  #fail(guesser: Guesser, digest: string): number {
    const isLast = this.#land(guesser, digest);
    if (isLast) {
      const { freeFailures, firstSeconds, maxSeconds } = guesser.delays;
      guesser.failures += 1;
      const doublings = guesser.failures - freeFailures;
      const seconds = doublings < 0 ? 0 : Math.min(maxSeconds, firstSeconds * 2 ** doublings);
      guesser.lastMs = this.#clock.monotonicMs();
      guesser.closedUntilMs = Math.max(guesser.closedUntilMs, guesser.lastMs + seconds * SECOND_MS);
    }
    return guesser.failures;
  }

  /** @returns whether this guess is not being checked any more. */
  #land({ inFlight }: Guesser, digest: string): boolean {
    const rest = (inFlight.get(digest) ?? 1) - 1;
    if (rest > 0) {
      inFlight.set(digest, rest);
      return false;
    }
    return inFlight.delete(digest);
  }

  /** The guesser, as the one most recently used. */
  #use(name: string, account: Uint8Array): Guesser {
    const known = this.#guessers.get(name);
    this.#guessers.delete(name);
    const nowMs = this.#clock.monotonicMs();
    const guesser =
      known !== undefined && !this.#isForgotten(known, nowMs)
        ? known
        : {
            ...{ delays: this.#delaysOf(account), failures: 0, closedUntilMs: 0 },
            ...{ lastMs: nowMs, wasDelayed: false, inFlight: new Map<string, number>() },
          };
    this.#makeRoom();
    this.#guessers.set(name, guesser);
    return guesser;
  }

  #makeRoom(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [name, guesser] of this.#guessers) {
      if (this.#guessers.size < this.#maxTracked && !this.#isForgotten(guesser, nowMs)) {
        return;
      }
      this.#guessers.delete(name);
    }
  }

  /** After so long, the free failures that start anew are no more than the longest delay allows. */
  #isForgotten({ delays, lastMs, inFlight }: Guesser, nowMs: number): boolean {
    const { freeFailures, maxSeconds } = delays;
    return inFlight.size === 0 && nowMs - lastMs > (freeFailures + 1) * maxSeconds * SECOND_MS;
  }

  #forgetIfIdle(name: string, guesser: Guesser): void {
    const isIdle = guesser.failures === 0 && guesser.inFlight.size === 0;
    if (isIdle && this.#guessers.get(name) === guesser) {
      this.#guessers.delete(name);
    }
  }

  /** What is short is its own name; the rest is bounded by a digest, which no name can look like. */
  #nameOf(account: Uint8Array): string {
    return account.length <= MAX_PLAIN_BYTES
      ? `=${asBuffer(account).toString('latin1')}`
      : this.#digest(account);
  }

  #digest(bytes: Uint8Array): string {
    return createHmac('sha256', this.#key).update(bytes).digest('base64');
  }
}
