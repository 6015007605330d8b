/**
 * Keys, certificates, CRLs and requests for tests, signed with `node:crypto`, and the real ones of
 * `test/fixtures/`.
 *
 * @module
 */

import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { encodeElement, encodeInteger, encodeSequence } from '../../src/asn1/der-writer.ts';
import { Tag } from '../../src/asn1/tags.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { concatBytes } from '../../src/core/bytes.ts';
import {
  encodeSignatureAlgorithm,
  type SignatureAlgorithmLike,
} from '../../src/x509/algorithms.ts';
import { buildBasicConstraints } from '../../src/x509/basic-constraints.ts';
import {
  assembleSigned,
  encodeTbsCertificate,
  type TbsCertificate,
} from '../../src/x509/certificate.ts';
import {
  buildTbsCertificateList,
  encodeRevokedEntry,
  type TbsCertificateList,
} from '../../src/x509/certificate-list.ts';
import { buildCrlNumber } from '../../src/x509/crl-extensions.ts';
import {
  type CertificationRequestInfo,
  encodeCertificationRequestInfo,
} from '../../src/x509/csr.ts';
import { nameFromText } from '../../src/x509/name.ts';

export const caCertificateFiles = [
  '00_BCA.cer',
  'APCAroot.der',
  'AppCAG2.cer',
  'JapanMinistryIAC-ApplicationCA2.der',
  'MPHPT_CA.cer',
] as const;

export const crlFiles = [
  'dhs-ca4-crl1249.crl',
  'dhs-ca4-crl1251.crl',
  'mock-dhs-ca4-crl1273.crl',
] as const;

/** A file of `test/fixtures/`. */
export function readFixture(path: string): Uint8Array {
  return new Uint8Array(readFileSync(join(packageRoot, 'test/fixtures', path)));
}

export interface SampleKey {
  readonly spki: Uint8Array;
  readonly privateKey: KeyObject;
  /** What it signs with unless told otherwise. */
  readonly algorithm: SignatureAlgorithmLike;
}

export type SampleKeyType = 'rsa-2048' | 'rsa-1024' | 'rsa-2048-e3' | 'p256' | 'p384' | 'p521';

const keys = new Map<string, SampleKey>();

/** A fresh key; the same one for the same type and label within a process. */
export function sampleKey(type: SampleKeyType, label = ''): SampleKey {
  const name = `${type}/${label}`;
  const known = keys.get(name);
  if (known !== undefined) {
    return known;
  }
  const { publicKey, privateKey } = generate(type);
  const key: SampleKey = {
    spki: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
    privateKey,
    algorithm: { scheme: type.startsWith('rsa') ? 'rsa-pkcs1' : 'ecdsa', digest: 'sha256' },
  };
  keys.set(name, key);
  return key;
}

function generate(type: SampleKeyType): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (type) {
    case 'rsa-2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    case 'rsa-1024':
      return generateKeyPairSync('rsa', { modulusLength: 1024 });
    case 'rsa-2048-e3':
      return generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 });
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    case 'p384':
      return generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
    case 'p521':
      return generateKeyPairSync('ec', { namedCurve: 'secp521r1' });
  }
}

/** Signs a message, PSS with a salt as long as the digest. */
export function signSample(
  key: SampleKey,
  message: Uint8Array,
  algorithm: SignatureAlgorithmLike = key.algorithm,
): Uint8Array {
  const padding =
    algorithm.scheme === 'rsa-pss'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : {};
  return sign(algorithm.digest, message, { key: key.privateKey, ...padding });
}

export const sampleTimes: { readonly notBeforeMs: number; readonly notAfterMs: number } = {
  notBeforeMs: Date.UTC(2026, 0, 5),
  notAfterMs: Date.UTC(2029, 0, 4, 14, 59, 59),
};

/** A signed certificate; self-signed unless `signer` says otherwise. */
export function sampleCertificate(
  key: SampleKey,
  fields: Partial<TbsCertificate> = {},
  signer: SampleKey = key,
): Uint8Array {
  const name = nameFromText('CN=Sample CA,O=JPKI,C=JP');
  const algorithm = fields.algorithm ?? signer.algorithm;
  const tbs = encodeTbsCertificate({
    serialNumber: 0x1234n,
    algorithm,
    issuer: name,
    subject: name,
    ...sampleTimes,
    spki: key.spki,
    extensions: [buildBasicConstraints({ isCa: true })],
    ...fields,
  });
  const signature = signSample(signer, tbs, algorithm);
  return assembleSigned(tbs, encodeSignatureAlgorithm(algorithm), signature);
}

/** `count` entries with serial numbers from 1 and every reason in turn. */
export function sampleEntries(count: number): Uint8Array {
  const reasons = [0, 1, 2, 3, 4, 5];
  return concatBytes(
    ...Array.from({ length: count }, (_none, index) =>
      encodeRevokedEntry({
        serialNumber: BigInt(index + 1),
        revokedMs: sampleTimes.notBeforeMs + index * 1000,
        reason: reasons[index % reasons.length] ?? 0,
      }),
    ),
  );
}

/** A signed CRL with these entries. */
export function sampleList(
  signer: SampleKey,
  entries: Uint8Array,
  fields: Partial<TbsCertificateList> = {},
): Uint8Array {
  const algorithm = fields.algorithm ?? signer.algorithm;
  const { head, tail } = buildTbsCertificateList({
    issuer: nameFromText('CN=Sample CA,O=JPKI,C=JP'),
    algorithm,
    thisUpdateMs: Date.UTC(2026, 0, 6),
    nextUpdateMs: Date.UTC(2026, 0, 9),
    extensions: [buildCrlNumber(7n)],
    entriesLength: entries.length,
    ...fields,
  });
  const tbs = concatBytes(head, entries, tail);
  const signature = signSample(signer, tbs, algorithm);
  return assembleSigned(tbs, encodeSignatureAlgorithm(algorithm), signature);
}

/** A signed certification request. */
export function sampleRequest(
  key: SampleKey,
  fields: Partial<CertificationRequestInfo> = {},
): Uint8Array {
  const info = encodeCertificationRequestInfo({
    subject: nameFromText('CN=applicant,C=JP'),
    spki: key.spki,
    ...fields,
  });
  const algorithmDer = encodeSignatureAlgorithm(key.algorithm);
  return assembleSigned(info, algorithmDer, signSample(key, info));
}

const rsaEncryptionNull = new Uint8Array(Buffer.from('300d06092a864886f70d0101010500', 'hex'));

/** The SubjectPublicKeyInfo of an RSA key from its numbers, however weak. */
export function rsaSpki(modulus: bigint, publicExponent: bigint): Uint8Array {
  const key = encodeSequence(encodeInteger(modulus), encodeInteger(publicExponent));
  return encodeSequence(rsaEncryptionNull, encodeElement(Tag.bitString, Uint8Array.of(0), key));
}
