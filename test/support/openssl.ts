/**
 * The `openssl` command as an independent reader and writer.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';

/** No command used in a test runs longer; key generation is left to node:crypto. */
const timeoutMs = 20_000;
const maxOutputBytes = 64 * 1024 * 1024;

/**
 * Runs `openssl` with a list of arguments.
 *
 * @param input What it reads from standard input.
 * @returns Its standard output.
 * @throws {Error} with its standard error when it is missing, fails or does not end in time.
 */
export function runOpenssl(args: readonly string[], input?: Uint8Array | string): Buffer {
  const { error, status, signal, stdout, stderr } = spawnSync('openssl', args, {
    input: input ?? '',
    timeout: timeoutMs,
    maxBuffer: maxOutputBytes,
  });
  if (error !== undefined) {
    throw new Error(`openssl ${args.join(' ')}: ${error.message}`, { cause: error });
  }
  if (status !== 0) {
    throw new Error(`openssl ${args.join(' ')} ended with ${status ?? signal}: ${stderr}`);
  }
  return stdout;
}
