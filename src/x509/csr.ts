/**
 * PKCS#10 certification requests (RFC 2986): the form in which others ask us for certificates.
 *
 * The request is checked to be strict DER first and then taken apart with pkijs' schema.
 *
 * Not here: what a request may ask for (ca/), and whether its key is any good (key-strength.ts).
 *
 * @module
 */

import * as asn1js from 'asn1js';
import { CertificationRequest as PkijsRequest } from 'pkijs';

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
import { verifySignature } from './verify-signature.ts';

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

/**
 * No honest request is larger: a key of 16,384 bits and a page of extensions. What is much larger takes
 * pkijs longer than anything here may hold others up.
 */
const maxRequestBytes = 16_384;
const infoName = 'CertificationRequestInfo';
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
    const parts = readBySchema(der);
    expectNothingElse(info);
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

/** The parts that pkijs finds, as bytes: the library's objects go no further. */
function readBySchema(der: Uint8Array): RequestParts {
  const compared = asn1js.verifySchema(Uint8Array.from(der), PkijsRequest.schema());
  if (!compared.verified) {
    throw new X509Error('X509_REQUEST', 'this is no PKCS#10 certification request');
  }
  const blocks: Readonly<Record<string, unknown>> = compared.result;
  const part = (name: string): Uint8Array => rawBytes(blocks[`${infoName}.${name}`], name);
  if (new DerReader(part('version')).readInteger() !== 0n) {
    throw new X509Error('X509_REQUEST', 'the certification request is not of version 1');
  }
  const attributes = blocks[`${infoName}.attributes`];
  return {
    subject: part('subject'),
    spki: part('subjectPublicKeyInfo'),
    attributes: Array.isArray(attributes)
      ? attributes.map((block: unknown) => rawBytes(block, 'attribute'))
      : [],
  };
}

/** pkijs passes over what stands behind the attributes; it was signed, so it must not be there. */
function expectNothingElse(info: Uint8Array): void {
  const reader = new DerReader(info).readConstructed();
  reader.skip(Tag.integer);
  reader.skip(Tag.sequence);
  reader.skip(Tag.sequence);
  reader.readOptional(attributesTag);
  reader.expectEnd();
}

function rawBytes(block: unknown, name: string): Uint8Array {
  if (!(block instanceof asn1js.BaseBlock)) {
    throw new X509Error('X509_REQUEST', `the certification request has no ${name}`);
  }
  return block.valueBeforeDecodeView;
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
 * Checks that the request was signed with the key it asks a certificate for.
 *
 * @throws {X509Error} `X509_ALGORITHM` when it is signed with an algorithm that is not supported,
 *   SHA-1 included; `X509_PUBLIC_KEY` when the key is malformed or not supported.
 */
export function verifyProofOfPossession(request: CertificationRequest): boolean {
  return verifySignature({
    spki: request.spki,
    algorithm: parseSignatureAlgorithm(request.signatureAlgorithm),
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
