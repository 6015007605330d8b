/**
 * OCSP requests (RFC 6960 §4.1), read strictly: DER with every length checked, few certificates asked about, a
 * nonce as RFC 9654 bounds it. Whoever reads says how many bytes there may be before it calls.
 *
 * Not here: whose certificates are asked about, and the answers (`ocsp-response.ts`, `src/ocsp`).
 *
 * @module
 */

import { DerReader } from '../asn1/der-reader.ts';
import {
  encodeBitString,
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../asn1/der-writer.ts';
import { contextTag, Tag } from '../asn1/tags.ts';
import { parsing, X509Error } from './errors.ts';
import { type Extension, encodeExtensions, findExtension, parseExtensions } from './extensions.ts';
import { encodeGeneralName, type GeneralName, readGeneralName } from './general-name.ts';
import { Oid } from './object-identifiers.ts';

/** How a certificate is named: by hashes of its issuer's name and key, and its serial number. */
export interface OcspCertId {
  /** The whole CertID, to be repeated in the answer as it came. */
  readonly der: Uint8Array;
  /** OID of the hash function. */
  readonly hashAlgorithm: string;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** Of any sign. */
  readonly serialNumber: bigint;
}

/** The requestor's signature (§4.1.1), not verified. */
export interface OcspRequestSignature {
  /** AlgorithmIdentifier. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
  /** DER of certificates that came along, the requestor's own first. */
  readonly certificates: readonly Uint8Array[];
}

export interface OcspRequest {
  readonly der: Uint8Array;
  /** What the requestor may have signed. */
  readonly tbs: Uint8Array;
  readonly requestorName?: GeneralName;
  /** At least one. */
  readonly certIds: readonly OcspCertId[];
  /** What is inside the nonce extension (RFC 9654 §2.1): 1 to 128 octets. */
  readonly nonce?: Uint8Array;
  readonly signature?: OcspRequestSignature;
}

/** RFC 5019 §2.1.1 has clients ask about one certificate; others ask for a chain. */
export const MAX_CERT_IDS = 16;
/** RFC 9654 §2.1. */
export const MAX_NONCE_BYTES = 128;

const MAX_HASH_BYTES = 64;
const MAX_CERTIFICATES = 8;

const RequestTag = {
  version: contextTag(0, 'constructed'),
  requestorName: contextTag(1, 'constructed'),
  requestExtensions: contextTag(2, 'constructed'),
  singleExtensions: contextTag(0, 'constructed'),
  signature: contextTag(0, 'constructed'),
  certificates: contextTag(0, 'constructed'),
} as const;

/**
 * Parses an OCSP request.
 *
 * @throws {X509Error} `X509_OCSP_REQUEST` for whatever is to be answered malformedRequest: DER that is none, no
 *   certificate or more than `MAX_CERT_IDS`, another version, a nonce of no or more than 128 octets, a critical
 *   extension that is not known.
 */
export function parseOcspRequest(der: Uint8Array): OcspRequest {
  try {
    return parsing('X509_OCSP_REQUEST', 'OCSP request', () => readRequest(der));
  } catch (error) {
    if (error instanceof X509Error && error.code !== 'X509_OCSP_REQUEST') {
      throw new X509Error('X509_OCSP_REQUEST', error.message, { cause: error });
    }
    throw error;
  }
}

function readRequest(der: Uint8Array): OcspRequest {
  const outer = new DerReader(der);
  const request = outer.readConstructed();
  outer.expectEnd();
  const { raw: tbs, content } = request.readElement(Tag.sequence);
  const signature = request.readOptional(RequestTag.signature);
  request.expectEnd();
  const fields = new DerReader(content);
  if (fields.peekTag() === RequestTag.version) {
    // v1 is the DEFAULT, which DER leaves out; there is no other.
    throw new X509Error('X509_OCSP_REQUEST', 'the version is not 1, or is spelt out');
  }
  const requestorName = fields.readOptional(RequestTag.requestorName);
  const certIds = readCertIds(fields.readConstructed());
  const extensions = readExtensions(fields.readOptional(RequestTag.requestExtensions)?.content);
  fields.expectEnd();
  const nonce = readNonce(extensions);
  return {
    der,
    tbs,
    certIds,
    ...(requestorName === undefined ? {} : { requestorName: readName(requestorName.content) }),
    ...(nonce === undefined ? {} : { nonce }),
    ...(signature === undefined ? {} : { signature: readSignature(signature.content) }),
  };
}

function readName(content: Uint8Array): GeneralName {
  const reader = new DerReader(content);
  const name = readGeneralName(reader);
  reader.expectEnd();
  return name;
}

function readCertIds(list: DerReader): readonly OcspCertId[] {
  const certIds: OcspCertId[] = [];
  do {
    if (certIds.length === MAX_CERT_IDS) {
      throw new X509Error('X509_OCSP_REQUEST', `more than ${MAX_CERT_IDS} certificates`);
    }
    const single = list.readConstructed();
    certIds.push(readCertId(single.readElement(Tag.sequence).raw));
    readExtensions(single.readOptional(RequestTag.singleExtensions)?.content);
    single.expectEnd();
  } while (!list.isAtEnd);
  return certIds;
}

function readCertId(der: Uint8Array): OcspCertId {
  const fields = new DerReader(der).readConstructed();
  const algorithm = fields.readConstructed();
  const hashAlgorithm = algorithm.readOid();
  if (!algorithm.isAtEnd) {
    // RFC 5754 §2: absent, and NULL from older software.
    algorithm.readNull();
    algorithm.expectEnd();
  }
  const issuerNameHash = readHash(fields);
  const issuerKeyHash = readHash(fields);
  const serialNumber = fields.readInteger();
  fields.expectEnd();
  return { der, hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber };
}

function readHash(fields: DerReader): Uint8Array {
  const hash = fields.readOctetString();
  if (hash.length > MAX_HASH_BYTES) {
    throw new X509Error('X509_OCSP_REQUEST', 'a hash is longer than any');
  }
  return hash;
}

/** Extensions are optional to know, unless they are critical (§4.4). */
function readExtensions(content: Uint8Array | undefined): readonly Extension[] {
  const extensions = content === undefined ? [] : parseExtensions(content);
  const unknown = extensions.find(({ critical, oid }) => critical && oid !== Oid.ocspNonce);
  if (unknown !== undefined) {
    throw new X509Error('X509_OCSP_REQUEST', `extension ${unknown.oid} is critical and not known`);
  }
  return extensions;
}

function readNonce(extensions: readonly Extension[]): Uint8Array | undefined {
  const extension = findExtension(extensions, Oid.ocspNonce);
  if (extension === undefined) {
    return undefined;
  }
  const reader = new DerReader(extension.value);
  const nonce = reader.readOctetString();
  reader.expectEnd();
  if (nonce.length === 0 || nonce.length > MAX_NONCE_BYTES) {
    throw new X509Error('X509_OCSP_REQUEST', `a nonce has 1 to ${MAX_NONCE_BYTES} octets`);
  }
  return nonce;
}

function readSignature(content: Uint8Array): OcspRequestSignature {
  const outer = new DerReader(content);
  const fields = outer.readConstructed();
  outer.expectEnd();
  const algorithm = fields.readElement(Tag.sequence).raw;
  const { unusedBits, bytes: signature } = fields.readBitString();
  const wrapper = fields.readOptional(RequestTag.certificates);
  fields.expectEnd();
  if (unusedBits !== 0) {
    throw new X509Error('X509_OCSP_REQUEST', 'the signature is not a whole number of octets');
  }
  const certificates: Uint8Array[] = [];
  if (wrapper !== undefined) {
    const inner = new DerReader(wrapper.content);
    const list = inner.readConstructed();
    inner.expectEnd();
    while (!list.isAtEnd) {
      if (certificates.length === MAX_CERTIFICATES) {
        throw new X509Error('X509_OCSP_REQUEST', `more than ${MAX_CERTIFICATES} certificates`);
      }
      certificates.push(list.readElement(Tag.sequence).raw);
    }
  }
  return { algorithm, signature, certificates };
}

/** Encodes a CertID; `hashAlgorithm` gets the parameters NULL, as most software writes it. */
export function encodeOcspCertId(id: Omit<OcspCertId, 'der'>): Uint8Array {
  return encodeSequence(
    encodeSequence(encodeOid(id.hashAlgorithm), encodeNull()),
    encodeOctetString(id.issuerNameHash),
    encodeOctetString(id.issuerKeyHash),
    encodeInteger(id.serialNumber),
  );
}

/** Encodes a TBSRequest: what a requestor signs. */
export function encodeTbsOcspRequest(request: {
  readonly certIds: readonly Uint8Array[];
  readonly nonce?: Uint8Array;
  readonly requestorName?: GeneralName;
}): Uint8Array {
  const { certIds, nonce, requestorName } = request;
  const name =
    requestorName === undefined ? [] : [encodeExplicit(1, encodeGeneralName(requestorName))];
  const extensions =
    nonce === undefined ? [] : [encodeExplicit(2, encodeExtensions([buildOcspNonce(nonce)]))];
  return encodeSequence(
    ...name,
    encodeSequence(...certIds.map((certId) => encodeSequence(certId))),
    ...extensions,
  );
}

/** Encodes an OCSP request. */
export function encodeOcspRequest(tbs: Uint8Array, signed?: OcspRequestSignature): Uint8Array {
  if (signed === undefined) {
    return encodeSequence(tbs);
  }
  const { algorithm, signature, certificates } = signed;
  const chain =
    certificates.length === 0 ? [] : [encodeExplicit(0, encodeSequence(...certificates))];
  return encodeSequence(
    tbs,
    encodeExplicit(0, encodeSequence(algorithm, encodeBitString(signature), ...chain)),
  );
}

/** The nonce extension, of requests and answers alike (RFC 9654 §2.1). */
export function buildOcspNonce(nonce: Uint8Array): Extension {
  return { oid: Oid.ocspNonce, critical: false, value: encodeOctetString(nonce) };
}
