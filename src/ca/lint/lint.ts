/**
 * The linter for certificates about to be signed: rules of RFC 5280 that a profile, or a fault of this program, could
 * break, and the policy's own. It reads the encoded bytes, not what they were made from, so it also notices when the encoder
 * writes something else than it was told. What a rule of severity error finds is not signed, unless the profile says that
 * the statement wants it so (`departures`).
 *
 * Lists have `list-rules.ts` and the publish gate; OCSP answers `ocsp/answer-rules.ts`.
 *
 * @module
 */

import { applyRules, type LintFinding, type LintRule } from '../../core/lint-rule.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { caRules } from './ca-rules.ts';
import { certificateRules } from './certificate-rules.ts';
import {
  type CertificateSubject,
  type LintContext,
  readCertificateSubject,
} from './certificate-subject.ts';
import { extensionRules } from './extension-rules.ts';
import { policyRules } from './policy-rules.ts';

/** Every rule for certificates. */
export const certificateLintRules: readonly LintRule<CertificateSubject>[] = [
  ...certificateRules,
  ...extensionRules,
  ...caRules,
  ...policyRules,
];

/**
 * Applies every rule.
 *
 * @param certificate Parsed from the bytes to be signed; its signature is not looked at.
 * @returns What is wrong, departures of the profile left out; empty when all is well.
 * @throws {X509Error} `X509_EXTENSION` when an extension cannot be read at all.
 */
export function lintCertificate(
  certificate: Certificate,
  context: LintContext,
): readonly LintFinding[] {
  const subject = readCertificateSubject(certificate, context);
  const departures = context.made?.profile.definition.departures ?? {};
  return applyRules(certificateLintRules, subject).filter(
    ({ rule }) => !Object.hasOwn(departures, rule),
  );
}
