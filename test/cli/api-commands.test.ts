/**
 * Commands that are clients of the API, as operators type them: each as itself, with a session or a certificate.
 */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { formatSerialNumber } from '../../src/ca/certificates/serial-number.ts';
import { ApiBed, serverCertificatePem } from '../support/api-bed.ts';
import { certdirCommand } from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PASSWORD = 'a password of the staff';

/** What is opened in a hook stays open until the end. */
const closing: (() => unknown)[] = [];
const untilTheEnd = { after: (close: () => unknown): unknown => closing.unshift(close) };

interface Ran<T> {
  readonly status: number | null;
  readonly answer: T;
  readonly stderr: string;
}

describe('the commands of operators', () => {
  let bed: ApiBed;
  let serial: string;
  const folder = temporaryFolder({ after });
  const at = (name: string): string => join(folder, name);

  after(async () => {
    for (const close of closing) {
      await close();
    }
  });

  before(async () => {
    bed = await ApiBed.open(untilTheEnd);
    writeFileSync(at('server.pem'), serverCertificatePem);
    writeFileSync(at('password'), PASSWORD, { mode: 0o600 });
    const staff = { password: PASSWORD, partitions: ['10201'] };
    await bed.operator('reception', ['municipalReception'], staff);
    await bed.operator('examiner', ['municipalExaminer'], staff);
    const certificate = bed.clientCertificate();
    writeFileSync(at('approver.pem'), certificate.certificatePem);
    writeFileSync(at('approver.key'), certificate.keyPem, { mode: 0o600 });
    await bed.operator('approver', ['municipalApprover'], { certificate, partitions: ['10201'] });
    serial = formatSerialNumber((await bed.ca.issue('10201')).serialNumber);
  });

  async function certdir<T>(...args: string[]): Promise<Ran<T>> {
    const { status, stdout, stderr } = await runCommand(certdirCommand, ['--json', ...args]);
    return { status, stderr, answer: (stdout === '' ? undefined : JSON.parse(stdout)) as T };
  }

  async function login(name: string): Promise<readonly string[]> {
    const session = at(`${name}.session`);
    const { status, stderr } = await certdir(
      ...['login', '--server', bed.url, '--ca', 'gunma', '--name', name],
      ...['--password-file', at('password'), '--ca-file', at('server.pem')],
      ...['--session', session],
    );
    assert.equal(status, 0, stderr);
    assert.equal(statSync(session).mode & 0o777, 0o600);
    return ['--session', session];
  }

  it('pass a request from reception to approval, and show what came of it', async () => {
    const reception = await login('reception');
    const examiner = await login('examiner');
    const approver = [
      ...['--server', bed.url, '--ca', 'gunma', '--ca-file', at('server.pem')],
      ...['--certificate', at('approver.pem'), '--key', at('approver.key')],
    ];
    const revoke = ['--serial', serial, '--reason', 'keyCompromise', '--note', '2026-1'];
    const submitted = await certdir<{ readonly id: string; readonly hash: string }>(
      ...['request', 'submit', 'revoke', ...revoke, ...reception],
    );
    assert.equal(submitted.status, 0, submitted.stderr);
    const { id, hash } = submitted.answer;
    const own = await certdir('request', 'examine', id, ...reception);
    assert.equal(own.status, 4, 'whoever received it does not examine it');
    assert.match(own.stderr, /CA_NOT_PERMITTED/);
    const mine = await certdir<readonly { readonly id: string }[]>(
      ...['request', 'list', '--mine', ...examiner],
    );
    assert.deepEqual(
      mine.answer.map((one) => one.id),
      [id],
    );
    assert.equal((await certdir('request', 'examine', id, ...examiner)).status, 0);
    assert.equal(
      (await certdir('request', 'approve', id, ...approver)).status,
      2,
      'without a hash',
    );
    const done = await certdir<{ readonly state: string }>(
      ...['request', 'approve', id, '--hash', hash, ...approver],
    );
    assert.equal(done.answer.state, 'executed', done.stderr);
    const shown = await certdir<{ readonly state: string }>(
      ...['api', 'call', 'showCertificate', '--set', `serialNumber=${serial}`, ...reception],
    );
    assert.equal(shown.answer.state, 'revoked', shown.stderr);
    assert.equal((await certdir('logout', ...reception)).status, 0);
    assert.equal(existsSync(at('reception.session')), false);
  });

  it('tell every fault of what was asked, and what the command line lacks', async () => {
    const examiner = await login('examiner');
    writeFileSync(at('bad.json'), '{"serialNumber": "xyz", "reason": "boredom"}');
    const faulty = await certdir(
      ...['request', 'submit', 'revoke', '--input', at('bad.json'), ...examiner],
    );
    assert.equal(faulty.status, 4);
    assert.match(faulty.stderr, /#\/input\/serialNumber[\s\S]*#\/input\/reason/);
    const nobody = await certdir('request', 'list', '--session', at('none'));
    assert.equal(nobody.status, 2);
    chmodSync(at('approver.key'), 0o644);
    const open = await certdir(
      ...['request', 'list', '--server', bed.url, '--ca', 'gunma'],
      ...['--certificate', at('approver.pem'), '--key', at('approver.key')],
    );
    assert.equal(open.status, 3, 'a key that others may read');
  });

  it("are others too, as the operator of a session; what is the owner's is refused", async () => {
    const certificate = bed.clientCertificate();
    writeFileSync(at('manager.pem'), certificate.certificatePem);
    writeFileSync(at('manager.key'), certificate.keyPem, { mode: 0o600 });
    await bed.operator('boss', ['manager'], { certificate });
    const manager = ['--session', at('manager.session')];
    const loggedIn = await certdir(
      ...['login', '--server', bed.url, '--ca', 'gunma', '--ca-file', at('server.pem')],
      ...['--certificate', at('manager.pem'), '--key', at('manager.key'), ...manager],
    );
    assert.equal(loggedIn.status, 0, loggedIn.stderr);
    const added = await certdir<{ readonly name: string }>(
      ...['operator', 'add', 'saburo', '--role', 'reception', ...manager],
    );
    assert.equal(added.answer?.name, 'saburo', added.stderr);
    const again = await certdir('operator', 'add', 'saburo', '--role', 'reception', ...manager);
    assert.equal(again.status, 6, 'the codes of the server give the same exit codes');
    const listed = await certdir<readonly { readonly name: string }[]>(
      ...['operator', 'list', ...manager],
    );
    assert.ok(listed.answer.some(({ name }) => name === 'saburo'));
    const publishing = await certdir('ca', 'publish', '--all', ...manager);
    assert.equal(publishing.status, 4, 'the role decides');
    const check = await certdir('check', ...manager);
    assert.equal(check.status, 2);
    assert.match(check.stderr, /not for operators/);
  });

  it('exchange certificates with other CAs, but for what is a request', async () => {
    await bed.operator('senior', ['seniorOperator'], { password: PASSWORD });
    const senior = await login('senior');
    const made = await certdir<{ readonly peer: string }>('cross', 'request', 'bca', ...senior);
    assert.equal(made.answer?.peer, 'bca', made.stderr);
    const shown = await certdir<readonly { readonly state: string }[]>(
      ...['cross', 'show', 'bca', ...senior],
    );
    assert.deepEqual(
      shown.answer.map(({ state }) => state),
      ['in-exchange'],
    );
    assert.deepEqual((await certdir('cross', 'show', ...senior)).answer, shown.answer);
    const paper = ['cross', 'receipt', 'bca', '--paper', 'binder 1'];
    assert.match((await certdir(...paper, ...senior)).stderr, /CA_CROSS_STATE/);
    for (const act of [['issue'], ['revoke', '--reason', 'superseded']]) {
      assert.equal((await certdir('cross', ...act, 'bca', ...senior)).status, 2);
    }
    const reception = await login('reception');
    assert.match(
      (await certdir('cross', 'show', ...reception)).stderr,
      /CA_NOT_PERMITTED|HTTP_FORBIDDEN|403/,
    );
  });

  it('print the description of the API without a server', async () => {
    const { answer } = await certdir<{ readonly openapi: string }>('api', 'openapi');
    assert.equal(answer.openapi, '3.1.0');
  });
});
