/**
 * The demonstration that `npm start` runs, and the README's worked example on it, word for word but for
 * the ports and the folder.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { packageRoot } from '../../src/config/package-root.ts';
import type { ServiceStatus } from '../../src/http/operations.ts';
import { CertdirFolder, type CertdirServer, certdirCommand } from '../support/certdir-process.ts';
import { type CommandResult, runCommand } from '../support/command-run.ts';
import { skipWithout } from '../support/outside-tool.ts';

const demo = [
  'demo',
  '--ldap-port',
  '0',
  '--ldaps-port',
  '0',
  '--http-port',
  '0',
  '--ocsp-port',
  '0',
  '--api-port',
  '0',
];
const MAX_READY_MS = 60_000;

/** The shell examples of a section of the README. */
function shellExamples(section: string): readonly string[] {
  const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8');
  const [, text = ''] = readme.split(`\n## ${section}\n`);
  const [own = ''] = text.split('\n## ');
  return [...own.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, script = '']) => script);
}

describe('the demonstration', { skip: skipWithout('openssl', 'ldapsearch', 'curl') }, () => {
  const certdir = new CertdirFolder({ after });
  const [onDemoData = '', ofYourOwn = ''] = shellExamples('A worked example');
  let server: CertdirServer;
  let readyMs: number;

  before(async () => {
    const startMs = performance.now();
    server = await certdir.serve(...demo);
    readyMs = performance.now() - startMs;
  });

  /** Runs a script of the README in a folder of its own. */
  function run(script: string): Promise<CommandResult> {
    const { ldapUrl, ldapsUrl, httpUrl, ocspUrl = '', apiUrl = '' } = server;
    const adapted = script
      .replaceAll('ldap://127.0.0.1:1389', ldapUrl)
      .replaceAll('ldaps://127.0.0.1:1636', ldapsUrl)
      .replaceAll('http://127.0.0.1:8080', httpUrl)
      .replaceAll('https://127.0.0.1:8443/', ocspUrl)
      .replaceAll('https://127.0.0.1:8444', new URL(apiUrl).origin)
      .replaceAll(/\bdata\//g, `${certdir.folder}/`)
      .replaceAll(
        'bin/certdir',
        `"${process.execPath}" "${certdirCommand}" --data "${certdir.folder}"`,
      );
    return runCommand('bash', ['-c', `cd "${certdir.workFolder}"\n${adapted}`]);
  }

  it('is ready in time', () => {
    assert.ok(readyMs < MAX_READY_MS, `${readyMs} ms`);
  });

  it('does what the README shows of it', async () => {
    const { stdout, stderr } = await run(onDemoData);
    assert.match(stdout, /^cACertificate;binary:: /m);
    assert.match(stdout, /^authorityRevocationList;binary:: /m);
    assert.match(stdout, /demo\/good\.pem: OK$/m);
    assert.match(stderr, /^error 23 at 0 depth lookup: certificate revoked$/m);
    assert.match(stderr, /demo\/revoked\.pem: verification failed$/m);
    assert.match(stderr, /^Response verify OK$/m);
    assert.match(stdout, /demo\/good\.pem: good$/m);
    assert.match(stdout, /demo\/revoked\.pem: revoked\n(.*\n){2}\s*Reason: keyCompromise$/m);
  });

  it('gives anonymous no list, as the README says', async () => {
    const asAnonymous = onDemoData.replace(/ {2}-D .*\\\n/, '');
    assert.notEqual(asAnonymous, onDemoData);
    const { stderr } = await run(asAnonymous);
    assert.match(stderr, /^Unable to load CRL$/m);
  });

  it('issues, revokes and publishes a certificate of your own', async () => {
    const before = await certdir.answer<ServiceStatus>('status');
    const { status, stderr } = await run(`set -e\n${ofYourOwn}`);
    assert.equal(status, 0, stderr);
    const after = await certdir.answer<ServiceStatus>('status');
    assert.equal(after.certificates.issued, before.certificates.issued + 1);
    assert.equal(after.certificates.revoked, before.certificates.revoked + 1);
  });

  it('takes a request through the hands of three people', async () => {
    const before = await certdir.answer<ServiceStatus>('status');
    const [peoples = ''] = shellExamples('Run by its people');
    const { status, stdout, stderr } = await run(`set -e\n${peoples}`);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /executed/);
    const after = await certdir.answer<ServiceStatus>('status');
    assert.equal(after.certificates.issued, before.certificates.issued + 1);
  });

  it('prints examples that work as they stand', async () => {
    const [, commands = ''] = /\n\n(1\. [\s\S]*?)\n5\. /.exec(server.log) ?? [];
    const script = commands
      .split('\n')
      .filter((line) => line.startsWith('   '))
      .join('\n');
    const { stdout, stderr } = await runCommand('bash', ['-c', script]);
    assert.match(stdout, /good\.pem: OK$/m);
    assert.match(stderr, /^error 23 at 0 depth lookup: certificate revoked$/m);
  });

  it('prints how to call the API as an operator', async () => {
    const [, commands = ''] = /\n6\. [^\n]*\n\n([\s\S]*?)\n\n/.exec(server.log) ?? [];
    const session = `--session "${certdir.path('session')}"`;
    const script = commands
      .replaceAll('bin/certdir', `"${process.execPath}" "${certdirCommand}"`)
      .replaceAll(/(?<=[^\\])$/gm, ` ${session}`);
    const { stdout, stderr } = await runCommand('bash', ['-c', script]);
    assert.match(stdout, /"scope": "arl"/, stderr);
  });

  it('finds everything as it was at the next start', async () => {
    const {
      isServing: _was,
      audit: _before,
      server: _figures,
      ...earlier
    } = await certdir.answer<ServiceStatus>('status');
    assert.equal(await server.stop('SIGINT'), 0);
    server = await certdir.serve(...demo);
    const {
      isServing: _is,
      audit: _after,
      server: _others,
      ...later
    } = await certdir.answer<ServiceStatus>('status');
    assert.deepEqual(later, earlier);
    const { stdout } = await run(onDemoData);
    assert.match(stdout, /demo\/good\.pem: OK$/m);
    assert.equal(await server.stop('SIGTERM'), 0);
  });
});
