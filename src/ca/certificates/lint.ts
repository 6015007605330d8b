/**
 * A linter for certificates about to be signed: rules of RFC 5280 that a profile, or a fault of this
 * program, could break. It reads the encoded bytes, not what they were made from, so it also
 * notices when the encoder writes something else than it was told.
 *
 * Not here: what the policy wants of a certificate (the profile says that), and lists (the publish
 * gate looks at those).
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { parseBasicConstraints } from '../../x509/basic-constraints.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { parseCertificatePolicies } from '../../x509/certificate-policies.ts';
import { parseCrlDistributionPoints } from '../../x509/distribution-point.ts';
import { findExtension } from '../../x509/extensions.ts';
import {
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from '../../x509/key-identifier.ts';
import { assessPublicKey, keyWeaknessText } from '../../x509/key-strength.ts';
import { parseExtendedKeyUsage, parseKeyUsage } from '../../x509/key-usage.ts';
import { type Name, sameName } from '../../x509/name.ts';
import { Oid } from '../../x509/object-identifiers.ts';

export interface LintFinding {
  /** Stable name of the rule. */
  readonly rule: string;
  /** Section of RFC 5280, or of the RFC named. */
  readonly section: string;
  readonly message: string;
}

interface Rule {
  readonly rule: string;
  readonly section: string;
  /** What is wrong; undefined when all is well. */
  readonly check: (facts: LintFacts) => string | undefined;
}

/** What the rules look at: the certificate, and what is known of its issuer. */
interface LintFacts {
  readonly certificate: Certificate;
  /** Undefined for a self-signed certificate. */
  readonly issuer: Certificate | undefined;
  /** cA of basicConstraints. */
  readonly isCa: boolean;
  readonly extension: (
    oid: string,
  ) => { readonly critical: boolean; readonly value: Uint8Array } | undefined;
}

/** Bounds of RFC 5280 appendix A for attributes of names, in characters. */
const upperBounds: ReadonlyMap<string, number> = new Map([
  [Oid.commonName, 64],
  [Oid.localityName, 128],
  [Oid.stateOrProvinceName, 128],
  [Oid.organizationName, 64],
  [Oid.organizationalUnitName, 64],
  [Oid.serialNumber, 64],
]);

const rules: readonly Rule[] = [
  {
    rule: 'version-3',
    section: '4.1.2.1',
    check: ({ certificate }) => (certificate.version === 3 ? undefined : 'version is not 3'),
  },
  {
    rule: 'serial-number',
    section: '4.1.2.2',
    check: ({ certificate: { serialNumber } }) =>
      serialNumber >= 1n << 127n && serialNumber < 1n << 159n
        ? undefined
        : 'the serial number is not positive with 128 to 159 bits',
  },
  {
    rule: 'issuer-name',
    section: '4.1.2.4',
    check: ({ certificate, issuer }) => {
      const expected = issuer?.subject ?? certificate.subject;
      const isSame = Buffer.compare(certificate.issuer.der, expected.der) === 0;
      return isSame && expected.rdns.length > 0
        ? undefined
        : "issuer does not have the bytes of the issuer's subject, or is empty";
    },
  },
  {
    rule: 'validity-order',
    section: '4.1.2.5',
    check: ({ certificate: { notBeforeMs, notAfterMs } }) =>
      notBeforeMs < notAfterMs ? undefined : 'notAfter is not after notBefore',
  },
  {
    rule: 'validity-within-issuer',
    section: '6.1.3',
    check: ({ certificate, issuer }) =>
      issuer === undefined || certificate.notAfterMs <= issuer.notAfterMs
        ? undefined
        : "notAfter lies beyond the issuer's",
  },
  {
    rule: 'subject-name',
    section: '4.1.2.6',
    check: ({ certificate, issuer, isCa }) => {
      if (certificate.subject.rdns.length === 0) {
        return 'subject is empty';
      }
      if (issuer === undefined || !sameName(certificate.subject, issuer.subject)) {
        return undefined;
      }
      // Only link certificates are self-issued: another key of the same CA (RFC 5280 §3.2).
      return isCa && !equalBytes(certificate.spki, issuer.spki)
        ? undefined
        : "subject is the issuer's name";
    },
  },
  {
    rule: 'name-bounds',
    section: 'A.1',
    check: ({ certificate }) => nameBoundsFault(certificate.subject),
  },
  {
    rule: 'country-name',
    section: 'A.1',
    check: ({ certificate }) => countryFault(certificate.subject),
  },
  {
    rule: 'public-key',
    section: 'NIST SP 800-131A',
    check: ({ certificate }) => {
      const weaknesses = assessPublicKey(certificate.spki);
      return weaknesses.length === 0
        ? undefined
        : weaknesses.map((weakness) => keyWeaknessText[weakness]).join('; ');
    },
  },
  {
    rule: 'basic-constraints',
    section: '4.2.1.9',
    check: ({ isCa, extension }) =>
      isCa && extension(Oid.basicConstraints)?.critical !== true
        ? 'basicConstraints of a CA is not critical'
        : undefined,
  },
  {
    rule: 'key-usage',
    section: '4.2.1.3',
    check: ({ isCa, extension }) => {
      const keyUsage = extension(Oid.keyUsage);
      if (keyUsage === undefined) {
        return isCa ? 'a CA certificate has no keyUsage' : undefined;
      }
      const usages = parseKeyUsage(keyUsage.value);
      if (usages.has('keyCertSign') !== isCa) {
        return 'keyCertSign and cA of basicConstraints do not go together';
      }
      return keyUsage.critical ? undefined : 'keyUsage is not critical';
    },
  },
  {
    rule: 'subject-key-identifier',
    section: '4.2.1.2',
    check: ({ extension }) => {
      const ski = extension(Oid.subjectKeyIdentifier);
      if (ski === undefined) {
        return 'subjectKeyIdentifier is missing';
      }
      return ski.critical || parseSubjectKeyIdentifier(ski.value).length === 0
        ? 'subjectKeyIdentifier is critical or empty'
        : undefined;
    },
  },
  {
    rule: 'authority-key-identifier',
    section: '4.2.1.1',
    check: ({ issuer, extension }) =>
      issuer === undefined
        ? undefined
        : authorityKeyFault(issuer, extension(Oid.authorityKeyIdentifier)),
  },
  {
    rule: 'certificate-policies',
    section: '4.2.1.4',
    check: ({ extension }) => {
      const policies = extension(Oid.certificatePolicies);
      return policies !== undefined && parseCertificatePolicies(policies.value).length === 0
        ? 'certificatePolicies is empty'
        : undefined;
    },
  },
  {
    rule: 'crl-distribution-points',
    section: '4.2.1.13',
    check: ({ extension }) => {
      const points = extension(Oid.cRLDistributionPoints);
      if (points === undefined) {
        return 'cRLDistributionPoints is missing';
      }
      return points.critical || parseCrlDistributionPoints(points.value).length !== 1
        ? 'cRLDistributionPoints is critical, or does not name exactly one point'
        : undefined;
    },
  },
  {
    rule: 'ocsp-responder',
    section: 'RFC 6960 4.2.2.2',
    check: ({ extension }) => {
      const purposes = extension(Oid.extendedKeyUsage);
      const signsOcsp =
        purposes !== undefined && parseExtendedKeyUsage(purposes.value).includes(Oid.ocspSigning);
      return extension(Oid.ocspNoCheck) !== undefined && !signsOcsp
        ? 'ocsp-nocheck stands in a certificate that may not sign OCSP answers'
        : undefined;
    },
  },
];

/** Names and sections of all rules, for documentation. */
export const lintRules: readonly Pick<Rule, 'rule' | 'section'>[] = rules;

/**
 * Applies every rule.
 *
 * @param certificate Parsed from the bytes to be signed; its signature is not looked at.
 * @param issuer The issuer's certificate; undefined for a self-signed one.
 * @returns What is wrong; empty when all is well.
 * @throws {X509Error} `X509_EXTENSION` when an extension cannot be read at all.
 */
export function lintCertificate(
  certificate: Certificate,
  issuer: Certificate | undefined,
): readonly LintFinding[] {
  const extension: LintFacts['extension'] = (oid) => findExtension(certificate.extensions, oid);
  const constraints = extension(Oid.basicConstraints);
  const isCa = constraints !== undefined && parseBasicConstraints(constraints.value).isCa;
  const facts = { certificate, issuer, isCa, extension };
  return rules.flatMap(({ rule, section, check }) => {
    const message = check(facts);
    return message === undefined ? [] : [{ rule, section, message }];
  });
}

function nameBoundsFault(name: Name): string | undefined {
  for (const { type, value } of name.rdns.flat()) {
    const bound = upperBounds.get(type);
    if (bound !== undefined && [...value].length > bound) {
      return `an attribute of the subject is longer than ${bound} characters`;
    }
  }
  return undefined;
}

function countryFault(name: Name): string | undefined {
  const countries = name.rdns.flat().filter(({ type }) => type === Oid.countryName);
  return countries.every(({ value }) => /^[A-Z]{2}$/.test(value))
    ? undefined
    : 'countryName is not two capital letters';
}

function authorityKeyFault(
  issuer: Certificate,
  extension: { readonly critical: boolean; readonly value: Uint8Array } | undefined,
): string | undefined {
  const ski = findExtension(issuer.extensions, Oid.subjectKeyIdentifier);
  if (extension === undefined || extension.critical || ski === undefined) {
    return 'authorityKeyIdentifier is missing or critical';
  }
  const {
    keyIdentifier,
    issuer: names,
    serialNumber,
  } = parseAuthorityKeyIdentifier(extension.value);
  const expected = parseSubjectKeyIdentifier(ski.value);
  if (keyIdentifier === undefined || Buffer.compare(keyIdentifier, expected) !== 0) {
    return "authorityKeyIdentifier is not the issuer's subjectKeyIdentifier";
  }
  if (serialNumber === undefined) {
    return undefined;
  }
  const [name] = names ?? [];
  const isIssuer =
    name?.kind === 'directoryName' &&
    sameName(name.name, issuer.issuer) &&
    serialNumber === issuer.serialNumber;
  return isIssuer
    ? undefined
    : "authorityKeyIdentifier names another certificate than the issuer's";
}
