/**
 * PKCS#12 files (RFC 7292) for subscribers: one key, its certificate and those above it, under one password. Contents
 * are encrypted by PBES2 (`password-encryption.ts`), the whole is protected by HMAC-SHA-256 with the key derivation of
 * appendix B, which OpenSSL, GnuTLS, NSS, Java and Windows all read.
 *
 * Written here and never read: what others send as PKCS#12 is no input of certdir.
 *
 * @module
 */

import { createHash, createHmac } from 'node:crypto';

import {
  encodeElement,
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  retag,
} from '../asn1/der-writer.ts';
import { contextTag } from '../asn1/tags.ts';
import { concatBytes } from '../core/bytes.ts';
import { Oid } from './object-identifiers.ts';
import { encryptUnderPassword, type PasswordTerms } from './password-encryption.ts';

export interface Pkcs12Content extends PasswordTerms {
  /** EncryptedPrivateKeyInfo under the same password. */
  readonly encryptedKey: Uint8Array;
  /** DER; the one of the key first, then its issuers. */
  readonly certificates: readonly Uint8Array[];
  /** What programs show the key as. Characters of the Basic Multilingual Plane. */
  readonly friendlyName: string;
}

const VERSION = 3;
const BMP_STRING = 0x1e;
const MAC_SALT_BYTES = 16;
/** As OpenSSL has it: a few milliseconds here; what guards the key is PBKDF2, with as many rounds as the policy says. */
const MAC_ROUNDS = 2048;

/** Makes a file. The caller overwrites the password. */
export async function encodePkcs12(content: Pkcs12Content): Promise<Uint8Array> {
  const { encryptedKey, certificates, friendlyName, password, random } = content;
  const [own = new Uint8Array(0), ...above] = certificates;
  const attributes = encodeSetOf(
    encodeSequence(encodeOid(Oid.friendlyName), encodeSetOf(encodeBmpString(friendlyName))),
    encodeSequence(
      encodeOid(Oid.localKeyId),
      encodeSetOf(encodeOctetString(createHash('sha1').update(own).digest())),
    ),
  );
  const certificateBags = encodeSequence(
    certificateBag(own, attributes),
    ...above.map((der) => certificateBag(der)),
  );
  const keyBag = encodeSequence(
    encodeOid(Oid.pkcs8ShroudedKeyBag),
    encodeExplicit(0, encryptedKey),
    attributes,
  );
  const sealed = await encryptUnderPassword(certificateBags, content);
  const safe = encodeSequence(encodeEncrypted(sealed), encodeData(encodeSequence(keyBag)));
  const salt = random.bytes(MAC_SALT_BYTES);
  const key = deriveMacKey(password, salt, MAC_ROUNDS);
  try {
    const mac = createHmac('sha256', key).update(safe).digest();
    return encodeSequence(
      encodeInteger(VERSION),
      encodeData(safe),
      encodeSequence(
        encodeSequence(encodeSequence(encodeOid(Oid.sha256), encodeNull()), encodeOctetString(mac)),
        encodeOctetString(salt),
        encodeInteger(MAC_ROUNDS),
      ),
    );
  } finally {
    key.fill(0);
  }
}

function certificateBag(der: Uint8Array, attributes?: Uint8Array): Uint8Array {
  return encodeSequence(
    encodeOid(Oid.pkcs12CertificateBag),
    encodeExplicit(
      0,
      encodeSequence(encodeOid(Oid.x509Certificate), encodeExplicit(0, encodeOctetString(der))),
    ),
    ...(attributes === undefined ? [] : [attributes]),
  );
}

/** ContentInfo of type data. */
function encodeData(content: Uint8Array): Uint8Array {
  return encodeSequence(encodeOid(Oid.data), encodeExplicit(0, encodeOctetString(content)));
}

/** ContentInfo of type encryptedData (RFC 5652 §8). */
function encodeEncrypted({
  algorithm,
  ciphertext,
}: {
  readonly algorithm: Uint8Array;
  readonly ciphertext: Uint8Array;
}): Uint8Array {
  const content = retag(contextTag(0, 'primitive'), encodeOctetString(ciphertext));
  return encodeSequence(
    encodeOid(Oid.encryptedData),
    encodeExplicit(
      0,
      encodeSequence(encodeInteger(0), encodeSequence(encodeOid(Oid.data), algorithm, content)),
    ),
  );
}

function encodeBmpString(text: string): Uint8Array {
  return encodeElement(BMP_STRING, bigEndian(text));
}

function bigEndian(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

const BLOCK_BYTES = 64;
const MAC_KEY = 3;

/** RFC 7292 appendix B.2 with SHA-256, for a key as long as its digest: one round of the outer loop. */
export function deriveMacKey(password: Uint8Array, salt: Uint8Array, rounds: number): Buffer {
  const text = bigEndian(`${Buffer.from(password).toString('utf8')}\0`);
  const secret = concatBytes(repeated(salt), repeated(text));
  let key = createHash('sha256').update(Buffer.alloc(BLOCK_BYTES, MAC_KEY)).update(secret).digest();
  text.fill(0);
  secret.fill(0);
  for (let round = 1; round < rounds; round += 1) {
    key = createHash('sha256').update(key).digest();
  }
  return key;
}

/** As often as it takes to fill whole blocks. */
function repeated(bytes: Uint8Array): Buffer {
  return Buffer.alloc(Math.ceil(bytes.length / BLOCK_BYTES) * BLOCK_BYTES, bytes);
}
