/**
 * A compromise by the command line (gunma 4-14-2): the server killed in between, OpenSSL as a verifier, the repository's
 * notice, the key destroyed after its last lists.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { SystemRandom } from '../../src/core/random.ts';
import type { CeremonyReport } from '../../src/http/ceremony-operations.ts';
import { connectControl } from '../../src/http/control-client.ts';
import { CONTROL_SOCKET } from '../../src/http/control-protocol.ts';
import type { Operations, ServiceStatus } from '../../src/http/operations.ts';
import { handOverToCustodians } from '../../src/setup/custodians.ts';
import { approve as makeApproval, type Proposal } from '../../src/signing/custody/approval.ts';
import { openCustodian, readCustody } from '../../src/signing/custody/custody-document.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { type IssuedCitizen, issueCitizen } from '../support/issued-citizen.ts';
import { runOpenssl } from '../support/openssl.ts';

const names = ['hanako', 'jiro', 'saburo'] as const;
const people = ['--master', 'Hanako Gunma', '--witness', 'Jiro Tone'];
const operator = { name: 'tester' };
const because = ['--because', 'The HSM was stolen.', '--because-ja', 'HSMが盗難に遭いました。'];

describe('a compromise', () => {
  const certdir = new CertdirFolder({ after });
  let server: CertdirServer;
  let citizen: IssuedCitizen;

  const control = (): Operations => connectControl(join(certdir.folder, CONTROL_SOCKET), 'tester');
  const approvalOf = async (proposal: unknown, name: string): Promise<unknown> => {
    const document = await readCustody(join(certdir.folder, 'token/custodians.json'));
    const opened = await openCustodian(document, name, Buffer.from(`the passphrase of ${name}`));
    return makeApproval(proposal as Proposal, opened, new SystemRandom());
  };
  const approve = async (id: string): Promise<CeremonyReport> => {
    const { ceremonies, custody } = control();
    let report = await ceremonies.show({ id });
    const found = (await custody.list()).find(({ hash }) => hash === report.proposal);
    assert.ok(found !== undefined, 'something is proposed');
    for (const name of ['jiro', 'saburo']) {
      const approval = await approvalOf(found.proposal, name);
      report = await ceremonies.approve({ id, hash: found.hash, approval }, operator);
    }
    return report;
  };
  const activate = async (): Promise<void> => {
    const proposed = await control().custody.propose({ operation: { act: 'activate' } }, operator);
    for (const name of ['hanako', 'jiro']) {
      const approval = await approvalOf(proposed.proposal, name);
      await control().custody.approve({ hash: proposed.hash, approval }, operator);
    }
  };
  const restart = async (): Promise<void> => {
    await server.kill();
    server = await certdir.serve();
    await activate();
  };
  const get = async (path: string): Promise<string> =>
    await (await fetch(`${server.httpUrl}${path}`)).text();
  /** What OpenSSL says of the certificate, with the newest list of its partition. */
  const verify = async (): Promise<string> => {
    const caFile = certdir.write('ca.pem', await get('/ca.pem'));
    const pieces: Uint8Array[] = [];
    for await (const piece of control().crl.export({ scope: '10201' })) {
      pieces.push(piece);
    }
    const crlFile = certdir.write('10201.pem', encodePem('X509 CRL', Buffer.concat(pieces)));
    const args = ['verify', '-crl_check', '-CAfile', caFile, '-CRLfile', crlFile];
    try {
      return runOpenssl([...args, citizen.certificateFile]).toString('utf8');
    } catch (error) {
      return String(error);
    }
  };

  before(async () => {
    await certdir.init();
    await handOverToCustodians({
      folder: certdir.folder,
      quorum: 2,
      custodians: names.map((name) => ({
        name,
        passphrase: Buffer.from(`the passphrase of ${name}`),
      })),
      rules: { acts: ['activate', 'destroy'], validMs: 600_000, idleMs: 0 },
      scryptCost: 2 ** 10,
    });
    server = await certdir.serve();
    await activate();
    citizen = await issueCitizen(certdir, { name: 'victim' });
  });

  it('that is reported stops issuing at once, and for as long as nobody has withdrawn it', async () => {
    assert.match(await verify(), /: OK/);
    const { id, proposal, steps } = await certdir.answer<CeremonyReport>(
      ...['ceremony', 'start', 'compromise', ...people, ...because],
    );
    assert.notEqual(proposal, null);
    assert.equal(steps[0]?.facts['state'], 'suspended');
    await restart();
    await assert.rejects(issueCitizen(certdir, { name: 'late' }), /CA_ISSUING_STOPPED/);
    assert.match(await verify(), /: OK/);
    const withdrawal = await certdir.answer<CeremonyReport>(
      ...['ceremony', 'start', 'withdrawal', '--report', id, ...people],
    );
    const said = { by: 'Hanako Gunma', note: 'the HSM was found in the cellar' };
    await control().ceremonies.continue({ id: withdrawal.id, ...said }, operator);
    await approve(withdrawal.id);
    await issueCitizen(certdir, { name: 'again' });
  });

  it('may come while the end of the service is announced, until which certificates are issued', async () => {
    const { id } = await certdir.answer<CeremonyReport>(
      ...['ceremony', 'start', 'end-of-service', '--ends', '2099-04-01T00:00:00Z'],
      ...['--because', 'The law was changed.', ...people],
    );
    const { ceremonies } = control();
    for (const note of ['identities checked', 'the decision was read']) {
      await ceremonies.continue({ id, by: 'Hanako Gunma', note }, operator);
    }
    const announced = await approve(id);
    assert.equal(announced.steps.find(({ name }) => name === 'announce')?.isDone, true);
    const status = await certdir.answer<ServiceStatus>('status');
    assert.equal(status.service.state, 'ending');
    assert.match(await get('/'), /認証業務の終了について/);
    await issueCitizen(certdir, { name: 'meanwhile' });
    const note = readFileSync(join(certdir.folder, 'ceremonies', `${id}-notice.txt`), 'utf8');
    assert.match(note, /stops issuing 2099-04-01T00:00:00Z\n/);
  });

  it('that is approved has everything revoked and published, and the key destroyed', async () => {
    const { id } = await certdir.answer<CeremonyReport>(
      ...['ceremony', 'start', 'compromise', '--destroy-key', ...people, ...because],
    );
    const approved = await approve(id);
    const done = approved.steps.filter(({ isDone }) => isDone).map(({ name }) => name);
    assert.deepEqual(done, ['stop', 'order', 'revoke', 'notice']);
    assert.match(await verify(), /certificate revoked/);
    const arl = Buffer.from(await (await fetch(`${server.httpUrl}/arl.crl`)).arrayBuffer());
    const text = runOpenssl(['crl', '-inform', 'DER', '-noout', '-text'], arl).toString('utf8');
    assert.match(text, /CA Compromise/);
    assert.match(text, /Next Update: Dec 31 23:59:59 9999 GMT/);

    const page = await get('/');
    assert.match(page, /秘密鍵の危殆化について/);
    assert.match(page, /HSMが盗難に遭いました。/);
    assert.match(page, /Do not trust certificates signed with this key/);
    assert.match(await get('/notices.txt'), /The HSM was stolen\./);
    const note = readFileSync(join(certdir.folder, 'ceremonies', `${id}-notice.txt`), 'utf8');
    assert.match(note, /^certdir notice to the bridge CA\n/);
    assert.match(note, /\n— [^\n]+\n$/);

    const told = await control().ceremonies.continue(
      { id, by: 'Hanako Gunma', note: 'by messenger' },
      operator,
    );
    assert.notEqual(told.proposal, null);
    await approve(id);
    await control().ceremonies.continue({ id, by: 'Hanako Gunma', note: 'no copies' }, operator);
    const closed = await approve(id);
    assert.notEqual(closed.closed, null);
    await server.kill();
    server = await certdir.serve();
    const status = await certdir.answer<ServiceStatus>('status');
    assert.equal(status.service.state, 'ended');
    assert.equal(status.service.cessations.at(-1)?.phase, 'closed');
    await assert.rejects(issueCitizen(certdir, { name: 'dead' }), /CA_ISSUING_STOPPED/);
    assert.match(await get('/'), /最後の失効リスト/);
  });
});
