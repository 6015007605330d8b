/**
 * A CA whose key is in an HSM, end to end with the command line: SoftHSM, `init`, issue, revoke, publish, restart; what
 * `pkcs11-tool` sees of the key; the `hsm` commands and their failures.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { KeysReport } from '../../src/http/key-operations.ts';
import type { PublishedReport, RevokedReport } from '../../src/http/operations.ts';
import { decodePem } from '../../src/x509/pem.ts';
import { CertdirFolder, initArguments } from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { issueCitizen } from '../support/issued-citizen.ts';
import { runOpenssl } from '../support/openssl.ts';
import {
  makeSofthsm,
  skipWithoutSofthsm,
  softhsmModule,
  TOKEN_LABEL,
  TOKEN_PIN,
} from '../support/softhsm.ts';

const skip = await skipWithoutSofthsm('openssl', 'pkcs11-tool');

interface Inspection {
  readonly token: { readonly label: string };
  readonly mechanisms: readonly { readonly name: string; readonly isSupported: boolean }[];
  readonly keys: readonly {
    readonly label: string;
    readonly isProven: boolean;
    readonly protection: Readonly<Record<string, boolean>>;
  }[];
}

const sha256Of = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

interface Trial {
  readonly passed: number;
  readonly failed: number;
  readonly checks: readonly { readonly name: string; readonly outcome: string }[];
}

describe('a CA with its key in SoftHSM', { skip }, () => {
  const certdir = new CertdirFolder({ after });
  const softhsm = makeSofthsm({ after });
  let hsm: readonly string[];

  before(async () => {
    const pinFile = certdir.write('pin', `${TOKEN_PIN}\n`);
    const environment = Object.entries(softhsm.environment).map(
      ([name, value]) => `${name}=${value}`,
    );
    const token = ['--module', softhsmModule, '--token-label', TOKEN_LABEL];
    hsm = [...token, '--pin-file', pinFile, '--env', ...environment];
    const ports = initArguments({ ldap: 0, ldaps: 0, http: 0, ocsp: 0 });
    await certdir.answer('init', ...ports, '--token', 'pkcs11', ...hsm);
  });

  it('issues, revokes and publishes, and goes on after a restart', async () => {
    const first = await certdir.serve();
    writeFileSync(certdir.path('ca.pem'), await (await fetch(`${first.httpUrl}/ca.pem`)).text());
    const issued = await issueCitizen(certdir, { name: 'before' });
    const anchor = ['-CAfile', certdir.path('ca.pem')];
    runOpenssl(['verify', '-x509_strict', ...anchor, issued.certificateFile]);
    await first.stop();

    const second = await certdir.serve();
    const other = await issueCitizen(certdir, { name: 'after' });
    runOpenssl(['verify', '-x509_strict', ...anchor, other.certificateFile]);
    const revoke = ['ca', 'revoke', issued.serialNumber, '--reason', 'keyCompromise'];
    await certdir.answer<RevokedReport>(...revoke);
    const [list] = await certdir.answer<readonly PublishedReport[]>(
      ...['ca', 'publish', '--partition', '10201'],
    );
    assert.equal(list?.entries, 1);
    await second.stop();
    assert.equal((await certdir.run('check')).status, 0);
  });

  it('has a key that pkcs11-tool calls sensitive, never extractable, made inside, for signing alone', async () => {
    const tool = ['--module', softhsmModule, '--token-label', TOKEN_LABEL, '--login'];
    const { stdout } = await runCommand(
      'pkcs11-tool',
      [...tool, '--pin', TOKEN_PIN, '--list-objects', '--type', 'privkey'],
      { env: softhsm.environment },
    );
    const lines = stdout.split('\n').map((line) => line.trim().replace(/\s+/g, ' '));
    assert.ok(lines.includes('label: gunma-ca-1'), stdout);
    assert.ok(lines.includes('Usage: sign'), stdout);
    assert.ok(
      lines.includes('Access: sensitive, always sensitive, never extractable, local'),
      stdout,
    );
  });

  it('is shown by hsm info, without anything secret', async () => {
    const found = await certdir.answer<Inspection>('hsm', 'info');
    assert.equal(found.token.label, TOKEN_LABEL);
    assert.ok(found.mechanisms.every(({ isSupported }) => isSupported));
    const protection = { isSensitive: true, isExtractable: false, wasAlwaysInside: true };
    // The OCSP responder's is there as soon as a server runs.
    const labels = found.keys.map(({ label }) => label).filter((label) => label !== 'gunma-ocsp-1');
    assert.deepEqual(labels, ['gunma-ca-1']);
    for (const key of found.keys) {
      assert.deepEqual([key.isProven, key.protection], [true, protection], key.label);
    }
    const { stdout } = await certdir.run('hsm', 'info');
    assert.match(
      stdout,
      /gunma-ca-1 +RSA-2048 +certificate crl request +sensitive, not extractable, made inside/,
    );
    assert.ok(!stdout.includes(TOKEN_PIN));
  });

  it('gets another key by hsm keygen, and no second one of that name', async () => {
    const keygen = ['hsm', 'keygen', '--label', 'ocsp-1', '--type', 'p-256', '--purpose', 'ocsp'];
    const made = await certdir.answer<{ label: string; spki: string }>(...keygen);
    assert.equal(made.label, 'ocsp-1');
    const query = ['audit', 'list', '--kind', 'key.generate', '--subject', 'ocsp-1'];
    const records = await certdir.answer<readonly { after: string }[]>(...query);
    const digest = createHash('sha256').update(Buffer.from(made.spki, 'base64')).digest('hex');
    assert.deepEqual(
      records.map(({ after }) => after),
      [digest],
    );
    const failure = await certdir.failure(...keygen);
    assert.deepEqual([failure.code, failure.exitCode], ['SIGNING_KEY_EXISTS', 6]);
  });

  it('passes hsm test, which leaves no key behind', async () => {
    const trial = await certdir.answer<Trial>('hsm', 'test', ...hsm);
    assert.equal(trial.failed, 0, JSON.stringify(trial.checks));
    assert.ok(trial.passed > 40);
    const { stdout } = await runCommand(
      'pkcs11-tool',
      ['--module', softhsmModule, '--token-label', TOKEN_LABEL, '--list-objects'],
      { env: softhsm.environment },
    );
    assert.ok(!stdout.includes('certdir-test-'), stdout);
  });

  const register = (): string => join(certdir.folder, 'token/key-register.json');

  it('is renewed in the HSM, with link certificates both ways', async () => {
    const { generations } = await certdir.answer<KeysReport>('ca', 'renew-key', '--early');
    const states = generations.map(({ state, keyLabel }) => [state, keyLabel]);
    assert.deepEqual(states, [
      ['retiring', 'gunma-ca-1'],
      ['current', 'gunma-ca-2'],
    ]);
    const server = await certdir.serve();
    const pem = await (await fetch(`${server.httpUrl}/ca.pem`)).text();
    const blocks = pem.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----\n/g) ?? [];
    const file = (sha256: string | undefined, name: string): string =>
      certdir.write(
        `${name}.pem`,
        blocks.find((one) => sha256Of(decodePem(one)) === sha256) ?? assert.fail(name),
      );
    const [older, newer] = generations;
    const oldWithNew = file(newer?.links[0]?.sha256, 'old-with-new');
    const newWithOld = file(newer?.links[1]?.sha256, 'new-with-old');
    const { certificateFile } = await issueCitizen(certdir, { name: 'renewed' });
    const verify = (anchor: string, link: string, certificate: string): Buffer =>
      runOpenssl(['verify', '-CAfile', anchor, '-untrusted', link, certificate]);
    verify(file(newer?.sha256, 'new'), oldWithNew, certdir.path('after.pem'));
    verify(file(older?.sha256, 'old'), newWithOld, certificateFile);
    await server.stop();
    assert.equal((await certdir.run('check')).status, 0);
  });

  it('SIGNING_TOKEN_DAMAGED when the register was changed, checksum and all', async () => {
    const whole = readFileSync(register());
    // A purpose more, by somebody who knows how the file is made.
    const { parseKeyRegister, formatKeyRegister } = await import(
      '../../src/signing/key-register.ts'
    );
    const { keys, unfinished } = parseKeyRegister(whole, register());
    const changed = keys.map((key) => ({
      ...key,
      purposes: ['crl', 'certificate', 'ocsp'] as const,
    }));
    writeFileSync(register(), formatKeyRegister({ keys: changed, unfinished }));
    try {
      const failure = await certdir.failure('ca', 'publish', '--partition', '10201');
      assert.deepEqual([failure.code, failure.exitCode], ['SIGNING_TOKEN_DAMAGED', 8]);
    } finally {
      writeFileSync(register(), whole);
    }
    await certdir.answer('ca', 'publish', '--partition', '10201');
  });

  const failures = [
    { why: 'no --module', args: ['--token', 'pkcs11'], code: 'CLI_USAGE', exitCode: 2 },
    {
      why: 'a module that is not there',
      args: ['--token', 'pkcs11', '--module', '/nonexistent.so', '--token-label', 'x'],
      code: 'SIGNING_PKCS11_MODULE',
      exitCode: 7,
    },
    {
      why: 'a token that is not there',
      args: ['--token', 'pkcs11', '--module', softhsmModule, '--token-label', 'nobody'],
      code: 'SIGNING_TOKEN_REMOVED',
      exitCode: 7,
    },
  ];
  for (const { why, args, code, exitCode } of failures) {
    it(`${code} for ${why}`, async () => {
      const other = new CertdirFolder({ after: () => undefined }, certdir.path('.'));
      const environment = Object.entries(softhsm.environment).map(([n, value]) => `${n}=${value}`);
      const pin = ['--pin-file', certdir.path('pin'), '--env', ...environment];
      const failure = await other.failure(
        ...['--data', certdir.path('other'), 'init', '--preset', 'gunma', ...args, ...pin],
      );
      assert.deepEqual([failure.code, failure.exitCode], [code, exitCode]);
    });
  }

  it('SIGNING_PIN_WRONG for another PIN, which is tried once', async () => {
    const wrong = certdir.write('wrong-pin', '0000');
    const failure = await certdir.failure('hsm', 'info', '--pin-file', wrong);
    assert.deepEqual([failure.code, failure.exitCode], ['SIGNING_PIN_WRONG', 3]);
  });
});
