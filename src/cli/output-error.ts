/**
 * A place named on the command line that does not take what is to be written: a full disk, most often.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type OutputErrorCode = 'CLI_OUTPUT_FAILED';

export class OutputError extends CertdirError<OutputErrorCode> {}

/**
 * Runs work that writes to `place`.
 *
 * @throws {OutputError} `CLI_OUTPUT_FAILED` for what the file system refuses; all else as it is.
 */
export async function writingTo<T>(place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Error && 'syscall' in cause && 'code' in cause) {
      const text = `${place} cannot be written: ${cause.message}. Nothing of it counts; free space or name another place`;
      throw new OutputError('CLI_OUTPUT_FAILED', text, { cause });
    }
    throw cause;
  }
}
