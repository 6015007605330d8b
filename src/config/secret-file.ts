/**
 * Secrets come from files only, never from the configuration's text, an argument or the
 * environment, where other users of the machine can read them.
 *
 * @module
 */

import { open } from 'node:fs/promises';

import { ConfigError } from './errors.ts';

const MAX_SECRET_BYTES = 64 * 1024;

/**
 * Reads a secret from a file that only its owner may read. One trailing newline is dropped.
 *
 * @throws {ConfigError} `CONFIG_SECRET`; the message never holds the secret.
 */
export async function readSecretFile(file: string): Promise<string> {
  const text = await readOwnerOnly(file);
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') {
    throw new ConfigError('CONFIG_SECRET', `${file} is empty; write the secret into it`);
  }
  return secret;
}

async function readOwnerOnly(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const { mode, size } = await handle.stat();
      if ((mode & 0o077) !== 0) {
        throw new ConfigError(
          'CONFIG_SECRET',
          `${file} may be read by others (mode ${(mode & 0o777).toString(8)}); run: chmod 600 ${file}`,
        );
      }
      if (size > MAX_SECRET_BYTES) {
        throw new ConfigError('CONFIG_SECRET', `${file} is ${size} bytes; a secret is shorter`);
      }
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof ConfigError) {
      throw cause;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError('CONFIG_SECRET', `${file} cannot be read: ${reason}`, { cause });
  }
}
