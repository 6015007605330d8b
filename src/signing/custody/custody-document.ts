/**
 * What the custodians of a token hold together: the secret that opens it (a software token's passphrase, an HSM's PIN),
 * sealed under a key that is split among them by Shamir's scheme, any M of N. Each share, and the key each custodian signs
 * approvals with, lies under that custodian's own passphrase.
 *
 * The splitting is `shamir-secret-sharing`'s. Not here: asking for approvals and counting them (`approval-board.ts`).
 *
 * @module
 */

import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { combine, split } from 'shamir-secret-sharing';

import { decodeUtf8, encodeUtf8, formatHex } from '../../core/bytes.ts';
import type { RandomSource } from '../../core/random.ts';
import { SigningError } from '../errors.ts';
import {
  areScryptParametersBounded,
  deriveWrappingKey,
  newScryptParameters,
  type ScryptParameters,
  type SealedText,
  seal,
  unseal,
} from '../software/sealing.ts';
import { readTokenFile, replaceTokenFile } from '../software/token-file.ts';

const FORMAT = 'certdir custody';
/** In version 1 the custodians themselves were not bound to the secret. */
const VERSIONS = [1, 2] as const;
const VERSION = 2;
export const MAX_CUSTODIANS = 16;
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const SPLIT_KEY_BYTES = 32;

/** What needs the custodians. `sign` means each single signature of a key that is not for everyday use. */
export const custodyActs = [
  'activate',
  'deactivate',
  'generate',
  'destroy',
  'sign',
  /** A certificate for another CA, each; every other signature of the key is everyday use. */
  'sign-cross',
  /** Of a standby; always, where there are custodians. */
  'promote',
] as const;
export type CustodyAct = (typeof custodyActs)[number];

export interface Custodian {
  readonly name: string;
  readonly passphrase: { readonly kdf: 'scrypt' } & ScryptParameters;
  /** The share, under the passphrase's key. */
  readonly share: SealedText;
  /** SHA-256 of the share in hexadecimal, so that a wrong one is known by its owner. */
  readonly shareDigest: string;
  /** PKCS#8 DER of the Ed25519 key that signs approvals, under the passphrase's key. */
  readonly signingKey: SealedText;
  /** Its DER SubjectPublicKeyInfo in base64. */
  readonly spki: string;
}

export interface CustodyRules {
  /** Which acts need a quorum. Activation always does: without it the secret cannot be opened. */
  readonly acts: readonly CustodyAct[];
  /** How long an approval may wait for others. */
  readonly validMs: number;
  /** After so long without a signature the token is locked; 0: never. */
  readonly idleMs: number;
}

export interface CustodyDocument {
  readonly format: typeof FORMAT;
  readonly version: (typeof VERSIONS)[number];
  /** Random, so that an approval for one custody is none for another. */
  readonly id: string;
  readonly createdMs: number;
  readonly quorum: number;
  readonly rules: CustodyRules;
  readonly custodians: readonly Custodian[];
  /** The token's secret under the split key. */
  readonly secret: SealedText;
}

export interface CustodyRequest {
  readonly quorum: number;
  readonly rules: CustodyRules;
  readonly custodians: readonly { readonly name: string; readonly passphrase: Uint8Array }[];
  /** The passphrase or PIN that opens the token. */
  readonly secret: Uint8Array;
}

/**
 * Splits a secret.
 *
 * @param surroundings `scryptCost`: N for each custodian's passphrase.
 * @throws {SigningError} `SIGNING_CUSTODY_REFUSED` when there are too few or too many, or two of one name.
 */
export async function makeCustody(
  request: CustodyRequest,
  surroundings: {
    readonly random: RandomSource;
    readonly nowMs: number;
    readonly scryptCost: number;
  },
): Promise<CustodyDocument> {
  assertCustodyRequest(request);
  const { random, nowMs, scryptCost } = surroundings;
  const { quorum, rules, custodians } = request;
  const id = formatHex(random.bytes(16));
  const splitKey = Uint8Array.from(random.bytes(SPLIT_KEY_BYTES));
  const shares = await split(splitKey, custodians.length, quorum);
  try {
    const made: Custodian[] = [];
    for (const [index, { name, passphrase }] of custodians.entries()) {
      const share = shares[index] ?? new Uint8Array();
      const parameters = newScryptParameters(scryptCost, random);
      made.push(await sealCustodian({ id, name, parameters, share, passphrase }, random));
    }
    const document = { version: VERSION, id, quorum, rules, custodians: made } as const;
    const context = secretContext(document);
    const secret = seal(splitKey, { bytes: request.secret, context }, random);
    return {
      format: FORMAT,
      version: VERSION,
      id,
      createdMs: nowMs,
      quorum,
      rules,
      custodians: made,
      secret,
    };
  } finally {
    splitKey.fill(0);
    for (const share of shares) {
      share.fill(0);
    }
  }
}

async function sealCustodian(
  made: {
    readonly id: string;
    readonly name: string;
    readonly parameters: ScryptParameters;
    readonly share: Uint8Array;
    readonly passphrase: Uint8Array;
  },
  random: RandomSource,
): Promise<Custodian> {
  const { id, name, parameters, share } = made;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  const wrappingKey = await deriveWrappingKey(made.passphrase, parameters);
  try {
    const spki = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
    const context = custodianContext({ id, name, spki });
    return {
      name,
      passphrase: { kdf: 'scrypt', ...parameters },
      share: seal(wrappingKey, { bytes: share, context }, random),
      shareDigest: digestOfShare(share),
      signingKey: seal(wrappingKey, { bytes: pkcs8, context }, random),
      spki,
    };
  } finally {
    wrappingKey.fill(0);
    pkcs8.fill(0);
  }
}

/** A custodian's own secrets, opened on the custodian's own machine or terminal. */
export interface OpenedCustodian {
  readonly name: string;
  /** The caller overwrites it. */
  readonly share: Buffer;
  readonly signingKey: KeyObject;
}

/**
 * Opens one custodian's part.
 *
 * @throws {SigningError} `SIGNING_CUSTODIAN_UNKNOWN`, `SIGNING_PASSPHRASE_WRONG`.
 */
export async function openCustodian(
  document: CustodyDocument,
  name: string,
  passphrase: Uint8Array,
): Promise<OpenedCustodian> {
  const custodian = document.custodians.find((one) => one.name === name);
  if (custodian === undefined) {
    const names = document.custodians.map((one) => one.name).join(', ');
    throw new SigningError('SIGNING_CUSTODIAN_UNKNOWN', `no custodian ${name}; there is ${names}`);
  }
  const wrappingKey = await deriveWrappingKey(passphrase, custodian.passphrase);
  const { spki } = custodian;
  const context = custodianContext({ id: document.id, name, spki });
  const share = unseal(wrappingKey, { text: custodian.share, context });
  const pkcs8 = unseal(wrappingKey, { text: custodian.signingKey, context });
  wrappingKey.fill(0);
  if (share === undefined || pkcs8 === undefined) {
    throw new SigningError('SIGNING_PASSPHRASE_WRONG', `the passphrase is not ${name}'s`);
  }
  const signingKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  pkcs8.fill(0);
  return { name, share, signingKey };
}

/**
 * Puts shares together.
 *
 * @returns the secret, for the caller to overwrite; undefined when the shares do not open it.
 */
export async function openSecret(
  document: CustodyDocument,
  shares: readonly Uint8Array[],
): Promise<Buffer | undefined> {
  if (shares.length < document.quorum) {
    return undefined;
  }
  const splitKey = await combine(shares.map((share) => Uint8Array.from(share)));
  try {
    return unseal(splitKey, { text: document.secret, context: secretContext(document) });
  } finally {
    splitKey.fill(0);
  }
}

export function digestOfShare(share: Uint8Array): string {
  return createHash('sha256').update(share).digest('hex');
}

/** @throws {SigningError} `SIGNING_TOKEN_MISSING` and what `readTokenFile` and `parseCustody` have. */
export async function readCustody(file: string): Promise<CustodyDocument> {
  const bytes = await readTokenFile(file);
  if (bytes === undefined) {
    throw new SigningError('SIGNING_TOKEN_MISSING', `there is no custody file ${file}`);
  }
  return parseCustody(bytes, file);
}

/** Durable when it resolves. */
export async function writeCustody(file: string, document: CustodyDocument): Promise<void> {
  await replaceTokenFile(file, formatCustody(document));
}

export function formatCustody(document: CustodyDocument): Uint8Array {
  const sha256 = createHash('sha256').update(JSON.stringify(document)).digest('hex');
  return encodeUtf8(`${JSON.stringify({ ...document, sha256 }, undefined, 2)}\n`);
}

/**
 * @param file For messages.
 * @throws {SigningError} `SIGNING_TOKEN_DAMAGED`, `SIGNING_TOKEN_VERSION`.
 */
export function parseCustody(bytes: Uint8Array, file: string): CustodyDocument {
  const damaged = new SigningError(
    'SIGNING_TOKEN_DAMAGED',
    `${file} is damaged or was changed; restore it from a backup`,
  );
  let content: unknown;
  try {
    content = JSON.parse(decodeUtf8(bytes) ?? '');
  } catch {
    throw damaged;
  }
  if (!isObject(content)) {
    throw damaged;
  }
  const { sha256, ...document } = content;
  const digest = createHash('sha256').update(JSON.stringify(document)).digest('hex');
  if (sha256 !== digest || document['format'] !== FORMAT) {
    throw damaged;
  }
  if (!VERSIONS.some((version) => version === document['version'])) {
    throw new SigningError(
      'SIGNING_TOKEN_VERSION',
      `${file} has format version ${String(document['version'])}; this program knows ${VERSIONS.join(', ')}`,
    );
  }
  if (!isCustodyDocument(document)) {
    throw damaged;
  }
  return document;
}

function assertCustodyRequest({ quorum, rules, custodians }: CustodyRequest): void {
  const count = custodians.length;
  const names = custodians.map(({ name }) => name);
  const problems = [
    quorum >= 2 && quorum <= count && count <= MAX_CUSTODIANS
      ? undefined
      : `at least 2 and at most all of up to ${MAX_CUSTODIANS} custodians make a quorum, not ${quorum} of ${count}`,
    names.every((name) => NAME_PATTERN.test(name))
      ? undefined
      : 'a name has 1 to 63 letters, digits or ._- and starts with a letter or digit',
    new Set(names).size === count ? undefined : 'two custodians have one name',
    custodians.every(({ passphrase }) => passphrase.length > 0)
      ? undefined
      : 'a passphrase is empty',
    areRules(rules) ? undefined : 'the rules make no sense',
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) {
    throw new SigningError('SIGNING_CUSTODY_REFUSED', problems.join('; '));
  }
}

/**
 * The rules and the custodians' names and keys are bound to the secret: whoever changes them in the file, so that
 * somebody else approves, makes it unusable.
 */
function secretContext({
  version,
  id,
  quorum,
  rules,
  custodians,
}: Pick<CustodyDocument, 'version' | 'id' | 'quorum' | 'rules' | 'custodians'>): Uint8Array {
  const { acts, validMs, idleMs } = rules;
  const facts = { format: FORMAT, id, quorum, acts, validMs, idleMs };
  if (version === 1) {
    return encodeUtf8(JSON.stringify(facts));
  }
  const people = custodians.map(({ name, spki, shareDigest }) => [name, spki, shareDigest]);
  return encodeUtf8(JSON.stringify({ ...facts, version, people }));
}

function custodianContext(custodian: {
  readonly id: string;
  readonly name: string;
  readonly spki: string;
}): Uint8Array {
  const { id, name, spki } = custodian;
  return encodeUtf8(JSON.stringify({ format: FORMAT, id, name, spki }));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCustodyDocument(
  value: Record<string, unknown>,
): value is Record<string, unknown> & CustodyDocument {
  const { id, createdMs, quorum, rules, custodians, secret } = value;
  return (
    typeof id === 'string' &&
    Number.isSafeInteger(createdMs) &&
    areRules(rules) &&
    Array.isArray(custodians) &&
    custodians.length <= MAX_CUSTODIANS &&
    custodians.every(isCustodian) &&
    new Set(custodians.map((one) => one.name)).size === custodians.length &&
    typeof quorum === 'number' &&
    Number.isInteger(quorum) &&
    quorum >= 2 &&
    quorum <= custodians.length &&
    typeof secret === 'string'
  );
}

function areRules(value: unknown): value is CustodyRules {
  if (!isObject(value)) {
    return false;
  }
  const { acts, validMs, idleMs } = value;
  const isDuration = (duration: unknown): boolean =>
    Number.isSafeInteger(duration) && Number(duration) >= 0;
  return (
    Array.isArray(acts) &&
    acts.every((act) => (custodyActs as readonly unknown[]).includes(act)) &&
    acts.includes('activate') &&
    isDuration(validMs) &&
    isDuration(idleMs)
  );
}

function isCustodian(value: unknown): value is Custodian {
  if (!isObject(value) || !isObject(value['passphrase'])) {
    return false;
  }
  const { kdf, cost, blockSize, parallelization, salt } = value['passphrase'];
  const { name, share, shareDigest, signingKey, spki } = value;
  return (
    kdf === 'scrypt' &&
    typeof cost === 'number' &&
    typeof blockSize === 'number' &&
    typeof parallelization === 'number' &&
    typeof salt === 'string' &&
    areScryptParametersBounded({ cost, blockSize, parallelization, salt }) &&
    typeof name === 'string' &&
    NAME_PATTERN.test(name) &&
    [share, shareDigest, signingKey, spki].every((text) => typeof text === 'string')
  );
}
