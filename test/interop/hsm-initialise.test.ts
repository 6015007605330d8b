/**
 * Making a CA on a device that has no Ed25519, as many have none: SoftHSM behind p11-kit, which does not pass it on. And
 * what an init that failed leaves in the device: nothing, or a folder that knows what.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { CONFIGURATION_FILE, loadConfiguration } from '../../src/config/configuration.ts';
import { type InitialiseOptions, initialise } from '../../src/setup/initialise.ts';
import { CertdirFolder } from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { issueCitizen } from '../support/issued-citizen.ts';
import { P11KitServer, p11KitClient } from '../support/p11-kit-server.ts';
import {
  makeSofthsm,
  type Softhsm,
  skipWithoutSofthsm,
  softhsmModule,
  TOKEN_LABEL,
  TOKEN_PIN,
} from '../support/softhsm.ts';

const skip = await skipWithoutSofthsm(
  ...['openssl', 'pkcs11-tool', 'p11-kit', 'p11-kit client module'],
);

interface Bed {
  readonly certdir: CertdirFolder;
  readonly softhsm: Softhsm;
  readonly server: P11KitServer;
  readonly options: InitialiseOptions;
}

async function openBed(t: TestContext): Promise<Bed> {
  const certdir = new CertdirFolder(t);
  const softhsm = makeSofthsm(t);
  const server = await P11KitServer.start(t, softhsm);
  const options = {
    folder: certdir.folder,
    preset: 'gunma',
    address: '127.0.0.1',
    ldapPort: 0,
    ldapsPort: 0,
    httpPort: 0,
    passphraseFile: undefined,
    hsm: {
      module: p11KitClient,
      tokenLabel: TOKEN_LABEL,
      pinFile: certdir.write('pin', TOKEN_PIN),
      environment: server.environment,
    },
    allowClearPasswords: false,
    operator: { name: 'tester' },
    onProgress: () => undefined,
  };
  return { certdir, softhsm, server, options };
}

/** Labels of the private keys that the device itself shows. */
async function keysIn({ softhsm }: Bed): Promise<readonly string[]> {
  const token = ['--module', softhsmModule, '--token-label', TOKEN_LABEL, '--login'];
  const { stdout } = await runCommand(
    'pkcs11-tool',
    [...token, '--pin', TOKEN_PIN, '--list-objects', '--type', 'privkey'],
    { env: softhsm.environment },
  );
  return [...stdout.matchAll(/label: +(\S+)/g)].map(([, label]) => label ?? '');
}

const halfway = (blow: () => void) => () => {
  blow();
  throw new Error('cut short');
};

describe('a CA on a device without Ed25519', { skip }, () => {
  it('is made, with the audit log in a token beside it, issues, and its log verifies', async (t) => {
    const bed = await openBed(t);
    const { certdir } = bed;
    const report = await initialise(bed.options);
    assert.deepEqual(await keysIn(bed), ['gunma-ca-1']);
    const { audit } = await loadConfiguration(join(report.folder, CONFIGURATION_FILE));
    assert.deepEqual(audit.token, {
      kind: 'software',
      file: join(report.folder, 'audit-token/software-token.json'),
      passphraseFile: join(report.folder, 'secrets/audit-token-passphrase'),
    });
    const server = await certdir.serve();
    await issueCitizen(certdir, { name: 'first' });
    await server.stop();
    const kept = certdir.write('checkpoint', report.checkpoint);
    const verified = await certdir.run('audit', 'verify', '--kept', kept);
    assert.equal(verified.status, 0, verified.stderr);
  });
});

describe('an init on a device that fails halfway', { skip }, () => {
  it('leaves no key in the device, and the next one succeeds', async (t) => {
    const bed = await openBed(t);
    let made: readonly string[] = [];
    const onProgress = halfway(() => {
      made = readdirSync(bed.certdir.path('.'));
    });
    await assert.rejects(initialise({ ...bed.options, onProgress }), { message: 'cut short' });
    assert.ok(
      made.some((name) => name.startsWith('data.making-')),
      'it was under way',
    );
    assert.deepEqual(await keysIn(bed), []);
    assert.deepEqual(readdirSync(bed.certdir.path('.')), ['pin']);
    await initialise(bed.options);
  });

  it('SETUP_KEYS_LEFT when the device is away then; --remove-leftover settles it later', async (t) => {
    const bed = await openBed(t);
    const onProgress = halfway(() => bed.server.kill());
    const attempt = initialise({ ...bed.options, onProgress });
    await assert.rejects(attempt, { code: 'SETUP_KEYS_LEFT' });
    await bed.server.start();
    assert.deepEqual(await keysIn(bed), ['gunma-ca-1']);
    await assert.rejects(initialise(bed.options), { code: 'SETUP_LEFTOVER' });
    await initialise({ ...bed.options, removesLeftovers: true });
    assert.deepEqual(await keysIn(bed), ['gunma-ca-1']);
    assert.deepEqual(readdirSync(bed.certdir.path('.')).sort(), ['data', 'pin']);
  });

  it('touches no key of a folder that is not marked as unfinished', async (t) => {
    const bed = await openBed(t);
    const onProgress = halfway(() => bed.server.kill());
    await assert.rejects(initialise({ ...bed.options, onProgress }), { code: 'SETUP_KEYS_LEFT' });
    await bed.server.start();
    const [leftover = ''] = readdirSync(bed.certdir.path('.')).filter((name) => name !== 'pin');
    const mark = join(bed.certdir.path(leftover), 'init-unfinished');
    rmSync(mark);
    const attempt = initialise({ ...bed.options, removesLeftovers: true });
    await assert.rejects(attempt, { code: 'SETUP_LEFTOVER' });
    assert.deepEqual(await keysIn(bed), ['gunma-ca-1']);
    writeFileSync(mark, '');
    await initialise({ ...bed.options, removesLeftovers: true });
  });
});
