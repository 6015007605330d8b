/**
 * The restore drill, by the command line: backups of a running server, lists that come out afterwards, and a CA that
 * is restored from before them into an empty folder.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type {
  BackupCreateReport,
  CheckReport,
  JournalReport,
  PublishedReport,
  ServiceStatus,
} from '../../src/http/operations.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SCOPE = '10201';
const Exit = { done: 0, refused: 4, conflict: 6, damaged: 8 } as const;

describe('the restore drill', () => {
  const outside = temporaryFolder({ after });
  const backups = join(outside, 'backups');
  const passphrase = join(outside, 'passphrase');
  const sealed = ['--passphrase-file', passphrase];
  const certdir = new CertdirFolder({ after }, join(outside, 'live'));
  const restored = new CertdirFolder({ after }, join(outside, 'restored'));
  let server: CertdirServer;
  let published = '';

  before(async () => {
    writeFileSync(passphrase, 'a passphrase of some length', { mode: 0o600 });
    mkdirSync(join(outside, 'live'));
    mkdirSync(join(outside, 'restored'));
    await certdir.init();
    server = await certdir.serve();
  });

  it('backs up while the server runs, and copies only what is new the next time', async () => {
    const first = await certdir.answer<BackupCreateReport>('backup', 'create', backups, ...sealed);
    assert.equal(first.copiedSegments, first.segments);
    assert.equal(first.isEncrypted, true);
    await certdir.answer('ca', 'publish', '--partition', SCOPE);
    const next = await certdir.answer<BackupCreateReport>('backup', 'create', backups, ...sealed);
    assert.equal(next.copiedSegments, 1);
    assert.ok(next.sequence > first.sequence);
    await certdir.answer('backup', 'verify', backups, ...sealed);
    const journal = await certdir.answer<JournalReport>('store', 'journal');
    assert.deepEqual([journal.keepDays, journal.retiredUpTo], [null, 0]);
    assert.equal(journal.backedUpTo, next.sequence);
    assert.deepEqual(
      journal.segments.map(({ state }) => state),
      ['kept', 'kept', 'last'],
    );
    const inside = await certdir.failure('backup', 'create', join(certdir.folder, 'b'), ...sealed);
    assert.equal(inside.code, 'STORE_BACKUP_INVALID');
    symlinkSync(certdir.folder, join(outside, 'link'));
    const linked = join(outside, 'link', 'new', 'b');
    const through = await certdir.failure('backup', 'create', linked, ...sealed);
    assert.equal(through.code, 'STORE_BACKUP_INVALID');
  });

  it('restores into an empty folder, and signs nothing there', async () => {
    const [list] = await certdir.answer<PublishedReport[]>('ca', 'publish', '--partition', SCOPE);
    published = list?.crlNumber ?? '';
    assert.equal(await server.stop(), Exit.done);
    await restored.answer('backup', 'restore', backups, ...sealed);
    for (const name of ['token', 'secrets', 'tls']) {
      cpSync(join(certdir.folder, name), join(restored.folder, name), { recursive: true });
    }
    for (const name of ['certdir.yaml', 'policy.yaml']) {
      const [left, right] = [certdir, restored].map(({ folder }) =>
        readFileSync(join(folder, name)),
      );
      assert.deepEqual(left, right);
    }
    assert.ok((await restored.answer<CheckReport>('check', '--deep')).isSound);
    const refused = await restored.failure('ca', 'publish', '--partition', SCOPE);
    assert.deepEqual([refused.exitCode, refused.code], [Exit.conflict, 'CA_RECOVERY_PENDING']);
    const { warnings } = await restored.answer<ServiceStatus>('status');
    assert.ok(warnings.some((warning) => warning.includes('recover confirm')));
  });

  it('goes on above the numbers in use', async () => {
    const open = await restored.failure('recover', 'confirm');
    assert.deepEqual([open.exitCode, open.code], [Exit.refused, 'CA_RECOVERY_INCOMPLETE']);
    const number = `${SCOPE}=${published}`;
    await restored.answer('recover', 'confirm', '--number', number, '--none-newer');
    const [list] = await restored.answer<PublishedReport[]>('ca', 'publish', '--partition', SCOPE);
    assert.equal(BigInt(list?.crlNumber ?? 0), BigInt(published) + 1n);
    assert.ok((await restored.answer<CheckReport>('check', '--deep')).isSound);
  });

  it('does not restore over a store', async () => {
    const again = await restored.failure('backup', 'restore', backups, ...sealed);
    assert.deepEqual([again.exitCode, again.code], [Exit.conflict, 'STORE_EXISTS']);
  });
});
