/**
 * Keys made for others: a subscriber's key pair, which leaves the token encrypted in the moment it is made and of which
 * nothing stays. One call does it all, so that there is no state in between: the pair, a PKCS#10 request signed with it
 * (RFC 2986), the private half encrypted for whoever will use it. A call that is cut short leaves nothing.
 *
 * `transport`: to a card's RSA key, in the form of PKCS#11's CKM_RSA_AES_KEY_WRAP (v2.40 §2.1.21): an AES-256 key under
 * RSAES-OAEP (RFC 8017 §7.1), and behind it the PKCS#8 key under AES key wrap with padding (RFC 5649).
 * `password`: as EncryptedPrivateKeyInfo, for a PKCS#12 file. That one is made in the memory of the signer process with
 * either token: no token encrypts under passwords that people type.
 *
 * @module
 */

import { constants, createCipheriv, createHash, createPublicKey, publicEncrypt } from 'node:crypto';

import { encodeSequence } from '../asn1/der-writer.ts';
import { concatBytes } from '../core/bytes.ts';
import type { RandomSource } from '../core/random.ts';
import { encodeSignatureAlgorithm, parseSubjectPublicKeyInfo } from '../x509/algorithms.ts';
import { assembleSigned } from '../x509/certificate.ts';
import { encodeCertificationRequestInfo } from '../x509/csr.ts';
import { parseName } from '../x509/name.ts';
import { encryptPrivateKey } from '../x509/password-encryption.ts';
import { SigningError } from './errors.ts';
import { isKeyType } from './key-rules.ts';
import type { KeyType, SignatureAlgorithm } from './signer.ts';
import { generatePrivateKey, openPrivateKey } from './software/private-key.ts';

export type KeyProtection =
  | {
      readonly kind: 'transport';
      /** The card's public key: RSA, DER SubjectPublicKeyInfo. */
      readonly spki: Uint8Array;
      /** Digest of OAEP and of its mask; many tokens and cards know SHA-1 alone, which harms nothing there. */
      readonly oaep: 'sha1' | 'sha256';
    }
  | {
      readonly kind: 'password';
      /** UTF-8. */
      readonly password: Uint8Array;
      /** Rounds of PBKDF2. */
      readonly iterations: number;
    };

export interface SubjectKeyRequest {
  /** RSA or EC. */
  readonly type: KeyType;
  readonly protection: KeyProtection;
}

export interface SubjectKey {
  /** PKCS#10 in DER with an empty subject, signed with the key: the proof that the two halves belong together. */
  readonly csr: Uint8Array;
  /** The private half, as `KeyProtection` says. */
  readonly encryptedKey: Uint8Array;
}

const MIN_TRANSPORT_BITS = 2048;
const MAX_TRANSPORT_BITS = 4096;
const MAX_SPKI_BYTES = 1024;
const MIN_PASSWORD_BYTES = 8;
const MAX_PASSWORD_BYTES = 256;
const MIN_ITERATIONS = 1_000;
const MAX_ITERATIONS = 10_000_000;

const AES_KEY_BYTES = 32;
/** RFC 5649 §3: the first half of the alternative initial value; the length follows by itself. */
const WRAP_PAD_IV = Uint8Array.of(0xa6, 0x59, 0x59, 0xa6);

/** @throws {SigningError} `SIGNING_KEY_REFUSED` when such a key is not made. */
export function assertSubjectKeyRequest({ type, protection }: SubjectKeyRequest): void {
  if (!isKeyType(type) || type.kind === 'ed25519') {
    throw refused('keys for subscribers are RSA with 2048, 3072 or 4096 bits, or EC');
  }
  if (protection.kind === 'password') {
    const { password, iterations } = protection;
    const isLong = password.length >= MIN_PASSWORD_BYTES && password.length <= MAX_PASSWORD_BYTES;
    if (!isLong || !isWithin(iterations, MIN_ITERATIONS, MAX_ITERATIONS)) {
      throw refused(
        `the password has ${MIN_PASSWORD_BYTES} to ${MAX_PASSWORD_BYTES} bytes and ${MIN_ITERATIONS} rounds at least`,
      );
    }
    return;
  }
  assertTransportKey(protection.spki);
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

/** @throws {SigningError} `SIGNING_KEY_REFUSED` for a key that no secret is sent under. */
export function assertTransportKey(spki: Uint8Array): void {
  if (spki.length > MAX_SPKI_BYTES || !isTransportKey(spki)) {
    throw refused(
      `the card's transport key is an RSA public key of ${MIN_TRANSPORT_BITS} to ${MAX_TRANSPORT_BITS} bits`,
    );
  }
}

function isTransportKey(spki: Uint8Array): boolean {
  try {
    const key = parseSubjectPublicKeyInfo(spki);
    return key.kind === 'rsa' && isWithin(key.modulusBits, MIN_TRANSPORT_BITS, MAX_TRANSPORT_BITS);
  } catch {
    return false;
  }
}

function refused(message: string): SigningError {
  return new SigningError('SIGNING_KEY_REFUSED', message);
}

/** What the request for such a key is signed with. */
export function requestAlgorithm(type: KeyType): SignatureAlgorithm {
  return type.kind === 'rsa'
    ? { scheme: 'rsa-pkcs1', digest: 'sha256' }
    : { scheme: 'ecdsa', digest: 'sha256' };
}

/** A request for `spki`, signed by `sign`. */
export async function makeRequest(
  { type, spki }: { readonly type: KeyType; readonly spki: Uint8Array },
  sign: (content: Uint8Array, algorithm: SignatureAlgorithm) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const algorithm = requestAlgorithm(type);
  const info = encodeCertificationRequestInfo({ subject: parseName(encodeSequence()), spki });
  const signature = await sign(info, algorithm);
  return assembleSigned(info, encodeSignatureAlgorithm(algorithm), signature);
}

/** Makes one in the memory of this process. @throws {SigningError} `SIGNING_KEY_REFUSED` */
export async function makeSubjectKeyHere(
  request: SubjectKeyRequest,
  random: RandomSource,
): Promise<SubjectKey> {
  assertSubjectKeyRequest(request);
  const { type, protection } = request;
  const pkcs8 = await generatePrivateKey(type);
  const key = openPrivateKey(pkcs8, random);
  try {
    if (key === undefined) {
      throw new SigningError('SIGNING_INTERNAL', 'a key was made that cannot be opened');
    }
    const csr = await makeRequest(key, (bytes, algorithm) =>
      key.sign(algorithm, { kind: 'whole', bytes }),
    );
    const encryptedKey =
      protection.kind === 'password'
        ? await encryptPrivateKey(pkcs8, { ...protection, random })
        : wrapForTransport(pkcs8, protection, random);
    return { csr, encryptedKey };
  } finally {
    key?.forget();
    pkcs8.fill(0);
  }
}

function wrapForTransport(
  pkcs8: Uint8Array,
  { spki, oaep }: KeyProtection & { readonly kind: 'transport' },
  random: RandomSource,
): Uint8Array {
  const key = random.bytes(AES_KEY_BYTES);
  try {
    const cipher = createCipheriv('id-aes256-wrap-pad', key, WRAP_PAD_IV);
    const wrapped = concatBytes(cipher.update(pkcs8), cipher.final());
    const transportKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    return concatBytes(publicEncrypt({ key: transportKey, padding, oaepHash: oaep }, key), wrapped);
  } finally {
    key.fill(0);
  }
}

/** SHA-256 of a transport key, for records: which card a key was made for. */
export function digestOfTransportKey(spki: Uint8Array): Uint8Array {
  return createHash('sha256').update(spki).digest();
}
