/**
 * The file of the software token: one JSON document.
 *
 * Public facts are in clear, each private key is sealed with its facts as context, the list of keys
 * has a tag under the key-encryption key (a key removed, exchanged or put back is noticed), and a
 * SHA-256 over the whole tells a damaged file from a wrong passphrase. A file is taken only when it
 * is, byte for byte, what this file writes for its content, so any changed byte is noticed.
 *
 * Not here: cryptography (`sealing.ts`) and the disk (`token-file.ts`).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import { SigningError } from '../errors.ts';
import { isKeyLabel, isKeyType, isPurposeList } from '../key-rules.ts';
import { readKeyUse, type StoredKeyUse } from '../key-use.ts';
import type { KeyDescription, KeyType, KeyUsagePurpose } from '../signer.ts';
import { areScryptParametersBounded, type ScryptParameters, type SealedText } from './sealing.ts';

const FORMAT = 'certdir software token';
const VERSION = 1;

export interface StoredKey {
  readonly label: string;
  readonly type: KeyType;
  readonly purposes: readonly KeyUsagePurpose[];
  /** Absent for keys without a list of uses. */
  readonly use?: StoredKeyUse;
  readonly createdMs: number;
  /** DER SubjectPublicKeyInfo in base64. */
  readonly spki: string;
  /** PKCS#8 DER under the key-encryption key; the context is `keyContext`. */
  readonly sealed: SealedText;
}

export interface TokenDocument {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly createdMs: number;
  readonly passphrase: { readonly kdf: 'scrypt' } & ScryptParameters;
  /** The key-encryption key under the passphrase's key; the context is `wrappingContext`. */
  readonly wrappedKey: SealedText;
  /** In the order they were made. */
  readonly keys: readonly StoredKey[];
  /** Tag over `listContext` by the key-encryption key. */
  readonly keysTag: string;
}

/** A document without keys yet and without its secrets, which need the contexts below. */
export function newTokenDocument(createdMs: number, passphrase: ScryptParameters): TokenDocument {
  return {
    format: FORMAT,
    version: VERSION,
    createdMs,
    passphrase: { kdf: 'scrypt', ...passphrase },
    wrappedKey: '',
    keys: [],
    keysTag: '',
  };
}

/** What the wrapped key-encryption key is bound to. */
export function wrappingContext(document: TokenDocument): Uint8Array {
  const { format, version, createdMs, passphrase } = document;
  return encodeUtf8(JSON.stringify({ format, version, createdMs, passphrase }));
}

/** What a sealed private key is bound to: its label, type, purposes, time and public key. */
export function keyContext(key: Omit<StoredKey, 'sealed'>): Uint8Array {
  const { label, type, purposes, use, createdMs, spki } = key;
  return encodeUtf8(JSON.stringify({ label, type, purposes, use, createdMs, spki }));
}

/** What the tag of the list covers. */
export function listContext(keys: readonly StoredKey[]): Uint8Array {
  return encodeUtf8(JSON.stringify(keys));
}

export function describeStoredKey(key: StoredKey): KeyDescription {
  const { label, type, purposes, createdMs } = key;
  const use = readKeyUse(key.use);
  const spki = Buffer.from(key.spki, 'base64');
  return { label, type, purposes, ...(use === undefined ? {} : { use }), createdMs, spki };
}

/** The file's bytes. */
export function formatTokenDocument(document: TokenDocument): Uint8Array {
  const sha256 = createHash('sha256').update(JSON.stringify(document)).digest('hex');
  return encodeUtf8(`${JSON.stringify({ ...document, sha256 }, undefined, 2)}\n`);
}

/**
 * Reads the file's bytes.
 *
 * @param file For messages.
 * @throws {SigningError} `SIGNING_TOKEN_DAMAGED`, or `SIGNING_TOKEN_VERSION` for an undamaged file
 *   of another version.
 */
export function parseTokenDocument(bytes: Uint8Array, file: string): TokenDocument {
  const content = parseObject(bytes);
  const { sha256, ...document } = content ?? {};
  const digest = createHash('sha256').update(JSON.stringify(document)).digest('hex');
  if (content === undefined || sha256 !== digest || document['format'] !== FORMAT) {
    throw damaged(file);
  }
  if (document['version'] !== VERSION) {
    throw new SigningError(
      'SIGNING_TOKEN_VERSION',
      `${file} has format version ${String(document['version'])}; this program knows ${VERSION}`,
    );
  }
  if (!isTokenDocument(document)) {
    throw damaged(file);
  }
  const known = withKnownFields(document);
  if (Buffer.compare(formatTokenDocument(known), bytes) !== 0) {
    throw damaged(file);
  }
  return known;
}

/** The document in the order and with the fields that this version writes. */
function withKnownFields(document: TokenDocument): TokenDocument {
  const { format, version, createdMs, wrappedKey, keysTag } = document;
  const { kdf, cost, blockSize, parallelization, salt } = document.passphrase;
  const passphrase = { kdf, cost, blockSize, parallelization, salt };
  const keys = document.keys.map(({ label, type, purposes, use, createdMs, spki, sealed }) => {
    const known = use === undefined ? {} : { use: withKnownUse(use) };
    return { label, type: withKnownType(type), purposes, ...known, createdMs, spki, sealed };
  });
  return { format, version, createdMs, passphrase, wrappedKey, keys, keysTag };
}

function withKnownUse({ issuer, certificates, sha1 }: StoredKeyUse): StoredKeyUse {
  return { issuer, certificates, ...(sha1 === undefined ? {} : { sha1 }) };
}

function withKnownType(type: KeyType): KeyType {
  switch (type.kind) {
    case 'rsa':
      return { kind: type.kind, modulusBits: type.modulusBits };
    case 'ec':
      return { kind: type.kind, curve: type.curve };
    case 'ed25519':
      return { kind: type.kind };
  }
}

/** The error for a token file that is not what was written. */
export function damaged(file: string): SigningError {
  return new SigningError(
    'SIGNING_TOKEN_DAMAGED',
    `${file} is damaged or was changed; restore it from a backup`,
  );
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const content: unknown = JSON.parse(decodeUtf8(bytes) ?? '');
    return isRecord(content) ? content : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTokenDocument(
  value: Record<string, unknown>,
): value is Record<string, unknown> & TokenDocument {
  const { createdMs, passphrase, wrappedKey, keys, keysTag } = value;
  return (
    Number.isSafeInteger(createdMs) &&
    isPassphrase(passphrase) &&
    typeof wrappedKey === 'string' &&
    typeof keysTag === 'string' &&
    Array.isArray(keys) &&
    keys.every(isStoredKey) &&
    new Set(keys.map((key) => key.label)).size === keys.length
  );
}

function isPassphrase(value: unknown): value is TokenDocument['passphrase'] {
  if (!isRecord(value)) {
    return false;
  }
  const { kdf, cost, blockSize, parallelization, salt } = value;
  return (
    kdf === 'scrypt' &&
    typeof cost === 'number' &&
    typeof blockSize === 'number' &&
    typeof parallelization === 'number' &&
    typeof salt === 'string' &&
    areScryptParametersBounded({ cost, blockSize, parallelization, salt })
  );
}

function isStoredKey(value: unknown): value is StoredKey {
  return (
    isRecord(value) &&
    isKeyLabel(value['label']) &&
    isKeyType(value['type']) &&
    isPurposeList(value['purposes']) &&
    (value['use'] === undefined || readKeyUse(value['use']) !== undefined) &&
    Number.isSafeInteger(value['createdMs']) &&
    typeof value['spki'] === 'string' &&
    typeof value['sealed'] === 'string'
  );
}
