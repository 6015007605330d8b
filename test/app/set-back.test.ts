/**
 * A store that was put back by a copy of its folder, and a log that others know to be longer, by the command line:
 * no number of a list is used twice, and no checkpoint is signed that contradicts one which others have.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { cpSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { StoreRebuildReport } from '../../src/app/store-maintenance.ts';
import type { AuditRecordReport, CheckpointReport } from '../../src/http/audit-operations.ts';
import type {
  CheckReport,
  PublishedReport,
  RecoverReport,
  ServiceStatus,
} from '../../src/http/operations.ts';
import { CertdirFolder } from '../support/certdir-process.ts';

const AUDITOR = 'cn=auditor,ou=Operators,ou=Gunma Prefectural CA,o=JPKI,c=JP';
const SCOPE = '10201';
const Exit = { refused: 4, conflict: 6, damaged: 8 } as const;

describe('a store that was put back', () => {
  const certdir = new CertdirFolder({ after });
  const earlier = certdir.path('earlier');
  const asAuditor: string[] = [];
  let published = '';

  const publish = ['ca', 'publish', '--partition', SCOPE];

  async function putBack(...alsoWithout: readonly string[]): Promise<void> {
    for (const name of ['store', ...alsoWithout]) {
      rmSync(join(certdir.folder, name), { recursive: true, force: true });
    }
    cpSync(earlier, join(certdir.folder, 'store'), { recursive: true });
  }

  before(async () => {
    await certdir.init();
    const people = certdir.write(
      'people.ldif',
      `dn: ${AUDITOR}
objectClass: applicationProcess
objectClass: certdirOperator
cn: auditor
certdirOperatorRole: internalAuditor
userPassword: an auditor reads it all
`,
    );
    await certdir.answer('ldif', 'import', people);
    const password = certdir.write('password', 'an auditor reads it all');
    asAuditor.push('--auditor', AUDITOR, '--password-file', password);
    cpSync(join(certdir.folder, 'store'), earlier, { recursive: true });
    const [list] = await certdir.answer<PublishedReport[]>(...publish);
    published = list?.crlNumber ?? '';
    await certdir.answer('audit', 'checkpoint', '--out', certdir.path('kept'));
  });

  it('is found by the checkpoint beside it, and signs nothing', async () => {
    await putBack();
    const { findings } = await certdir.answer<CheckReport>('check').catch(async () => {
      const { stdout } = await certdir.run('--json', 'check');
      return JSON.parse(stdout) as CheckReport;
    });
    assert.deepEqual(
      findings.map(({ part, code }) => [part, code]),
      [['audit', 'AUDIT_CHECKPOINT_CONTRADICTED']],
    );
    for (let at = 0; at < 2; at += 1) {
      const refused = await certdir.failure(...publish);
      assert.deepEqual([refused.exitCode, refused.code], [Exit.conflict, 'CA_RECOVERY_PENDING']);
    }
    const { warnings } = await certdir.answer<ServiceStatus>('status');
    assert.ok(warnings.some((warning) => warning.includes('recover confirm')));
    assert.ok(warnings.some((warning) => warning.includes('accept-loss')));
    const held = await certdir.answer<AuditRecordReport[]>('audit', 'list', '--kind', 'recovery.');
    assert.deepEqual(
      held.map(({ kind }) => kind),
      ['recovery.hold'],
    );
  });

  it('signs above the numbers in use when they are known, and stays free', async () => {
    const number = ['--number', `${SCOPE}=${published}`, '--none-newer'];
    const report = await certdir.answer<RecoverReport>('recover', 'confirm', ...number);
    assert.ok(report.auditLoss !== null);
    const [list] = await certdir.answer<PublishedReport[]>(...publish);
    assert.equal(BigInt(list?.crlNumber ?? 0), BigInt(published) + 1n);
    const unsigned = await certdir.failure('audit', 'checkpoint');
    assert.deepEqual(
      [unsigned.exitCode, unsigned.code],
      [Exit.damaged, 'AUDIT_CHECKPOINT_CONTRADICTED'],
    );
    await certdir.answer('audit', 'accept-loss', ...asAuditor);
    await certdir.answer('audit', 'checkpoint');
    assert.ok((await certdir.answer<CheckReport>('check')).isSound);
    assert.deepEqual((await certdir.answer<ServiceStatus>('status')).warnings, []);
  });

  it('is told of what others have kept, when nothing lies beside it', async () => {
    await certdir.answer('backup', 'create', certdir.path('backups'));
    await certdir.answer(...publish);
    const signed = await certdir.answer<CheckpointReport>(
      ...['audit', 'checkpoint', '--out', certdir.path('later')],
    );
    for (const name of ['store', 'audit']) {
      rmSync(join(certdir.folder, name), { recursive: true });
    }
    await certdir.answer('backup', 'restore', certdir.path('backups'));
    const early = await certdir.failure('audit', 'checkpoint');
    assert.equal(early.code, 'CA_RECOVERY_PENDING');
    const [restored] = await certdir.answer<AuditRecordReport[]>(
      ...['audit', 'list', '--kind', 'backup.restore'],
    );
    assert.equal(restored?.subject, certdir.path('backups'));
    const marks = ['recover', 'confirm', '--none-newer', '--checkpoint'];
    const none = await certdir.failure(...marks, certdir.path('people.ldif'));
    assert.deepEqual([none.exitCode, none.code], [Exit.refused, 'TLOG_NOTE_MALFORMED']);
    const kept = [certdir.path('later'), certdir.path('kept')];
    const { auditLoss } = await certdir.answer<RecoverReport>(...marks, ...kept);
    assert.match(auditLoss ?? '', new RegExp(`\\b${signed.size}\\b`));
    assert.equal(
      (await certdir.failure('audit', 'checkpoint')).code,
      'AUDIT_CHECKPOINT_CONTRADICTED',
    );
    await certdir.answer(...publish);
    await certdir.answer('audit', 'accept-loss', ...asAuditor);
  });

  it('is on record when half of it is made anew, and signs nothing when something may be missing', async () => {
    const whole = await certdir.answer<StoreRebuildReport>('store', 'rebuild');
    assert.deepEqual([whole.isSigningHeld, whole.unrecorded], [false, null]);
    const { mode } = statSync(join(certdir.folder, 'store/level'));
    assert.equal(mode & 0o077, 0, 'nobody else reads it');
    await certdir.answer(...publish);
    const risky = await certdir.answer<StoreRebuildReport>('store', 'rebuild', '--accept-loss');
    assert.deepEqual([risky.isSigningHeld, risky.unrecorded], [true, null]);
    assert.equal((await certdir.failure(...publish)).code, 'CA_RECOVERY_PENDING');
    await certdir.answer('store', 'rebuild', '--journal');
    const rebuilt = await certdir.answer<AuditRecordReport[]>('audit', 'list', '--kind', 'store.');
    assert.deepEqual(
      rebuilt.map(({ kind, details }) => [kind, details['half'], details['acceptsLoss']]),
      [
        ['store.rebuild', 'index', false],
        ['store.rebuild', 'index', true],
        ['store.rebuild', 'journal', false],
      ],
    );
    await certdir.answer('recover', 'confirm', '--none-newer');
    await certdir.answer(...publish);
    assert.ok((await certdir.answer<CheckReport>('check', '--deep')).isSound);
  });
});
