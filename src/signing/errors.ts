/**
 * What can go wrong between a caller and a private key.
 *
 * The codes are a value too, because an error crosses the border of the signer process as code and
 * message.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export const signingErrorCodes = [
  /** The token has no key of that label. */
  'SIGNING_KEY_UNKNOWN',
  /** The label is taken. */
  'SIGNING_KEY_EXISTS',
  /** The label, type or purposes of a key to be made are not allowed. */
  'SIGNING_KEY_REFUSED',
  /** The key was not made for this purpose. */
  'SIGNING_USAGE_REFUSED',
  /** The key cannot sign with this algorithm, or the digest has another length. */
  'SIGNING_ALGORITHM_REFUSED',
  /** The token is locked: activate it first. */
  'SIGNING_NOT_ACTIVE',
  /** The token answered with a signature that does not verify; it was not released. */
  'SIGNING_SIGNATURE_WRONG',
  /** The token or its process is away; the same request may succeed later. */
  'SIGNING_UNAVAILABLE',
  /** The signer was closed by its owner. */
  'SIGNING_CLOSED',
  /** A fault inside the signer process; its log says more. */
  'SIGNING_INTERNAL',
  /** The passphrase does not open the token. */
  'SIGNING_PASSPHRASE_WRONG',
  /** The passphrase's file is missing, empty, too long, or readable by others. */
  'SIGNING_PASSPHRASE_FILE',
  /** There is no token file. */
  'SIGNING_TOKEN_MISSING',
  /** The token file, its folder or its permissions do not allow reading or writing it. */
  'SIGNING_TOKEN_ACCESS',
  /** The token file may be read or written by others. */
  'SIGNING_TOKEN_EXPOSED',
  /** The token file is not what was written: cut, changed, or put together from others. */
  'SIGNING_TOKEN_DAMAGED',
  /** The token file is of another version of this program. */
  'SIGNING_TOKEN_VERSION',
  /** The token file was exchanged while the token was open: activate it again. */
  'SIGNING_TOKEN_CHANGED',
  /** The package pkcs11js is not there or was not compiled. */
  'SIGNING_PKCS11_MISSING',
  /** The PKCS#11 module cannot be loaded or answers with an error. */
  'SIGNING_PKCS11_MODULE',
  /** Several tokens have the label or serial number. */
  'SIGNING_TOKEN_AMBIGUOUS',
  /** The HSM's token is not there: removed, switched off, or its network is down. */
  'SIGNING_TOKEN_REMOVED',
  /** The HSM answers with an error that it may get over when it is started anew. */
  'SIGNING_DEVICE_FAILED',
  /** The HSM has no session or memory to spare; the same request may succeed later. */
  'SIGNING_TOKEN_BUSY',
  /** The HSM refused the PIN. It was not tried twice. */
  'SIGNING_PIN_WRONG',
  /** The PIN is locked, has expired, was never set, or has one try left, which certdir leaves to a person. */
  'SIGNING_PIN_LOCKED',
  /** The HSM holds a key of that label that certdir has no record of. */
  'SIGNING_KEY_FOREIGN',
  /** The custodians have not approved this, or their approval was used or has expired. */
  'SIGNING_APPROVAL_NEEDED',
  /** An approval that does not count: of another operation, of nobody, twice, too late, or not signed. */
  'SIGNING_APPROVAL_REFUSED',
  /** A ceremony cannot be started, or not go on, like this. */
  'SIGNING_CEREMONY_REFUSED',
  /** No custodian has this name. */
  'SIGNING_CUSTODIAN_UNKNOWN',
  /** The custodians, their quorum or their rules are not allowed like this. */
  'SIGNING_CUSTODY_REFUSED',
] as const;

export type SigningErrorCode = (typeof signingErrorCodes)[number];

export class SigningError extends CertdirError<SigningErrorCode> {}

const passingCodes: ReadonlySet<string> = new Set<SigningErrorCode>([
  'SIGNING_UNAVAILABLE',
  'SIGNING_TOKEN_REMOVED',
  'SIGNING_DEVICE_FAILED',
  'SIGNING_TOKEN_BUSY',
]);

/** True for an error that says that the token is away for now, not that something is wrong with what was asked. */
export function isPassing(error: unknown): boolean {
  return error instanceof SigningError && passingCodes.has(error.code);
}

const knownCodes: ReadonlySet<string> = new Set(signingErrorCodes);

/** True for a code of this folder, whatever the other side of a channel sent. */
export function isSigningErrorCode(code: unknown): code is SigningErrorCode {
  return typeof code === 'string' && knownCodes.has(code);
}
