/**
 * The audit log from outside: the commands with a server and without one, the stand-alone verifier, and a
 * second verifier in Python with the signature checked by openssl.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ArchiveFolderReport } from '../../src/app/archive-folder.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import type {
  ArchivedList,
  ArchiveStatusReport,
  DisclosureReport,
} from '../../src/http/archive-operations.ts';
import type {
  AuditMarksReport,
  AuditRecordReport,
  AuditVerificationReport,
  CheckpointReport,
  KeyRotationReport,
} from '../../src/http/audit-operations.ts';
import type { CheckReport } from '../../src/http/operations.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { type CommandResult, runCommand } from '../support/command-run.ts';
import { issueCitizen } from '../support/issued-citizen.ts';
import { skipWithout } from '../support/outside-tool.ts';

const AUDITOR = 'cn=auditor,ou=Operators,ou=Gunma Prefectural CA,o=JPKI,c=JP';

const ldif = `dn: ${AUDITOR}
objectClass: applicationProcess
objectClass: certdirOperator
cn: auditor
certdirOperatorRole: internalAuditor
userPassword: an auditor reads it all

dn: cn=other,ou=Operators,ou=Gunma Prefectural CA,o=JPKI,c=JP
objectClass: applicationProcess
objectClass: certdirOperator
cn: other
certdirOperatorRole: repositoryOperator
userPassword: somebody else altogether
`;

const verify = (...args: readonly string[]): Promise<CommandResult> =>
  runCommand(join(packageRoot, 'bin/certdir-verify'), args);

describe('the audit log from outside', { skip: skipWithout('openssl', 'python3') }, () => {
  const certdir = new CertdirFolder({ after });
  let server: CertdirServer | undefined;
  const at = (name: string): string => join(certdir.workFolder, name);
  const asAuditor: string[] = [];

  before(async () => {
    await certdir.init();
    const file = certdir.write('people.ldif', ldif);
    await certdir.answer('ldif', 'import', file);
    writeFileSync(at('password'), 'an auditor reads it all', { mode: 0o600 });
    writeFileSync(at('other'), 'somebody else altogether', { mode: 0o600 });
    asAuditor.push('--auditor', AUDITOR, '--password-file', at('password'));
  });

  async function everyCommand(name: string): Promise<void> {
    const signed = await certdir.answer<CheckpointReport>(
      ...['audit', 'checkpoint', '--out', at(`kept-${name}`)],
    );
    assert.match(signed.checkpoint, new RegExp(`\n${signed.size}\n`));
    await certdir.answer('audit', 'checkpoint', '--key', '--out', at('audit-key.txt'));
    assert.equal(readFileSync(at('audit-key.txt'), 'utf8'), `${signed.key}\n`);

    const lists = await certdir.answer<readonly AuditRecordReport[]>(
      ...['audit', 'list', '--kind', 'crl.', '--limit', '2'],
    );
    assert.deepEqual(
      lists.map(({ kind, result }) => [kind, result]),
      [
        ['crl.publish', 'done'],
        ['crl.publish', 'done'],
      ],
    );
    const { sequence = '' } = lists[0] ?? {};
    const shown = await certdir.answer<AuditRecordReport>('audit', 'show', sequence);
    assert.equal(shown.subject, lists[0]?.subject);
    assert.match(shown.after ?? '', /^[0-9a-f]{64}$/);

    const verified = await certdir.answer<AuditVerificationReport>(
      ...['audit', 'verify', '--kept', at(`kept-${name}`)],
    );
    assert.deepEqual(verified.extended, [signed.size]);

    await certdir.answer('audit', 'prove', sequence, '--out', at('record'));
    const record = ['record', at('record.json'), '--proof', at('record.tlog-proof')];
    const proven = await verify(...record, '--key', at('audit-key.txt'), '--json');
    assert.equal(proven.status, 0, proven.stderr);
    assert.equal(JSON.parse(proven.stdout).index, sequence);

    const reviewed = await certdir.answer<AuditMarksReport>(
      ...['audit', 'review', '--note', 'a look', ...asAuditor],
    );
    assert.ok(BigInt(reviewed.reviewed) >= BigInt(signed.size));
    const exported = await certdir.answer<AuditMarksReport>('audit', 'export', at('export'));
    const log = ['log', at('export'), '--key', at('audit-key.txt'), '--kept', at(`kept-${name}`)];
    const whole = await verify(...log, '--json');
    assert.equal(whole.status, 0, whole.stderr);
    assert.equal(JSON.parse(whole.stdout).size, exported.exported);
    assert.equal(
      (await certdir.failure('audit', 'prune', ...asAuditor)).code,
      'AUDIT_NOT_PRUNABLE',
    );
    const arl = await certdir.answer<ArchivedList>('archive', 'crl', 'arl', '--number', '1');
    const then = await certdir.answer<ArchivedList>(
      'archive',
      'crl',
      'arl',
      '--at',
      arl.thisUpdate,
    );
    assert.deepEqual(then, arl);
    const wrong = [
      ['archive', 'crl', 'arl', '--at', '5'],
      ['archive', 'crl', 'arl', '--at', '2026-02-30'],
      ['audit', 'list', '--from', '2026'],
      ['archive', 'export', at(`no-month-${name}`), '--month', '2026-13'],
      ['archive', 'export', at(`no-month-${name}`), '--month', '9999-01'],
    ];
    for (const command of wrong) {
      const { code, exitCode } = await certdir.failure(...command);
      assert.deepEqual([code, exitCode], ['HTTP_REQUEST_INVALID', 4], command.join(' '));
    }
    const early = ['--at', new Date(Date.parse(arl.thisUpdate) - 1_000).toISOString()];
    const none = await certdir.failure('archive', 'crl', 'arl', ...early);
    assert.deepEqual([none.code, none.exitCode], ['CA_LIST_UNKNOWN', 5]);
    const issued = await issueCitizen(certdir, { name });
    const month = new Date(Date.now() + 9 * 3_600_000).toISOString().slice(0, 7);
    const made = at(`archive-${name}`);
    const archived = await certdir.answer<ArchiveFolderReport>(
      ...['archive', 'export', made, '--month', month],
    );
    assert.ok(archived.certificates >= 1 && archived.lists >= 37);
    const again = ['archive', 'verify', made, '--key', at('audit-key.txt')];
    assert.deepEqual(await certdir.answer<ArchiveFolderReport>(...again), archived);
    await certdir.answer<ArchiveFolderReport>(...again, '--record');
    const { manifestSha256 } = archived;
    const received = ['archive', 'receipt', manifestSha256, '--place', 'a safe'];
    assert.deepEqual(await certdir.answer(...received), {
      ...{ of: month, manifestSha256, place: 'a safe' },
    });
    const unknown = ['archive', 'receipt', '0'.repeat(64), '--place', 'a safe'];
    const refused = await certdir.failure(...unknown);
    assert.deepEqual([refused.code, refused.exitCode], ['AUDIT_COPY_UNKNOWN', 5]);
    const { held, copies } = await certdir.answer<ArchiveStatusReport>('archive', 'status');
    assert.ok((held.find(({ kind }) => kind === 'certificates')?.held ?? 0) >= 2);
    const copy = copies.find((one) => one.manifestSha256 === manifestSha256);
    assert.ok(copy?.of === month && copy.written && copy.received && copy.read);
    const file = join(made, 'certificates', `${issued.serialNumber}.cer`);
    const der = readFileSync(file);
    writeFileSync(file, der.subarray(1));
    const changed = await certdir.failure(...again);
    assert.deepEqual([changed.code, changed.exitCode], ['VERIFIER_CHANGED', 8]);
    rmSync(file);
    assert.equal((await certdir.failure(...again)).code, 'VERIFIER_MISSING');
    writeFileSync(file, der);
    writeFileSync(join(made, 'more'), '');
    assert.equal((await certdir.failure(...again)).code, 'VERIFIER_UNEXPECTED');
    const disclosed = await certdir.answer<DisclosureReport>(
      ...['archive', 'disclose', '--serial', issued.serialNumber],
    );
    assert.deepEqual(
      disclosed.records.map(({ kind }) => kind),
      ['certificate.issue.intent', 'certificate.issue'],
    );
    const [told] = await certdir.answer<readonly AuditRecordReport[]>(
      ...['audit', 'list', '--kind', 'archive.disclose', '--limit', '1'],
    );
    assert.equal(told?.subject, issued.serialNumber);
    const nobody = certdir.write(
      'nobody.yaml',
      'commonName: 群馬　次郎\ngender: "1"\ndateOfBirth: 1980-01-01\naddress: 群馬県前橋市大手町一丁目一番\n',
    );
    const unknownPerson = await certdir.answer<DisclosureReport>(
      'archive',
      'disclose',
      '--subject',
      nobody,
    );
    assert.deepEqual(unknownPerson.certificates, []);
    const [asked] = await certdir.answer<readonly AuditRecordReport[]>(
      ...['audit', 'list', '--kind', 'archive.disclose', '--limit', '1'],
    );
    assert.equal(asked?.subject, 'no certificate');
    assert.equal((await certdir.failure('audit', 'show', '999999')).code, 'AUDIT_RECORD_UNKNOWN');
    const loss = await certdir.failure('audit', 'accept-loss', ...asAuditor);
    assert.equal(loss.code, 'AUDIT_NOTHING_LOST');
  }

  it('answers without a server', () => everyCommand('offline'));

  it('is kept by auditors alone', async () => {
    const other = AUDITOR.replace('auditor', 'other');
    const refused = await certdir.failure(
      ...['audit', 'review', '--auditor', other, '--password-file', at('other')],
    );
    assert.deepEqual([refused.code, refused.exitCode], ['AUDIT_NOT_AUDITOR', 4]);
    const [tried] = await certdir.answer<readonly AuditRecordReport[]>(
      ...['audit', 'list', '--kind', 'audit.review', '--result', 'refused'],
    );
    assert.equal(tried?.actor, other, 'R-AUD 1: refused access is on record');
    const wrong = await certdir.failure(
      ...['audit', 'prune', '--auditor', AUDITOR, '--password-file', at('other')],
    );
    assert.equal(wrong.code, 'DIRECTORY_INVALID_CREDENTIALS');
  });

  it('verifies in Python, with the signature checked by openssl', async () => {
    mkdirSync(at('naive'));
    const script = join(packageRoot, 'test/support/naive-verifier.py');
    const read = await runCommand('python3', [script, at('export'), at('naive')]);
    assert.equal(read.status, 0, read.stderr);
    const whole = await verify('log', at('export'), '--key', at('audit-key.txt'), '--json');
    const { size, rootHash } = JSON.parse(whole.stdout);
    assert.equal(read.stdout, `${size} ${rootHash}\n`);
    const signed = await runCommand('openssl', [
      ...['pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', at('naive/key.der')],
      ...['-rawin', '-in', at('naive/text'), '-sigfile', at('naive/signature')],
    ]);
    assert.match(signed.stdout, /Verified Successfully/);
  });

  it('answers with a server, whose checkpoint everyone can fetch', async () => {
    server = await certdir.serve();
    await everyCommand('online');
    const address = `${server.httpUrl}/audit`;
    const fetched = await fetch(`${address}/checkpoint`);
    assert.equal(fetched.headers.get('content-type'), 'text/plain; charset=utf-8');
    writeFileSync(at('fetched'), await fetched.text());
    const { status } = await verify('checkpoint', at('fetched'), '--key', at('audit-key.txt'));
    assert.equal(status, 0);
    assert.equal(
      await (await fetch(`${address}/audit-key.txt`)).text(),
      readFileSync(at('audit-key.txt'), 'utf8'),
    );
    for (const path of ['tile/0/000', 'tile/entries/000', 'tile/entries/000.p/1', 'tile/../x']) {
      assert.equal((await fetch(`${address}/${path}`)).status, 404);
    }
    assert.equal((await certdir.answer<CheckReport>('check')).isSound, true);
    await server.stop();
  });

  it('goes on with another key, to which the first one leads', async () => {
    server = await certdir.serve();
    writeFileSync(at('first-key.txt'), readFileSync(at('audit-key.txt')));
    const other = [
      '--auditor',
      AUDITOR.replace('auditor', 'other'),
      '--password-file',
      at('other'),
    ];
    const refused = await certdir.failure('audit', 'rotate-key', ...other);
    assert.deepEqual([refused.code, refused.exitCode], ['AUDIT_NOT_AUDITOR', 4]);
    const rotated = await certdir.answer<KeyRotationReport>(
      ...['audit', 'rotate-key', '--destroy-old', '--out', at('handover'), ...asAuditor],
    );
    assert.equal(readFileSync(at('handover'), 'utf8'), rotated.handover);
    assert.equal(rotated.isOldDestroyed, true);
    await server.stop();
    const kinds = await certdir.answer<readonly AuditRecordReport[]>(
      ...['audit', 'list', '--limit', '10000'],
    );
    const seen = new Set(kinds.map(({ kind }) => kind));
    const expected = [
      ...['audit.key.use', 'service.start', 'service.stop', 'audit.export', 'archive.receipt'],
      'archive.verify',
    ];
    assert.deepEqual(
      expected.filter((kind) => !seen.has(kind)),
      [],
    );
    assert.deepEqual(
      kinds
        .flatMap(({ kind, actor }) => (/^(audit\.)?key\./.test(kind) ? [[kind, actor]] : []))
        .slice(-3),
      [
        ['key.generate', AUDITOR],
        ['audit.key.rotate', AUDITOR],
        ['key.destroy', AUDITOR],
      ],
    );
    // Offline, and with the first key alone.
    await certdir.answer('audit', 'verify', '--kept', at('kept-offline'));
    await certdir.answer('audit', 'export', at('export'));
    const first = ['--key', at('first-key.txt')];
    const log = ['log', at('export'), ...first, '--kept', at('kept-offline'), '--json'];
    assert.equal((await verify(...log)).status, 0);
    writeFileSync(at('checkpoint'), rotated.checkpoint);
    const alone = await verify('checkpoint', at('checkpoint'), ...first);
    assert.equal(alone.status, 1);
    const led = await verify(
      'checkpoint',
      at('checkpoint'),
      ...first,
      '--handover',
      at('handover'),
    );
    assert.equal(led.status, 0, led.stderr);
    // What the first key has signed is read by the second.
    writeFileSync(at('second-key.txt'), rotated.key);
    const archive = ['archive', 'verify', at('archive-offline'), '--key', at('second-key.txt')];
    rmSync(at('archive-offline/more'));
    assert.equal((await certdir.failure(...archive)).code, 'TLOG_SIGNATURE_WRONG');
    await certdir.answer(...archive, '--handover', at('handover'));

    server = await certdir.serve();
    const served = await fetch(`${server.httpUrl}/audit/handover/1`);
    assert.equal(await served.text(), rotated.handover);
    for (const path of ['handover/2', 'handover/0', 'handover/x']) {
      assert.equal((await fetch(`${server.httpUrl}/audit/${path}`)).status, 404);
    }
    await server.stop();
    assert.equal((await certdir.answer<CheckReport>('check')).isSound, true);
  });

  it('that was changed, or is another one, has exit code 1; a wrong command line 2; no log 3', async () => {
    const key = ['--key', at('first-key.txt')];
    assert.equal((await verify('log', at('export'), ...key)).status, 0);
    const [last = ''] = readdirSync(at('export/tile/entries/000.p'));
    const bundle = at(`export/tile/entries/000.p/${last}`);
    const good = readFileSync(bundle);
    writeFileSync(bundle, Buffer.from(good.toString('latin1').replace('done', 'gone'), 'latin1'));
    const changed = await verify('log', at('export'), ...key, '--json');
    assert.deepEqual(
      [changed.status, JSON.parse(changed.stderr).error.code],
      [1, 'VERIFIER_CHANGED'],
    );
    writeFileSync(bundle, good);
    assert.equal((await verify('log', at('export'))).status, 2);
    assert.equal((await verify('nothing', at('export'), ...key)).status, 2);
    assert.equal((await verify('log', at('export'), '--key', at('absent'))).status, 2);
    assert.equal((await verify('log', 'http://127.0.0.1:9/audit', ...key)).status, 3);
    assert.equal((await verify('log', at('nowhere'), ...key)).status, 1);
    assert.equal((await verify('--help')).status, 0);
    const record = ['record', at('record.json'), '--proof', at('record.tlog-proof'), ...key];
    assert.equal((await verify(...record)).status, 0);
    const unrelated = await verify(...record, '--kept', at('kept-offline'), '--json');
    assert.deepEqual(
      [unrelated.status, JSON.parse(unrelated.stderr).error.code],
      [2, 'VERIFIER_USAGE'],
      'a checkpoint that cannot be compared is not passed over',
    );
    assert.equal((await verify('checkpoint', '/dev/zero', ...key)).status, 2);
    truncateSync(at('export/checkpoint'), 64 * 1024 * 1024);
    assert.equal((await verify('log', at('export'), ...key)).status, 3);
  });
});
