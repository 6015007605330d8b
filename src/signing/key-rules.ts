/**
 * Which keys may be made and what a key may sign: checked by every token before a private key is
 * touched, and again by the client of the signer process.
 *
 * @module
 */

import { SigningError } from './errors.ts';
import { areJudged, isKeyUse, type KeyUse } from './key-use.ts';
import type {
  DigestName,
  KeyDescription,
  KeyType,
  KeyUsagePurpose,
  SigningAlgorithm,
} from './signer.ts';

/** A key that is to be made. */
export interface KeyRequest {
  readonly label: string;
  readonly type: KeyType;
  readonly purposes: readonly KeyUsagePurpose[];
  readonly use?: KeyUse;
}

const purposes: Readonly<Record<KeyUsagePurpose, true>> = {
  certificate: true,
  crl: true,
  ocsp: true,
  audit: true,
  request: true,
  tls: true,
};

const digestNames: Readonly<Record<DigestName, true>> = {
  sha1: true,
  sha256: true,
  sha384: true,
  sha512: true,
};

/** Of what an Ed25519 key signs. */
const MAX_MESSAGE_BYTES = 16_384;

const LABEL_PATTERN = /^[A-Za-z0-9][A-Za-z0-9 ._:/@+-]{0,126}$/;

/** True when `value` is a key type that certdir makes. */
/** Types of keys as commands name them. */
export const namedKeyTypes: Readonly<Record<KeyTypeName, KeyType>> = {
  'rsa-2048': { kind: 'rsa', modulusBits: 2048 },
  'rsa-3072': { kind: 'rsa', modulusBits: 3072 },
  'rsa-4096': { kind: 'rsa', modulusBits: 4096 },
  'p-256': { kind: 'ec', curve: 'P-256' },
  'p-384': { kind: 'ec', curve: 'P-384' },
  ed25519: { kind: 'ed25519' },
};

export type KeyTypeName = 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'p-256' | 'p-384' | 'ed25519';

export function isKeyType(value: unknown): value is KeyType {
  if (typeof value !== 'object' || value === null || !('kind' in value)) {
    return false;
  }
  if (value.kind === 'rsa' && 'modulusBits' in value) {
    const { modulusBits } = value;
    return modulusBits === 2048 || modulusBits === 3072 || modulusBits === 4096;
  }
  if (value.kind === 'ec' && 'curve' in value) {
    return value.curve === 'P-256' || value.curve === 'P-384';
  }
  return value.kind === 'ed25519';
}

/** True for one of the purposes of `KeyUsagePurpose`. */
function isKeyUsagePurpose(value: unknown): value is KeyUsagePurpose {
  return typeof value === 'string' && Object.hasOwn(purposes, value);
}

/** True for a label a key may have: 1 to 127 characters, printable ASCII that needs no quoting. */
export function isKeyLabel(value: unknown): value is string {
  return typeof value === 'string' && LABEL_PATTERN.test(value);
}

/** True for a list of purposes: at least one, none twice. */
export function isPurposeList(value: unknown): value is readonly KeyUsagePurpose[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(isKeyUsagePurpose) &&
    new Set(value).size === value.length
  );
}

/** @throws {SigningError} `SIGNING_KEY_REFUSED` when the key may not be made like this. */
export function assertKeyRequest(request: KeyRequest): void {
  if (!isKeyLabel(request.label)) {
    throw new SigningError(
      'SIGNING_KEY_REFUSED',
      'a key label has 1 to 127 letters, digits, spaces or ._:/@+- and starts with a letter or digit',
    );
  }
  if (!isKeyType(request.type)) {
    throw new SigningError(
      'SIGNING_KEY_REFUSED',
      `key ${request.label}: the type is RSA with 2048, 3072 or 4096 bits, EC on P-256 or P-384, or Ed25519`,
    );
  }
  if (!isPurposeList(request.purposes)) {
    throw new SigningError(
      'SIGNING_KEY_REFUSED',
      `key ${request.label}: name at least one purpose, each once, of ${Object.keys(purposes).join(', ')}`,
    );
  }
  const { use } = request;
  if (use !== undefined && !(isKeyUse(use) && areJudged(request.purposes))) {
    throw new SigningError(
      'SIGNING_KEY_REFUSED',
      `key ${request.label}: a list of uses is for keys that sign certificates, lists and requests alone`,
    );
  }
  // Nothing else that is signed here has a name for Ed25519.
  if (request.type.kind === 'ed25519' && request.purposes.some((purpose) => purpose !== 'audit')) {
    throw new SigningError(
      'SIGNING_KEY_REFUSED',
      `key ${request.label}: an Ed25519 key is for audit alone`,
    );
  }
}

/**
 * @throws {SigningError} `SIGNING_USAGE_REFUSED` or `SIGNING_ALGORITHM_REFUSED` when `key` may not
 *   sign what `request` asks.
 */
export function assertSignRequest(
  key: KeyDescription,
  request: {
    readonly purpose: KeyUsagePurpose;
    readonly algorithm: SigningAlgorithm;
    readonly lengthBytes: number;
  },
): void {
  if (!key.purposes.includes(request.purpose)) {
    throw new SigningError(
      'SIGNING_USAGE_REFUSED',
      `key ${key.label} may sign ${key.purposes.join(', ')}, not ${String(request.purpose)}`,
    );
  }
  assertAlgorithm(key, request.algorithm);
  const { lengthBytes } = request;
  if (key.type.kind === 'ed25519' && (lengthBytes < 1 || lengthBytes > MAX_MESSAGE_BYTES)) {
    throw new SigningError(
      'SIGNING_ALGORITHM_REFUSED',
      `an Ed25519 key signs 1 to ${MAX_MESSAGE_BYTES} bytes, not ${lengthBytes}`,
    );
  }
}

const keyKinds: ReadonlyMap<string, KeyType['kind']> = new Map([
  ['rsa-pkcs1', 'rsa'],
  ['rsa-pss', 'rsa'],
  ['ecdsa', 'ec'],
  ['ed25519', 'ed25519'],
]);

function assertAlgorithm(key: KeyDescription, algorithm: SigningAlgorithm): void {
  const isKind = keyKinds.get(algorithm.scheme) === key.type.kind;
  const hasDigest = algorithm.scheme === 'ed25519' || Object.hasOwn(digestNames, algorithm.digest);
  // A collision of SHA-1 costs little, so a key signs with it only where that was meant when it was made.
  const isSha1 = algorithm.scheme !== 'ed25519' && algorithm.digest === 'sha1';
  const isMeant = !isSha1 || (algorithm.scheme === 'rsa-pkcs1' && key.use?.sha1 === true);
  if (!isKind || !hasDigest || !isMeant) {
    throw new SigningError(
      'SIGNING_ALGORITHM_REFUSED',
      `key ${key.label} (${formatKeyType(key.type)}) cannot sign with ${formatAlgorithm(algorithm)}`,
    );
  }
}

/** `RSA-2048`, `EC P-256`, … */
export function formatKeyType(type: KeyType): string {
  switch (type.kind) {
    case 'rsa':
      return `RSA-${type.modulusBits}`;
    case 'ec':
      return `EC ${type.curve}`;
    case 'ed25519':
      return 'Ed25519';
  }
}

/** `ecdsa with sha256`, … */
export function formatAlgorithm(algorithm: SigningAlgorithm): string {
  return algorithm.scheme === 'ed25519'
    ? algorithm.scheme
    : `${algorithm.scheme} with ${algorithm.digest}`;
}
