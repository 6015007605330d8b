/**
 * Verification of what a token signed, before anyone sees it: with node:crypto over the whole bytes where they
 * are there, over the digest otherwise (`digest-signature.ts`).
 *
 * @module
 */

import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';

import { type Content, digestOfContent } from './content.ts';
import { openDigestVerifier } from './digest-signature.ts';
import type { KeyType, SigningAlgorithm } from './signer.ts';

/** A public key, prepared once, that verifies many signatures. */
export interface SignatureVerifier {
  readonly type: KeyType;
  /** False for anything but a good signature; never throws on what a signature may hold. */
  verify(algorithm: SigningAlgorithm, content: Content, signature: Uint8Array): boolean;
}

/**
 * Prepares a public key.
 *
 * @param spki DER SubjectPublicKeyInfo.
 * @returns undefined when it is not a key of a type that certdir makes.
 */
export function openSignatureVerifier(spki: Uint8Array): SignatureVerifier | undefined {
  const digestVerifier = openDigestVerifier(spki);
  if (digestVerifier === undefined) {
    return undefined;
  }
  const { type } = digestVerifier;
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  return {
    type,
    verify(algorithm, content, signature) {
      if (content.kind === 'whole') {
        return isSchemeOf(type, algorithm) && verifyWhole(key, { algorithm, content, signature });
      }
      if (algorithm.scheme === 'ed25519') {
        return false;
      }
      const digest = digestOfContent(content, algorithm.digest);
      return digest !== undefined && digestVerifier.verify(algorithm, digest, signature);
    },
  };
}

function isSchemeOf(type: KeyType, { scheme }: SigningAlgorithm): boolean {
  switch (scheme) {
    case 'ecdsa':
      return type.kind === 'ec';
    case 'ed25519':
      return type.kind === 'ed25519';
    case 'rsa-pkcs1':
    case 'rsa-pss':
      return type.kind === 'rsa';
  }
}

/** node:crypto answers false, and throws nothing, for signatures of any shape. */
function verifyWhole(
  key: KeyObject,
  signed: {
    readonly algorithm: SigningAlgorithm;
    readonly content: Content & { readonly kind: 'whole' };
    readonly signature: Uint8Array;
  },
): boolean {
  const { algorithm, content, signature } = signed;
  return verify(digestNameOf(algorithm), content.bytes, withPadding(key, algorithm), signature);
}

/** A key with the padding that makes node:crypto do exactly `algorithm` (RFC 4055 §3.1 for PSS). */
export function withPadding(
  key: KeyObject,
  { scheme }: SigningAlgorithm,
): KeyObject | { key: KeyObject; padding: number; saltLength?: number } {
  switch (scheme) {
    case 'ecdsa':
    case 'ed25519':
    // The padding that node:crypto takes for RSA anyway; naming it costs it 10 µs.
    case 'rsa-pkcs1':
      return key;
    case 'rsa-pss':
      return {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      };
  }
}

/** The digest as node:crypto wants it named: none for Ed25519, which hashes itself (RFC 8032 §5.1). */
export function digestNameOf(algorithm: SigningAlgorithm): string | null {
  return algorithm.scheme === 'ed25519' ? null : algorithm.digest;
}
