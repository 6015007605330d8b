/**
 * CertificatePair, the value of crossCertificatePair (RFC 4523 §2.3, X.509 §11.2.3): two
 * authorities' certificates for each other.
 *
 * @module
 */

import { DerReader } from '../asn1/der-reader.ts';
import { encodeExplicit, encodeSequence } from '../asn1/der-writer.ts';
import { contextTag } from '../asn1/tags.ts';
import { parseForeignSignatureAlgorithm } from './algorithms.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { parsing, X509Error } from './errors.ts';
import { sameName } from './name.ts';
import { verifySignature } from './verify-signature.ts';

/** At least one of the two. */
export interface CertificatePair {
  /** Issued by the other authority to the one whose entry holds the pair; the old "forward". */
  readonly issuedToThisCa?: Certificate;
  /** Issued by the one whose entry holds the pair; the old "reverse". */
  readonly issuedByThisCa?: Certificate;
}

const PairTag = {
  issuedToThisCa: contextTag(0, 'constructed'),
  issuedByThisCa: contextTag(1, 'constructed'),
} as const;

/** @throws {X509Error} `X509_CERTIFICATE_PAIR` when it holds no certificate. */
export function encodeCertificatePair(pair: CertificatePair): Uint8Array {
  const { issuedToThisCa, issuedByThisCa } = pair;
  if (issuedToThisCa === undefined && issuedByThisCa === undefined) {
    throw new X509Error('X509_CERTIFICATE_PAIR', 'a certificate pair needs a certificate');
  }
  return encodeSequence(
    ...(issuedToThisCa === undefined ? [] : [encodeExplicit(0, issuedToThisCa.der)]),
    ...(issuedByThisCa === undefined ? [] : [encodeExplicit(1, issuedByThisCa.der)]),
  );
}

/**
 * Parses a pair in strict DER. Whether its halves belong together is for `assertPairMatches`.
 *
 * @throws {X509Error} `X509_CERTIFICATE_PAIR`, or what `parseCertificate` throws.
 */
export function parseCertificatePair(der: Uint8Array): CertificatePair {
  return parsing('X509_CERTIFICATE_PAIR', 'certificate pair', () => {
    const outer = new DerReader(der);
    const reader = outer.readConstructed();
    outer.expectEnd();
    const issuedTo = reader.readOptional(PairTag.issuedToThisCa);
    const issuedBy = reader.readOptional(PairTag.issuedByThisCa);
    reader.expectEnd();
    if (issuedTo === undefined && issuedBy === undefined) {
      throw new X509Error('X509_CERTIFICATE_PAIR', 'malformed certificate pair: it is empty');
    }
    return {
      ...(issuedTo === undefined ? {} : { issuedToThisCa: parseCertificate(issuedTo.content) }),
      ...(issuedBy === undefined ? {} : { issuedByThisCa: parseCertificate(issuedBy.content) }),
    };
  });
}

/**
 * Checks what X.509 §11.2.3 demands of a pair with both certificates: each one's issuer is the
 * other's subject, and each one's key verifies the other. A self-issued certificate belongs to
 * cACertificate and is refused in a pair (RFC 2587 §3.1).
 *
 * @throws {X509Error} `X509_CERTIFICATE_PAIR`; `X509_ALGORITHM` or `X509_PUBLIC_KEY` when a half
 *   uses what is not supported.
 */
export function assertPairMatches(pair: CertificatePair): void {
  const { issuedToThisCa, issuedByThisCa } = pair;
  for (const certificate of [issuedToThisCa, issuedByThisCa]) {
    if (certificate !== undefined && sameName(certificate.issuer, certificate.subject)) {
      throw new X509Error('X509_CERTIFICATE_PAIR', 'a self-issued certificate is in the pair');
    }
  }
  if (issuedToThisCa === undefined || issuedByThisCa === undefined) {
    return;
  }
  const doNamesMatch =
    sameName(issuedToThisCa.issuer, issuedByThisCa.subject) &&
    sameName(issuedByThisCa.issuer, issuedToThisCa.subject);
  if (!doNamesMatch) {
    throw new X509Error('X509_CERTIFICATE_PAIR', 'issuer and subject of the pair do not match');
  }
  if (!isSignedBy(issuedToThisCa, issuedByThisCa) || !isSignedBy(issuedByThisCa, issuedToThisCa)) {
    throw new X509Error('X509_CERTIFICATE_PAIR', 'the keys of the pair do not verify each other');
  }
}

function isSignedBy(certificate: Certificate, signer: Certificate): boolean {
  return verifySignature({
    spki: signer.spki,
    algorithm: parseForeignSignatureAlgorithm(certificate.signatureAlgorithm),
    message: certificate.tbs,
    signature: certificate.signature,
  });
}
