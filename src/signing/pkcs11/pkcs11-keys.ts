/**
 * Keys as objects of a PKCS#11 token: making a pair that never leaves it, finding it, its public half as DER, and what
 * goes into the mechanism that signs.
 *
 * PKCS#11 v2.40 §4.9 (private keys), §2.1 (RSA), §2.3 (EC); EdDSA by v3.0 §2.3.14.
 *
 * @module
 */

import { createPublicKey } from 'node:crypto';

import { DerReader } from '../../asn1/der-reader.ts';
import { encodeInteger, encodeSequence } from '../../asn1/der-writer.ts';
import { Tag } from '../../asn1/tags.ts';
import { equalBytes } from '../../core/bytes.ts';
import { type Content, digestOfContent } from '../content.ts';
import { encodeDigestInfo } from '../digest-info.ts';
import { SigningError } from '../errors.ts';
import type { KeyType, SigningAlgorithm } from '../signer.ts';
import {
  CKA,
  CKG_MGF1,
  CKM,
  CKO,
  type Pkcs11Attribute,
  type Pkcs11Binding,
  type Pkcs11Handle,
  type Pkcs11Mechanism,
  PSS_PARAMETERS,
} from './pkcs11-binding.ts';
import { awaitModule, callModule } from './pkcs11-failure.ts';

/** A key's name in the token: CKA_LABEL, and CKA_ID, which tells it from others of that label. */
export interface ObjectName {
  readonly label: string;
  readonly id: Uint8Array;
}

const curves = {
  'P-256': { parameters: '06082a8648ce3d030107', orderBytes: 32 },
  'P-384': { parameters: '06052b81040022', orderBytes: 48 },
} as const;
const ED25519_PARAMETERS = '06032b6570';

/** Makes a pair whose private half is born in the token and stays there. */
export async function generateKeyObjects(
  binding: Pkcs11Binding,
  session: Pkcs11Handle,
  key: { readonly name: ObjectName; readonly type: KeyType },
): Promise<{ readonly publicKey: Pkcs11Handle; readonly privateKey: Pkcs11Handle }> {
  const { mechanism, parameters } = generationOf(key.type);
  const name = nameTemplate(key.name);
  const publicTemplate: readonly Pkcs11Attribute[] = [
    { type: CKA.class, value: CKO.publicKey },
    { type: CKA.token, value: true },
    { type: CKA.private, value: false },
    { type: CKA.verify, value: true },
    { type: CKA.encrypt, value: false },
    { type: CKA.wrap, value: false },
    ...name,
    ...parameters,
  ];
  const privateTemplate: readonly Pkcs11Attribute[] = [
    { type: CKA.class, value: CKO.privateKey },
    { type: CKA.token, value: true },
    { type: CKA.private, value: true },
    { type: CKA.sensitive, value: true },
    { type: CKA.extractable, value: false },
    { type: CKA.sign, value: true },
    { type: CKA.decrypt, value: false },
    { type: CKA.unwrap, value: false },
    { type: CKA.derive, value: false },
    ...name,
  ];
  return await awaitModule('C_GenerateKeyPair', () =>
    binding.C_GenerateKeyPairAsync(session, { mechanism }, publicTemplate, privateTemplate),
  );
}

/** Makes a pair that is gone with the session, and whose private half leaves the token wrapped and no other way. */
export async function generateWrappableKey(
  binding: Pkcs11Binding,
  session: Pkcs11Handle,
  type: KeyType,
): Promise<{ readonly publicKey: Pkcs11Handle; readonly privateKey: Pkcs11Handle }> {
  const { mechanism, parameters } = generationOf(type);
  const publicTemplate: readonly Pkcs11Attribute[] = [
    { type: CKA.class, value: CKO.publicKey },
    { type: CKA.token, value: false },
    { type: CKA.private, value: false },
    { type: CKA.verify, value: true },
    ...parameters,
  ];
  const privateTemplate: readonly Pkcs11Attribute[] = [
    { type: CKA.class, value: CKO.privateKey },
    { type: CKA.token, value: false },
    { type: CKA.private, value: true },
    { type: CKA.sensitive, value: true },
    { type: CKA.extractable, value: true },
    { type: CKA.sign, value: true },
    { type: CKA.decrypt, value: false },
    { type: CKA.unwrap, value: false },
    { type: CKA.derive, value: false },
  ];
  return await awaitModule('C_GenerateKeyPair', () =>
    binding.C_GenerateKeyPairAsync(session, { mechanism }, publicTemplate, privateTemplate),
  );
}

function generationOf(type: KeyType): {
  readonly mechanism: number;
  readonly parameters: readonly Pkcs11Attribute[];
} {
  const onCurve = (parameters: string): readonly Pkcs11Attribute[] => [
    { type: CKA.ecParams, value: Buffer.from(parameters, 'hex') },
  ];
  switch (type.kind) {
    case 'rsa':
      return {
        mechanism: CKM.rsaPkcsKeyPairGen,
        parameters: [
          { type: CKA.modulusBits, value: type.modulusBits },
          { type: CKA.publicExponent, value: Buffer.from('010001', 'hex') },
        ],
      };
    case 'ec':
      return { mechanism: CKM.ecKeyPairGen, parameters: onCurve(curves[type.curve].parameters) };
    case 'ed25519':
      return { mechanism: CKM.ecEdwardsKeyPairGen, parameters: onCurve(ED25519_PARAMETERS) };
  }
}

function nameTemplate({ label, id }: ObjectName): readonly Pkcs11Attribute[] {
  return [
    { type: CKA.label, value: Buffer.from(label, 'utf8') },
    { type: CKA.id, value: Buffer.from(id) },
  ];
}

/** Objects of a label, or of a label and id: at most ten. */
export function findKeyObjects(
  binding: Pkcs11Binding,
  session: Pkcs11Handle,
  wanted: { readonly kind: keyof typeof CKO; readonly label: string; readonly id?: Uint8Array },
): readonly Pkcs11Handle[] {
  const { kind, label, id } = wanted;
  const template: readonly Pkcs11Attribute[] = [
    { type: CKA.class, value: CKO[kind] },
    { type: CKA.label, value: Buffer.from(label, 'utf8') },
    ...(id === undefined ? [] : [{ type: CKA.id, value: Buffer.from(id) }]),
  ];
  callModule('C_FindObjectsInit', () => binding.C_FindObjectsInit(session, template));
  try {
    return callModule('C_FindObjects', () => binding.C_FindObjects(session, 10));
  } finally {
    callModule('C_FindObjectsFinal', () => binding.C_FindObjectsFinal(session));
  }
}

function readAttributes(
  binding: Pkcs11Binding,
  { session, object }: { readonly session: Pkcs11Handle; readonly object: Pkcs11Handle },
  types: readonly number[],
): readonly Buffer[] {
  const template = types.map((type) => ({ type }));
  const values = callModule('C_GetAttributeValue', () =>
    binding.C_GetAttributeValue(session, object, template),
  );
  return types.map((type) => values.find((value) => value.type === type)?.value ?? Buffer.alloc(0));
}

/** What `certdir hsm info` shows and what every key is asked for before it is used. */
export interface PrivateKeyProtection {
  readonly isSensitive: boolean;
  readonly isExtractable: boolean;
  /** Made in the token, and neither was ever otherwise. */
  readonly wasAlwaysInside: boolean;
}

export function readProtection(
  binding: Pkcs11Binding,
  at: { readonly session: Pkcs11Handle; readonly object: Pkcs11Handle },
): PrivateKeyProtection {
  const flags = readAttributes(binding, at, [
    CKA.sensitive,
    CKA.extractable,
    CKA.local,
    CKA.alwaysSensitive,
    CKA.neverExtractable,
  ]).map((value) => value[0] === 1);
  const [isSensitive, isExtractable, isLocal, wasSensitive, wasNotExtractable] = flags;
  return {
    isSensitive: isSensitive === true,
    isExtractable: isExtractable !== false,
    wasAlwaysInside: isLocal === true && wasSensitive === true && wasNotExtractable === true,
  };
}

/**
 * The public half as DER SubjectPublicKeyInfo.
 *
 * @throws {SigningError} `SIGNING_PKCS11_MODULE` when what the token says is no such key.
 */
export function readSpki(
  binding: Pkcs11Binding,
  at: { readonly session: Pkcs11Handle; readonly object: Pkcs11Handle },
  type: KeyType,
): Uint8Array {
  try {
    const key = createPublicKey({ key: readPublicJwk(binding, at, type), format: 'jwk' });
    return Uint8Array.from(key.export({ format: 'der', type: 'spki' }));
  } catch (cause) {
    if (cause instanceof SigningError) {
      throw cause;
    }
    throw new SigningError(
      'SIGNING_PKCS11_MODULE',
      'the token describes a public key that is none of its type',
      { cause },
    );
  }
}

function readPublicJwk(
  binding: Pkcs11Binding,
  at: { readonly session: Pkcs11Handle; readonly object: Pkcs11Handle },
  type: KeyType,
): Record<string, string> {
  if (type.kind === 'rsa') {
    const [modulus, exponent] = readAttributes(binding, at, [CKA.modulus, CKA.publicExponent]);
    return { kty: 'RSA', n: base64url(modulus), e: base64url(exponent) };
  }
  const [value = Buffer.alloc(0)] = readAttributes(binding, at, [CKA.ecPoint]);
  if (type.kind === 'ed25519') {
    return { kty: 'OKP', crv: 'Ed25519', x: base64url(unwrapPoint(value, 32)) };
  }
  const { orderBytes } = curves[type.curve];
  const point = unwrapPoint(value, 1 + 2 * orderBytes);
  return {
    kty: 'EC',
    crv: type.curve,
    x: base64url(point.subarray(1, 1 + orderBytes)),
    y: base64url(point.subarray(1 + orderBytes)),
  };
}

/** The standard wants the point in an OCTET STRING; some modules leave that out. */
function unwrapPoint(value: Uint8Array, length: number): Uint8Array {
  return value.length === length ? value : new DerReader(value).readContent(Tag.octetString);
}

function base64url(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('base64url');
}

/** What a signature takes: mechanism, input, the most bytes that come out, and what becomes of them. */
export interface SigningInput {
  readonly mechanism: Pkcs11Mechanism;
  readonly data: Buffer;
  readonly maxBytes: number;
  readonly encode: (raw: Uint8Array) => Uint8Array;
}

/** The caller has checked the algorithm against the key (`assertSignRequest`). */
export function signingInput(
  type: KeyType,
  algorithm: SigningAlgorithm,
  content: Content,
): SigningInput {
  const asItIs = (raw: Uint8Array): Uint8Array => Uint8Array.from(raw);
  if (algorithm.scheme === 'ed25519') {
    const data = content.kind === 'whole' ? content.bytes : refuseLong();
    const mechanism = { mechanism: CKM.eddsa };
    return { mechanism, data: Buffer.from(data), maxBytes: 64, encode: asItIs };
  }
  const name = algorithm.digest;
  const digest = digestOfContent(content, name) ?? refuseLong();
  if (type.kind === 'ec') {
    // PKCS#11 v2.40 §2.3.1: what is longer than the order is cut, as FIPS 186 has it; not every module cuts.
    const { orderBytes } = curves[type.curve];
    return {
      mechanism: { mechanism: CKM.ecdsa },
      data: Buffer.from(digest.subarray(0, orderBytes)),
      maxBytes: 2 * orderBytes,
      encode: encodeEcdsaSignature,
    };
  }
  const maxBytes = type.kind === 'rsa' ? type.modulusBits / 8 : refuseLong();
  if (algorithm.scheme === 'rsa-pkcs1') {
    const data = Buffer.from(encodeDigestInfo(name, digest));
    return { mechanism: { mechanism: CKM.rsaPkcs }, data, maxBytes, encode: asItIs };
  }
  if (name === 'sha1') {
    throw new SigningError('SIGNING_ALGORITHM_REFUSED', 'RSA-PSS is not made with SHA-1');
  }
  const parameter = {
    type: PSS_PARAMETERS,
    hashAlg: CKM[name],
    mgf: CKG_MGF1[name],
    saltLen: digest.length,
  };
  const mechanism = { mechanism: CKM.rsaPkcsPss, parameter };
  return { mechanism, data: Buffer.from(digest), maxBytes, encode: asItIs };
}

function refuseLong(): never {
  throw new SigningError('SIGNING_ALGORITHM_REFUSED', 'the key cannot sign this content like this');
}

/** r and s side by side become Ecdsa-Sig-Value (RFC 3279 §2.2.3). */
function encodeEcdsaSignature(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2;
  const number = (bytes: Uint8Array): bigint =>
    BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
  return encodeSequence(
    encodeInteger(number(raw.subarray(0, half))),
    encodeInteger(number(raw.subarray(half))),
  );
}

/** True when the token's key is the one that was recorded. */
export function isSameKey(
  binding: Pkcs11Binding,
  at: { readonly session: Pkcs11Handle; readonly object: Pkcs11Handle },
  key: { readonly type: KeyType; readonly spki: Uint8Array },
): boolean {
  return equalBytes(readSpki(binding, at, key.type), key.spki);
}
