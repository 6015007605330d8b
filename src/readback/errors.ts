/**
 * What reading published lists back can fail at.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type ReadbackErrorCode =
  /** The address is none that lists can be read from. */
  | 'READBACK_ADDRESS'
  /** The other side cannot be reached, refuses, or does not answer in time. */
  | 'READBACK_FAILED'
  /** The other side says that there is nothing, or nothing for whoever asks (HTTP 401, 403, 404, 410). */
  | 'READBACK_ABSENT'
  /** What it sends is more than lists are. */
  | 'READBACK_TOO_LARGE';

export class ReadbackError extends CertdirError<ReadbackErrorCode> {}
