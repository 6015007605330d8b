/**
 * Refusals that do not end a target's run, because more is to be tried with the same input.
 *
 * @module
 */

import { isCertdirError } from '../../src/core/errors.ts';

/** What `read` returns; undefined when it refuses with an error of ours. Anything else is thrown on. */
export function orRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isCertdirError(error)) {
      throw error;
    }
    return undefined;
  }
}
