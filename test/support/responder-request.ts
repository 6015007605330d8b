/**
 * A request for an OCSP responder's certificate, by a key that the CA's token holds for answers: the CA's key signs such
 * a certificate for no other.
 *
 * @module
 */

import type { KeyType, SignatureAlgorithm } from '../../src/signing/signer.ts';
import { encodeSignatureAlgorithm } from '../../src/x509/algorithms.ts';
import { assembleSigned } from '../../src/x509/certificate.ts';
import { encodeCertificationRequestInfo } from '../../src/x509/csr.ts';
import { nameFromText } from '../../src/x509/name.ts';
import type { CaTestBed } from './ca-test-bed.ts';

const p256: KeyType = { kind: 'ec', curve: 'P-256' };

/** Makes the key, named `label`, and the request (PKCS#10, DER). */
export async function responderRequest(
  { ca, signer }: CaTestBed,
  label: string,
  type: KeyType = p256,
): Promise<Uint8Array> {
  const algorithm: SignatureAlgorithm = {
    scheme: type.kind === 'ec' ? 'ecdsa' : 'rsa-pkcs1',
    digest: 'sha256',
  };
  const { spki } = await signer.generate({
    ...{ label, type, purposes: ['ocsp', 'request'] },
    use: { issuer: ca.certificate.subject.der, certificates: [] },
  });
  const info = encodeCertificationRequestInfo({ subject: nameFromText('CN=x,C=JP'), spki });
  const content = [info];
  const signature = await signer.sign({ label, purpose: 'request', algorithm, content });
  return assembleSigned(info, encodeSignatureAlgorithm(algorithm), signature);
}
