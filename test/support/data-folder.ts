/**
 * A data folder as `certdir init` makes it, made in this process, with a token that is quick to open and
 * ports that the system chooses.
 *
 * @module
 */

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { createInstance } from '../../src/app/creation.ts';
import { shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { CONFIGURATION_FILE } from '../../src/config/configuration.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { makeTlsCertificate } from '../../src/setup/tls-certificate.ts';
import { openSoftwareToken } from '../../src/signing/software/software-token.ts';

export interface DataFolder {
  readonly folder: string;
  readonly administratorDn: string;
  readonly administratorPassword: string;
}

/** Of each CA's. */
export const administratorPassword = 'Administrator 1 of a test';

const PASSPHRASE = 'correct horse';
const TOKEN_FILE = 'token/software-token.json';

/**
 * Makes the folder, which must not exist, and the CAs of the presets in it.
 *
 * @param beside Texts of files beside the policies, which are read instead of those that ship, by name.
 * @returns the first one's account.
 */
export async function makeDataFolder(
  folder: string,
  presets: readonly string[] = ['gunma'],
  beside: Readonly<Record<string, string>> = {},
): Promise<DataFolder> {
  const clock = new SystemClock();
  const random = new SystemRandom();
  for (const name of ['secrets', 'tls', 'token']) {
    mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
  }
  const write = (name: string, text: string): void =>
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  const policies = presets.map((preset, index) => (index === 0 ? 'policy.yaml' : `${preset}.yaml`));
  for (const [index, preset] of presets.entries()) {
    copyFileSync(shippedPolicyFile(preset), join(folder, policies[index] ?? ''));
  }
  for (const [name, text] of Object.entries(beside)) {
    write(name, text);
  }
  const { certificatePem, keyPem } = makeTlsCertificate({ address: '127.0.0.1', clock, random });
  write('tls/server.pem', certificatePem);
  write('tls/server-key.pem', keyPem);
  write('secrets/token-passphrase', PASSPHRASE);
  write(CONFIGURATION_FILE, JSON.stringify({ ...configuration, policies }));
  const token = await openSoftwareToken({
    file: join(folder, TOKEN_FILE),
    passphrase: { text: PASSPHRASE },
    ...{ clock, random, create: true, scryptCost: 2 ** 10 },
  });
  await token.close();
  const { administratorDn } = await createInstance({
    folder,
    administratorPasswords: new Map(presets.map((preset) => [preset, administratorPassword])),
    operator: { name: 'tester' },
    onProgress: () => undefined,
  });
  return { folder, administratorDn, administratorPassword };
}

const listener = { address: '127.0.0.1', port: 0 };

const configuration = {
  formatVersion: 1,
  token: { kind: 'software', file: TOKEN_FILE, passphraseFile: 'secrets/token-passphrase' },
  ldap: {
    listeners: [
      { ...listener, tls: 'starttls' },
      { ...listener, tls: 'ldaps' },
    ],
    certificateFile: 'tls/server.pem',
    keyFile: 'tls/server-key.pem',
  },
  http: listener,
  log: { level: 'silent' },
};
