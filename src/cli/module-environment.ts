/**
 * `--env NAME=VALUE`: what a PKCS#11 module finds its configuration with.
 *
 * @module
 */

import { UsageError } from './usage-error.ts';

/** @throws {UsageError} for anything but NAME=VALUE. */
export function parseEnvironment(
  variables: readonly string[] = [],
): Readonly<Record<string, string>> {
  return Object.fromEntries(variables.map(parseVariable));
}

function parseVariable(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) {
    throw new UsageError(`${text} is not NAME=VALUE`);
  }
  return [text.slice(0, equals), text.slice(equals + 1)];
}
