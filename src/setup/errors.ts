/**
 * What can go wrong while a data folder is made.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type SetupErrorCode =
  /** The folder exists and is not empty; nothing was changed. */
  | 'SETUP_FOLDER_NOT_EMPTY'
  /** The workshop of an init that was ended lies beside the folder. */
  | 'SETUP_LEFTOVER'
  /** An init failed and the keys that it made are still in the HSM. */
  | 'SETUP_KEYS_LEFT'
  /** The data folder has this CA already. */
  | 'SETUP_CA_EXISTS'
  /** No policy of that name is shipped. */
  | 'SETUP_PRESET_UNKNOWN'
  /** The token has custodians already, or nothing to hand over to them. */
  | 'SETUP_CUSTODY'
  /** The folder cannot be made or written. */
  | 'SETUP_FOLDER';

export class SetupError extends CertdirError<SetupErrorCode> {}
