/**
 * Verifying signatures with `node:crypto`, whatever made them.
 *
 * @module
 */

import {
  constants,
  createPublicKey,
  createVerify,
  type JsonWebKey,
  type KeyObject,
  verify,
} from 'node:crypto';

import type { Awaitable } from '../core/awaitable.ts';
import { asBuffer } from '../core/bytes.ts';
import {
  type CurveName,
  type ForeignSignatureAlgorithm,
  type PublicKeyInfo,
  parseSubjectPublicKeyInfo,
} from './algorithms.ts';
import { X509Error } from './errors.ts';

export interface SignatureToVerify {
  /** SubjectPublicKeyInfo of the signer. */
  readonly spki: Uint8Array;
  readonly algorithm: ForeignSignatureAlgorithm;
  /** What was signed; in pieces when it is large. */
  readonly message: Uint8Array | Iterable<Uint8Array>;
  readonly signature: Uint8Array;
}

/**
 * Verifies a signature.
 *
 * @returns False when it is wrong, and when the key is of another kind than the algorithm needs.
 * @throws {X509Error} `X509_PUBLIC_KEY` when the key is malformed or of a kind that is not
 *   supported.
 */
export function verifySignature(signed: SignatureToVerify): boolean {
  const key = importVerifyingKey(signed.spki);
  const { scheme, digest } = signed.algorithm;
  if (!fits(key, scheme)) {
    return false;
  }
  const verifier = createVerify(digest);
  if (signed.message instanceof Uint8Array) {
    verifier.update(signed.message);
  } else {
    for (const piece of signed.message) {
      verifier.update(piece);
    }
  }
  return verifier.verify(withScheme(key, scheme), signed.signature);
}

const QUICK_MODULUS_BITS = 3072;

/** A public key made ready, which costs more than verifying with it. */
export interface VerifyingKey {
  readonly kind: 'rsa' | 'ec';
  readonly object: KeyObject;
  /** Verifies in some twenty microseconds. */
  readonly isQuick: boolean;
}

/**
 * Makes a public key ready.
 *
 * @throws {X509Error} as `verifySignature`.
 */
export function importVerifyingKey(spki: Uint8Array): VerifyingKey {
  const key = parseSubjectPublicKeyInfo(spki);
  if (key.kind === 'other') {
    throw new X509Error('X509_PUBLIC_KEY', `keys of type ${key.oid} are not supported`);
  }
  const isQuick = key.kind === 'rsa' && key.modulusBits <= QUICK_MODULUS_BITS;
  return { kind: key.kind, object: importParsed(key, spki), isQuick };
}

/**
 * Verifies in libuv's pool, so that nobody else waits: P-384 takes half a millisecond. RSA does not go there
 * while it takes less than the way there and back.
 *
 * @returns as `verifySignature`.
 */
export function verifyBeside(
  key: VerifyingKey,
  signed: Omit<SignatureToVerify, 'spki'> & { readonly message: Uint8Array },
): Awaitable<boolean> {
  const { algorithm, message, signature } = signed;
  if (!fits(key, algorithm.scheme)) {
    return false;
  }
  const given = withScheme(key, algorithm.scheme);
  if (key.isQuick) {
    return verify(algorithm.digest, message, given, signature);
  }
  return new Promise((resolve, reject) => {
    verify(algorithm.digest, message, given, signature, (error, isRight) => {
      if (error === null) {
        resolve(isRight);
      } else {
        reject(error);
      }
    });
  });
}

type SchemedKey =
  | { readonly key: KeyObject; readonly padding: number; readonly saltLength?: number }
  | { readonly key: KeyObject; readonly dsaEncoding: 'der' };

/** The key with what makes node:crypto do exactly this scheme. */
function withScheme(
  { object: key }: VerifyingKey,
  scheme: ForeignSignatureAlgorithm['scheme'],
): SchemedKey {
  switch (scheme) {
    case 'rsa-pkcs1':
      return { key, padding: constants.RSA_PKCS1_PADDING };
    case 'rsa-pss':
      return {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      };
    case 'ecdsa':
      return { key, dsaEncoding: 'der' };
  }
}

/** Asked to verify ECDSA with an RSA key, OpenSSL would verify PKCS#1 v1.5. */
function fits(key: VerifyingKey, scheme: ForeignSignatureAlgorithm['scheme']): boolean {
  return key.kind === (scheme === 'ecdsa' ? 'ec' : 'rsa');
}

/**
 * The key as Node knows it. It is handed over in parts: taking the whole SubjectPublicKeyInfo apart once more
 * costs OpenSSL 3 longer than verifying with the key.
 *
 * @throws {X509Error} `X509_PUBLIC_KEY` when OpenSSL refuses it, for example an EC point that is
 *   not on its curve.
 */
export function importPublicKey(spki: Uint8Array): KeyObject {
  return importParsed(parseSubjectPublicKeyInfo(spki), spki);
}

function importParsed(info: PublicKeyInfo, spki: Uint8Array): KeyObject {
  const key = jwkOf(info);
  try {
    return key === undefined
      ? createPublicKey({ key: asBuffer(spki), format: 'der', type: 'spki' })
      : createPublicKey({ key, format: 'jwk' });
  } catch (cause) {
    throw new X509Error('X509_PUBLIC_KEY', 'the public key cannot be used', { cause });
  }
}

/** RFC 7518 §6.2.1, §6.3.1; undefined for what has no such form, like a compressed point. */
function jwkOf(key: PublicKeyInfo): JsonWebKey | undefined {
  switch (key.kind) {
    case 'rsa': {
      const [n, e] = [key.modulus, key.publicExponent].map(base64urlOf);
      return n === undefined || e === undefined ? undefined : { kty: 'RSA', n, e };
    }
    case 'ec': {
      const { curve, point } = key;
      const octets = (point.length - 1) / 2;
      if (point[0] !== UNCOMPRESSED || octets !== coordinateOctets[curve]) {
        return undefined;
      }
      const coordinates = asBuffer(point);
      return {
        kty: 'EC',
        crv: curve,
        x: coordinates.toString('base64url', 1, 1 + octets),
        y: coordinates.toString('base64url', 1 + octets),
      };
    }
    case 'other':
      return undefined;
  }
}

const UNCOMPRESSED = 0x04;
const coordinateOctets: Readonly<Record<CurveName, number>> = { 'P-256': 32, 'P-384': 48 };

function base64urlOf(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
}
