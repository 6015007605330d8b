/**
 * Checks of the certificate syntaxes (RFC 4523 §2.1 to §2.4): a value is the DER of what its syntax
 * says. It is kept and returned as it came.
 *
 * @module
 */

import { DerReader } from '../../asn1/der-reader.ts';
import { Tag } from '../../asn1/tags.ts';
import { isCertdirError } from '../../core/errors.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import { parseCertificateList } from '../../x509/certificate-list.ts';
import { parseCertificatePair } from '../../x509/certificate-pair.ts';

/** What is wrong with a Certificate, as a phrase; undefined when nothing is. */
export function certificateProblem(value: Uint8Array): string | undefined {
  return problemOf('the DER of a certificate', () => parseCertificate(value));
}

/** What is wrong with a CertificateList. */
export function certificateListProblem(value: Uint8Array): string | undefined {
  return problemOf('the DER of a certificate list', () => parseCertificateList(value));
}

/** What is wrong with a CertificatePair. */
export function certificatePairProblem(value: Uint8Array): string | undefined {
  return problemOf('the DER of a certificate pair', () => parseCertificatePair(value));
}

/** What is wrong with a SupportedAlgorithm. */
export function supportedAlgorithmProblem(value: Uint8Array): string | undefined {
  return problemOf('the DER of a supported algorithm', () => parseSupportedAlgorithm(value));
}

export interface SupportedAlgorithm {
  readonly oid: string;
  /** The parameters' element; undefined when they are absent. */
  readonly parameters: Uint8Array | undefined;
}

/**
 * The algorithm of an X.509 SupportedAlgorithm: `SEQUENCE { algorithmIdentifier, intendedUsage [0]
 * OPTIONAL, intendedCertificatePolicies [1] OPTIONAL }`.
 *
 * @throws {DerError}
 */
export function parseSupportedAlgorithm(der: Uint8Array): SupportedAlgorithm {
  const outer = new DerReader(der);
  const reader = outer.readConstructed();
  outer.expectEnd();
  const algorithm = reader.readConstructed(Tag.sequence);
  const oid = algorithm.readOid();
  const parameters = algorithm.isAtEnd ? undefined : algorithm.readElement().raw;
  algorithm.expectEnd();
  for (const number of [0xa0, 0xa1]) {
    reader.readOptional(number);
  }
  reader.expectEnd();
  return { oid, parameters };
}

function problemOf(wanted: string, parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (isCertdirError(error)) {
      return `not ${wanted} (${error.code})`;
    }
    throw error;
  }
}
