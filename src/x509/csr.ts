/**
 * PKCS#10 certification requests (RFC 2986): the form in which others ask us for certificates.
 *
 * Not here: what a request may ask for (ca/), and whether its key is any good (key-strength.ts).
 *
 * @module
 */

import { assertDer } from '../asn1/assert-der.ts';
import { DerReader } from '../asn1/der-reader.ts';
import {
  encodeElement,
  encodeInteger,
  encodeOid,
  encodeSequence,
  encodeSetOf,
} from '../asn1/der-writer.ts';
import { contextTag, Tag } from '../asn1/tags.ts';
import { parseSignatureAlgorithm } from './algorithms.ts';
import { parseSigned } from './certificate.ts';
import { parsing, X509Error } from './errors.ts';
import { type Extension, encodeExtensions, parseExtensions } from './extensions.ts';
import { type Name, parseName } from './name.ts';
import { Oid } from './object-identifiers.ts';
import { decodePem } from './pem.ts';
import { importVerifyingKey, verifyBeside } from './verify-signature.ts';

export interface RequestAttribute {
  readonly type: string;
  /** Complete elements; at least one. */
  readonly values: readonly Uint8Array[];
}

export interface CertificationRequest {
  readonly der: Uint8Array;
  /** CertificationRequestInfo, which was signed. */
  readonly info: Uint8Array;
  readonly subject: Name;
  readonly spki: Uint8Array;
  readonly attributes: readonly RequestAttribute[];
  /** The extensions asked for (RFC 2985 §5.4.2); empty when none. */
  readonly extensionRequest: readonly Extension[];
  /** AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/** No honest request is larger: a key of 16,384 bits and a page of extensions. */
const maxRequestBytes = 16_384;
const attributesTag = contextTag(0, 'constructed');
const pemLabels = ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'];

/**
 * Parses a request from DER, or from text with a PEM block.
 *
 * @throws {X509Error} `X509_PEM`; `X509_REQUEST`; `X509_NAME` or `X509_EXTENSION` when that part of
 *   it is malformed.
 */
export function parseCertificationRequest(input: Uint8Array | string): CertificationRequest {
  if (input.length > maxRequestBytes * 2) {
    throw new X509Error('X509_REQUEST', 'the certification request is too large');
  }
  const der = typeof input === 'string' ? decodePem(input, pemLabels) : input;
  if (der.length > maxRequestBytes) {
    throw new X509Error('X509_REQUEST', 'the certification request is too large');
  }
  return parsing('X509_REQUEST', 'certification request', () => {
    assertDer(der);
    const { tbs: info, signatureAlgorithm, signature } = parseSigned(der);
    const parts = readInfo(info);
    const attributes = parts.attributes.map(parseAttribute);
    return {
      der,
      info,
      subject: parseName(parts.subject),
      spki: parts.spki,
      attributes,
      extensionRequest: findExtensionRequest(attributes),
      signatureAlgorithm,
      signature,
    };
  });
}

interface RequestParts {
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  readonly attributes: readonly Uint8Array[];
}

/** CertificationRequestInfo (RFC 2986 §4.1); many leave the attributes out when there are none. */
function readInfo(info: Uint8Array): RequestParts {
  const reader = new DerReader(info).readConstructed();
  if (reader.readInteger() !== 0n) {
    throw new X509Error('X509_REQUEST', 'the certification request is not of version 1');
  }
  const subject = reader.readElement(Tag.sequence).raw;
  const spki = reader.readElement(Tag.sequence).raw;
  expectKeyInfo(spki);
  const attributes: Uint8Array[] = [];
  if (reader.peekTag() === attributesTag) {
    const set = reader.readConstructed(attributesTag);
    while (!set.isAtEnd) {
      attributes.push(set.readElement().raw);
    }
  }
  reader.expectEnd();
  return { subject, spki, attributes };
}

/** The shape of a SubjectPublicKeyInfo; what is in it is for others to judge. */
function expectKeyInfo(spki: Uint8Array): void {
  const reader = new DerReader(spki).readConstructed();
  reader.skip(Tag.sequence);
  reader.skip(Tag.bitString);
  reader.expectEnd();
}

function parseAttribute(der: Uint8Array): RequestAttribute {
  const reader = new DerReader(der).readConstructed();
  const type = reader.readOid();
  const set = reader.readConstructed(Tag.set);
  reader.expectEnd();
  const values: Uint8Array[] = [];
  do {
    values.push(set.readElement().raw);
  } while (!set.isAtEnd);
  return { type, values };
}

function findExtensionRequest(attributes: readonly RequestAttribute[]): readonly Extension[] {
  const requests = attributes.filter(({ type }) => type === Oid.extensionRequest);
  const values = requests.flatMap((request) => request.values);
  if (values.length > 1) {
    throw new X509Error('X509_REQUEST', 'the certification request has two extension requests');
  }
  return values[0] === undefined ? [] : parseExtensions(values[0]);
}

/**
 * Checks that the request was signed with the key it asks a certificate for, beside the event loop.
 *
 * @throws {X509Error} `X509_ALGORITHM` when it is signed with an algorithm that is not supported,
 *   SHA-1 included; `X509_PUBLIC_KEY` when the key is malformed or not supported.
 */
export async function verifyProofOfPossession(request: CertificationRequest): Promise<boolean> {
  const algorithm = parseSignatureAlgorithm(request.signatureAlgorithm);
  const key = importVerifyingKey(request.spki);
  return await verifyBeside(key, {
    algorithm,
    message: request.info,
    signature: request.signature,
  });
}

export interface CertificationRequestInfo {
  readonly subject: Name;
  readonly spki: Uint8Array;
  readonly extensionRequest?: readonly Extension[];
}

/** Encodes the part of a request of ours that is to be signed; see `assembleSigned`. */
export function encodeCertificationRequestInfo(info: CertificationRequestInfo): Uint8Array {
  const { extensionRequest = [] } = info;
  const attributes =
    extensionRequest.length === 0
      ? []
      : [
          encodeSequence(
            encodeOid(Oid.extensionRequest),
            encodeSetOf(encodeExtensions(extensionRequest)),
          ),
        ];
  return encodeSequence(
    encodeInteger(0),
    info.subject.der,
    info.spki,
    encodeElement(attributesTag, ...attributes),
  );
}
