/**
 * Operators and verifiers as the operations tell of them (`operations.ts`).
 *
 * @module
 */

import type { RegisteredOperator } from '../ca/accounts/operator-register.ts';
import type { RegisteredVerifier } from '../ca/accounts/verifier-entry.ts';
import type { PasswordEnd } from '../directory/accounts/password-ends.ts';
import type { OperatorReport } from './operations.ts';
import { formatTime } from './report-time.ts';
import type { VerifierReport } from './verifier-operations.ts';

/** @param ends When passwords end, of those that do. */
export function operatorReport(
  operator: RegisteredOperator,
  ends: readonly PasswordEnd[],
): OperatorReport {
  const end = ends.find(({ dn }) => dn === operator.dn);
  return { ...operator, passwordEnds: end === undefined ? null : formatTime(end.endMs) };
}

export function verifierReport(verifier: RegisteredVerifier): VerifierReport {
  const { agreementFromMs, agreementUntilMs } = verifier;
  return {
    dn: verifier.dn,
    kind: verifier.kind,
    agreementNumber: verifier.agreementNumber,
    agreementFrom: agreementFromMs === undefined ? null : formatTime(agreementFromMs),
    agreementUntil: agreementUntilMs === undefined ? null : formatTime(agreementUntilMs),
    partitions: verifier.partitions,
    certificates: verifier.certificates,
    isDisabled: verifier.isDisabled,
  };
}
