/**
 * A peer CA's certificate for this one (gunma 4-8): whether it says what was agreed, so that paths through it lead to
 * what this CA issues. RFC 5280 §4.2, §6.1.
 *
 * Pure: nothing is stored here, and nothing is looked up.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { parseBasicConstraints } from '../../x509/basic-constraints.ts';
import { type Certificate, maxSerialNumber, parseCertificate } from '../../x509/certificate.ts';
import { parseCertificatePolicies } from '../../x509/certificate-policies.ts';
import { parseCrlDistributionPoints } from '../../x509/distribution-point.ts';
import { findExtension } from '../../x509/extensions.ts';
import {
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from '../../x509/key-identifier.ts';
import { buildName, type Name, sameName } from '../../x509/name.ts';
import { type NameConstraints, parseNameConstraints } from '../../x509/name-constraints.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { parseInhibitAnyPolicy, parsePolicyConstraints } from '../../x509/policy-constraints.ts';
import { type PolicyMapping, parsePolicyMappings } from '../../x509/policy-mappings.ts';
import { endOfYearsMs } from '../policy/civil-time.ts';
import { type Finding, Findings } from './finding.ts';
import { checkIsCa, checkIsValid, checkName, checkSignature } from './peer-key.ts';
import { certificateBytes } from './request-examination.ts';

/** What is agreed, in object identifiers. */
export interface ReceivedTerms {
  readonly maxYears: number;
  readonly policies: readonly string[];
  readonly mappings: readonly PolicyMapping[];
  readonly leastPathLength: number;
  readonly nameConstraints: 'none' | 'optional' | 'required';
}

export interface CertificateFacts {
  /** The peer's self-signed certificate, as it was examined. */
  readonly peer: Certificate;
  /** Our own certificate of the key that issues. */
  readonly own: Certificate;
  /** Keys of ours that issue no more. */
  readonly formerKeys: readonly Uint8Array[];
  /** The key that our last request was for; undefined when there was none. */
  readonly askedFor: Uint8Array | undefined;
  readonly terms: ReceivedTerms;
  readonly nowMs: number;
  readonly utcOffsetMs: number;
}

export interface ExaminedCertificate {
  readonly findings: readonly Finding[];
  readonly certificate: Certificate | undefined;
}

/** Every critical extension of these is understood; others must not be critical. */
const understood: ReadonlySet<string> = new Set([
  Oid.basicConstraints,
  Oid.keyUsage,
  Oid.certificatePolicies,
  Oid.policyMappings,
  Oid.policyConstraints,
  Oid.inhibitAnyPolicy,
  Oid.nameConstraints,
  Oid.subjectAltName,
  Oid.issuerAltName,
  Oid.cRLDistributionPoints,
]);

const PATH = 'certificate';

/** @param given DER, or text with a PEM block. */
export function examineCertificate(
  given: Uint8Array | string,
  facts: CertificateFacts,
): ExaminedCertificate {
  const findings = new Findings();
  const certificate = findings.read(PATH, () => parseCertificate(certificateBytes(given)));
  if (certificate === undefined) {
    return { findings: findings.list, certificate };
  }
  const { peer, own } = facts;
  if (sameName(certificate.issuer, certificate.subject)) {
    // Everything else would be found wrong for this one reason.
    findings.add(
      PATH,
      'self-issued',
      'issuer and subject are one CA: a self-signed or link certificate belongs into cACertificate, not into a pair',
    );
    return { findings: findings.list, certificate };
  }
  if (certificate.version !== 3) {
    findings.add(PATH, 'not-version-3', `it is of version ${certificate.version}`);
  }
  const { serialNumber } = certificate;
  if (serialNumber < 1n || serialNumber > maxSerialNumber) {
    findings.add(
      `${PATH}.serialNumber`,
      'serial-number',
      'it is not positive with 20 octets at most',
    );
  }
  checkName(findings, `${PATH}.issuer`, {
    name: certificate.issuer,
    expected: peer.subject,
    whose: "the peer's name in its own certificate",
  });
  checkName(findings, `${PATH}.subject`, {
    name: certificate.subject,
    expected: own.subject,
    whose: "this CA's name",
  });
  checkSubjectKey(findings, certificate, facts);
  checkSignature(findings, `${PATH}.signature`, {
    signed: { ...certificate, message: certificate.tbs },
    spki: peer.spki,
    whose: "the peer's key",
  });
  checkIsCa(findings, PATH, certificate);
  checkValidity(findings, certificate, facts);
  checkPathLength(findings, certificate, facts.terms);
  checkPolicies(findings, certificate, facts.terms);
  checkNameConstraints(findings, certificate, facts);
  checkReferences(findings, certificate, facts);
  return { findings: findings.list, certificate };
}

function checkSubjectKey(
  findings: Findings,
  { spki }: Certificate,
  { own, formerKeys, askedFor }: CertificateFacts,
): void {
  const path = `${PATH}.publicKey`;
  if (!equalBytes(spki, own.spki)) {
    findings.add(
      path,
      'key-mismatch',
      formerKeys.some((former) => equalBytes(former, spki))
        ? "it is an earlier key of this CA's, which issues no more: send a new request"
        : "it is not this CA's key",
    );
  } else if (askedFor === undefined || !equalBytes(spki, askedFor)) {
    const message = 'no request was made with this key: send one first';
    findings.add(path, 'not-asked-for', message);
  }
}

function checkValidity(
  findings: Findings,
  certificate: Certificate,
  { own, peer, terms, nowMs, utcOffsetMs }: CertificateFacts,
): void {
  checkIsValid(findings, PATH, { certificate, nowMs });
  const { notBeforeMs, notAfterMs } = certificate;
  const path = `${PATH}.notAfter`;
  const end = (ms: number): string => new Date(ms).toISOString();
  if (notAfterMs <= notBeforeMs) {
    findings.add(path, 'validity', 'it ends before it begins');
  }
  if (notAfterMs > own.notAfterMs) {
    const message = `it ends after this CA's own certificate (${end(own.notAfterMs)})`;
    findings.add(path, 'validity', message);
  }
  if (notAfterMs > peer.notAfterMs) {
    const message = `it ends after its issuer's own certificate (${end(peer.notAfterMs)})`;
    findings.add(path, 'validity', message);
  }
  const longest = endOfYearsMs(notBeforeMs, terms.maxYears, utcOffsetMs);
  if (notAfterMs > longest) {
    const message = `it is valid for more than ${terms.maxYears} years (until ${end(longest)})`;
    findings.add(path, 'validity', message);
  }
}

function checkPathLength(
  findings: Findings,
  { extensions }: Certificate,
  { leastPathLength }: ReceivedTerms,
): void {
  const path = `${PATH}.extensions.basicConstraints`;
  const extension = findExtension(extensions, Oid.basicConstraints);
  // Malformed was told before.
  const quiet = new Findings();
  const { pathLength } =
    (extension && quiet.read(path, () => parseBasicConstraints(extension.value))) ?? {};
  if (pathLength !== undefined && pathLength < leastPathLength) {
    findings.add(
      path,
      'path-length',
      `pathLenConstraint is ${pathLength}, and ${leastPathLength} CAs may come below this one`,
    );
  }
}

function checkPolicies(
  findings: Findings,
  { extensions }: Certificate,
  { policies, mappings }: ReceivedTerms,
): void {
  const read = <T>(name: string, oid: string, parse: (value: Uint8Array) => T): T | undefined => {
    const extension = findExtension(extensions, oid);
    const path = `${PATH}.extensions.${name}`;
    return extension && findings.read(path, () => parse(extension.value));
  };
  const path = `${PATH}.extensions.certificatePolicies`;
  const named = read('certificatePolicies', Oid.certificatePolicies, parseCertificatePolicies);
  const has = new Set(named?.map(({ oid }) => oid));
  for (const wanted of policies) {
    if (!has.has(wanted)) {
      findings.add(path, 'policies', `${wanted} is not among its policies`);
    }
  }
  if (has.has(Oid.anyPolicy)) {
    findings.add(path, 'policies', 'anyPolicy was not agreed on');
  }
  const mapped = read('policyMappings', Oid.policyMappings, parsePolicyMappings) ?? [];
  for (const { issuerDomain, subjectDomain } of mapped) {
    const isAgreed = mappings.some(
      (one) => one.issuerDomain === issuerDomain && one.subjectDomain === subjectDomain,
    );
    if (!isAgreed) {
      const message = `${issuerDomain} for ${subjectDomain} was not agreed on`;
      findings.add(`${PATH}.extensions.policyMappings`, 'mappings', message);
    }
  }
  for (const { issuerDomain, subjectDomain } of mappings) {
    const isThere = mapped.some(
      (one) => one.issuerDomain === issuerDomain && one.subjectDomain === subjectDomain,
    );
    if (!isThere) {
      const message = `${issuerDomain} for ${subjectDomain} is missing`;
      findings.add(`${PATH}.extensions.policyMappings`, 'mappings', message);
    }
  }
  read('policyConstraints', Oid.policyConstraints, parsePolicyConstraints);
  read('inhibitAnyPolicy', Oid.inhibitAnyPolicy, parseInhibitAnyPolicy);
}

function checkNameConstraints(
  findings: Findings,
  { extensions }: Certificate,
  { terms, own }: CertificateFacts,
): void {
  const path = `${PATH}.extensions.nameConstraints`;
  const extension = findExtension(extensions, Oid.nameConstraints);
  if (extension === undefined) {
    if (terms.nameConstraints === 'required') {
      findings.add(path, 'name-constraints', 'it is missing, and was agreed on');
    }
    return;
  }
  if (terms.nameConstraints === 'none') {
    findings.add(path, 'name-constraints', 'it was not agreed on');
  }
  if (!extension.critical) {
    findings.add(path, 'extension', 'it is not critical (RFC 5280 4.2.1.10)');
  }
  const constraints = findings.read(path, () => parseNameConstraints(extension.value));
  if (constraints !== undefined && !allows(constraints, own.subject)) {
    findings.add(path, 'name-constraints', "this CA's own name does not lie within it");
  }
}

/** Whether a directory name lies in the permitted subtrees and in none of the excluded ones. */
function allows({ permitted = [], excluded = [] }: NameConstraints, name: Name): boolean {
  const bases = (subtrees: typeof permitted): readonly Name[] =>
    subtrees.flatMap(({ base }) => (base.kind === 'directoryName' ? [base.name] : []));
  const within = (base: Name): boolean =>
    base.rdns.length <= name.rdns.length &&
    sameName(base, buildName(name.rdns.slice(0, base.rdns.length)));
  const allowing = bases(permitted);
  return (allowing.length === 0 || allowing.some(within)) && !bases(excluded).some(within);
}

/** Identifiers, by which verifiers order candidates, and where the peer's lists are. */
function checkReferences(
  findings: Findings,
  { extensions }: Certificate,
  { peer, own }: CertificateFacts,
): void {
  const identifierOf = ({ extensions: of }: Certificate): Uint8Array | undefined => {
    const extension = findExtension(of, Oid.subjectKeyIdentifier);
    return extension && parseSubjectKeyIdentifier(extension.value);
  };
  const ski = findExtension(extensions, Oid.subjectKeyIdentifier);
  const skiPath = `${PATH}.extensions.subjectKeyIdentifier`;
  const said = ski && findings.read(skiPath, () => parseSubjectKeyIdentifier(ski.value));
  const ours = identifierOf(own);
  if (said !== undefined && ours !== undefined && !equalBytes(said, ours)) {
    const message = 'it is not the identifier of our key, which our certificates name';
    findings.add(skiPath, 'key-identifier', message);
  }
  const aki = findExtension(extensions, Oid.authorityKeyIdentifier);
  const akiPath = `${PATH}.extensions.authorityKeyIdentifier`;
  const named = aki && findings.read(akiPath, () => parseAuthorityKeyIdentifier(aki.value));
  const theirs = identifierOf(peer);
  const keyIdentifier = named?.keyIdentifier;
  if (keyIdentifier !== undefined && theirs !== undefined && !equalBytes(keyIdentifier, theirs)) {
    findings.add(akiPath, 'key-identifier', "it is not the identifier of the peer's key");
  }
  const points = findExtension(extensions, Oid.cRLDistributionPoints);
  const pointsPath = `${PATH}.extensions.cRLDistributionPoints`;
  if (points === undefined) {
    const message = 'it is missing: nobody would learn of a revocation';
    findings.add(pointsPath, 'distribution-point', message);
  } else {
    findings.read(pointsPath, () => parseCrlDistributionPoints(points.value));
  }
  for (const { oid, critical } of extensions) {
    if (critical && !understood.has(oid) && oid !== Oid.extendedKeyUsage) {
      const message = 'it is critical and not known here: verifiers would refuse the path';
      findings.add(`${PATH}.extensions.${oid}`, 'extension', message);
    }
  }
}
