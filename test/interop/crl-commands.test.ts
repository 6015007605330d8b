/**
 * `certdir crl` with a server and without one, lists over HTTP and HTTPS as curl and OpenSSL take them, and lists read back.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import type { CrlFacts, CrlGrowth, CrlReport } from '../../src/http/crl-operations.ts';
import type { IssuedReport, ServiceStatus } from '../../src/http/operations.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { issueCitizen } from '../support/issued-citizen.ts';
import type { LdapIdentity } from '../support/ldap-tools.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { registerVerifier } from '../support/registered-verifier.ts';

interface CheckAnswer {
  readonly lists: readonly { readonly scope: string | null; readonly crlNumber: string }[];
  readonly findings: readonly { readonly invariant: string }[];
}

describe('certdir crl', { skip: skipWithout('openssl', 'curl') }, () => {
  const certdir = new CertdirFolder({ after });
  let issued: IssuedReport;
  let verifier: LdapIdentity;
  let server: CertdirServer;

  before(async () => {
    await certdir.init();
    issued = await issueCitizen(certdir, { name: 'crl' });
    await certdir.answer('ca', 'revoke', issued.serialNumber, '--reason', 'superseded');
    verifier = await registerVerifier(certdir, 'readback');
    const file = join(certdir.folder, 'certdir.yaml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/^http:\n/m, 'http:\n  tlsPort: 0\n'));
    appendFileSync(
      file,
      `\nreadback: { verifier: "${verifier.dn}", passwordFile: "${verifier.passwordFile}" }\n`,
    );
    await certdir.answer('ca', 'publish', '--partition', '10201');
  });

  /** The exit code tells whether something was found. */
  async function check(...args: readonly string[]): Promise<CheckAnswer> {
    const { status, stdout, stderr } = await certdir.run('--json', 'crl', 'check', ...args);
    const answer = JSON.parse(stdout) as CheckAnswer;
    assert.equal(status, answer.findings.length === 0 ? 0 : 8, stderr);
    return answer;
  }

  async function everyCommand(): Promise<void> {
    const [own] = await certdir.answer<readonly CrlGrowth[]>('crl', 'list', '10201');
    assert.equal(own?.newest?.entries, 1);
    const history = await certdir.answer<readonly CrlFacts[]>('crl', 'list', '10201', '--history');
    assert.equal(history.length, 2);
    const shown = await certdir.answer<{ list: CrlReport; entries: { serialNumber: string }[] }>(
      ...['crl', 'show', '10201', '--entries'],
    );
    assert.deepEqual(
      shown.entries.map(({ serialNumber }) => serialNumber),
      [issued.serialNumber],
    );
    assert.deepEqual(shown.list.reasons, { superseded: 1 });
    const difference = await certdir.answer<{ changes: { change: string }[] }>(
      ...['crl', 'diff', '10201'],
    );
    assert.deepEqual(
      difference.changes.map(({ change }) => change),
      ['added'],
    );
    const text = await certdir.run('crl', 'diff', '10201', '--from', '1');
    assert.match(text.stdout, new RegExp(`^\\+ ${issued.serialNumber} `, 'm'));
    const file = certdir.path('10201.crl');
    await certdir.answer('crl', 'export', '10201', '--out', file);
    const dump = await runCommand('openssl', [
      'crl',
      '-inform',
      'DER',
      '-in',
      file,
      '-noout',
      '-text',
    ]);
    assert.match(dump.stdout, new RegExp(`Serial Number: ${issued.serialNumber}`));
    assert.deepEqual((await check()).findings, []);
    const failure = await certdir.failure('crl', 'show', '10201', '--number', '9');
    assert.deepEqual([failure.code, failure.exitCode], ['CA_LIST_UNKNOWN', 5]);
  }

  it('answers the same without a server and with one', async () => {
    const alone = await certdir.answer<readonly CrlGrowth[]>('crl', 'list', '10201');
    assert.deepEqual((await check('10201')).findings, []);
    server = await certdir.serve();
    assert.deepEqual(await certdir.answer<readonly CrlGrowth[]>('crl', 'list', '10201'), alone);
    await everyCommand();
  });

  it('checks what is published over LDAP and HTTP, by whoever asks', async () => {
    const ca = ['--ca-file', join(certdir.folder, 'tls', 'server.pem')];
    const bind = ['--bind-dn', verifier.dn, '--bind-password-file', verifier.passwordFile];
    const all = await check('--from', server.ldapsUrl, ...ca, ...bind);
    assert.deepEqual(all.findings, []);
    const { scopes } = await certdir.answer<ServiceStatus>('status');
    assert.equal(all.lists.length, scopes.length);
    const refused = ['10201', '10202', '--from', server.ldapUrl, '--refused'];
    assert.deepEqual((await check(...refused)).findings, []);
    const given = await check('arl', '--from', server.ldapUrl, '--refused');
    assert.deepEqual(
      given.findings.map(({ invariant }) => invariant),
      ['I8'],
    );
    const absent = await check('10201', '--from', `${server.httpUrl}/`);
    assert.deepEqual(
      absent.findings.map(({ invariant }) => invariant),
      ['I8'],
    );
    const [pem, arl] = [certdir.path('ca.pem'), `${server.httpUrl}/crl/arl.crl`];
    await runCommand('curl', ['-sf', `${server.httpUrl}/ca.pem`, '-o', pem]);
    assert.deepEqual((await check('--issuer', pem, '--from', arl)).findings, []);
  });

  it('is served over HTTPS to verifiers, and to nobody else', async () => {
    const https = server.log.split(/\s+/).filter((word) => word.startsWith('https://'));
    const url = `${https.at(-1)}/crl/10201.crl`;
    const file = certdir.path('over-https.crl');
    const args = [
      '-s',
      '-o',
      file,
      '-w',
      '%{http_code}',
      '--cacert',
      join(certdir.folder, 'tls', 'server.pem'),
    ];
    const user = `readback:${readFileSync(verifier.passwordFile, 'utf8')}`;
    const own = await runCommand('curl', [...args, '-u', user, url]);
    assert.equal(own.stdout, '200', own.stderr);
    assert.deepEqual(readFileSync(file), readFileSync(certdir.path('10201.crl')));
    const again = await runCommand('curl', [...args, '-u', user, '-z', file, url]);
    assert.match(again.stdout, /^(200|304)$/);
    const nobody = await runCommand('curl', [...args, url]);
    assert.equal(nobody.stdout, '401');
  });

  it('reads its own lists back after each publication (I8)', async () => {
    await certdir.answer('ca', 'publish', '--partition', '10201', 'arl');
    // The schedule looks every ten seconds.
    await pause(13_000);
    const { warnings } = await certdir.answer<ServiceStatus>('status');
    assert.ok(!warnings.some((text) => text.includes('read lists back')), warnings.join('\n'));
    assert.ok(!server.log.includes('invariant I8'), server.log);
  });
});
