/**
 * Where the passphrase of a token comes from. A file is read inside the signer process, so that the
 * main process never holds what is in it.
 *
 * @module
 */

import { open } from 'node:fs/promises';

import { SigningError } from './errors.ts';

export type PassphraseSource =
  /** A file that only its owner may read; one trailing newline is not part of the passphrase. */
  | { readonly file: string }
  /** Typed in by a person. */
  | { readonly text: string };

/** How a token is opened, as the signer process is told. */
export type OpeningSource =
  | PassphraseSource
  /** A custody file: the secret is put together from its custodians' shares, inside the signer process alone. */
  | { readonly custody: string };

/** The same inside the signer process. */
export type SecretSource =
  | PassphraseSource
  /** Hands over what the custodians have opened, once. */
  | { readonly take: () => Buffer | undefined };

const MAX_PASSPHRASE_BYTES = 1024;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Reads the passphrase as bytes (UTF-8). The caller overwrites them when it is done.
 *
 * @throws {SigningError} `SIGNING_PASSPHRASE_FILE`, `SIGNING_APPROVAL_NEEDED`; the message never holds the passphrase.
 */
export async function readPassphrase(source: SecretSource): Promise<Buffer> {
  if ('take' in source) {
    const secret = source.take();
    if (secret === undefined) {
      throw new SigningError(
        'SIGNING_APPROVAL_NEEDED',
        'the custodians have not opened the secret',
      );
    }
    return assertLength(secret, "the custodians' secret");
  }
  if ('text' in source) {
    return assertLength(Buffer.from(source.text, 'utf8'), 'the passphrase');
  }
  const bytes = await readOwnerOnly(source.file);
  let end = bytes.length;
  if (bytes[end - 1] === NEWLINE) {
    end -= bytes[end - 2] === CARRIAGE_RETURN ? 2 : 1;
  }
  return assertLength(bytes.subarray(0, end), source.file);
}

function assertLength(passphrase: Buffer, where: string): Buffer {
  if (passphrase.length === 0 || passphrase.length > MAX_PASSPHRASE_BYTES) {
    throw new SigningError(
      'SIGNING_PASSPHRASE_FILE',
      `${where}: a passphrase has 1 to ${MAX_PASSPHRASE_BYTES} bytes`,
    );
  }
  return passphrase;
}

async function readOwnerOnly(file: string): Promise<Buffer> {
  try {
    const handle = await open(file, 'r');
    try {
      const { mode } = await handle.stat();
      if ((mode & 0o077) !== 0) {
        throw new SigningError(
          'SIGNING_PASSPHRASE_FILE',
          `${file} may be read by others (mode ${(mode & 0o777).toString(8)}); run: chmod 600 ${file}`,
        );
      }
      // One byte more than allowed plus a newline, so that a longer file is noticed, not cut.
      const { buffer, bytesRead } = await handle.read({
        buffer: Buffer.alloc(MAX_PASSPHRASE_BYTES + 3),
        position: 0,
      });
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof SigningError) {
      throw cause;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SigningError('SIGNING_PASSPHRASE_FILE', `${file} cannot be read: ${reason}`, {
      cause,
    });
  }
}
