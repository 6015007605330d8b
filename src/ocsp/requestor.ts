/**
 * Whether a signed request was signed by whom it says (RFC 6960 §4.1.1): by the key in the first certificate that came
 * with it. Whose certificate that is, and whether it still counts, is for the gate.
 *
 * @module
 */

import { isCertdirError } from '../core/errors.ts';
import { parseSignatureAlgorithm } from '../x509/algorithms.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { X509Error } from '../x509/errors.ts';
import type { OcspRequest } from '../x509/ocsp-request.ts';
import { verifySignature } from '../x509/verify-signature.ts';
import { OcspError } from './errors.ts';

/**
 * The certificate of who has signed; undefined when nobody did.
 *
 * @throws {OcspError} `OCSP_UNAUTHORIZED` for a signature that is wrong, without certificate, or of a kind
 *   that is not accepted. @throws {X509Error} `X509_OCSP_REQUEST` for a signature without a requestor's name.
 */
export function requestSigner(request: OcspRequest): Uint8Array | undefined {
  const { signature, requestorName, tbs: message } = request;
  if (signature === undefined) {
    return undefined;
  }
  if (requestorName === undefined) {
    throw new X509Error('X509_OCSP_REQUEST', 'a signed request names its requestor');
  }
  const [certificate] = signature.certificates;
  if (certificate === undefined || !isSignedBy(certificate, { message, ...signature })) {
    throw new OcspError('OCSP_UNAUTHORIZED', 'the signature of the request does not verify');
  }
  return certificate;
}

function isSignedBy(
  certificate: Uint8Array,
  signed: {
    readonly message: Uint8Array;
    readonly algorithm: Uint8Array;
    readonly signature: Uint8Array;
  },
): boolean {
  try {
    const { spki } = parseCertificate(certificate);
    const algorithm = parseSignatureAlgorithm(signed.algorithm);
    const { message, signature } = signed;
    return verifySignature({ spki, algorithm, message, signature });
  } catch (error) {
    if (isCertdirError(error)) {
      return false;
    }
    throw error;
  }
}
