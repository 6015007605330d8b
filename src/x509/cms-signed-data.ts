/**
 * CMS SignedData (RFC 5652 §5) as subscribers sign requests with it: DER alone, content inside, one signer, one or no
 * certificate. Everything is read by a strict cursor and bounded before any of it is believed; what is left over is
 * refused. The signature is verified with `node:crypto`.
 *
 * Not here: whose certificate it is and what the content asks for (`revoke-request.ts`, ca/).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { assertDer } from '../asn1/assert-der.ts';
import { DerReader } from '../asn1/der-reader.ts';
import { contextTag, Tag } from '../asn1/tags.ts';
import { equalBytes } from '../core/bytes.ts';
import { parseSignatureAlgorithm, type SignatureAlgorithmLike } from './algorithms.ts';
import { parsing, X509Error } from './errors.ts';
import { Oid } from './object-identifiers.ts';
import { importVerifyingKey, verifyBeside } from './verify-signature.ts';

/** Who signed (RFC 5652 §5.3). */
export type SignerIdentifier =
  | {
      readonly kind: 'issuer' /** DER Name. */;
      readonly issuer: Uint8Array;
      readonly serialNumber: bigint;
    }
  | { readonly kind: 'key'; readonly keyIdentifier: Uint8Array };

export interface SignedMessage {
  readonly der: Uint8Array;
  /** eContentType. */
  readonly contentType: string;
  readonly content: Uint8Array;
  readonly signer: SignerIdentifier;
  /** The certificate that came along, in DER. */
  readonly certificate: Uint8Array | undefined;
  /** When the signer says that it signed. */
  readonly signingMs: number;
  /** What was signed: the signed attributes as a SET OF (§5.4). */
  readonly signed: Uint8Array;
  readonly algorithm: SignatureAlgorithmLike;
  readonly signature: Uint8Array;
}

/** A request with a certificate of ours in it has some 3 kB. */
export const MAX_MESSAGE_BYTES = 16_384;
const MAX_ATTRIBUTES = 16;

const digests: Readonly<Record<string, 'sha256' | 'sha384' | 'sha512'>> = {
  [Oid.sha256]: 'sha256',
  [Oid.sha384]: 'sha384',
  [Oid.sha512]: 'sha512',
};

/**
 * Parses a message and checks its digest; the signature is `verifySignedMessage`'s.
 *
 * @throws {X509Error} `X509_SIGNED_DATA` for anything else than the form above; `X509_ALGORITHM` for algorithms that are
 *   not supported, SHA-1 included.
 */
export function parseSignedMessage(der: Uint8Array): SignedMessage {
  if (der.length > MAX_MESSAGE_BYTES) {
    throw new X509Error('X509_SIGNED_DATA', 'the signed request is too large');
  }
  return parsing('X509_SIGNED_DATA', 'signed request', () => {
    assertDer(der);
    const outer = new DerReader(der);
    const info = outer.readConstructed();
    outer.expectEnd();
    expectOid(info, Oid.signedData, 'it is no SignedData');
    const wrapper = info.readConstructed(contextTag(0, 'constructed'));
    info.expectEnd();
    const data = wrapper.readConstructed();
    wrapper.expectEnd();
    return { der, ...readSignedData(data) };
  });
}

function readSignedData(data: DerReader): Omit<SignedMessage, 'der'> {
  const version = data.readInteger();
  if (version !== 1n && version !== 3n) {
    throw malformed('its version is neither 1 nor 3');
  }
  const digestName = readOneDigest(data.readConstructed(Tag.set));
  const encapsulated = data.readConstructed();
  const contentType = encapsulated.readOid();
  const explicit = encapsulated.readConstructed(contextTag(0, 'constructed'));
  const content = explicit.readOctetString();
  explicit.expectEnd();
  encapsulated.expectEnd();
  const certificate = readOneCertificate(data);
  if (data.peekTag() === contextTag(1, 'constructed')) {
    throw malformed('it carries lists, which belong in none');
  }
  const signers = data.readConstructed(Tag.set);
  data.expectEnd();
  const signer = readSigner(signers.readConstructed(), { contentType, content, digestName });
  signers.expectEnd();
  return { contentType, content, certificate, ...signer };
}

function readOneDigest(set: DerReader): 'sha256' | 'sha384' | 'sha512' {
  const name = readDigest(set.readConstructed());
  set.expectEnd();
  return name;
}

function readDigest(algorithm: DerReader): 'sha256' | 'sha384' | 'sha512' {
  const name = digests[algorithm.readOid()];
  if (name === undefined) {
    throw new X509Error('X509_ALGORITHM', 'it is digested by none of SHA-256, SHA-384, SHA-512');
  }
  if (!algorithm.isAtEnd) {
    algorithm.readNull();
  }
  algorithm.expectEnd();
  return name;
}

/** CertificateSet with one certificate, or left out. */
function readOneCertificate(data: DerReader): Uint8Array | undefined {
  const set = data.readOptional(contextTag(0, 'constructed'));
  if (set === undefined) {
    return undefined;
  }
  const reader = new DerReader(set.content);
  const { raw } = reader.readElement(Tag.sequence);
  if (!reader.isAtEnd) {
    throw malformed('it carries more than the certificate of its signer');
  }
  return raw;
}

interface Message {
  readonly contentType: string;
  readonly content: Uint8Array;
  readonly digestName: 'sha256' | 'sha384' | 'sha512';
}

function readSigner(
  info: DerReader,
  message: Message,
): Pick<SignedMessage, 'signer' | 'signingMs' | 'signed' | 'algorithm' | 'signature'> {
  const version = info.readInteger();
  const signer = readIdentifier(info);
  if (version !== (signer.kind === 'issuer' ? 1n : 3n)) {
    throw malformed('the version of its signer does not go with how the signer is named');
  }
  if (readDigest(info.readConstructed()) !== message.digestName) {
    throw malformed('it names two digests');
  }
  const attributes = info.readElement(contextTag(0, 'constructed'));
  const signingMs = readAttributes(new DerReader(attributes.content), message);
  const algorithm = readAlgorithm(info.readElement(Tag.sequence).raw, message.digestName);
  const signature = info.readOctetString();
  if (!info.isAtEnd) {
    throw malformed('it has unsigned attributes');
  }
  // §5.4: signed as the SET OF that it is, not as the field that it stands in.
  const signed = Uint8Array.from(attributes.raw);
  signed[0] = Tag.set;
  return { signer, signingMs, signed, algorithm, signature };
}

function readIdentifier(info: DerReader): SignerIdentifier {
  if (info.peekTag() === Tag.sequence) {
    const named = info.readConstructed();
    const issuer = named.readElement(Tag.sequence).raw;
    const serialNumber = named.readInteger();
    named.expectEnd();
    return { kind: 'issuer', issuer, serialNumber };
  }
  return { kind: 'key', keyIdentifier: info.readOctetString(contextTag(0, 'primitive')) };
}

/** rsaEncryption stands for PKCS#1 v1.5 with the digest named beside it (RFC 3370 §3.2). */
function readAlgorithm(
  der: Uint8Array,
  digest: 'sha256' | 'sha384' | 'sha512',
): SignatureAlgorithmLike {
  const reader = new DerReader(der).readConstructed();
  if (reader.readOid() === Oid.rsaEncryption) {
    return { scheme: 'rsa-pkcs1', digest };
  }
  const algorithm = parseSignatureAlgorithm(der);
  if (algorithm.digest !== digest) {
    throw malformed('its signature goes by another digest');
  }
  return algorithm;
}

/** Content type, digest and time, each once; others are signed too and mean nothing here. @returns the time. */
function readAttributes(reader: DerReader, message: Message): number {
  const found = new Map<string, Uint8Array>();
  while (!reader.isAtEnd) {
    const attribute = reader.readConstructed();
    const type = attribute.readOid();
    const values = attribute.readConstructed(Tag.set);
    attribute.expectEnd();
    if (found.has(type) || found.size >= MAX_ATTRIBUTES) {
      throw malformed('it has an attribute twice, or too many');
    }
    found.set(type, values.readElement().raw);
    if (type === Oid.contentType || type === Oid.messageDigest || type === Oid.signingTime) {
      values.expectEnd();
    }
  }
  const read = (type: string, what: string): DerReader => {
    const value = found.get(type);
    if (value === undefined) {
      throw malformed(`it has no ${what} among what is signed`);
    }
    return new DerReader(value);
  };
  if (read(Oid.contentType, 'content type').readOid() !== message.contentType) {
    throw malformed('the content is of another type than what was signed');
  }
  const digest = createHash(message.digestName).update(message.content).digest();
  if (!equalBytes(read(Oid.messageDigest, 'digest').readOctetString(), digest)) {
    throw malformed('the content is not what was signed');
  }
  return read(Oid.signingTime, 'time').readTime();
}

/** True when the holder of this key has signed the message. Beside the event loop. */
export async function verifySignedMessage(
  { algorithm, signed: message, signature }: SignedMessage,
  spki: Uint8Array,
): Promise<boolean> {
  return await verifyBeside(importVerifyingKey(spki), { algorithm, message, signature });
}

function expectOid(reader: DerReader, oid: string, message: string): void {
  if (reader.readOid() !== oid) {
    throw malformed(message);
  }
}

function malformed(message: string): X509Error {
  return new X509Error('X509_SIGNED_DATA', `the signed request cannot be taken: ${message}`);
}
