/**
 * An answer as whoever sends it needs it.
 *
 * @module
 */

import type { OcspRefusal } from '../x509/ocsp-response.ts';

/** What was said of one certificate, for accounts. */
export interface ToldStatus {
  readonly serialNumber: bigint;
  readonly scopeId: string;
  readonly status: 'good' | 'revoked' | 'unknown';
}

/** A signed answer. */
export interface OcspAnswer {
  readonly kind: 'answer';
  /** OCSPResponse. */
  readonly der: Uint8Array;
  /** SHA-1 of it in hexadecimal, as RFC 5019 §6.2 has entity tags. */
  readonly tag: string;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** From here on another one is made. */
  readonly refreshMs: number;
  /** How long caches outside may give it; 0 with a nonce, for unknown, and where the policy has none. */
  readonly maxAgeMs: number;
  readonly serialNumbers: readonly bigint[];
  readonly told: readonly ToldStatus[];
}

/** Why there is none; never cached. */
export interface OcspRefused {
  readonly kind: 'refused';
  readonly der: Uint8Array;
  readonly refusal: OcspRefusal;
}

export type OcspReply = OcspAnswer | OcspRefused;
