/**
 * What an `init` that did not end has left: a folder with secrets, and keys in an HSM.
 *
 * Only keys that this very init has made are destroyed. The proof: its folder is marked as unfinished, so that no CA was ever
 * handed over from it, and its key register names each key by the random CKA_ID under which it was made.
 *
 * @module
 */

import { access, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { tokenSettings } from '../app/token.ts';
import { CONFIGURATION_FILE, loadConfiguration } from '../config/configuration.ts';
import { SystemClock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import { openLog } from '../core/log.ts';
import { readKeyRegister } from '../signing/key-register.ts';
import { openSignerProcess } from '../signing/process/signer-process.ts';
import { SetupError } from './errors.ts';

/** Between the wanted folder's name and something random. */
export const WORKSHOP_MARK = '.making-';
/** In every workshop, until it becomes the data folder. */
export const UNFINISHED_FILE = 'init-unfinished';

/**
 * Looks for the workshop of an init that was ended; nobody else would ever look there.
 *
 * @throws {SetupError} `SETUP_LEFTOVER` when there is one and it is not to be removed, or is a whole CA;
 *   `SETUP_KEYS_LEFT` when its keys could not be destroyed.
 */
export async function settleLeftover(
  folder: string,
  { removes }: { readonly removes: boolean },
): Promise<void> {
  const names = await readdir(dirname(folder)).catch(() => []);
  const name = names.find((one) => one.startsWith(`${basename(folder)}${WORKSHOP_MARK}`));
  if (name === undefined) {
    return;
  }
  const leftover = join(dirname(folder), name);
  if (!removes) {
    throw new SetupError(
      'SETUP_LEFTOVER',
      `${leftover} is left from an init that was ended, or belongs to one that runs; it may hold keys and passwords.` +
        ' When none runs: the same command with --remove-leftover, which also destroys the keys that it made in an HSM',
    );
  }
  if ((await keysIn(leftover)).length > 0 && !(await isThere(join(leftover, UNFINISHED_FILE)))) {
    throw new SetupError(
      'SETUP_LEFTOVER',
      `${leftover} is not marked as unfinished: it may be a whole CA with its keys in the HSM, which are not destroyed here.` +
        ` To use it, rename it to ${folder}; if it is worthless, delete it and its keys with the vendor's tool`,
    );
  }
  await discardWorkshop(leftover, undefined);
}

/**
 * Destroys the keys that were made in an HSM for this folder, then deletes the folder.
 *
 * @param reason Why its init failed, for the message.
 * @throws {SetupError} `SETUP_KEYS_LEFT`; the folder stays, because it knows which keys they are.
 */
export async function discardWorkshop(workshop: string, reason: unknown): Promise<void> {
  const labels = await keysIn(workshop);
  if (labels.length > 0) {
    try {
      await destroyKeys(workshop, labels);
    } catch (cause) {
      const failed = reason === undefined ? '' : `init failed (${formatError(reason)}) and `;
      throw new SetupError(
        'SETUP_KEYS_LEFT',
        `${failed}the keys ${labels.join(', ')} that it made are still in the HSM (${formatError(cause)}).` +
          ` ${workshop} knows them: keep it, and when the HSM is back, run certdir init again with --remove-leftover`,
        { cause },
      );
    }
  }
  await rm(workshop, { recursive: true, force: true });
}

/** Labels of what was made, or begun, in a PKCS#11 token for this folder. */
async function keysIn(workshop: string): Promise<readonly string[]> {
  const file = join(workshop, CONFIGURATION_FILE);
  if (!(await isThere(file))) {
    return [];
  }
  const { token } = await loadConfiguration(file);
  const register = token.kind === 'pkcs11' ? await readKeyRegister(token.register) : undefined;
  const made = [...(register?.keys ?? []), ...(register?.unfinished ?? [])];
  return [...new Set(made.map(({ label }) => label))];
}

async function destroyKeys(workshop: string, labels: readonly string[]): Promise<void> {
  const { token } = await loadConfiguration(join(workshop, CONFIGURATION_FILE));
  if (token.kind !== 'pkcs11' || token.pinFile === undefined) {
    throw new SetupError('SETUP_FOLDER', `${workshop} names no file with the PIN`);
  }
  const clock = new SystemClock();
  const signer = await openSignerProcess({
    token: tokenSettings(token, { create: false }),
    passphrase: { file: token.pinFile },
    clock,
    log: openLog(clock, { level: 'warn', format: 'text' }),
  });
  try {
    await signer.activate();
    for (const label of labels) {
      await signer.destroy(label);
    }
  } finally {
    await signer.close();
  }
}

async function isThere(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
