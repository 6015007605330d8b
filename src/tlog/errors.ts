/**
 * What a transparency log's files can be that they must not.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type TlogErrorCode =
  /** The text is no verifier key of a signed note, or one of another algorithm. */
  | 'TLOG_KEY_MALFORMED'
  /** The text is no signed note. */
  | 'TLOG_NOTE_MALFORMED'
  /** No signature of the known key, or one that does not verify. */
  | 'TLOG_SIGNATURE_WRONG'
  /** The note's text is no checkpoint, or one of another log. */
  | 'TLOG_CHECKPOINT_MALFORMED'
  /** The text is no handover from one key to the next. */
  | 'TLOG_HANDOVER_MALFORMED'
  /** Handovers that do not follow one another, or not from the key that is known. */
  | 'TLOG_HANDOVER_WRONG'
  /** A checkpoint was signed by a key before or after its time. */
  | 'TLOG_KEY_REPLACED'
  /** The text is no proof. */
  | 'TLOG_PROOF_MALFORMED'
  /** The proof does not lead to the root hash. */
  | 'TLOG_PROOF_WRONG'
  /** A tile has not the length it must have. */
  | 'TLOG_TILE_MALFORMED'
  /** An entry bundle does not hold the entries it must hold. */
  | 'TLOG_BUNDLE_MALFORMED';

export class TlogError extends CertdirError<TlogErrorCode> {}
