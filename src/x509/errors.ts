/**
 * What can be wrong with an X.509 structure.
 *
 * @module
 */

import { CertdirError, isCertdirError } from '../core/errors.ts';

export type X509ErrorCode =
  /** A Name is malformed, or a value cannot be written into one. */
  | 'X509_NAME'
  /** Text that is not a distinguished name as RFC 4514 writes it. */
  | 'X509_NAME_TEXT'
  /** An extension is malformed, present twice, or cannot be written as asked. */
  | 'X509_EXTENSION'
  | 'X509_CERTIFICATE'
  | 'X509_CERTIFICATE_LIST'
  | 'X509_CERTIFICATE_PAIR'
  /** A PKCS#10 certification request is malformed. */
  | 'X509_REQUEST'
  /** An OCSP request that is malformed, or larger than any that is answered. */
  | 'X509_OCSP_REQUEST'
  /** A CMS message that is no SignedData of the one form that is taken. */
  | 'X509_SIGNED_DATA'
  /** What a signed request says is no request to revoke one certificate. */
  | 'X509_REVOKE_REQUEST'
  | 'X509_PEM'
  /** An AlgorithmIdentifier that is malformed, or names an algorithm that is not supported. */
  | 'X509_ALGORITHM'
  /** A SubjectPublicKeyInfo that is malformed, or whose key cannot be used. */
  | 'X509_PUBLIC_KEY';

export class X509Error extends CertdirError<X509ErrorCode> {}

/**
 * Runs a reader or writer and turns the DER errors inside it into the one code its callers know. An
 * X509Error passes as it is: it already says more precisely what was wrong.
 *
 * @param what The structure, as the message names it: "certificate", "certificate list".
 */
export function parsing<T>(code: X509ErrorCode, what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (isCertdirError(error) && !(error instanceof X509Error)) {
      throw new X509Error(code, `malformed ${what}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
