/**
 * How a command fails: one exit code for each kind of thing a person can do about it, and one
 * message. Exhaustive over every code the program knows, with `app/failure-kinds.ts`; a code that is in neither came
 * from a newer server and counts as a fault inside.
 *
 * @module
 */

import { failureKinds } from '../app/failure-kinds.ts';
import { isCertdirError } from '../core/errors.ts';
import type { FailureKind } from '../core/failure-kind.ts';
import type { SetupErrorCode } from '../setup/errors.ts';
import type { InputErrorCode } from './input-error.ts';
import type { OutputErrorCode } from './output-error.ts';

/** The table in `certdir --help`. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  refused: 4,
  absent: 5,
  conflict: 6,
  unavailable: 7,
  damaged: 8,
} as const;

type ExitName = FailureKind;

type OwnCode = 'CLI_USAGE' | 'CLI_BUSY' | InputErrorCode | OutputErrorCode | SetupErrorCode;

const exitNames = {
  CLI_USAGE: 'usage',
  CLI_BUSY: 'unavailable',
  CLI_INPUT_UNREADABLE: 'absent',
  CLI_INPUT_TOO_LARGE: 'refused',
  CLI_OUTPUT_FAILED: 'unavailable',
  SETUP_FOLDER_NOT_EMPTY: 'conflict',
  SETUP_LEFTOVER: 'conflict',
  SETUP_KEYS_LEFT: 'unavailable',
  SETUP_PRESET_UNKNOWN: 'absent',
  SETUP_FOLDER: 'unavailable',
  SETUP_CUSTODY: 'conflict',
  SETUP_CA_EXISTS: 'conflict',
} as const satisfies Record<OwnCode, ExitName>;

const exitNameByCode: ReadonlyMap<string, ExitName> = new Map([
  ...failureKinds,
  ...Object.entries(exitNames),
]);

/** The exit code for anything that was thrown. */
export function exitCodeOf(error: unknown): number {
  const name = isCertdirError(error) ? exitNameByCode.get(error.code) : undefined;
  return ExitCode[name ?? 'failed'];
}

/**
 * Writes the failure to standard error: a line for people, or with `--json` one JSON document.
 *
 * @returns the exit code.
 */
export function reportFailure(error: unknown, { isJson }: { readonly isJson: boolean }): number {
  const code = isCertdirError(error) ? error.code : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  if (isJson) {
    process.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`);
  } else {
    const detail = isCertdirError(error) ? '' : `\n${error instanceof Error ? error.stack : ''}`;
    process.stderr.write(`certdir: ${message} [${code}]${detail}\n`);
  }
  return exitCodeOf(error);
}
