/**
 * The data folder is in use by a process that a command cannot work through.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export class BusyError extends CertdirError<'CLI_BUSY'> {}
