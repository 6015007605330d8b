/**
 * A command line that cannot be carried out as it was typed.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export class UsageError extends CertdirError<'CLI_USAGE'> {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('CLI_USAGE', message, options);
  }
}
