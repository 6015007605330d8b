/**
 * Key ceremonies by the command line, with the server killed after every step: each goes on where it was, and ends with a
 * record whose SHA-256 is in the audit log.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SystemRandom } from '../../src/core/random.ts';
import type { AuditRecordReport } from '../../src/http/audit-operations.ts';
import type { CeremonyReport } from '../../src/http/ceremony-operations.ts';
import { connectControl } from '../../src/http/control-client.ts';
import { CONTROL_SOCKET } from '../../src/http/control-protocol.ts';
import type { ProposalReport } from '../../src/http/custody-operations.ts';
import type { Operations } from '../../src/http/operations.ts';
import { handOverToCustodians } from '../../src/setup/custodians.ts';
import { approve as makeApproval, type Proposal } from '../../src/signing/custody/approval.ts';
import { openCustodian, readCustody } from '../../src/signing/custody/custody-document.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';

const names = ['hanako', 'jiro', 'saburo'] as const;
const people = ['--master', 'Hanako Gunma', '--witness', 'Jiro Tone', 'Saburo Haruna'];

describe('a key ceremony', () => {
  const certdir = new CertdirFolder({ after });
  let server: CertdirServer;

  const restart = async (): Promise<void> => {
    await server.kill();
    server = await certdir.serve();
  };
  const passphraseFile = (name: string): string => certdir.path(`${name}.pass`);
  const start = (...args: readonly string[]): Promise<CeremonyReport> =>
    certdir.answer('ceremony', 'start', ...args, ...people);
  // The server's own interface where the command line is not what is tried.
  const control = (): Operations => connectControl(join(certdir.folder, CONTROL_SOCKET), 'tester');
  const goOn = (id: string, said: { by?: string; note?: string } = {}): Promise<CeremonyReport> =>
    control().ceremonies.continue({ id, ...said }, { name: 'tester' });
  const say = (id: string, note: string): Promise<CeremonyReport> =>
    goOn(id, { by: 'Hanako Gunma', note });
  const approvalOf = async (found: ProposalReport, name: string): Promise<unknown> => {
    const document = await readCustody(join(certdir.folder, 'token/custodians.json'));
    const opened = await openCustodian(document, name, Buffer.from(`the passphrase of ${name}`));
    return makeApproval(found.proposal as Proposal, opened, new SystemRandom());
  };
  const approveAs = async (id: string, name: string): Promise<CeremonyReport> => {
    const { ceremonies, custody } = control();
    const { proposal } = await ceremonies.show({ id });
    const found = (await custody.list()).find(({ hash }) => hash === proposal);
    assert.ok(found !== undefined, 'something is proposed');
    const approval = await approvalOf(found, name);
    return await ceremonies.approve({ id, hash: found.hash, approval }, { name: 'tester' });
  };
  const approve = async (id: string): Promise<CeremonyReport> => {
    await approveAs(id, 'jiro');
    return await approveAs(id, 'saburo');
  };
  const activate = async (): Promise<void> => {
    const operator = { name: 'tester' };
    const proposed = await control().custody.propose({ operation: { act: 'activate' } }, operator);
    const { hash } = proposed;
    for (const name of ['hanako', 'jiro']) {
      const approval = await approvalOf(proposed, name);
      await control().custody.approve({ hash, approval }, operator);
    }
  };
  const doneIn = ({ steps }: CeremonyReport): readonly string[] =>
    steps.filter(({ isDone }) => isDone).map(({ name }) => name);
  const file = (id: string, ending: 'json' | 'txt'): string =>
    join(certdir.folder, 'ceremonies', `${id}.${ending}`);

  /** The audit log has the hashes of the record as it lies there. */
  const assertRecorded = async (report: CeremonyReport): Promise<void> => {
    assert.notEqual(report.closed, null);
    assert.deepEqual(JSON.parse(readFileSync(file(report.id, 'json'), 'utf8')), report);
    const query = ['audit', 'list', '--kind', 'ceremony.close', '--subject', report.id];
    const records = await certdir.answer<readonly AuditRecordReport[]>(...query);
    const sha256 = (ending: 'json' | 'txt'): string =>
      createHash('sha256')
        .update(readFileSync(file(report.id, ending)))
        .digest('hex');
    assert.equal(records.length, 1);
    for (const kind of ['ceremony.start', 'ceremony.propose', 'ceremony.step']) {
      const acts = ['audit', 'list', '--kind', kind, '--subject', report.id];
      const some = await certdir.answer<readonly AuditRecordReport[]>(...acts);
      assert.ok(some.length > 0 || kind === 'ceremony.propose', kind);
    }
    assert.equal(records[0]?.after, sha256('json'));
    assert.equal(records[0]?.details['textSha256'], sha256('txt'));
    const text = readFileSync(file(report.id, 'txt'), 'utf8');
    assert.ok(!text.includes('OPEN') && text.includes('witness: Jiro Tone'), text);
  };

  before(async () => {
    await certdir.init();
    const keygen = ['--type', 'p-256', '--purpose', 'ocsp', '--pin-file'];
    const secret = join(certdir.folder, 'secrets/token-passphrase');
    await certdir.answer('hsm', 'keygen', '--label', 'old-1', ...keygen, secret);
    for (const name of names) {
      certdir.write(`${name}.pass`, `the passphrase of ${name}`);
    }
    server = await certdir.serve();
    const early = await certdir.failure('ceremony', 'start', 'first-key', ...people);
    assert.equal(early.code, 'SIGNING_CEREMONY_REFUSED', 'no custodians yet');
    await server.stop();
    await handOverToCustodians({
      folder: certdir.folder,
      quorum: 2,
      custodians: names.map((name) => ({
        name,
        passphrase: Buffer.from(`the passphrase of ${name}`),
      })),
      rules: {
        acts: ['activate', 'deactivate', 'generate', 'destroy'],
        validMs: 600_000,
        idleMs: 0,
      },
      scryptCost: 2 ** 10,
    });
    server = await certdir.serve();
  });

  it('of the first key goes on after a kill at every step', async () => {
    const { id } = await start('first-key');
    await restart();
    assert.deepEqual(doneIn(await certdir.answer('ceremony', 'show', id)), []);
    await say(id, 'identities checked');
    await restart();
    const compared = await say(id, 'compared with the sheet of init');
    assert.deepEqual(doneIn(compared), ['present', 'key', 'compare']);
    assert.notEqual(compared.proposal, null);
    await approveAs(id, 'hanako');
    await restart();
    // The proposal went with the process: the same is put before them anew.
    const failure = await certdir.failure(
      ...['ceremony', 'approve', id, '--name', 'jiro'],
      ...['--passphrase-file', passphraseFile('jiro')],
    );
    assert.equal(failure.exitCode, 5);
    const again = await goOn(id);
    assert.notEqual(again.proposal, compared.proposal);
    await certdir.answer(
      ...['ceremony', 'approve', id, '--name', 'jiro'],
      ...['--passphrase-file', passphraseFile('jiro')],
    );
    const opened = doneIn(await approveAs(id, 'saburo'));
    assert.deepEqual(opened, ['present', 'key', 'compare', 'activate']);
    await restart();
    assert.deepEqual(doneIn(await say(id, 'three envelopes')).at(-1), 'seal');
    await restart();
    await goOn(id);
    // The audit log's key is in the token that is locked.
    await assert.rejects(approve(id), { code: 'SIGNING_NOT_ACTIVE' });
    await activate();
    const closed = await certdir.answer<CeremonyReport>('ceremony', 'continue', id);
    const [, key, , open, , attested, last] = closed.steps;
    assert.equal(key?.facts['certificate SHA-256']?.length, 64);
    assert.deepEqual(
      [open?.by, attested?.by],
      [
        ['jiro', 'saburo'],
        ['jiro', 'saburo'],
      ],
    );
    assert.match(last?.facts['audit checkpoint'] ?? '', /\n— /);
    await assertRecorded(closed);
    await restart();
    assert.deepEqual(await certdir.answer('ceremony', 'list'), [closed]);
  });

  it('of a backup and a restore: the copy is the token, and one that was changed is refused', async () => {
    const folder = certdir.path('copy');
    const { id } = await start('backup', '--folder', folder);
    await say(id, 'identities checked');
    await restart();
    await goOn(id);
    await approve(id);
    await restart();
    await activate();
    await say(id, 'envelope 17, safe 2');
    await assertRecorded(await approve(id));

    const copy = join(folder, 'software-token.json');
    const whole = readFileSync(copy);
    const restore = await start('restore', '--folder', folder);
    writeFileSync(copy, 'changed');
    const changed = await certdir.failure(
      ...['ceremony', 'continue', restore.id, '--by', 'Hanako', '--note', 'identities checked'],
    );
    assert.equal(changed.code, 'SIGNING_CEREMONY_REFUSED');
    writeFileSync(copy, whole);
    await restart();
    await goOn(restore.id);
    await approve(restore.id);
    await restart();
    await activate();
    await say(restore.id, 'envelope 17 is back');
    await assertRecorded(await approve(restore.id));
  });

  it('does not go on from a file that somebody has changed', async () => {
    const { id } = await start('first-key');
    const written = readFileSync(file(id, 'json'), 'utf8');
    writeFileSync(file(id, 'json'), written.replace('"isDone": false', '"isDone": true'));
    await assert.rejects(say(id, 'identities checked'), { code: 'SIGNING_CEREMONY_REFUSED' });
    assert.deepEqual(doneIn(await control().ceremonies.show({ id })), ['present']);
    writeFileSync(file(id, 'json'), written);
    assert.deepEqual(doneIn(await say(id, 'identities checked')).slice(0, 1), ['present']);
  });

  it('of a destruction: the key is gone once, also when the program ended before it was written down', async () => {
    const { id } = await start('destruction', '--label', 'old-1');
    await say(id, 'identities checked');
    await restart();
    await activate();
    await say(id, 'order 5 of 2026-01-05: no longer used');
    const beforeIt = readFileSync(file(id, 'json'));
    await approve(id);
    await server.kill();
    writeFileSync(file(id, 'json'), beforeIt);
    server = await certdir.serve();
    const found = await goOn(id);
    assert.deepEqual(doneIn(found).slice(-2), ['destroy', 'gone']);
    await activate();
    await say(id, 'no copies');
    await assertRecorded(await approve(id));
  });

  it('of a renewal goes on after a kill at every step, and ends with both keys in the directory', async () => {
    interface Keys {
      readonly generations: readonly {
        readonly state: string;
        readonly sha256: string;
        readonly links: readonly { readonly kind: string }[];
      }[];
    }
    const keys = (): Promise<Keys> => certdir.answer<Keys>('ca', 'keys');
    const states = async (): Promise<readonly string[]> =>
      (await keys()).generations.map(({ state }) => state);
    const { id, label } = await start('renewal');
    assert.equal(label, 'gunma-ca-2');
    await restart();
    const locked = say(id, 'identities checked');
    await assert.rejects(locked, { code: 'SIGNING_CEREMONY_REFUSED' }, 'the token is locked');
    await activate();
    const asked = await goOn(id);
    assert.deepEqual(doneIn(asked), ['present', 'key', 'open']);
    const beforeIt = readFileSync(file(id, 'json'));
    await approve(id);
    assert.deepEqual(await states(), ['current', 'made']);
    await server.kill();
    // As if it had ended when the key was made, and before that was written down.
    writeFileSync(file(id, 'json'), beforeIt);
    server = await certdir.serve();
    const made = await goOn(id);
    assert.deepEqual(doneIn(made).slice(-2), ['generate', 'make']);
    const facts = made.steps.find(({ name }) => name === 'make')?.facts ?? {};
    assert.equal(facts['certificate SHA-256'], (await keys()).generations[1]?.sha256);
    assert.match(facts['NewWithOld SHA-256'] ?? '', /^[0-9a-f]{64}\n/);
    await restart();
    await say(id, 'read aloud, and on a sheet');
    await approveAs(id, 'hanako');
    await restart();
    await activate();
    assert.deepEqual(await states(), ['current', 'made']);
    await goOn(id);
    const switched = await approve(id);
    assert.deepEqual(doneIn(switched).slice(-3), ['order', 'switch', 'lists']);
    assert.deepEqual(await states(), ['retiring', 'current']);
    await restart();
    await activate();
    await goOn(id);
    const answering = await approve(id);
    assert.deepEqual(doneIn(answering).slice(-2), ['delegate', 'answers']);
    await restart();
    await say(id, 'the bridge CA was given the certificate');
    await say(id, 'backup-20260105T010000Z');
    await activate();
    await assertRecorded(await approve(id));
    const [older, newer] = (await keys()).generations;
    assert.deepEqual(
      [older?.links.length, newer?.links.map(({ kind }) => kind)],
      [0, ['OldWithNew', 'NewWithOld']],
    );
    const check = await certdir.answer<{ readonly findings: readonly unknown[] }>('check');
    assert.deepEqual(check.findings, []);
  });

  it('of a renewal is the only way where there are custodians', async () => {
    const failure = await certdir.failure('ca', 'renew-key', '--early');
    assert.equal(failure.code, 'SIGNING_CEREMONY_REFUSED');
  });

  const refusals = [
    { why: 'a backup into the data folder', args: ['backup', '--folder', 'FOLDER/copy'] },
    { why: 'a destruction without a key', args: ['destruction'] },
    { why: 'a first key with a folder', args: ['first-key', '--folder', '/tmp'] },
  ];
  for (const { why, args } of refusals) {
    it(`SIGNING_CEREMONY_REFUSED for ${why}`, async () => {
      const given = args.map((argument) => argument.replace('FOLDER', certdir.folder));
      const failure = await certdir.failure('ceremony', 'start', ...given, ...people);
      assert.equal(failure.code, 'SIGNING_CEREMONY_REFUSED');
    });
  }

  it('has no other name than those it gave itself', async () => {
    for (const id of ['../certdir', 'first-key-20260105T010000Z']) {
      const failure = await certdir.failure('ceremony', 'show', id);
      assert.equal(failure.code, 'SIGNING_CEREMONY_REFUSED');
    }
  });
});
