/**
 * Verifying signatures with `node:crypto`, whatever made them.
 *
 * @module
 */

import { constants, createPublicKey, createVerify, type KeyObject } from 'node:crypto';

import { asBuffer } from '../core/bytes.ts';
import {
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
  const key = parseSubjectPublicKeyInfo(signed.spki);
  if (key.kind === 'other') {
    throw new X509Error('X509_PUBLIC_KEY', `keys of type ${key.oid} are not supported`);
  }
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
  const keyObject = importPublicKey(signed.spki);
  switch (scheme) {
    case 'rsa-pkcs1':
      return verifier.verify(
        { key: keyObject, padding: constants.RSA_PKCS1_PADDING },
        signed.signature,
      );
    case 'rsa-pss':
      return verifier.verify(
        {
          key: keyObject,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
        },
        signed.signature,
      );
    case 'ecdsa':
      return verifier.verify({ key: keyObject, dsaEncoding: 'der' }, signed.signature);
  }
}

/** Asked to verify ECDSA with an RSA key, OpenSSL would verify PKCS#1 v1.5. */
function fits(key: PublicKeyInfo, scheme: ForeignSignatureAlgorithm['scheme']): boolean {
  return key.kind === (scheme === 'ecdsa' ? 'ec' : 'rsa');
}

/**
 * The key as Node knows it.
 *
 * @throws {X509Error} `X509_PUBLIC_KEY` when OpenSSL refuses it, for example an EC point that is
 *   not on its curve.
 */
export function importPublicKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: asBuffer(spki), format: 'der', type: 'spki' });
  } catch (cause) {
    throw new X509Error('X509_PUBLIC_KEY', 'the public key cannot be used', { cause });
  }
}
