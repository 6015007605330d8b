/**
 * The one base class of every error this program throws on purpose.
 *
 * A code is a promise to operators and tests and never changes its meaning; a message is prose and
 * may. A message says what was wrong, where, and what to do. Neither carries key material,
 * passphrases, a peer's raw bytes or the name of an entry the peer may not see.
 *
 * Each folder declares its closed set of codes in its own `errors.ts`.
 *
 * @module
 */

/** Base class; `Code` is the closed union of the folder that throws. */
export class CertdirError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** True for an error of ours, whatever folder it comes from. */
export function isCertdirError(error: unknown): error is CertdirError {
  return error instanceof CertdirError;
}

/** The text of anything that was thrown, for logs. */
export function formatError(error: unknown): string {
  if (isCertdirError(error)) {
    return `${error.code}: ${error.message}`;
  }
  return error instanceof Error ? error.message : String(error);
}
