/**
 * OCSP requests, as bytes and in the path of a URL.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { equalBytes } from '../../../src/core/bytes.ts';
import { decodePath } from '../../../src/http/ocsp-server.ts';
import { requestSigner } from '../../../src/ocsp/requestor.ts';
import { encodeSignatureAlgorithm } from '../../../src/x509/algorithms.ts';
import { nameFromText } from '../../../src/x509/name.ts';
import {
  encodeOcspRequest,
  encodeTbsOcspRequest,
  MAX_CERT_IDS,
  MAX_NONCE_BYTES,
  parseOcspRequest,
} from '../../../src/x509/ocsp-request.ts';
import { certIdOf, requestFor } from '../../support/ocsp-bed.ts';
import { sampleCertificate, sampleKey, signSample } from '../../support/x509-samples.ts';
import { mutateBer } from '../ber-mutation.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { orRefused } from '../refusals.ts';

const key = sampleKey('p256');

function signedRequest(): Uint8Array {
  const tbs = encodeTbsOcspRequest({
    certIds: [certIdOf(1n)],
    requestorName: { kind: 'directoryName', name: nameFromText('CN=v,C=JP') },
  });
  return encodeOcspRequest(tbs, {
    algorithm: encodeSignatureAlgorithm(key.algorithm),
    signature: signSample(key, tbs),
    certificates: [sampleCertificate(key)],
  });
}

function readRequest(input: Uint8Array): void {
  const request = parseOcspRequest(input);
  assert.ok(request.certIds.length >= 1 && request.certIds.length <= MAX_CERT_IDS);
  const nonceBytes = request.nonce?.length ?? 1;
  assert.ok(nonceBytes >= 1 && nonceBytes <= MAX_NONCE_BYTES);
  orRefused(() => requestSigner(request));
  const path = `/${encodeURIComponent(Buffer.from(input).toString('base64'))}`;
  assert.ok(equalBytes(decodePath(path) ?? new Uint8Array(0), input), 'the same by way of a path');
}

export const ocspTarget: FuzzTarget = {
  name: 'ocsp',
  seeds: [
    requestFor([1n]),
    requestFor([1n, 0x4711n], { hash: 'sha256', nonce: new Uint8Array(32) }),
    signedRequest(),
  ],
  run: readRequest,
  mutate: (random, seed) => mutateBer(random, seed) ?? seed,
};
