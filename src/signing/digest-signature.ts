/**
 * Verification of a signature over a digest.
 *
 * node:crypto verifies whole messages only. For RSA its public-key operation is used and the block
 * that comes out is compared here (RFC 8017 §8.1.2, §8.2.2). For ECDSA there is no such half-way
 * operation in it, so `@noble/curves` verifies. That the whole signed object verifies with
 * node:crypto is checked again by whoever assembles it (the publish gate).
 *
 * @module
 */

import { constants, createPublicKey, type KeyObject, publicDecrypt } from 'node:crypto';
import { p256, p384 } from '@noble/curves/nist.js';

import { equalBytes } from '../core/bytes.ts';
import { encodePkcs1Block } from './digest-info.ts';
import { verifyPssBlock } from './emsa-pss.ts';
import type { KeyType, SigningAlgorithm } from './signer.ts';

/** The options that make noble sign and verify digests as X.509 has them (RFC 3279 §2.2.3). */
export const ecdsaOptions = { prehash: false, lowS: false, format: 'der' } as const;

/** noble's implementation of a curve. */
export function ecdsaOf(curve: 'P-256' | 'P-384'): typeof p256 {
  return curve === 'P-256' ? p256 : p384;
}

/** A public key, prepared once, that verifies many signatures. */
export interface DigestVerifier {
  readonly type: KeyType;
  /** False for anything but a good signature; never throws on what a signature may hold. */
  verify(algorithm: SigningAlgorithm, digest: Uint8Array, signature: Uint8Array): boolean;
}

/**
 * Prepares a public key.
 *
 * @param spki DER SubjectPublicKeyInfo.
 * @returns undefined when it is not a key of a type that certdir makes.
 */
export function openDigestVerifier(spki: Uint8Array): DigestVerifier | undefined {
  const key = parseSpki(spki);
  const type = key === undefined ? undefined : keyTypeOf(key);
  if (key === undefined || type === undefined) {
    return undefined;
  }
  switch (type.kind) {
    case 'rsa':
      return rsaVerifier(key, type);
    case 'ec':
      return ecVerifier(key, type);
    case 'ed25519':
      return edVerifier(type);
  }
}

/** The type of a public or private key, when it is one that certdir makes. */
export function keyTypeOf(key: KeyObject): KeyType | undefined {
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === 'rsa') {
    const bits = details?.modulusLength;
    return bits === 2048 || bits === 3072 || bits === 4096
      ? { kind: 'rsa', modulusBits: bits }
      : undefined;
  }
  if (key.asymmetricKeyType === 'ed25519') {
    return { kind: 'ed25519' };
  }
  const curve = curveNames.get(details?.namedCurve ?? '');
  return key.asymmetricKeyType === 'ec' && curve !== undefined ? { kind: 'ec', curve } : undefined;
}

const curveNames: ReadonlyMap<string, 'P-256' | 'P-384'> = new Map([
  ['prime256v1', 'P-256'],
  ['secp384r1', 'P-384'],
]);

function parseSpki(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

function rsaVerifier(key: KeyObject, type: KeyType & { kind: 'rsa' }): DigestVerifier {
  const modulusBytes = type.modulusBits / 8;
  return {
    type,
    verify(algorithm, digest, signature) {
      const isRsa = algorithm.scheme === 'rsa-pkcs1' || algorithm.scheme === 'rsa-pss';
      if (signature.length !== modulusBytes || !isRsa) {
        return false;
      }
      const block = rsaPublicOperation(key, signature);
      if (block === undefined) {
        return false;
      }
      return algorithm.scheme === 'rsa-pss'
        ? verifyPssBlock(algorithm.digest, digest, block)
        : equalBytes(encodePkcs1Block(algorithm.digest, digest, modulusBytes), block);
    },
  };
}

/** Undefined when the signature is a number that is not below the modulus. */
function rsaPublicOperation(key: KeyObject, signature: Uint8Array): Uint8Array | undefined {
  try {
    return publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature);
  } catch {
    return undefined;
  }
}

function ecVerifier(key: KeyObject, type: KeyType & { kind: 'ec' }): DigestVerifier {
  const curve = ecdsaOf(type.curve);
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const point = Buffer.concat([
    Uint8Array.of(0x04),
    Buffer.from(x, 'base64url'),
    Buffer.from(y, 'base64url'),
  ]);
  return {
    type,
    verify(algorithm, digest, signature) {
      if (algorithm.scheme !== 'ecdsa') {
        return false;
      }
      try {
        return curve.verify(signature, digest, point, ecdsaOptions);
      } catch {
        return false;
      }
    },
  };
}

/** Ed25519 signs no digests; its messages are verified whole. */
function edVerifier(type: KeyType): DigestVerifier {
  return { type, verify: () => false };
}
