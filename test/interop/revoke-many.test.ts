/**
 * Revoking many by the command line, through a running server, which is killed in between.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import type { AuditRecordReport } from '../../src/http/audit-operations.ts';
import { CertdirFolder, type CertdirServer, certdirCommand } from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { type IssuedCitizen, issueCitizen } from '../support/issued-citizen.ts';

interface Answer {
  readonly revoked: number;
  readonly alreadyRevoked: number;
  readonly read: number;
  readonly faultCount: number;
  readonly faults: readonly { readonly line: number; readonly code: string }[];
}

describe('certdir ca revoke --from', () => {
  const certdir = new CertdirFolder({ after });
  let server: CertdirServer;
  const citizens: IssuedCitizen[] = [];

  before(async () => {
    await certdir.init();
    server = await certdir.serve();
    for (const name of ['one', 'two', 'three']) {
      citizens.push(await issueCitizen(certdir, { name }));
    }
  });

  it('revokes what the file names, tells the line at fault, and ends with 1', async () => {
    const [one, two] = citizens;
    const file = certdir.write(
      'lost.txt',
      `# cards\n${one?.serialNumber ?? ''}\nDEAD\n${two?.serialNumber ?? ''} superseded\n`,
    );
    const result = await certdir.run(
      ...['--json', 'ca', 'revoke', '--from', file, '--reason', 'keyCompromise'],
    );
    assert.equal(result.status, 1, result.stderr);
    const answer = JSON.parse(result.stdout) as Answer;
    assert.deepEqual(
      [answer.revoked, answer.alreadyRevoked, answer.read, answer.faultCount],
      [2, 0, 3, 1],
    );
    assert.deepEqual(
      answer.faults.map(({ line, code }) => [line, code]),
      [[3, 'CA_SERIAL_UNKNOWN']],
    );
    assert.match(result.stderr, /lost\.txt:3: CA_SERIAL_UNKNOWN/);
  });

  it('goes on after the server was killed, from standard input too', async () => {
    await server.kill();
    server = await certdir.serve();
    const text = citizens.map(({ serialNumber }) => serialNumber).join('\n');
    const args = ['--json', 'ca', 'revoke', '--from', '-', '--reason', 'keyCompromise'];
    const result = await runCommand(
      process.execPath,
      [certdirCommand, '--data', certdir.folder, ...args],
      { timeoutMs: 30_000, input: text },
    );
    assert.equal(result.status, 0, result.stderr);
    const answer = JSON.parse(result.stdout) as Answer;
    assert.deepEqual([answer.revoked, answer.alreadyRevoked, answer.faultCount], [1, 2, 0]);
    const records = await certdir.answer<readonly AuditRecordReport[]>(
      ...['audit', 'list', '--kind', 'certificate.revoke-many'],
    );
    assert.deepEqual(
      records.map(({ details }) => [details['revoked'], details['faults']]),
      [
        [2, 1],
        [1, 0],
      ],
    );
  });

  it('wants a reason or a serial number, and not both', async () => {
    const neither = await certdir.failure('ca', 'revoke', '--reason', 'keyCompromise');
    assert.equal(neither.code, 'CLI_USAGE');
    const both = await certdir.failure(
      ...['ca', 'revoke', 'AB', '--from', 'x', '--reason', 'keyCompromise'],
    );
    assert.equal(both.code, 'CLI_USAGE');
    assert.equal((await certdir.failure('ca', 'revoke', 'AB')).code, 'CLI_USAGE');
    const absent = await certdir.failure(
      ...['ca', 'revoke', '--from', certdir.path('none'), '--reason', 'keyCompromise'],
    );
    assert.equal(absent.code, 'CLI_INPUT_UNREADABLE');
    const unknown = await certdir.failure(
      ...['ca', 'revoke', '--from', certdir.write('empty', ''), '--reason', 'becauseISaySo'],
    );
    assert.equal(unknown.code, 'CA_REASON_NOT_ALLOWED');
  });
});
