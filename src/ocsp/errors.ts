/**
 * Why a question is not answered.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';
import type { OcspRefusal } from '../x509/ocsp-response.ts';

export type OcspErrorCode =
  /** Of no issuer that is answered for here, or nobody knows who asks. */
  | 'OCSP_UNAUTHORIZED'
  /** Not for who asks; whoever decided that has noted it. */
  | 'OCSP_WITHHELD'
  /** Who asks has to sign. */
  | 'OCSP_SIGNATURE_REQUIRED'
  /** Nobody can sign at the moment: the token is away, or there is no responder yet. */
  | 'OCSP_NO_SIGNER'
  /** More questions wait than may. */
  | 'OCSP_BUSY'
  /** What would have been signed breaks a rule of the linter: a fault of certdir. */
  | 'OCSP_LINT';

export class OcspError extends CertdirError<OcspErrorCode> {}

/** What the requestor is told (RFC 6960 §2.3); anything else is internalError. */
export const refusalOf: Readonly<Record<OcspErrorCode, OcspRefusal>> = {
  OCSP_UNAUTHORIZED: 'unauthorized',
  OCSP_WITHHELD: 'unauthorized',
  OCSP_SIGNATURE_REQUIRED: 'sigRequired',
  OCSP_NO_SIGNER: 'tryLater',
  OCSP_BUSY: 'tryLater',
  OCSP_LINT: 'internalError',
};
