/**
 * The demonstration's subjects: sample names, keys made on the spot.
 *
 * @module
 */

import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';

import type { SubjectAttributes } from '../http/operations.ts';
import { encodeSignatureAlgorithm } from '../x509/algorithms.ts';
import { assembleSigned } from '../x509/certificate.ts';
import { encodeCertificationRequestInfo } from '../x509/csr.ts';
import { nameFromText } from '../x509/name.ts';
import { encodePem } from '../x509/pem.ts';

export interface SampleCitizen {
  /** The certificate's file name without its ending. */
  readonly file: string;
  readonly municipality: string;
  readonly isRevoked: boolean;
  readonly attributes: SubjectAttributes;
}

export const sampleCitizens: readonly SampleCitizen[] = [
  {
    file: 'good',
    municipality: '10201',
    isRevoked: false,
    attributes: {
      commonName: '群馬　花子',
      gender: '2',
      dateOfBirth: '1990-04-01',
      address: '群馬県前橋市大手町一丁目１番１号',
    },
  },
  {
    file: 'revoked',
    municipality: '10201',
    isRevoked: true,
    attributes: {
      commonName: '群馬　太郎',
      gender: '1',
      dateOfBirth: '1985-10-10',
      address: '群馬県前橋市大手町一丁目１番１号',
    },
  },
  {
    file: 'takasaki',
    municipality: '10202',
    isRevoked: false,
    attributes: {
      commonName: '見本　一郎',
      gender: '1',
      dateOfBirth: '2001-01-15',
      address: '群馬県高崎市高松町３５番地１',
    },
  },
];

/** A fresh RSA-2048 key, PKCS#8 in PEM. */
export function makeCitizenKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** What a key asks a certificate with. */
export interface CitizenRequest {
  /** SubjectPublicKeyInfo in base64. */
  readonly publicKey: string;
  /** A PKCS#10 request in PEM, signed with the key (RFC 2986 §4). */
  readonly request: string;
}

/** @throws {Error} of node:crypto when the text is not a private key. */
export function makeCitizenRequest(privateKeyPem: string): CitizenRequest {
  const privateKey = createPrivateKey(privateKeyPem);
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const information = encodeCertificationRequestInfo({
    subject: nameFromText('CN=applicant,C=JP'),
    spki,
  });
  const scheme = privateKey.asymmetricKeyType === 'ec' ? 'ecdsa' : 'rsa-pkcs1';
  const request = assembleSigned(
    information,
    encodeSignatureAlgorithm({ scheme, digest: 'sha256' }),
    sign('sha256', information, privateKey),
  );
  return {
    publicKey: spki.toString('base64'),
    request: encodePem('CERTIFICATE REQUEST', request),
  };
}
