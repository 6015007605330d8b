/**
 * How the software token keeps secrets at rest: AES-256-GCM (NIST SP 800-38D) with the context bound
 * as additional data, and a key-encryption key wrapped under a key derived from the passphrase by
 * scrypt (RFC 7914).
 *
 * @module
 */

import assert from 'node:assert/strict';
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';

import { asBuffer, concatBytes } from '../../core/bytes.ts';
import type { RandomSource } from '../../core/random.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Nonce, ciphertext and tag, one after the other, in base64. */
export type SealedText = string;

/** Encrypts `secret` so that it opens only under `key` and beside the same `context`. */
export function seal(
  key: Uint8Array,
  secret: { readonly bytes: Uint8Array; readonly context: Uint8Array },
  random: RandomSource,
): SealedText {
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(secret.context);
  const ciphertext = concatBytes(cipher.update(secret.bytes), cipher.final());
  return asBuffer(concatBytes(nonce, ciphertext, cipher.getAuthTag())).toString('base64');
}

/**
 * Opens what `seal` made. The caller overwrites the result when it is done with it.
 *
 * @returns undefined when the key is another one, or the bytes or the context were changed.
 */
export function unseal(
  key: Uint8Array,
  sealed: { readonly text: SealedText; readonly context: Uint8Array },
): Buffer | undefined {
  const bytes = Buffer.from(sealed.text, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) {
    return undefined;
  }
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(sealed.context);
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  const secret = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    secret.fill(0);
    return undefined;
  }
  return secret;
}

/** Cost of deriving a key from a passphrase (RFC 7914 §2): N, r, p and the salt in base64. */
export interface ScryptParameters {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  readonly salt: string;
}

/** 128 MiB and about half a second: paid once per activation. */
export const DEFAULT_SCRYPT_COST: number = 2 ** 17;

const MIN_SCRYPT_COST = 2 ** 10;
const MAX_SCRYPT_COST = 2 ** 20;

/** Parameters for a new token. @param cost A power of two from 2^10 to 2^20. */
export function newScryptParameters(cost: number, random: RandomSource): ScryptParameters {
  const salt = asBuffer(random.bytes(16)).toString('base64');
  const parameters = { cost, blockSize: 8, parallelization: 1, salt };
  assert(areScryptParametersBounded(parameters), 'such a token could never be opened');
  return parameters;
}

/** True when deriving with these takes memory and time within reason (1 GiB at most). */
export function areScryptParametersBounded(parameters: ScryptParameters): boolean {
  const { cost, blockSize, parallelization } = parameters;
  const isPowerOfTwo = Number.isInteger(Math.log2(cost));
  const isCostBounded = cost >= MIN_SCRYPT_COST && cost <= MAX_SCRYPT_COST;
  return isPowerOfTwo && isCostBounded && blockSize === 8 && parallelization === 1;
}

/** Derives the 32-byte wrapping key, off the event loop. The caller overwrites it. */
export function deriveWrappingKey(
  passphrase: Uint8Array,
  parameters: ScryptParameters,
): Promise<Buffer> {
  const { cost, blockSize, parallelization } = parameters;
  // What scrypt needs is 128 * N * r bytes and a little for its other buffers.
  const maxmem = 128 * cost * blockSize + 2 ** 20;
  const options = { N: cost, r: blockSize, p: parallelization, maxmem };
  return new Promise((resolve, reject) => {
    scrypt(passphrase, Buffer.from(parameters.salt, 'base64'), KEY_BYTES, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

/** A tag over `bytes` by a key of its own, derived from `key` (RFC 5869), in base64. */
export function authenticate(key: Uint8Array, bytes: Uint8Array): string {
  const macKey = Buffer.from(
    hkdfSync('sha256', key, new Uint8Array(), 'certdir token list', KEY_BYTES),
  );
  const tag = createHmac('sha256', macKey).update(bytes).digest('base64');
  macKey.fill(0);
  return tag;
}

/** True when `tag` is the one `authenticate` makes. */
export function isAuthentic(key: Uint8Array, bytes: Uint8Array, tag: string): boolean {
  const expected = Buffer.from(authenticate(key, bytes), 'base64');
  const found = Buffer.from(tag, 'base64');
  return found.length === expected.length && timingSafeEqual(found, expected);
}
