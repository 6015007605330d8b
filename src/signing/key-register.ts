/**
 * What each key of a PKCS#11 token is for: a file beside the configuration, because a token keeps keys and not their
 * purposes, and not every module keeps other data.
 *
 * Each record is signed with the key it is about, when the key is made. Nothing that is signed later looks like
 * a record, so a record that was written or changed by anyone else is noticed. A record that is removed leaves a key
 * that nobody can use.
 *
 * Not here: the token (`pkcs11-token.ts`).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts';
import { SigningError } from './errors.ts';
import { isKeyLabel, isKeyType, isPurposeList } from './key-rules.ts';
import { readKeyUse, type StoredKeyUse } from './key-use.ts';
import { openSignatureVerifier } from './signature-verifier.ts';
import type { KeyDescription, KeyType, KeyUsagePurpose, SigningAlgorithm } from './signer.ts';
import { readTokenFile, replaceTokenFile } from './software/token-file.ts';

const FORMAT = 'certdir key register';
const VERSION = 1;
const MAX_ID_CHARACTERS = 128;

export interface KeyRecord {
  readonly label: string;
  /** CKA_ID in hexadecimal. */
  readonly id: string;
  readonly type: KeyType;
  readonly purposes: readonly KeyUsagePurpose[];
  /** Absent for keys without a list of uses. */
  readonly use?: StoredKeyUse;
  readonly createdMs: number;
  /** DER SubjectPublicKeyInfo in base64. */
  readonly spki: string;
  /** Signature by the key itself over `recordContent`, in base64. */
  readonly proof: string;
}

/** A key that was about to be made: its objects, if there are any, belong to nobody. */
export interface UnfinishedKey {
  readonly label: string;
  readonly id: string;
}

export interface KeyRegister {
  /** In the order they were made. */
  readonly keys: readonly KeyRecord[];
  readonly unfinished: readonly UnfinishedKey[];
}

export const emptyRegister: KeyRegister = { keys: [], unfinished: [] };

/** @returns undefined when there is no such file. @throws {SigningError} `SIGNING_TOKEN_…` */
export async function readKeyRegister(file: string): Promise<KeyRegister | undefined> {
  const bytes = await readTokenFile(file);
  return bytes === undefined ? undefined : parseKeyRegister(bytes, file);
}

/** Replaces the file; durable when it resolves. @throws {SigningError} `SIGNING_TOKEN_ACCESS` */
export async function replaceKeyRegister(file: string, register: KeyRegister): Promise<void> {
  await replaceTokenFile(file, formatKeyRegister(register));
}

export function formatKeyRegister({ keys, unfinished }: KeyRegister): Uint8Array {
  const document = { format: FORMAT, version: VERSION, keys, unfinished };
  const sha256 = createHash('sha256').update(JSON.stringify(document)).digest('hex');
  return encodeUtf8(`${JSON.stringify({ ...document, sha256 }, undefined, 2)}\n`);
}

/**
 * @param file For messages.
 * @throws {SigningError} `SIGNING_TOKEN_DAMAGED`, or `SIGNING_TOKEN_VERSION` for an undamaged file of another version.
 */
export function parseKeyRegister(bytes: Uint8Array, file: string): KeyRegister {
  const { sha256, ...document } = parseObject(bytes) ?? {};
  const digest = createHash('sha256').update(JSON.stringify(document)).digest('hex');
  const { format, version, keys, unfinished } = document;
  if (sha256 !== digest || format !== FORMAT) {
    throw damagedRegister(file);
  }
  if (version !== VERSION) {
    throw new SigningError(
      'SIGNING_TOKEN_VERSION',
      `${file} has format version ${String(version)}; this program knows ${VERSION}`,
    );
  }
  const isWhole =
    Array.isArray(keys) &&
    keys.every(isKeyRecord) &&
    Array.isArray(unfinished) &&
    unfinished.every(isUnfinishedKey) &&
    new Set(keys.map((key) => key.label)).size === keys.length;
  if (!isWhole) {
    throw damagedRegister(file);
  }
  return { keys, unfinished };
}

/** What the key signs about itself. */
export function recordContent(record: Omit<KeyRecord, 'proof'>): Uint8Array {
  const { label, id, type, purposes, use, createdMs, spki } = record;
  const facts = { label, id, type, purposes, use, createdMs, spki };
  return encodeUtf8(`${FORMAT} ${VERSION}\0${JSON.stringify(facts)}`);
}

/** How the key signs its own record. */
export function proofAlgorithm(type: KeyType): SigningAlgorithm {
  switch (type.kind) {
    case 'rsa':
      return { scheme: 'rsa-pkcs1', digest: 'sha256' };
    case 'ec':
      return { scheme: 'ecdsa', digest: type.curve === 'P-256' ? 'sha256' : 'sha384' };
    case 'ed25519':
      return { scheme: 'ed25519' };
  }
}

/** True when the record was signed with the key that it describes. */
export function isProven(record: KeyRecord): boolean {
  const verifier = openSignatureVerifier(Buffer.from(record.spki, 'base64'));
  const content = { kind: 'whole', bytes: recordContent(record) } as const;
  const proof = Buffer.from(record.proof, 'base64');
  return verifier?.verify(proofAlgorithm(record.type), content, proof) === true;
}

export function describeRecord({
  label,
  type,
  purposes,
  use: stored,
  createdMs,
  spki,
}: KeyRecord): KeyDescription {
  const use = readKeyUse(stored);
  const known = use === undefined ? {} : { use };
  return { label, type, purposes, ...known, createdMs, spki: Buffer.from(spki, 'base64') };
}

/** The error for a register that is not what was written. */
export function damagedRegister(file: string): SigningError {
  return new SigningError(
    'SIGNING_TOKEN_DAMAGED',
    `${file} is damaged or was changed; restore it from a backup (the keys themselves are in the HSM)`,
  );
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const content: unknown = JSON.parse(decodeUtf8(bytes) ?? '');
    return isObject(content) ? content : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isKeyRecord(value: unknown): value is KeyRecord {
  return (
    isUnfinishedKey(value) &&
    'type' in value &&
    isKeyType(value.type) &&
    'purposes' in value &&
    isPurposeList(value.purposes) &&
    (!('use' in value) || readKeyUse(value.use) !== undefined) &&
    'createdMs' in value &&
    Number.isSafeInteger(value.createdMs) &&
    'spki' in value &&
    typeof value.spki === 'string' &&
    'proof' in value &&
    typeof value.proof === 'string'
  );
}

function isUnfinishedKey(value: unknown): value is UnfinishedKey {
  return (
    isObject(value) &&
    isKeyLabel(value['label']) &&
    typeof value['id'] === 'string' &&
    value['id'].length <= MAX_ID_CHARACTERS &&
    /^([0-9a-f]{2})+$/.test(value['id'])
  );
}
