/**
 * Rules for the extensions of a certificate about to be signed, whoever it is for: RFC 5280 §4.2.1 and what followed it.
 *
 * Not here: what only CAs have (`ca-rules.ts`), and what the profile says (`policy-rules.ts`).
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { LintRule } from '../../core/lint-rule.ts';
import { parseAlternativeNames } from '../../x509/alternative-name.ts';
import { parseAuthorityInfoAccess } from '../../x509/authority-information-access.ts';
import { parseCertificatePolicies } from '../../x509/certificate-policies.ts';
import { parseCrlDistributionPoints } from '../../x509/distribution-point.ts';
import { findExtension } from '../../x509/extensions.ts';
import type { GeneralName } from '../../x509/general-name.ts';
import {
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from '../../x509/key-identifier.ts';
import type { KeyUsageName } from '../../x509/key-usage.ts';
import { sameName } from '../../x509/name.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { parsePrivateKeyUsagePeriod } from '../../x509/private-key-usage-period.ts';
import { type CertificateSubject, isTlsServer } from './certificate-subject.ts';

type Rule = LintRule<CertificateSubject>;

const dnsNamePattern =
  /^(?=.{1,253}$)(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

/** What a purpose is no use without one of (RFC 5280 §4.2.1.12). */
const usagesOfPurpose: ReadonlyMap<string, readonly KeyUsageName[]> = new Map([
  [Oid.serverAuth, ['digitalSignature', 'keyEncipherment', 'keyAgreement']],
  [Oid.clientAuth, ['digitalSignature', 'keyAgreement']],
  [Oid.codeSigning, ['digitalSignature']],
  [Oid.timeStamping, ['digitalSignature', 'nonRepudiation']],
  [Oid.ocspSigning, ['digitalSignature', 'nonRepudiation']],
]);

/** Extensions that verifiers can be expected to know; another critical one makes them refuse the certificate. */
const knownExtensions: ReadonlySet<string> = new Set([
  Oid.subjectKeyIdentifier,
  Oid.keyUsage,
  Oid.subjectAltName,
  Oid.issuerAltName,
  Oid.basicConstraints,
  Oid.nameConstraints,
  Oid.cRLDistributionPoints,
  Oid.certificatePolicies,
  Oid.policyMappings,
  Oid.authorityKeyIdentifier,
  Oid.policyConstraints,
  Oid.extendedKeyUsage,
  Oid.inhibitAnyPolicy,
]);

/** Extensions that RFC 5280 wants not critical. */
const neverCritical: readonly (readonly [oid: string, name: string, section: string])[] = [
  [Oid.cRLDistributionPoints, 'cRLDistributionPoints', '4.2.1.13'],
  [Oid.freshestCrl, 'freshestCRL', '4.2.1.15'],
  [Oid.authorityInfoAccess, 'authorityInfoAccess', '4.2.2.1'],
  [Oid.privateKeyUsagePeriod, 'privateKeyUsagePeriod', '3280 4.2.1.4'],
  [Oid.ocspNoCheck, 'ocsp-nocheck', '6960 4.2.2.2.1'],
  [Oid.netscapeCertType, 'netscape-cert-type', 'of Netscape'],
];

const identifiers: readonly Rule[] = [
  {
    id: 'subject-key-identifier',
    source: 'RFC 5280 4.2.1.2',
    severity: 'error',
    holds: 'subjectKeyIdentifier is there, not critical and not empty',
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
    id: 'authority-key-identifier',
    source: 'RFC 5280 4.2.1.1',
    severity: 'error',
    holds:
      "authorityKeyIdentifier is there, not critical, and names the issuer's key and no other certificate; a self-signed " +
      'certificate may do without',
    check: authorityKeyFault,
  },
];

const usages: readonly Rule[] = [
  {
    id: 'key-usage-critical',
    source: 'RFC 5280 4.2.1.3',
    severity: 'warning',
    holds: 'keyUsage is critical',
    check: ({ extension }) =>
      extension(Oid.keyUsage)?.critical === false ? 'keyUsage is not critical' : undefined,
  },
  {
    id: 'key-usage-agreement',
    source: 'RFC 5280 4.2.1.3',
    severity: 'error',
    holds: 'encipherOnly and decipherOnly stand beside keyAgreement, and not together',
    check: ({ keyUsage }) => {
      const isEncipher = keyUsage?.has('encipherOnly') === true;
      const isDecipher = keyUsage?.has('decipherOnly') === true;
      const isAlone = (isEncipher || isDecipher) && keyUsage?.has('keyAgreement') !== true;
      return isAlone || (isEncipher && isDecipher)
        ? 'encipherOnly or decipherOnly without keyAgreement, or both'
        : undefined;
    },
  },
  {
    id: 'extended-key-usage',
    source: 'RFC 5280 4.2.1.12',
    severity: 'error',
    holds: 'each purpose stands once; with anyExtendedKeyUsage the extension is not critical',
    check: ({ purposes, extension }) => {
      if (new Set(purposes).size !== purposes.length) {
        return 'a purpose stands twice';
      }
      const isAny = purposes.includes(Oid.anyExtendedKeyUsage);
      return isAny && extension(Oid.extendedKeyUsage)?.critical === true
        ? 'anyExtendedKeyUsage in a critical extension'
        : undefined;
    },
  },
  {
    id: 'purposes-fit-key-usage',
    source: 'RFC 5280 4.2.1.12',
    severity: 'error',
    holds: 'keyUsage allows what each purpose needs',
    check: ({ purposes, keyUsage }) => {
      const unfit = purposes.find((purpose) => {
        const needed = usagesOfPurpose.get(purpose);
        return keyUsage !== undefined && needed?.some((usage) => keyUsage.has(usage)) === false;
      });
      return unfit === undefined ? undefined : `keyUsage leaves no use for purpose ${unfit}`;
    },
  },
  {
    id: 'ocsp-responder',
    source: 'RFC 6960 4.2.2.2',
    severity: 'error',
    holds: 'ocsp-nocheck stands only in certificates that may sign OCSP answers',
    check: ({ purposes, extension }) =>
      extension(Oid.ocspNoCheck) !== undefined && !purposes.includes(Oid.ocspSigning)
        ? 'ocsp-nocheck stands in a certificate that may not sign OCSP answers'
        : undefined,
  },
  {
    id: 'private-key-usage-period',
    source: 'RFC 3280 4.2.1.4',
    severity: 'error',
    holds: "the private key's period lies within the certificate's validity",
    check: ({ certificate, extension }) => {
      const period = extension(Oid.privateKeyUsagePeriod);
      if (period === undefined) {
        return undefined;
      }
      const { notBeforeMs = certificate.notBeforeMs, notAfterMs = certificate.notAfterMs } =
        parsePrivateKeyUsagePeriod(period.value);
      const isWithin =
        notBeforeMs >= certificate.notBeforeMs &&
        notAfterMs <= certificate.notAfterMs &&
        notBeforeMs <= notAfterMs;
      return isWithin ? undefined : 'privateKeyUsagePeriod leaves the validity';
    },
  },
];

const names: readonly Rule[] = [
  {
    id: 'alternative-names',
    source: 'RFC 5280 4.2.1.6',
    severity: 'error',
    holds:
      'alternative names are well formed: full DNS names in letters, digits and hyphens, mail addresses with one @, ' +
      'absolute URIs, directory names that are not empty',
    check: ({ alternativeNames, extension }) => {
      const ofIssuer = extension(Oid.issuerAltName);
      const bad =
        alternativeNames.find((name) => !isWellFormed(name)) ??
        (ofIssuer && parseAlternativeNames(ofIssuer.value).find((name) => !isWellFormed(name)));
      return bad === undefined ? undefined : `an alternative name of kind ${bad.kind} is malformed`;
    },
  },
  {
    id: 'alternative-name-critical',
    source: 'RFC 5280 4.2.1.6, 4.2.1.7',
    severity: 'warning',
    holds: 'subjectAltName beside a subject, and issuerAltName, are not critical',
    check: ({ extension }) =>
      extension(Oid.subjectAltName)?.critical === true ||
      extension(Oid.issuerAltName)?.critical === true
        ? 'an alternative name is critical although there is a subject and an issuer'
        : undefined,
  },
  {
    id: 'server-subject-alternative-name',
    source: 'RFC 9525 3, 6.3',
    severity: 'error',
    holds: 'a certificate for TLS servers has a dNSName or an address in subjectAltName',
    check: (subject) => {
      if (!isTlsServer(subject)) {
        return undefined;
      }
      const has = subject.alternativeNames.some(
        ({ kind }) => kind === 'dnsName' || kind === 'ipAddress',
      );
      return has ? undefined : 'present clients do not find the name of the server';
    },
  },
];

const pointers: readonly Rule[] = [
  {
    id: 'never-critical',
    source: 'RFC 5280 4.2',
    severity: 'error',
    holds: `not critical: ${neverCritical.map(([, name, section]) => `${name} (${section})`).join(', ')}`,
    check: ({ extension }) => {
      const critical = neverCritical.find(([oid]) => extension(oid)?.critical === true);
      return critical === undefined ? undefined : `${critical[1]} is critical`;
    },
  },
  {
    id: 'critical-extension-known',
    source: 'RFC 5280 4.2',
    severity: 'warning',
    holds: 'critical extensions are of RFC 5280, which verifiers know',
    check: ({ certificate }) => {
      const unknown = certificate.extensions.find(
        ({ oid, critical }) => critical && !knownExtensions.has(oid),
      );
      return unknown === undefined
        ? undefined
        : `the extension ${unknown.oid} is critical, and verifiers may not know it`;
    },
  },
  {
    id: 'certificate-policies',
    source: 'RFC 5280 4.2.1.4',
    severity: 'error',
    holds:
      'each policy stands once, pointers to statements are http or https URIs, notices have at most 200 characters',
    check: ({ extension }) => {
      const found = extension(Oid.certificatePolicies);
      const bad =
        found &&
        parseCertificatePolicies(found.value).find(
          ({ cpsUri = 'https:', userNotice = '' }) =>
            !/^https?:/.test(cpsUri) || [...userNotice].length > 200,
        );
      return bad === undefined ? undefined : `a qualifier of policy ${bad.oid} is malformed`;
    },
  },
  {
    id: 'crl-distribution-points',
    source: 'RFC 5280 4.2.1.13',
    severity: 'error',
    holds:
      'cRLDistributionPoints, where it is, has one point with a name, for all reasons and of the issuer itself',
    check: ({ extension }) => {
      const found = extension(Oid.cRLDistributionPoints);
      if (found === undefined) {
        return undefined;
      }
      const [point, ...others] = parseCrlDistributionPoints(found.value);
      const isPlain =
        point?.fullName !== undefined &&
        point.reasons === undefined &&
        point.crlIssuer === undefined &&
        others.length === 0;
      return isPlain ? undefined : 'cRLDistributionPoints does not name exactly one whole point';
    },
  },
  {
    id: 'authority-information-access',
    source: 'RFC 5280 4.2.2.1',
    severity: 'error',
    holds: 'authorityInfoAccess has http, https or ldap URIs',
    check: ({ extension }) => {
      const found = extension(Oid.authorityInfoAccess);
      const isRight =
        found === undefined ||
        parseAuthorityInfoAccess(found.value).every(
          ({ location }) => location.kind === 'uri' && /^(https?|ldaps?):/.test(location.text),
        );
      return isRight ? undefined : 'authorityInfoAccess has a location that is no URI to fetch';
    },
  },
];

export const extensionRules: readonly Rule[] = [...identifiers, ...usages, ...names, ...pointers];

function isWellFormed(name: GeneralName): boolean {
  switch (name.kind) {
    case 'dnsName':
      return dnsNamePattern.test(name.text);
    case 'rfc822Name':
      return /^[^\s@]{1,64}@[^\s@]{1,255}$/.test(name.text);
    case 'uri':
      return /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(name.text);
    case 'directoryName':
      return name.name.rdns.length > 0;
    case 'ipAddress':
      return name.bytes.length === 4 || name.bytes.length === 16;
    case 'otherName':
    case 'registeredId':
      return true;
    case 'unsupported':
      return false;
  }
}

function authorityKeyFault({
  certificate,
  issuer,
  extension,
}: CertificateSubject): string | undefined {
  const found = extension(Oid.authorityKeyIdentifier);
  if (found === undefined) {
    return issuer === undefined ? undefined : 'authorityKeyIdentifier is missing';
  }
  const source = issuer ?? certificate;
  const ski = findExtension(source.extensions, Oid.subjectKeyIdentifier);
  if (found.critical || ski === undefined) {
    return 'authorityKeyIdentifier is critical, or the issuer has no subjectKeyIdentifier';
  }
  const { keyIdentifier, issuer: names_, serialNumber } = parseAuthorityKeyIdentifier(found.value);
  const expected = parseSubjectKeyIdentifier(ski.value);
  if (keyIdentifier === undefined || !equalBytes(keyIdentifier, expected)) {
    return "authorityKeyIdentifier is not the issuer's subjectKeyIdentifier";
  }
  if (serialNumber === undefined) {
    return undefined;
  }
  const [name] = names_ ?? [];
  const isIssuer =
    name?.kind === 'directoryName' &&
    sameName(name.name, source.issuer) &&
    serialNumber === source.serialNumber;
  return isIssuer
    ? undefined
    : "authorityKeyIdentifier names another certificate than the issuer's";
}
