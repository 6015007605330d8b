/**
 * A private key in the memory of the software token: making one, signing digests with it, forgetting it.
 *
 * node:crypto signs whole messages only, so RSA goes through its raw operation over blocks encoded
 * here, and ECDSA through `@noble/curves` (deterministic nonces, RFC 6979: no randomness to get wrong).
 *
 * @module
 */

import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  privateEncrypt,
} from 'node:crypto';
import { promisify } from 'node:util';

import type { RandomSource } from '../core/random.ts';
import { digestLength, encodeDigestInfo } from './digest-info.ts';
import { ecdsaOf, ecdsaOptions, keyTypeOf } from './digest-signature.ts';
import { encodePssBlock } from './emsa-pss.ts';
import { SigningError } from './errors.ts';
import type { KeyType, SignatureAlgorithm } from './signer.ts';

const generatePair = promisify(generateKeyPair);

export interface PrivateKey {
  readonly type: KeyType;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** The caller has checked algorithm and digest against the key (`assertSignRequest`). */
  sign(algorithm: SignatureAlgorithm, digest: Uint8Array): Uint8Array;
  /** Overwrites what can be overwritten and drops the rest; `sign` throws from now on. */
  forget(): void;
}

/** Generates a key pair off the event loop. @returns PKCS#8 DER, for the caller to overwrite. */
export async function generatePrivateKey(type: KeyType): Promise<Buffer> {
  const { privateKey } =
    type.kind === 'rsa'
      ? await generatePair('rsa', { modulusLength: type.modulusBits, publicExponent: 0x10001 })
      : await generatePair('ec', { namedCurve: type.curve });
  return privateKey.export({ format: 'der', type: 'pkcs8' });
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
  return type.kind === 'rsa'
    ? new RsaPrivateKey(key, { type, spki, random })
    : new EcPrivateKey(key, { type, spki });
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

  sign(algorithm: SignatureAlgorithm, digest: Uint8Array): Uint8Array {
    const key = this.#key ?? forgotten();
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

  sign(_algorithm: SignatureAlgorithm, digest: Uint8Array): Uint8Array {
    return ecdsaOf(this.type.curve).sign(digest, this.#scalar ?? forgotten(), ecdsaOptions);
  }

  forget(): void {
    this.#scalar?.fill(0);
    this.#scalar = undefined;
  }
}

function forgotten(): never {
  throw new SigningError('SIGNING_NOT_ACTIVE', 'the token is locked; activate it first');
}
