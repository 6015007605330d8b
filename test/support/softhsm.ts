/**
 * SoftHSM for tests: a token of its own in a temporary folder.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { importPkcs11js } from '../../src/signing/pkcs11/pkcs11-slots.ts';
import type { Pkcs11TokenSettings } from '../../src/signing/process/signer-protocol.ts';
import { isEverythingExpected, skipWithout } from './outside-tool.ts';
import { temporaryFolder } from './temporary-folder.ts';

const softhsmPlaces = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
];

export const softhsmModule: string =
  softhsmPlaces.find((place) => existsSync(place)) ?? softhsmPlaces[0] ?? '';

export const TOKEN_LABEL = 'certdir test';
export const TOKEN_PIN = '1234-user-pin';
export const TOKEN_SO_PIN = '5678-so-pin';

export interface Softhsm {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A SoftHSM of its own with one token. */
export function makeSofthsm(t: { after(fn: () => void): void }): Softhsm {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'tokens'));
  const configuration = join(folder, 'softhsm2.conf');
  writeFileSync(
    configuration,
    `directories.tokendir = ${join(folder, 'tokens')}\nlog.level = ERROR\n`,
  );
  const environment = { SOFTHSM2_CONF: configuration };
  const token = ['--init-token', '--free', '--label', TOKEN_LABEL];
  const pins = ['--pin', TOKEN_PIN, '--so-pin', TOKEN_SO_PIN];
  const run = spawnSync('softhsm2-util', [...token, ...pins], {
    env: { ...process.env, ...environment },
  });
  assert.equal(run.status, 0, String(run.stderr));
  return { folder, environment };
}

/** How certdir opens that token. */
export function softhsmSettings(softhsm: Softhsm): Pkcs11TokenSettings {
  return {
    kind: 'pkcs11',
    modulePath: softhsmModule,
    tokenLabel: TOKEN_LABEL,
    registerFile: join(softhsm.folder, 'keys.json'),
    create: true,
    sessions: 4,
    environment: softhsm.environment,
  };
}

/** pkcs11js is optional: where it did not compile, its tests say so. */
async function skipWithoutPkcs11js(): Promise<string | false> {
  try {
    await importPkcs11js();
    return false;
  } catch {
    if (isEverythingExpected()) {
      throw new Error('pkcs11js is not there; in CI nothing is skipped');
    }
    return 'needs the optional package pkcs11js';
  }
}

/** The `skip` option of tests that need SoftHSM and `commands`. */
export async function skipWithoutSofthsm(...commands: readonly string[]): Promise<string | false> {
  return skipWithout('softhsm2-util', ...commands) || (await skipWithoutPkcs11js());
}
