/**
 * A private key in the memory of the software token: making one, signing digests with it, forgetting it.
 *
 * node:crypto signs whole messages only, so RSA goes through its raw operation over blocks encoded
 * here, and ECDSA through `@noble/curves` (deterministic nonces, RFC 6979: no randomness to get wrong).
 * Ed25519 takes whole messages, which its callers keep short.
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

import type { RandomSource } from '../core/random.ts';
import { digestLength, encodeDigestInfo } from './digest-info.ts';
import { ecdsaOf, ecdsaOptions, keyTypeOf } from './digest-signature.ts';
import { encodePssBlock } from './emsa-pss.ts';
import { SigningError } from './errors.ts';
import type { KeyType, SigningAlgorithm } from './signer.ts';

const generatePair = promisify(generateKeyPair);

export interface PrivateKey {
  readonly type: KeyType;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** The caller has checked algorithm and digest against the key (`assertSignRequest`). */
  sign(algorithm: SigningAlgorithm, digest: Uint8Array): Uint8Array;
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
  switch (type.kind) {
    case 'rsa':
      return new RsaPrivateKey(key, { type, spki, random });
    case 'ec':
      return new EcPrivateKey(key, { type, spki });
    case 'ed25519':
      return new EdPrivateKey(key, spki);
  }
}

class RsaPrivateKey implements PrivateKey {
  readonly type: KeyType & { kind: 'rsa' };
  readonly spki: Uint8Array;
  readonly #random: RandomSource;
  #key: KeyObject | undefined;

  constructor(
    key: KeyObject,
    facts: {
      readonly type: KeyType & { kind: 'rsa' };
      readonly spki: Uint8Array;
      readonly random: RandomSource;
    },
  ) {
    this.type = facts.type;
    this.spki = facts.spki;
    this.#random = facts.random;
    this.#key = key;
  }

  sign(algorithm: SigningAlgorithm, digest: Uint8Array): Uint8Array {
    const key = this.#key ?? forgotten();
    assert('digest' in algorithm, 'the caller has checked the algorithm');
    if (algorithm.scheme === 'rsa-pkcs1') {
      const info = encodeDigestInfo(algorithm.digest, digest);
      return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, info);
    }
    const salt = this.#random.bytes(digestLength(algorithm.digest));
    const parameters = { name: algorithm.digest, modulusBits: this.type.modulusBits };
    const block = encodePssBlock(parameters, digest, salt);
    return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);
  }

  forget(): void {
    this.#key = undefined;
  }
}

class EcPrivateKey implements PrivateKey {
  readonly type: KeyType & { kind: 'ec' };
  readonly spki: Uint8Array;
  #scalar: Buffer | undefined;

  constructor(
    key: KeyObject,
    facts: { readonly type: KeyType & { kind: 'ec' }; readonly spki: Uint8Array },
  ) {
    this.type = facts.type;
    this.spki = facts.spki;
    const pooled = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
    // Memory of its own: Node hands short buffers out of a block that others get views of too.
    this.#scalar = Buffer.alloc(pooled.length);
    pooled.copy(this.#scalar);
    pooled.fill(0);
  }

  sign(_algorithm: SigningAlgorithm, digest: Uint8Array): Uint8Array {
    return ecdsaOf(this.type.curve).sign(digest, this.#scalar ?? forgotten(), ecdsaOptions);
  }

  forget(): void {
    this.#scalar?.fill(0);
    this.#scalar = undefined;
  }
}

class EdPrivateKey implements PrivateKey {
  readonly type: KeyType = { kind: 'ed25519' };
  readonly spki: Uint8Array;
  #key: KeyObject | undefined;

  constructor(key: KeyObject, spki: Uint8Array) {
    this.spki = spki;
    this.#key = key;
  }

  sign(_algorithm: SigningAlgorithm, message: Uint8Array): Uint8Array {
    return sign(null, message, this.#key ?? forgotten());
  }

  forget(): void {
    this.#key = undefined;
  }
}

function forgotten(): never {
  throw new SigningError('SIGNING_NOT_ACTIVE', 'the token is locked; activate it first');
}
