/**
 * What the stand-alone verifier can find, and what can keep it from looking.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type VerifierErrorCode =
  /** A record, a hash or a root is not what it was. */
  | 'VERIFIER_CHANGED'
  /** A file of the log is missing. */
  | 'VERIFIER_MISSING'
  /** There is a file that the log does not have. */
  | 'VERIFIER_UNEXPECTED'
  /** The log is shorter than a checkpoint that was kept. */
  | 'VERIFIER_SHORTENED'
  /** The log does not begin with what a checkpoint that was kept says. */
  | 'VERIFIER_FORKED'
  /** The log cannot be reached or read. */
  | 'VERIFIER_UNREADABLE'
  /** The command line, or a file named in it, is not what it must be. */
  | 'VERIFIER_USAGE';

export class VerifierError extends CertdirError<VerifierErrorCode> {}
