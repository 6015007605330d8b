/**
 * Which HSM an `hsm` command means: the one of the data folder's configuration, or one that is named on the command line.
 *
 * @module
 */

import { join, resolve } from 'node:path';
import type { Command } from 'commander';

import { SystemClock } from '../core/clock.ts';
import type { PassphraseSource } from '../signing/passphrase.ts';
import type { SignerProcess } from '../signing/process/signer-process.ts';
import type { TokenSettings } from '../signing/process/signer-protocol.ts';
import { parseEnvironment } from './module-environment.ts';
import { passphrasePrompt } from './passphrase-prompt.ts';
import { UsageError } from './usage-error.ts';

export interface HsmOptions {
  readonly module?: string;
  readonly tokenLabel?: string;
  readonly tokenSerial?: string;
  readonly pinFile?: string;
  readonly env?: readonly string[];
}

const NAMED_SESSIONS = 8;

/** Adds the options that name an HSM. */
export function addHsmOptions(command: Command): Command {
  return command
    .option('--module <file>', "the vendor's PKCS#11 library; the data folder's when left out")
    .option('--token-label <label>', 'which token of the module')
    .option('--token-serial <number>', 'which token of the module')
    .option('--pin-file <file>', 'file with the user PIN, mode 0600; asked for when left out')
    .option('--env <name=value...>', 'environment that the module needs; it gets no other');
}

/**
 * Opens the token, locked.
 *
 * @param registerFile The key register of a token that is named on the command line; `undefined` means that the
 *   configuration's is wanted.
 */
export async function openHsm(
  options: HsmOptions,
  where: { readonly folder: string; readonly registerFile: string | undefined },
): Promise<SignerProcess> {
  const { token, pinFile } =
    options.module === undefined
      ? await configuredToken(where.folder)
      : { token: namedToken(options, options.module, where.registerFile), pinFile: undefined };
  // A trial keeps its scratch keys out of the CA's register.
  const registered =
    where.registerFile === undefined || token.kind !== 'pkcs11'
      ? token
      : { ...token, registerFile: where.registerFile, create: true };
  const { openLog } = await import('../core/log.ts');
  const { openSignerProcess } = await import('../signing/process/signer-process.ts');
  const clock = new SystemClock();
  return await openSignerProcess({
    token: registered,
    passphrase: await pinSource(options.pinFile ?? pinFile),
    clock,
    log: openLog(clock, { level: 'error', format: 'text' }),
  });
}

async function configuredToken(
  folder: string,
): Promise<{ readonly token: TokenSettings; readonly pinFile: string | undefined }> {
  const { CONFIGURATION_FILE, loadConfiguration } = await import('../config/configuration.ts');
  const { token } = await loadConfiguration(join(folder, CONFIGURATION_FILE));
  const { tokenSettings } = await import('../app/token.ts');
  const pinFile = token.kind === 'software' ? token.passphraseFile : token.pinFile;
  return { token: tokenSettings(token, { create: false }), pinFile };
}

function namedToken(
  { tokenLabel, tokenSerial, env }: HsmOptions,
  module: string,
  registerFile: string | undefined,
): TokenSettings {
  if (tokenLabel === undefined && tokenSerial === undefined) {
    throw new UsageError('name the token with --token-label or --token-serial (certdir hsm list)');
  }
  return {
    kind: 'pkcs11',
    modulePath: resolve(module),
    ...(tokenLabel === undefined ? {} : { tokenLabel }),
    ...(tokenSerial === undefined ? {} : { tokenSerial }),
    registerFile: registerFile ?? resolve('key-register.json'),
    create: true,
    sessions: NAMED_SESSIONS,
    environment: parseEnvironment(env),
  };
}

async function pinSource(file: string | undefined): Promise<PassphraseSource> {
  if (file !== undefined) {
    return { file: resolve(file) };
  }
  const ask = passphrasePrompt();
  if (ask === undefined) {
    throw new UsageError(
      'name the file with the PIN by --pin-file; there is no terminal to ask on',
    );
  }
  return { text: await ask() };
}
