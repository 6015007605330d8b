/**
 * Rules for what a certificate says of CAs: what one must have, and what others must not. A path length without cA and
 * anyPolicy in mappings are not here: the readers of these extensions refuse them (`x509/`).
 *
 * @module
 */

import type { LintRule } from '../../core/lint-rule.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import type { CertificateSubject } from './certificate-subject.ts';

type Rule = LintRule<CertificateSubject>;

const ofCas = [
  Oid.nameConstraints,
  Oid.policyMappings,
  Oid.policyConstraints,
  Oid.inhibitAnyPolicy,
];

export const caRules: readonly Rule[] = [
  {
    id: 'ca-basic-constraints-critical',
    source: 'RFC 5280 4.2.1.9',
    severity: 'error',
    holds: 'basicConstraints of a CA is critical',
    check: ({ isCa, extension }) =>
      isCa && extension(Oid.basicConstraints)?.critical !== true
        ? 'basicConstraints of a CA is not critical'
        : undefined,
  },
  {
    id: 'ca-key-usage',
    source: 'RFC 5280 4.2.1.3',
    severity: 'error',
    holds: 'a CA has keyUsage',
    check: ({ isCa, keyUsage }) =>
      isCa && keyUsage === undefined ? 'a CA certificate has no keyUsage' : undefined,
  },
  {
    id: 'ca-key-cert-sign',
    source: 'RFC 5280 4.2.1.3, 4.2.1.9',
    severity: 'error',
    holds: 'keyCertSign and cA of basicConstraints go together',
    check: ({ isCa, keyUsage }) =>
      keyUsage !== undefined && keyUsage.has('keyCertSign') !== isCa
        ? 'keyCertSign and cA of basicConstraints do not go together'
        : undefined,
  },
  {
    id: 'ca-crl-sign',
    source: 'RFC 5280 4.2.1.3',
    severity: 'error',
    holds: 'cRLSign stands only in certificates of CAs, which sign their lists themselves',
    check: ({ isCa, keyUsage }) =>
      keyUsage?.has('cRLSign') === true && !isCa ? 'cRLSign without cA' : undefined,
  },
  {
    id: 'ca-netscape-type',
    source: 'Netscape certificate extensions',
    severity: 'error',
    holds: 'netscape-cert-type says CA where basicConstraints does, and nowhere else',
    check: ({ isCa, netscapeTypes }) => {
      if (netscapeTypes === undefined) {
        return undefined;
      }
      const saysCa = [...netscapeTypes].some((type) => type.toLowerCase().endsWith('ca'));
      return saysCa === isCa ? undefined : 'netscape-cert-type and basicConstraints disagree';
    },
  },
  {
    id: 'ca-extensions',
    source: 'RFC 5280 4.2.1.5, 4.2.1.10, 4.2.1.11, 4.2.1.14',
    severity: 'error',
    holds:
      'nameConstraints, policyMappings, policyConstraints and inhibitAnyPolicy stand only in certificates of CAs',
    check: ({ isCa, extension }) =>
      !isCa && ofCas.some((oid) => extension(oid) !== undefined)
        ? 'an extension that is for CAs alone'
        : undefined,
  },
  {
    id: 'constraints-critical',
    source: 'RFC 5280 4.2.1.10, 4.2.1.11, 4.2.1.14',
    severity: 'error',
    holds: 'nameConstraints, policyConstraints and inhibitAnyPolicy are critical',
    check: ({ extension }) =>
      [Oid.nameConstraints, Oid.policyConstraints, Oid.inhibitAnyPolicy].some(
        (oid) => extension(oid)?.critical === false,
      )
        ? 'a constraint is not critical'
        : undefined,
  },
];
