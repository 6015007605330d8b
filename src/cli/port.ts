/**
 * TCP ports on the command line.
 *
 * @module
 */

import { UsageError } from './usage-error.ts';

/** @throws {UsageError} when the text is not a whole number from 0 to 65535. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new UsageError(`${text} is not a port; give a number from 0 to 65535`);
  }
  return port;
}
