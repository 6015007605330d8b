/**
 * How many files and sockets this process may have open. Node raises the soft limit to the hard one when it
 * starts; what is read here is the result.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

const LINUX_LIMITS = '/proc/self/limits';

/** @returns undefined where there is no limit, and where the system does not say. */
export function openFileLimit(): number | undefined {
  try {
    return parseOpenFileLimit(readFileSync(LINUX_LIMITS, 'latin1'));
  } catch {
    // No Linux: the limit is found when it is met.
    return undefined;
  }
}

/** Reads the soft limit out of the table that Linux gives. */
export function parseOpenFileLimit(table: string): number | undefined {
  const [, soft] = /^Max open files +(\d+) /m.exec(table) ?? [];
  return soft === undefined ? undefined : Number(soft);
}

/** Files that the store, the log, the signer and other servers need beside connections. */
const RESERVED_FILES = 1024;

/**
 * How many connections leave enough files for the rest of the program.
 *
 * @param wanted What is asked for.
 * @param openFiles {@link openFileLimit}.
 */
export function affordableConnections(wanted: number, openFiles: number | undefined): number {
  if (openFiles === undefined) {
    return wanted;
  }
  const spare = Math.max(openFiles - RESERVED_FILES, Math.floor(openFiles / 2));
  return Math.max(1, Math.min(wanted, spare));
}
