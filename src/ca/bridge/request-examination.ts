/**
 * A peer CA's request for a certificate of ours (gunma 4-7, 6-1-1-5): the PKCS#10, and the self-signed certificate with
 * which it says who it is. That this is the peer's own people have heard by another channel: its SHA-256 is what they
 * compare.
 *
 * Pure: nothing is stored here, and nothing is looked up.
 *
 * @module
 */

import { hash } from 'node:crypto';

import { equalBytes } from '../../core/bytes.ts';
import { parseBasicConstraints } from '../../x509/basic-constraints.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { type CertificationRequest, parseCertificationRequest } from '../../x509/csr.ts';
import { type Extension, findExtension } from '../../x509/extensions.ts';
import { parseSubjectKeyIdentifier } from '../../x509/key-identifier.ts';
import { type Name, sameName } from '../../x509/name.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { decodePem } from '../../x509/pem.ts';
import { type Finding, Findings } from './finding.ts';
import { checkIsCa, checkIsValid, checkKey, checkName, checkSignature } from './peer-key.ts';

export interface PeerRequest {
  /** PKCS#10: DER, or text with a PEM block. */
  readonly request: Uint8Array | string;
  /** The peer's self-signed certificate: DER, or text with a PEM block. */
  readonly certificate: Uint8Array | string;
  /** SHA-256 of that certificate as the peer's people have told it: hexadecimal, colons and spaces allowed. */
  readonly fingerprint: string;
}

export interface RequestFacts {
  /** The peer's name by the policy. */
  readonly name: Name;
  readonly nowMs: number;
  /** Who else has the request's key, in words; undefined when nobody has. */
  readonly owner: string | undefined;
}

export interface ExaminedRequest {
  readonly findings: readonly Finding[];
  /** What could be read. */
  readonly request: CertificationRequest | undefined;
  readonly certificate: Certificate | undefined;
}

/** Examines both together; every fault is told. */
export function examineRequest(given: PeerRequest, facts: RequestFacts): ExaminedRequest {
  const findings = new Findings();
  const certificate = findings.read('certificate', () =>
    parseCertificate(certificateBytes(given.certificate)),
  );
  const request = findings.read('request', () => parseCertificationRequest(given.request));
  if (certificate !== undefined) {
    examineOwnCertificate(findings, certificate, { ...facts, fingerprint: given.fingerprint });
  }
  if (request !== undefined) {
    examineCsr(findings, request, { ...facts, certificate });
  }
  return { findings: findings.list, request, certificate };
}

/** The bytes of a certificate that came as DER or PEM. @throws {X509Error} `X509_PEM` */
export function certificateBytes(given: Uint8Array | string): Uint8Array {
  return typeof given === 'string' ? decodePem(given, 'CERTIFICATE') : given;
}

function examineOwnCertificate(
  findings: Findings,
  certificate: Certificate,
  { name, nowMs, fingerprint }: RequestFacts & { readonly fingerprint: string },
): void {
  const path = 'certificate';
  const told = fingerprint.replaceAll(/[\s:]/g, '').toLowerCase();
  if (told !== hash('sha256', certificate.der, 'hex')) {
    findings.add(
      path,
      'fingerprint',
      'its SHA-256 is not the one that was told: it is not the certificate that the peer speaks of',
    );
  }
  if (certificate.version !== 3) {
    findings.add(path, 'not-version-3', `it is of version ${certificate.version}`);
  }
  if (!sameName(certificate.subject, name)) {
    findings.add(`${path}.subject`, 'name', "it is not the peer's name in the policy");
  }
  if (!equalBytes(certificate.issuer.der, certificate.subject.der)) {
    findings.add(
      `${path}.issuer`,
      'not-self-signed',
      'it is not the subject: somebody else vouches',
    );
  }
  checkSignature(findings, `${path}.signature`, {
    signed: { ...certificate, message: certificate.tbs },
    spki: certificate.spki,
    whose: 'its own key',
  });
  const identifier = findExtension(certificate.extensions, Oid.subjectKeyIdentifier);
  if (identifier !== undefined) {
    const at = `${path}.extensions.subjectKeyIdentifier`;
    findings.read(at, () => parseSubjectKeyIdentifier(identifier.value));
  }
  checkIsCa(findings, path, certificate);
  checkIsValid(findings, path, { certificate, nowMs });
}

function examineCsr(
  findings: Findings,
  request: CertificationRequest,
  { certificate, owner, name }: RequestFacts & { readonly certificate: Certificate | undefined },
): void {
  const path = 'request';
  const { spki } = request;
  const expected = certificate?.subject ?? name;
  const whose = "the peer's name in its certificate";
  checkName(findings, `${path}.subject`, { name: request.subject, expected, whose });
  checkKey(findings, `${path}.publicKey`, spki);
  checkSignature(findings, `${path}.signature`, {
    signed: { ...request, message: request.info },
    spki,
    whose: 'the key in it: nothing shows that the peer has the private key',
  });
  if (certificate !== undefined && !equalBytes(certificate.spki, spki)) {
    const message = "it is not the key of the peer's self-signed certificate";
    findings.add(`${path}.publicKey`, 'key-mismatch', message);
  }
  if (owner !== undefined) {
    findings.add(`${path}.publicKey`, 'key-reused', `the key is ${owner}`);
  }
  examineWishes(findings, request.extensionRequest, certificate);
}

/** What is asked for need not be given; but what contradicts a cross certificate is a mistake of the peer's. */
function examineWishes(
  findings: Findings,
  wishes: readonly Extension[],
  certificate: Certificate | undefined,
): void {
  const path = 'request.extensionRequest';
  const constraints = findExtension(wishes, Oid.basicConstraints);
  if (constraints !== undefined) {
    const at = `${path}.basicConstraints`;
    const value = findings.read(at, () => parseBasicConstraints(constraints.value));
    if (value?.isCa === false) {
      findings.add(at, 'not-a-ca', 'it asks for a certificate that is none of a CA');
    }
  }
  const wanted = findExtension(wishes, Oid.subjectKeyIdentifier);
  const own = certificate && findExtension(certificate.extensions, Oid.subjectKeyIdentifier);
  if (wanted !== undefined && own !== undefined) {
    const at = `${path}.subjectKeyIdentifier`;
    const pair = findings.read(at, () =>
      [wanted, own].map(({ value }) => parseSubjectKeyIdentifier(value)),
    );
    const [asked, has] = pair ?? [];
    if (asked !== undefined && has !== undefined && !equalBytes(asked, has)) {
      const message = "it is not the identifier in the peer's certificate";
      findings.add(at, 'key-identifier', message);
    }
  }
}
