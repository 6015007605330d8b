/**
 * X.509 version 3 certificates (RFC 5280 §4.1): reading any, writing ours.
 *
 * Read with our own cursor: every certificate is read back before it is released, and pkijs takes
 * 0.7 to 1.3 ms for that, as long as a signature. What the extensions say is left to their parsers.
 *
 * Not here: signing, and what a certificate of ours must look like (ca/).
 *
 * @module
 */

import { DerReader } from '../asn1/der-reader.ts';
import {
  encodeBitString,
  encodeExplicit,
  encodeInteger,
  encodeSequence,
  encodeTime,
} from '../asn1/der-writer.ts';
import { DerError } from '../asn1/errors.ts';
import { contextTag, Tag } from '../asn1/tags.ts';
import { equalBytes } from '../core/bytes.ts';
import { encodeSignatureAlgorithm, type SignatureAlgorithmLike } from './algorithms.ts';
import { parsing, X509Error } from './errors.ts';
import {
  type Extension,
  encodeExtensions,
  parseExtensions,
  scanForExtension,
} from './extensions.ts';
import { type Name, parseName } from './name.ts';

export interface Certificate {
  /** The complete certificate; every other byte array here is a view of it. */
  readonly der: Uint8Array;
  /** What was signed. */
  readonly tbs: Uint8Array;
  readonly version: 1 | 2 | 3;
  readonly serialNumber: bigint;
  /** AlgorithmIdentifier; see `parseSignatureAlgorithm`. */
  readonly signatureAlgorithm: Uint8Array;
  readonly issuer: Name;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly subject: Name;
  /** SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly extensions: readonly Extension[];
  readonly signature: Uint8Array;
}

const TbsTag = {
  version: contextTag(0, 'constructed'),
  issuerUniqueId: contextTag(1, 'primitive'),
  subjectUniqueId: contextTag(2, 'primitive'),
  extensions: contextTag(3, 'constructed'),
} as const;

/**
 * Parses one certificate in strict DER.
 *
 * @throws {X509Error} `X509_CERTIFICATE`; `X509_NAME` or `X509_EXTENSION` when that part of it is
 *   malformed.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  return parsing('X509_CERTIFICATE', 'certificate', () => {
    const { tbs, signatureAlgorithm, signature } = parseSigned(der);
    const reader = new DerReader(tbs).readConstructed();
    const version = readVersion(reader);
    const serialNumber = reader.readInteger();
    const innerAlgorithm = reader.readElement(Tag.sequence).raw;
    const issuer = parseName(reader.readElement(Tag.sequence).raw);
    const validity = reader.readConstructed();
    const notBeforeMs = validity.readTime();
    const notAfterMs = validity.readTime();
    validity.expectEnd();
    const subject = parseName(reader.readElement(Tag.sequence).raw);
    const spki = reader.readElement(Tag.sequence).raw;
    const extensions = readTail(reader, version);
    if (!equalBytes(innerAlgorithm, signatureAlgorithm)) {
      // RFC 5280 §4.1.1.2
      throw new X509Error('X509_CERTIFICATE', 'the two signature algorithms are not the same');
    }
    return {
      der,
      tbs,
      version,
      serialNumber,
      signatureAlgorithm,
      issuer,
      notBeforeMs,
      notAfterMs,
      subject,
      spki,
      extensions,
      signature,
    };
  });
}

/**
 * One extension of a certificate that was checked before, found where it stands without taking the rest
 * apart.
 *
 * @throws {X509Error} `X509_CERTIFICATE`
 */
export function readCertificateExtension(der: Uint8Array, oid: string): Extension | undefined {
  return parsing('X509_CERTIFICATE', 'certificate', () => {
    const reader = new DerReader(der).readConstructed().readConstructed();
    reader.readOptional(TbsTag.version);
    reader.skip(Tag.integer);
    // signature, issuer, validity, subject, subjectPublicKeyInfo
    for (let field = 0; field < 5; field += 1) {
      reader.skip(Tag.sequence);
    }
    reader.readOptional(TbsTag.issuerUniqueId);
    reader.readOptional(TbsTag.subjectUniqueId);
    const wrapper = reader.readOptional(TbsTag.extensions);
    return wrapper === undefined ? undefined : scanForExtension(wrapper.content, oid);
  });
}

/**
 * The three parts of `SIGNED{}`: what was signed, the algorithm, the signature.
 *
 * @throws {DerError}
 */
export function parseSigned(der: Uint8Array): {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
} {
  const outer = new DerReader(der);
  const reader = outer.readConstructed();
  outer.expectEnd();
  const tbs = reader.readElement(Tag.sequence).raw;
  const signatureAlgorithm = reader.readElement(Tag.sequence).raw;
  const { unusedBits, bytes } = reader.readBitString();
  reader.expectEnd();
  if (unusedBits !== 0) {
    throw new DerError('DER_VALUE', 'the signature is not a whole number of octets');
  }
  return { tbs, signatureAlgorithm, signature: bytes };
}

function readVersion(reader: DerReader): 1 | 2 | 3 {
  if (reader.peekTag() !== TbsTag.version) {
    return 1;
  }
  const wrapper = reader.readConstructed(TbsTag.version);
  const version = wrapper.readSmallInteger();
  wrapper.expectEnd();
  if (version !== 1 && version !== 2) {
    // Zero is the DEFAULT, which DER leaves out.
    throw new X509Error('X509_CERTIFICATE', 'the version is not 2 or 3');
  }
  return version === 1 ? 2 : 3;
}

/** Unique identifiers are passed over; extensions belong to version 3 (RFC 5280 §4.1.2.1). */
function readTail(reader: DerReader, version: number): readonly Extension[] {
  const issuerUniqueId = reader.readOptional(TbsTag.issuerUniqueId);
  const subjectUniqueId = reader.readOptional(TbsTag.subjectUniqueId);
  const wrapper = reader.readOptional(TbsTag.extensions);
  reader.expectEnd();
  if (version === 1 && (issuerUniqueId !== undefined || subjectUniqueId !== undefined)) {
    throw new X509Error('X509_CERTIFICATE', 'unique identifiers in a version 1 certificate');
  }
  if (wrapper === undefined) {
    return [];
  }
  if (version !== 3) {
    throw new X509Error('X509_CERTIFICATE', `extensions in a version ${version} certificate`);
  }
  return parseExtensions(wrapper.content);
}

export interface TbsCertificate {
  /** Positive, at most 20 octets (RFC 5280 §4.1.2.2). */
  readonly serialNumber: bigint;
  readonly algorithm: SignatureAlgorithmLike;
  readonly issuer: Name;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly subject: Name;
  readonly spki: Uint8Array;
  /** Written in this order. */
  readonly extensions: readonly Extension[];
}

/** The largest serial number: 20 octets whose first bit is the sign. */
export const maxSerialNumber: bigint = 2n ** 159n - 1n;

/**
 * Encodes a version 3 TBSCertificate: the bytes to be signed.
 *
 * @throws {X509Error} `X509_CERTIFICATE` for a serial number outside 1 to 2^159 - 1 or a validity
 *   that ends before it begins; `X509_EXTENSION`.
 */
export function encodeTbsCertificate(certificate: TbsCertificate): Uint8Array {
  const { serialNumber, notBeforeMs, notAfterMs } = certificate;
  if (serialNumber < 1n || serialNumber > maxSerialNumber) {
    throw new X509Error('X509_CERTIFICATE', 'a serial number is positive and fits into 20 octets');
  }
  if (notAfterMs < notBeforeMs) {
    throw new X509Error('X509_CERTIFICATE', 'notAfter is before notBefore');
  }
  return parsing('X509_CERTIFICATE', 'certificate', () =>
    encodeSequence(
      encodeExplicit(0, encodeInteger(2)),
      encodeInteger(serialNumber),
      encodeSignatureAlgorithm(certificate.algorithm),
      certificate.issuer.der,
      encodeSequence(encodeTime(notBeforeMs), encodeTime(notAfterMs)),
      certificate.subject.der,
      certificate.spki,
      encodeExplicit(3, encodeExtensions(certificate.extensions)),
    ),
  );
}

/**
 * Joins what was signed with its signature: a certificate, CRL or request.
 *
 * @param algorithmDer The AlgorithmIdentifier, the same as inside `tbs`.
 */
export function assembleSigned(
  tbs: Uint8Array,
  algorithmDer: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  return encodeSequence(tbs, algorithmDer, encodeBitString(signature));
}
