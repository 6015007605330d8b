/**
 * The life of a certificate as a state machine: what it is at a moment, and which steps a policy
 * allows. Pure; the records are in `certificate-record.ts`.
 *
 * `held` and `not-delivered` belong to policies that hold certificates or make the subscriber's keys;
 * in others no step leads there.
 *
 * @module
 */

import type { CrlReasonName } from '../../x509/crl-extensions.ts';
import { CaError } from '../errors.ts';

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

/**
 * The reason as the policy's table has it.
 *
 * @throws {CaError} `CA_REASON_NOT_ALLOWED`
 */
export function findReason(text: string, allowed: readonly CrlReasonName[]): CrlReasonName {
  const reason = allowed.find((name) => name === text);
  if (reason === undefined) {
    throw new CaError(
      'CA_REASON_NOT_ALLOWED',
      `the policy does not know this reason; it knows ${allowed.join(', ')}`,
    );
  }
  return reason;
}

/**
 * Checks that a certificate in this state may be revoked. Revocation is never undone (gunma 4-4-2-4).
 *
 * @throws {CaError} `CA_ALREADY_REVOKED`, `CA_CERTIFICATE_EXPIRED`
 */
export function assertRevocable(state: CertificateState): void {
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
