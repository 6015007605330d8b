/**
 * Our request to a peer, for the key that issues (gunma 4-6): PKCS#10 with what a certificate for a CA has to say.
 *
 * @module
 */

import { encodeSignatureAlgorithm } from '../../x509/algorithms.ts';
import { buildBasicConstraints } from '../../x509/basic-constraints.ts';
import { assembleSigned } from '../../x509/certificate.ts';
import { buildCertificatePolicies } from '../../x509/certificate-policies.ts';
import { encodeCertificationRequestInfo } from '../../x509/csr.ts';
import { buildSubjectKeyIdentifier } from '../../x509/key-identifier.ts';
import { buildKeyUsage } from '../../x509/key-usage.ts';
import { type CaCore, signPieces } from '../ca-core.ts';
import { peerOf, termsOf } from './peers.ts';

/**
 * @returns DER.
 * @throws {CaError} `CA_CROSS_PEER_UNKNOWN`, `CA_ISSUING_STOPPED`. @throws {SigningError}
 */
export async function makeOwnRequest(core: CaCore, peer: string): Promise<Uint8Array> {
  const { authorities, service, clock, policy } = core;
  const { policies } = termsOf(policy, peerOf(policy, peer));
  const { certificate, generation, keyLabel, algorithm, reference } = authorities.current;
  service.assertIssues(generation, clock.nowMs(), { isResponder: false });
  const named = policies.map((oid) => ({ oid }));
  const info = encodeCertificationRequestInfo({
    subject: certificate.subject,
    spki: certificate.spki,
    extensionRequest: [
      buildBasicConstraints({ isCa: true }),
      buildKeyUsage(['keyCertSign', 'cRLSign']),
      buildSubjectKeyIdentifier(reference.keyIdentifier),
      ...(named.length === 0 ? [] : [buildCertificatePolicies(named)]),
    ],
  });
  const key = { label: keyLabel, purpose: 'request', algorithm } as const;
  const signature = await signPieces(core, key, [info]);
  return assembleSigned(info, encodeSignatureAlgorithm(algorithm), signature);
}
