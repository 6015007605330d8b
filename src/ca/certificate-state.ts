/**
 * The life of a certificate as a state machine: what it is at a moment, and which steps a policy
 * allows. Pure; the records are in `certificate-record.ts`.
 *
 * `held` and `not-delivered` belong to policies that hold certificates or make the subscriber's keys;
 * in others no step leads there.
 *
 * @module
 */

import type { CrlReasonName } from '../x509/crl-extensions.ts';
import { CaError } from './errors.ts';

/** What is written down. Good is what nothing else is written about. */
export type RecordedState = 'good' | 'revoked' | 'held' | 'not-delivered';

/** What holds at a moment: a certificate expires without anyone doing anything. */
export type CertificateState = RecordedState | 'expired';

export interface StateFacts {
  readonly recorded: RecordedState;
  readonly notAfterMs: number;
}

/** The state at `nowMs`. Revoked stays revoked after the end; notAfter itself still counts. */
export function stateAt({ recorded, notAfterMs }: StateFacts, nowMs: number): CertificateState {
  return recorded !== 'revoked' && nowMs >= notAfterMs + 1000 ? 'expired' : recorded;
}

export interface RevocationStep extends StateFacts {
  readonly nowMs: number;
  readonly reason: CrlReasonName;
  /** The policy's table. */
  readonly allowedReasons: readonly CrlReasonName[];
}

/**
 * Checks that a certificate may be revoked now, for this reason. Never undone (gunma 4-4-2-4).
 *
 * @throws {CaError} `CA_REASON_NOT_ALLOWED`, `CA_ALREADY_REVOKED`, `CA_CERTIFICATE_EXPIRED`
 */
export function assertRevocable(step: RevocationStep): void {
  const { reason, allowedReasons, nowMs } = step;
  if (!allowedReasons.includes(reason)) {
    throw new CaError(
      'CA_REASON_NOT_ALLOWED',
      `the policy does not know the reason ${reason}; it knows ${allowedReasons.join(', ')}`,
    );
  }
  const state = stateAt(step, nowMs);
  switch (state) {
    case 'revoked':
      throw new CaError('CA_ALREADY_REVOKED', 'the certificate is revoked already');
    case 'expired':
      throw new CaError(
        'CA_CERTIFICATE_EXPIRED',
        'the certificate has expired; it needs no revocation',
      );
    case 'good':
    case 'held':
    case 'not-delivered':
  }
}
