/**
 * From the configuration's `token:` to a signer that is active, or that becomes active when its HSM is back.
 *
 * @module
 */

import { ConfigError } from '../config/errors.ts';
import type { TokenConfiguration } from '../config/token-configuration.ts';
import { SystemClock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { isPassing, SigningError } from '../signing/errors.ts';
import type { OpeningSource } from '../signing/passphrase.ts';
import { openSignerProcess, type SignerProcess } from '../signing/process/signer-process.ts';
import type { TokenSettings } from '../signing/process/signer-protocol.ts';
import type { Signer } from '../signing/signer.ts';

export interface TokenOpening {
  readonly token: TokenConfiguration;
  readonly log: Log;
  /** A token that is to be made; it must be there now. */
  readonly isNew: boolean;
  /** Asked where the configuration names no file with the passphrase or PIN. */
  readonly askPassphrase?: (() => Promise<string>) | undefined;
}

/** Starts the signer process and opens the token, locked. An HSM that is away is waited for, unless it is new. */
export async function openToken(opening: TokenOpening): Promise<SignerProcess> {
  const { token, log, isNew } = opening;
  return await openSignerProcess({
    token: tokenSettings(token, { create: isNew }),
    passphrase: await passphraseOf(opening),
    // Another process is waited for in the machine's time, whatever clock the CA goes by.
    clock: new SystemClock(),
    log,
    mayBeAway: token.kind === 'pkcs11' && !isNew,
  });
}

/** Makes the keys usable. When the HSM is away, that is logged and done when it is back. */
export async function activateToken(signer: Signer, { log, isNew }: TokenOpening): Promise<void> {
  try {
    await signer.activate();
  } catch (error) {
    if (error instanceof SigningError && error.code === 'SIGNING_APPROVAL_NEEDED' && !isNew) {
      log.warn(
        'the token is locked until its custodians approve its activation: nothing is signed',
      );
      return;
    }
    if (isNew || !isPassing(error)) {
      throw error;
    }
    log.error('the token is away: everything but signing works, and it is tried on', {
      error: formatError(error),
    });
  }
}

export function tokenSettings(
  token: TokenConfiguration,
  { create }: { readonly create: boolean },
): TokenSettings {
  if (token.kind === 'software') {
    return { kind: 'software', file: token.file, create };
  }
  const { module, tokenLabel, tokenSerial, register, sessions, environment } = token;
  return {
    kind: 'pkcs11',
    modulePath: module,
    ...(tokenLabel === undefined ? {} : { tokenLabel }),
    ...(tokenSerial === undefined ? {} : { tokenSerial }),
    registerFile: register,
    create,
    sessions,
    environment,
  };
}

async function passphraseOf({ token, askPassphrase }: TokenOpening): Promise<OpeningSource> {
  if (token.custodiansFile !== undefined) {
    return { custody: token.custodiansFile };
  }
  const isSoftware = token.kind === 'software';
  const file = isSoftware ? token.passphraseFile : token.pinFile;
  if (file !== undefined) {
    return { file };
  }
  if (askPassphrase === undefined) {
    const [setting, what] = isSoftware
      ? ['token.passphraseFile', 'the passphrase']
      : ['token.pinFile', 'the PIN'];
    throw new ConfigError(
      'CONFIG_SECRET',
      `${setting} is not set and there is no terminal to ask for ${what}`,
    );
  }
  return { text: await askPassphrase() };
}
