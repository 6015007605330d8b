/**
 * A file named on the command line that cannot be used.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type InputErrorCode = 'CLI_INPUT_UNREADABLE' | 'CLI_INPUT_TOO_LARGE';

export class InputError extends CertdirError<InputErrorCode> {}
