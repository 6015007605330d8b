import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { CONFIGURATION_FILE, loadConfiguration } from '../../src/config/configuration.ts';
import { type InitialiseOptions, initialise } from '../../src/setup/initialise.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function optionsFor(folder: string, change: Partial<InitialiseOptions> = {}): InitialiseOptions {
  return {
    folder,
    preset: 'gunma',
    address: '127.0.0.1',
    ldapPort: 0,
    ldapsPort: 0,
    httpPort: 0,
    passphraseFile: undefined,
    allowClearPasswords: false,
    operator: { name: 'tester' },
    onProgress: () => undefined,
    ...change,
  };
}

describe('initialise', () => {
  it('makes a whole folder, for its owner only, and leaves nothing beside it', async (t) => {
    const parent = temporaryFolder(t);
    const folder = join(parent, 'ca');
    mkdirSync(folder);
    const report = await initialise(optionsFor(folder));
    assert.deepEqual(readdirSync(parent), ['ca']);
    assert.equal(statSync(folder).mode & 0o077, 0);
    for (const file of [report.passphraseFile, report.administratorPasswordFile]) {
      assert.equal(statSync(file).mode & 0o777, 0o600);
    }
    assert.match(report.sha256Fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });

  it('leaves nothing behind when it fails halfway', async (t) => {
    const parent = temporaryFolder(t);
    const passphraseFile = join(parent, 'open-to-all');
    writeFileSync(passphraseFile, 'secret', { mode: 0o644 });
    const folder = join(parent, 'ca');
    await assert.rejects(initialise(optionsFor(folder, { passphraseFile })), {
      code: 'SIGNING_PASSPHRASE_FILE',
    });
    assert.deepEqual(readdirSync(parent), ['open-to-all']);
  });

  for (const { ocspPort, isListening } of [
    { ocspPort: 0, isListening: true },
    { ocspPort: undefined, isListening: false },
  ]) {
    it(`${isListening ? 'has' : 'has no'} listener for OCSP with the port ${ocspPort}`, async (t) => {
      const folder = join(temporaryFolder(t), 'ca');
      await initialise(optionsFor(folder, { ocspPort }));
      const { ocsp } = await loadConfiguration(join(folder, CONFIGURATION_FILE));
      // Verifiers show certificates, so it is TLS.
      const expected = { address: '127.0.0.1', port: 0, tls: true };
      assert.deepEqual(ocsp, isListening ? expected : undefined);
    });
  }

  it('refuses a folder with something in it', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'notes'), '');
    await assert.rejects(initialise(optionsFor(folder)), { code: 'SETUP_FOLDER_NOT_EMPTY' });
    assert.deepEqual(readdirSync(folder), ['notes']);
  });

  it('names what an init that was killed has left, and goes on when it is gone', async (t) => {
    const parent = temporaryFolder(t);
    mkdirSync(join(parent, 'ca.making-aB3dE6'));
    const folder = join(parent, 'ca');
    await assert.rejects(initialise(optionsFor(folder)), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'SETUP_LEFTOVER');
      return error.message.includes('ca.making-aB3dE6');
    });
    assert.equal(existsSync(folder), false);
    await initialise(optionsFor(folder, { removesLeftovers: true }));
    assert.deepEqual(readdirSync(parent), ['ca']);
  });

  it('refuses a preset that is not shipped, and paths for one', async (t) => {
    const folder = join(temporaryFolder(t), 'ca');
    for (const preset of ['osaka', '../cps/gunma', 'municipalities-gunma', '']) {
      const attempt = initialise(optionsFor(folder, { preset }));
      await assert.rejects(attempt, { code: 'SETUP_PRESET_UNKNOWN' });
    }
    assert.equal(existsSync(folder), false);
  });
});
