/**
 * A private key in the memory of the software token: making one, signing with it, forgetting it.
 *
 * Content that is there whole is signed by node:crypto on the threads of its pool. It signs whole messages only,
 * so for long content, of which the digest is left, RSA goes through its raw operation over blocks encoded
 * here, and ECDSA through `@noble/curves` (deterministic nonces, RFC 6979: no randomness to get wrong).
 *
 * @module
 */

import assert from 'node:assert/strict';
import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  privateEncrypt,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';

import type { RandomSource } from '../../core/random.ts';
import type { Content } from '../content.ts';
import { digestLength, encodeDigestInfo } from '../digest-info.ts';
import { ecdsaOf, ecdsaOptions, keyTypeOf } from '../digest-signature.ts';
import { encodePssBlock } from '../emsa-pss.ts';
import { SigningError } from '../errors.ts';
import { digestNameOf, withPadding } from '../signature-verifier.ts';
import type { KeyType, SignatureAlgorithm, SigningAlgorithm } from '../signer.ts';

const generatePair = promisify(generateKeyPair);
const signInPool = promisify(sign);

export interface PrivateKey {
  readonly type: KeyType;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** The caller has checked the algorithm against the key (`assertSignRequest`). */
  sign(algorithm: SigningAlgorithm, content: Content): Promise<Uint8Array>;
  /** Overwrites what can be overwritten and drops the rest; `sign` throws from now on. */
  forget(): void;
}

/** Generates a key pair off the event loop. @returns PKCS#8 DER, for the caller to overwrite. */
export async function generatePrivateKey(type: KeyType): Promise<Buffer> {
  const { privateKey } = await generatePairOf(type);
  return privateKey.export({ format: 'der', type: 'pkcs8' });
}

function generatePairOf(type: KeyType): Promise<{ readonly privateKey: KeyObject }> {
  switch (type.kind) {
    case 'rsa':
      return generatePair('rsa', { modulusLength: type.modulusBits, publicExponent: 0x10001 });
    case 'ec':
      return generatePair('ec', { namedCurve: type.curve });
    case 'ed25519':
      return generatePair('ed25519');
  }
}

/**
 * Opens a key from PKCS#8 DER (RFC 5958).
 *
 * @param random Salt of PSS signatures.
 * @returns undefined when it is not a private key of a type that certdir makes.
 */
export function openPrivateKey(pkcs8: Buffer, random: RandomSource): PrivateKey | undefined {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  } catch {
    return undefined;
  }
  const type = keyTypeOf(key);
  if (type === undefined) {
    return undefined;
  }
  const spki = Uint8Array.from(createPublicKey(key).export({ format: 'der', type: 'spki' }));
  return new OpenPrivateKey(key, { type, spki, random });
}

class OpenPrivateKey implements PrivateKey {
  readonly type: KeyType;
  readonly spki: Uint8Array;
  readonly #random: RandomSource;
  /** OpenSSL overwrites the numbers when the last reference is collected. */
  #key: KeyObject | undefined;

  constructor(
    key: KeyObject,
    facts: {
      readonly type: KeyType;
      readonly spki: Uint8Array;
      readonly random: RandomSource;
    },
  ) {
    this.type = facts.type;
    this.spki = facts.spki;
    this.#random = facts.random;
    this.#key = key;
  }

  async sign(algorithm: SigningAlgorithm, content: Content): Promise<Uint8Array> {
    const key = this.#key ?? forgotten();
    if (content.kind === 'whole') {
      return await signInPool(digestNameOf(algorithm), content.bytes, withPadding(key, algorithm));
    }
    const { digest } = content;
    if (this.type.kind === 'ec') {
      return signCurveDigest(key, this.type.curve, digest);
    }
    assert(this.type.kind === 'rsa' && algorithm.scheme !== 'ed25519', 'assertSignRequest saw it');
    return this.#signRsaDigest(key, { algorithm, digest, modulusBits: this.type.modulusBits });
  }

  forget(): void {
    this.#key = undefined;
  }

  #signRsaDigest(
    key: KeyObject,
    signed: {
      readonly algorithm: SignatureAlgorithm;
      readonly digest: Uint8Array;
      readonly modulusBits: number;
    },
  ): Uint8Array {
    const { algorithm, digest, modulusBits } = signed;
    if (algorithm.scheme === 'rsa-pkcs1') {
      const info = encodeDigestInfo(algorithm.digest, digest);
      return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, info);
    }
    const salt = this.#random.bytes(digestLength(algorithm.digest));
    const block = encodePssBlock({ name: algorithm.digest, modulusBits }, digest, salt);
    return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);
  }
}

function signCurveDigest(key: KeyObject, curve: 'P-256' | 'P-384', digest: Uint8Array): Uint8Array {
  // ECPrivateKey (RFC 5915 §3): SEQUENCE { INTEGER 1, OCTET STRING, as long as the curve's order, …
  const der = key.export({ format: 'der', type: 'sec1' });
  const start = curve === 'P-256' ? 7 : 8;
  const scalar = der.subarray(start, start + (curve === 'P-256' ? 32 : 48));
  try {
    return ecdsaOf(curve).sign(digest, scalar, ecdsaOptions);
  } finally {
    der.fill(0);
  }
}

function forgotten(): never {
  throw new SigningError('SIGNING_NOT_ACTIVE', 'the token is locked; activate it first');
}
