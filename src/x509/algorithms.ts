/**
 * AlgorithmIdentifier of signatures and SubjectPublicKeyInfo: RSA PKCS#1 v1.5 (RFC 3279 §2.2.1,
 * RFC 4055 §5), RSA-PSS (RFC 4055 §3.1) and ECDSA (RFC 5480, RFC 5758 §3.2).
 *
 * SHA-1 with RSA PKCS#1 v1.5 is there for CAs whose statement prints it and whose policy says that this is meant, and for
 * certificates and CRLs of older authorities; whoever accepts it when reading says so by calling
 * `parseForeignSignatureAlgorithm`.
 *
 * Not here: whether a public key is any good; see key-strength.ts.
 *
 * @module
 */

import { DerReader } from '../asn1/der-reader.ts';
import {
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeOid,
  encodeSequence,
} from '../asn1/der-writer.ts';
import { equalBytes } from '../core/bytes.ts';
import { parsing, X509Error } from './errors.ts';
import { Oid } from './object-identifiers.ts';

type Sha2Name = 'sha256' | 'sha384' | 'sha512';

/** A signature algorithm that we write. */
export interface SignatureAlgorithmLike {
  /** PSS: MGF1 with the same digest, salt as long as the digest. */
  readonly scheme: 'rsa-pkcs1' | 'rsa-pss' | 'ecdsa';
  /** SHA-1 with `rsa-pkcs1` alone. */
  readonly digest: Sha2Name | 'sha1';
}

/** A signature algorithm that a foreign structure may carry. */
export type ForeignSignatureAlgorithm = SignatureAlgorithmLike;

export type CurveName = 'P-256' | 'P-384';

export type PublicKeyInfo =
  | {
      readonly kind: 'rsa';
      readonly modulus: bigint;
      readonly publicExponent: bigint;
      readonly modulusBits: number;
    }
  /** `point` is what the BIT STRING holds (RFC 5480 §2.2), not checked to be on the curve. */
  | { readonly kind: 'ec'; readonly curve: CurveName; readonly point: Uint8Array }
  /** Another key type or curve; `oid` names the curve when it is an EC key, else the key type. */
  | { readonly kind: 'other'; readonly oid: string };

/** Octets of a digest. */
export const digestLength: Readonly<Record<Sha2Name | 'sha1', number>> = {
  sha1: 20,
  sha256: 32,
  sha384: 48,
  sha512: 64,
};

const rsaOid = {
  sha256: Oid.sha256WithRsa,
  sha384: Oid.sha384WithRsa,
  sha512: Oid.sha512WithRsa,
} as const;
const ecdsaOid = {
  sha256: Oid.ecdsaWithSha256,
  sha384: Oid.ecdsaWithSha384,
  sha512: Oid.ecdsaWithSha512,
} as const;
const digestOid = { sha256: Oid.sha256, sha384: Oid.sha384, sha512: Oid.sha512 } as const;

const written = new Map<string, Uint8Array>();

/**
 * Encodes the AlgorithmIdentifier of a signature algorithm.
 *
 * @throws {X509Error} `X509_ALGORITHM` for SHA-1 with anything but PKCS#1 v1.5.
 */
export function encodeSignatureAlgorithm(algorithm: SignatureAlgorithmLike): Uint8Array {
  const key = `${algorithm.scheme}/${algorithm.digest}`;
  let der = written.get(key);
  if (der === undefined) {
    der = writeSignatureAlgorithm(algorithm);
    written.set(key, der);
  }
  return der;
}

function writeSignatureAlgorithm({ scheme, digest }: SignatureAlgorithmLike): Uint8Array {
  if (digest === 'sha1') {
    if (scheme !== 'rsa-pkcs1') {
      throw new X509Error('X509_ALGORITHM', `${scheme} is not written with SHA-1`);
    }
    return encodeSequence(encodeOid(Oid.sha1WithRsa), encodeNull());
  }
  switch (scheme) {
    case 'rsa-pkcs1':
      // RFC 4055 §5: the parameters are NULL and present.
      return encodeSequence(encodeOid(rsaOid[digest]), encodeNull());
    case 'ecdsa':
      // RFC 5758 §3.2: the parameters are absent.
      return encodeSequence(encodeOid(ecdsaOid[digest]));
    case 'rsa-pss':
      return writePssAlgorithm(digest, encodeNull());
  }
}

/** RSASSA-PSS-params; trailerField is left at its DEFAULT (RFC 4055 §3.1). */
function writePssAlgorithm(digest: Sha2Name, hashParameters: Uint8Array): Uint8Array {
  const hash = encodeSequence(encodeOid(digestOid[digest]), hashParameters);
  const parameters = encodeSequence(
    encodeExplicit(0, hash),
    encodeExplicit(1, encodeSequence(encodeOid(Oid.maskGenerationFunction1), hash)),
    encodeExplicit(2, encodeInteger(digestLength[digest])),
  );
  return encodeSequence(encodeOid(Oid.rsaPss), parameters);
}

/**
 * Parses the AlgorithmIdentifier of a signature.
 *
 * @throws {X509Error} `X509_ALGORITHM` when it is none that is written without a policy that says so, SHA-1 included.
 */
export function parseSignatureAlgorithm(der: Uint8Array): SignatureAlgorithmLike {
  const algorithm = parseForeignSignatureAlgorithm(der);
  if (algorithm.digest === 'sha1') {
    throw new X509Error('X509_ALGORITHM', 'signatures over SHA-1 are not accepted here');
  }
  return algorithm;
}

/**
 * Parses the AlgorithmIdentifier of a signature of somebody else.
 *
 * @throws {X509Error} `X509_ALGORITHM` when it is malformed or not supported.
 */
export function parseForeignSignatureAlgorithm(der: Uint8Array): ForeignSignatureAlgorithm {
  return parsing('X509_ALGORITHM', 'AlgorithmIdentifier', () => {
    const outer = new DerReader(der);
    const reader = outer.readConstructed();
    outer.expectEnd();
    const oid = reader.readOid();
    if (oid === Oid.rsaPss) {
      return parsePssAlgorithm(der);
    }
    const ecdsa = findDigest(ecdsaOid, oid);
    if (ecdsa !== undefined) {
      reader.expectEnd();
      return { scheme: 'ecdsa', digest: ecdsa };
    }
    const digest = oid === Oid.sha1WithRsa ? 'sha1' : findDigest(rsaOid, oid);
    if (digest === undefined) {
      throw new X509Error('X509_ALGORITHM', `signature algorithm ${oid} is not supported`);
    }
    // RFC 4055 §5 says NULL and lets readers accept absent parameters.
    if (!reader.isAtEnd) {
      reader.readNull();
      reader.expectEnd();
    }
    return { scheme: 'rsa-pkcs1', digest };
  });
}

function findDigest(oids: Readonly<Record<Sha2Name, string>>, oid: string): Sha2Name | undefined {
  return (['sha256', 'sha384', 'sha512'] as const).find((digest) => oids[digest] === oid);
}

/**
 * Of the many PSS parameters only the sets that we write are supported, the digest's own parameters
 * being NULL or absent (RFC 4055 §2.1: both must be accepted).
 */
function parsePssAlgorithm(der: Uint8Array): SignatureAlgorithmLike {
  for (const digest of ['sha256', 'sha384', 'sha512'] as const) {
    const spellings = [encodeNull(), new Uint8Array(0)].map((hashParameters) =>
      writePssAlgorithm(digest, hashParameters),
    );
    if (spellings.some((spelling) => equalBytes(der, spelling))) {
      return { scheme: 'rsa-pss', digest };
    }
  }
  throw new X509Error('X509_ALGORITHM', 'these RSASSA-PSS parameters are not supported');
}

/**
 * Parses a SubjectPublicKeyInfo (RFC 5280 §4.1).
 *
 * @throws {X509Error} `X509_PUBLIC_KEY` when it is malformed. A key type that is not supported
 *   is no error here: it is answered as kind `other`.
 */
export function parseSubjectPublicKeyInfo(der: Uint8Array): PublicKeyInfo {
  return parsing('X509_PUBLIC_KEY', 'SubjectPublicKeyInfo', () => {
    const { algorithm, keyBits } = splitSubjectPublicKeyInfo(der);
    const oid = algorithm.readOid();
    if (oid === Oid.rsaEncryption) {
      algorithm.readNull();
      algorithm.expectEnd();
      return parseRsaKey(keyBits);
    }
    if (oid === Oid.ecPublicKey) {
      return parseEcKey(algorithm, keyBits);
    }
    return { kind: 'other', oid };
  });
}

/**
 * The algorithm's OID in a SubjectPublicKeyInfo, whether it is supported or not.
 *
 * @throws {X509Error} `X509_PUBLIC_KEY`
 */
export function readPublicKeyAlgorithm(spki: Uint8Array): string {
  return parsing('X509_PUBLIC_KEY', 'SubjectPublicKeyInfo', () =>
    splitSubjectPublicKeyInfo(spki).algorithm.readOid(),
  );
}

/**
 * The content of the subjectPublicKey BIT STRING, which key identifiers hash.
 *
 * @throws {X509Error} `X509_PUBLIC_KEY`
 */
export function readPublicKeyBits(spki: Uint8Array): Uint8Array {
  return parsing(
    'X509_PUBLIC_KEY',
    'SubjectPublicKeyInfo',
    () => splitSubjectPublicKeyInfo(spki).keyBits,
  );
}

function splitSubjectPublicKeyInfo(der: Uint8Array): {
  readonly algorithm: DerReader;
  readonly keyBits: Uint8Array;
} {
  const outer = new DerReader(der);
  const reader = outer.readConstructed();
  outer.expectEnd();
  const algorithm = reader.readConstructed();
  const { unusedBits, bytes } = reader.readBitString();
  reader.expectEnd();
  if (unusedBits !== 0) {
    throw new X509Error('X509_PUBLIC_KEY', 'the public key is not a whole number of octets');
  }
  return { algorithm, keyBits: bytes };
}

function parseRsaKey(keyBits: Uint8Array): PublicKeyInfo {
  const outer = new DerReader(keyBits);
  const reader = outer.readConstructed();
  outer.expectEnd();
  const modulus = reader.readInteger();
  const publicExponent = reader.readInteger();
  reader.expectEnd();
  if (modulus <= 0n || publicExponent <= 0n) {
    throw new X509Error('X509_PUBLIC_KEY', 'RSA modulus and exponent must be positive');
  }
  return { kind: 'rsa', modulus, publicExponent, modulusBits: bitLength(modulus) };
}

function bitLength(value: bigint): number {
  const hex = value.toString(16);
  return (hex.length - 1) * 4 + Number.parseInt(hex.slice(0, 1), 16).toString(2).length;
}

function parseEcKey(parameters: DerReader, point: Uint8Array): PublicKeyInfo {
  // RFC 5480 §2.1.1: only namedCurve; explicit parameters have been used to smuggle own curves.
  const curveOid = parameters.readOid();
  parameters.expectEnd();
  if (curveOid === Oid.curveP256) {
    return { kind: 'ec', curve: 'P-256', point };
  }
  return curveOid === Oid.curveP384
    ? { kind: 'ec', curve: 'P-384', point }
    : { kind: 'other', oid: curveOid };
}
