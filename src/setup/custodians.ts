/**
 * Hands a data folder's token over to custodians: what opened it until now, a passphrase or a PIN, is split among them, and
 * the configuration says so from then on.
 *
 * @module
 */

import { open, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { parseDocument } from 'yaml';

import { CONFIGURATION_FILE, loadConfiguration } from '../config/configuration.ts';
import { SystemClock } from '../core/clock.ts';
import { SystemRandom } from '../core/random.ts';
import {
  type CustodyRules,
  makeCustody,
  openCustodian,
  openSecret,
  writeCustody,
} from '../signing/custody/custody-document.ts';
import { readPassphrase } from '../signing/passphrase.ts';
import { DEFAULT_SCRYPT_COST } from '../signing/software/sealing.ts';
import { SetupError } from './errors.ts';

export interface HandOver {
  /** The data folder; no server runs on it. */
  readonly folder: string;
  readonly quorum: number;
  readonly custodians: readonly { readonly name: string; readonly passphrase: Uint8Array }[];
  readonly rules: CustodyRules;
  /** N of scrypt for each custodian's passphrase. */
  readonly scryptCost?: number;
}

export interface HandedOver {
  readonly custodiansFile: string;
  readonly quorum: number;
  readonly custodians: readonly string[];
  /** The file that still opens the token and is to be destroyed; null when it was the folder's own, which is gone. */
  readonly leftFile: string | null;
}

const CUSTODIANS_FILE = 'token/custodians.json';

/**
 * Splits the secret, tries that a quorum opens it again, changes `certdir.yaml`, and deletes the folder's own secret.
 *
 * @throws {SetupError} `SETUP_CUSTODY` when the token has custodians already, or no file to take the secret from.
 * @throws {SigningError} `SIGNING_CUSTODY_REFUSED`.
 */
export async function handOverToCustodians(options: HandOver): Promise<HandedOver> {
  const { folder, quorum, custodians, rules, scryptCost = DEFAULT_SCRYPT_COST } = options;
  const { token } = await loadConfiguration(join(folder, CONFIGURATION_FILE));
  const secretFile = token.kind === 'software' ? token.passphraseFile : token.pinFile;
  if (secretFile === undefined) {
    throw new SetupError(
      'SETUP_CUSTODY',
      token.custodiansFile === undefined
        ? 'certdir.yaml names no file with the passphrase or PIN that is to be split'
        : `the token has custodians already (${token.custodiansFile})`,
    );
  }
  const secret = await readPassphrase({ file: secretFile });
  const random = new SystemRandom();
  const nowMs = new SystemClock().nowMs();
  try {
    const document = await makeCustody(
      { quorum, rules, custodians, secret },
      { random, nowMs, scryptCost },
    );
    const shares: Uint8Array[] = [];
    for (const { name, passphrase } of custodians.slice(0, quorum)) {
      shares.push((await openCustodian(document, name, passphrase)).share);
    }
    const opened = await openSecret(document, shares);
    if (opened === undefined || !opened.equals(secret)) {
      throw new SetupError(
        'SETUP_CUSTODY',
        'the shares do not open what was split; nothing changed',
      );
    }
    await writeCustody(join(folder, CUSTODIANS_FILE), document);
  } finally {
    secret.fill(0);
  }
  await changeConfiguration(folder);
  const isOwn = !relative(folder, secretFile).startsWith('..');
  if (isOwn) {
    await rm(secretFile);
  }
  return {
    custodiansFile: join(folder, CUSTODIANS_FILE),
    quorum,
    custodians: custodians.map(({ name }) => name),
    leftFile: isOwn ? null : secretFile,
  };
}

/** Comments stay. The old file or the new one is there whole, whatever happens. */
async function changeConfiguration(folder: string): Promise<void> {
  const file = join(folder, CONFIGURATION_FILE);
  const handle = await open(file, 'r');
  const document = parseDocument(await handle.readFile('utf8').finally(() => handle.close()));
  document.deleteIn(['token', 'passphraseFile']);
  document.deleteIn(['token', 'pinFile']);
  document.setIn(['token', 'custodiansFile'], CUSTODIANS_FILE);
  const fresh = await open(`${file}.new`, 'w', 0o600);
  try {
    await fresh.writeFile(document.toString());
    await fresh.sync();
  } finally {
    await fresh.close();
  }
  await rename(`${file}.new`, file);
  const parent = await open(dirname(file), 'r');
  await parent.sync().finally(() => parent.close());
}
