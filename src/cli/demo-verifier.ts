/**
 * The demonstration's verifier: what it shows to the directory (a password) and to OCSP (a certificate).
 *
 * @module
 */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
} from 'node:crypto';
import type { Operations, Operator } from '../http/operations.ts';
import { encodeSignatureAlgorithm } from '../x509/algorithms.ts';
import { buildBasicConstraints } from '../x509/basic-constraints.ts';
import { assembleSigned, encodeTbsCertificate } from '../x509/certificate.ts';
import { buildExtendedKeyUsage, buildKeyUsage } from '../x509/key-usage.ts';
import { nameFromText } from '../x509/name.ts';
import { Oid } from '../x509/object-identifiers.ts';
import { encodePem } from '../x509/pem.ts';

export const VERIFIER_NAME = 'demo-verifier';

const agreementFrom = '2020-01-01';
const agreementUntil = '2099-12-31';
const algorithm = { scheme: 'ecdsa', digest: 'sha256' } as const;

export interface VerifierSecrets {
  readonly password: string;
  /** PKCS#8, for a file that only its owner may read. */
  readonly keyPem: string;
  /** Self-signed: it is registered by its SHA-256. */
  readonly certificateDer: Uint8Array;
}

/** Others each time. */
export function makeVerifierSecrets(): VerifierSecrets {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    password: randomBytes(24).toString('base64url'),
    keyPem,
    certificateDer: certify(keyPem),
  };
}

/** As long as the agreement. */
function certify(keyPem: string): Uint8Array {
  const privateKey = createPrivateKey(keyPem);
  const name = nameFromText(`CN=${VERIFIER_NAME}`);
  const tbs = encodeTbsCertificate({
    serialNumber: BigInt(`0x01${randomBytes(16).toString('hex')}`),
    algorithm,
    ...{ issuer: name, subject: name },
    notBeforeMs: Date.parse(`${agreementFrom}T00:00:00Z`),
    notAfterMs: Date.parse(`${agreementUntil}T23:59:59Z`),
    spki: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    extensions: [
      buildBasicConstraints({ isCa: false }),
      buildKeyUsage(['digitalSignature']),
      buildExtendedKeyUsage([Oid.clientAuth]),
    ],
  });
  return assembleSigned(tbs, encodeSignatureAlgorithm(algorithm), sign('sha256', tbs, privateKey));
}

export function encodeVerifierCertificate({ certificateDer }: VerifierSecrets): string {
  return encodePem('CERTIFICATE', certificateDer);
}

/**
 * Registers the verifier, or gives it these secrets: which ones it has cannot be asked, so that after anything
 * went wrong files and register are made to agree anew.
 *
 * @returns the name of its entry.
 */
export async function registerVerifier(
  { password, certificateDer }: VerifierSecrets,
  { operations, operator }: { readonly operations: Operations; readonly operator: Operator },
): Promise<string> {
  const verifiers = await operations.verifiers.list();
  const known = verifiers.find(({ dn }) => dn.toLowerCase().startsWith(`cn=${VERIFIER_NAME},`));
  if (known === undefined) {
    const registration = {
      name: VERIFIER_NAME,
      kind: 'signatureVerifier',
      ...{ agreementNumber: 'demo-1', agreementFrom, agreementUntil },
      partitions: ['*'],
      password,
      certificate: Buffer.from(certificateDer).toString('base64'),
    };
    return (await operations.verifiers.add(registration, operator)).dn;
  }
  const name = VERIFIER_NAME;
  await operations.verifiers.password({ name, password }, operator);
  const certificate = Buffer.from(certificateDer).toString('base64');
  return (await operations.verifiers.certificate({ name, certificate }, operator)).dn;
}
