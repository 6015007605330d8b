/**
 * Which keys may be made and what a key may sign: checked by every token before a private key is
 * touched, and again by the client of the signer process.
 *
 * @module
 */

import { digestLength } from './digest-info.ts';
import { SigningError } from './errors.ts';
import type {
  DigestName,
  KeyDescription,
  KeyType,
  KeyUsagePurpose,
  SignatureAlgorithm,
  SignRequest,
} from './signer.ts';

/** A key that is to be made. */
export interface KeyRequest {
  readonly label: string;
  readonly type: KeyType;
  readonly purposes: readonly KeyUsagePurpose[];
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
  sha256: true,
  sha384: true,
  sha512: true,
};

const LABEL_PATTERN = /^[A-Za-z0-9][A-Za-z0-9 ._:/@+-]{0,126}$/;

/** True when `value` is a key type that certdir makes. */
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
  return false;
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
      `key ${request.label}: the type is RSA with 2048, 3072 or 4096 bits, or EC on P-256 or P-384`,
    );
  }
  if (!isPurposeList(request.purposes)) {
    throw new SigningError(
      'SIGNING_KEY_REFUSED',
      `key ${request.label}: name at least one purpose, each once, of ${Object.keys(purposes).join(', ')}`,
    );
  }
}

/**
 * @throws {SigningError} `SIGNING_USAGE_REFUSED` or `SIGNING_ALGORITHM_REFUSED` when `key` may not
 *   sign what `request` asks.
 */
export function assertSignRequest(key: KeyDescription, request: SignRequest): void {
  if (!key.purposes.includes(request.purpose)) {
    throw new SigningError(
      'SIGNING_USAGE_REFUSED',
      `key ${key.label} may sign ${key.purposes.join(', ')}, not ${String(request.purpose)}`,
    );
  }
  assertAlgorithm(key, request.algorithm);
  const expected = digestLength(request.algorithm.digest);
  if (!(request.digest instanceof Uint8Array) || request.digest.length !== expected) {
    throw new SigningError(
      'SIGNING_ALGORITHM_REFUSED',
      `a ${request.algorithm.digest} digest has ${expected} bytes`,
    );
  }
}

function assertAlgorithm(key: KeyDescription, algorithm: SignatureAlgorithm): void {
  const kind = algorithm.scheme === 'ecdsa' ? 'ec' : 'rsa';
  const isScheme = ['rsa-pkcs1', 'rsa-pss', 'ecdsa'].includes(algorithm.scheme);
  if (!isScheme || kind !== key.type.kind || !Object.hasOwn(digestNames, algorithm.digest)) {
    throw new SigningError(
      'SIGNING_ALGORITHM_REFUSED',
      `key ${key.label} (${formatKeyType(key.type)}) cannot sign with ${algorithm.scheme} and ${algorithm.digest}`,
    );
  }
}

/** `RSA-2048`, `EC P-256`, … */
export function formatKeyType(type: KeyType): string {
  return type.kind === 'rsa' ? `RSA-${type.modulusBits}` : `EC ${type.curve}`;
}
