/**
 * Encryption under a password: PBES2 (RFC 8018 §6.2) with PBKDF2, HMAC-SHA-256 and AES-256-CBC, the form that OpenSSL,
 * GnuTLS and Java all read in PKCS#8 and PKCS#12 files.
 *
 * Not here: decrypting; what certdir has made is opened by whoever it was made for.
 *
 * @module
 */

import { createCipheriv, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';

import {
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../asn1/der-writer.ts';
import { concatBytes } from '../core/bytes.ts';
import type { RandomSource } from '../core/random.ts';
import { Oid } from './object-identifiers.ts';

const derive = promisify(pbkdf2);

const KEY_BYTES = 32;
const IV_BYTES = 16;
const SALT_BYTES = 16;

export interface PasswordTerms {
  /** UTF-8. */
  readonly password: Uint8Array;
  /** Rounds of PBKDF2. */
  readonly iterations: number;
  readonly random: RandomSource;
}

export interface EncryptedUnderPassword {
  /** AlgorithmIdentifier: PBES2 with its parameters. */
  readonly algorithm: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** Encrypts beside the event loop. The caller overwrites what it gave. */
export async function encryptUnderPassword(
  plaintext: Uint8Array,
  { password, iterations, random }: PasswordTerms,
): Promise<EncryptedUnderPassword> {
  const salt = random.bytes(SALT_BYTES);
  const iv = random.bytes(IV_BYTES);
  const key = await derive(password, salt, iterations, KEY_BYTES, 'sha256');
  try {
    const cipher = createCipheriv('aes-256-cbc', key, iv);
    const ciphertext = concatBytes(cipher.update(plaintext), cipher.final());
    return { algorithm: encodePbes2({ salt, iterations, iv }), ciphertext };
  } finally {
    key.fill(0);
  }
}

/** EncryptedPrivateKeyInfo (RFC 5958 §3) around a PKCS#8 key. */
export async function encryptPrivateKey(
  pkcs8: Uint8Array,
  terms: PasswordTerms,
): Promise<Uint8Array> {
  const { algorithm, ciphertext } = await encryptUnderPassword(pkcs8, terms);
  return encodeSequence(algorithm, encodeOctetString(ciphertext));
}

function encodePbes2(of: {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly iv: Uint8Array;
}): Uint8Array {
  return encodeSequence(
    encodeOid(Oid.pbes2),
    encodeSequence(
      encodeSequence(
        encodeOid(Oid.pbkdf2),
        encodeSequence(
          encodeOctetString(of.salt),
          encodeInteger(of.iterations),
          // keyLength is left out: the cipher has one length only, and Java once read it wrongly.
          encodeSequence(encodeOid(Oid.hmacWithSha256), encodeNull()),
        ),
      ),
      encodeSequence(encodeOid(Oid.aes256Cbc), encodeOctetString(of.iv)),
    ),
  );
}
