/**
 * Sessions of operators who authenticated with a password: a random token, known here by its hash only, that ends when
 * it is not used for a while, after some hours in any case, and with the account's right to be used, which is asked at
 * every call (`authentication.ts`). They live in memory: a restart ends them all.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { equalBytes } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { RandomSource } from '../../core/random.ts';
import type { EntryPrincipal } from '../../directory/accounts/principal.ts';
import { TryLater } from './problem.ts';

export interface SessionLimits {
  /** From the last use to the end. */
  readonly idleMs: number;
  /** From the beginning to the end, however it is used. */
  readonly absoluteMs: number;
  /** Of one operator; the one that was used longest ago ends for a new one. */
  readonly perOperator: number;
  readonly total: number;
}

/** A session that goes on. */
export interface OpenSession {
  /** The CA's id. */
  readonly ca: string;
  readonly principal: EntryPrincipal;
  /** Milliseconds until it ends by itself, used or not. */
  readonly idleRestMs: number;
  readonly absoluteRestMs: number;
}

interface KeptSession {
  readonly ca: string;
  readonly principal: EntryPrincipal;
  readonly endMs: number;
  usedMs: number;
}

const TOKEN_BYTES = 32;

export class Sessions {
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #limits: SessionLimits;
  /** By hash, the one used longest ago first. */
  readonly #kept = new Map<string, KeptSession>();

  constructor(parts: {
    readonly clock: Clock;
    readonly random: RandomSource;
    readonly limits: SessionLimits;
  }) {
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#limits = parts.limits;
  }

  get count(): number {
    return this.#kept.size;
  }

  /**
   * @returns the token, which is nowhere else.
   * @throws {TryLater} `HTTP_TOO_MANY_SESSIONS`.
   */
  open(ca: string, principal: EntryPrincipal): string {
    this.#dropEnded();
    const own = [...this.#kept].filter(
      ([, kept]) => kept.principal.entryUuid === principal.entryUuid,
    );
    const [oldest] = own;
    if (oldest !== undefined && own.length >= this.#limits.perOperator) {
      this.#kept.delete(oldest[0]);
    }
    if (this.#kept.size >= this.#limits.total) {
      throw new TryLater('HTTP_TOO_MANY_SESSIONS', 'too many sessions are open; try later', 60);
    }
    const token = Buffer.from(this.#random.bytes(TOKEN_BYTES)).toString('base64url');
    const nowMs = this.#clock.monotonicMs();
    const endMs = nowMs + this.#limits.absoluteMs;
    this.#kept.set(hashOf(token), { ca, principal, endMs, usedMs: nowMs });
    return token;
  }

  /** The session of a token, which counts as used; undefined when there is none, or none any more. */
  use(token: string): OpenSession | undefined {
    const hash = hashOf(token);
    const kept = this.#kept.get(hash);
    if (kept === undefined) {
      return undefined;
    }
    this.#kept.delete(hash);
    const nowMs = this.#clock.monotonicMs();
    if (this.#hasEnded(kept, nowMs)) {
      return undefined;
    }
    kept.usedMs = nowMs;
    this.#kept.set(hash, kept);
    return {
      ca: kept.ca,
      principal: kept.principal,
      idleRestMs: this.#limits.idleMs,
      absoluteRestMs: kept.endMs - nowMs,
    };
  }

  /** Ends one session, if there is one. */
  close(token: string): void {
    this.#kept.delete(hashOf(token));
  }

  /** Ends every session of an account. @param nameKey The key of its name (`Dn.key`). */
  closeAllOf(nameKey: Uint8Array): void {
    for (const [hash, { principal }] of this.#kept) {
      if (equalBytes(principal.dn.key, nameKey)) {
        this.#kept.delete(hash);
      }
    }
  }

  #hasEnded({ usedMs, endMs }: KeptSession, nowMs: number): boolean {
    return nowMs >= endMs || nowMs - usedMs >= this.#limits.idleMs;
  }

  #dropEnded(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [hash, kept] of this.#kept) {
      if (this.#hasEnded(kept, nowMs)) {
        this.#kept.delete(hash);
      }
    }
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
