/**
 * Two CAs in one server: each issues, revokes and publishes under its own key and rules, and nothing of one is the
 * other's.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import { restoreDataFolder } from '../../src/app/backup.ts';
import { openLocalOperations } from '../../src/app/local-instance.ts';
import { type RunningServer, serve } from '../../src/app/server.ts';
import { CONFIGURATION_FILE } from '../../src/config/configuration.ts';
import { silentLog } from '../../src/core/log.ts';
import type { IssuedReport } from '../../src/http/operations.ts';
import { makeDataFolder } from '../support/data-folder.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

const operator = { name: 'tester' };
const ids = ['gunma', 'tokyo'] as const;
type Id = (typeof ids)[number];

const partition = { gunma: '10201', tokyo: '13101' } as const;

describe('two CAs in one server', () => {
  const work = temporaryFolder({ after });
  const folder = join(work, 'data');
  let server: RunningServer;
  let people = 0;

  before(async () => {
    await makeDataFolder(folder, ids);
    for (const file of ['policy.yaml', 'tokyo.yaml']) {
      const text = readFileSync(join(folder, file), 'utf8');
      writeFileSync(
        join(folder, file),
        text.replace(/^ {2}access: verifiers$/m, '  access: public'),
      );
    }
    const file = join(folder, CONFIGURATION_FILE);
    const configuration = JSON.parse(readFileSync(file, 'utf8'));
    const metrics = { address: '127.0.0.1', port: 0 };
    writeFileSync(file, JSON.stringify({ ...configuration, metrics }));
    server = await serve({ folder, log: silentLog });
  });
  after(() => server.close());

  async function issue(ca: Id): Promise<IssuedReport> {
    people += 1;
    const attributes = {
      commonName: '群馬　花子',
      gender: '2',
      dateOfBirth: `19${10 + people}-04-01`,
      address: '東京都千代田区丸の内一丁目１番１号',
    };
    const request = Buffer.from(sampleRequest(sampleKey('p256', `several ${people}`))).toString(
      'base64',
    );
    const input = { request, municipality: partition[ca], attributes };
    return await server.operationsOf(ca).issue(input, operator);
  }

  const http = (): string =>
    server.endpoints.find((one) => /^http:.*[0-9]$/.test(one)) ?? assert.fail('no HTTP');

  it('says that a CA has to be named, and which there are', async () => {
    const input = { serialNumber: '01', reason: 'superseded' };
    await assert.rejects(async () => server.operations.revoke(input, operator), {
      code: 'CA_NOT_NAMED',
    });
    await assert.rejects(async () => server.operations.crl.terms(), { code: 'CA_NOT_NAMED' });
    assert.throws(() => server.operationsOf('saitama'), { code: 'CA_UNKNOWN' });
    const statuses = await server.operations.statuses();
    assert.deepEqual(
      statuses.map(({ preset }) => preset),
      ids,
    );
  });

  for (const ca of ids) {
    it(`${ca}: issues, revokes, and publishes a list that is its own`, async () => {
      const { serialNumber } = await issue(ca);
      const operations = server.operationsOf(ca);
      await operations.revoke({ serialNumber, reason: 'superseded' }, operator);
      const scopes = [partition[ca]];
      const [published] = await operations.publish({ scopes }, operator, () => undefined);
      assert.equal(published?.entries, 1);
      for (const other of ids.filter((one) => one !== ca)) {
        const strange = server.operationsOf(other);
        const query = { serialNumber };
        await assert.rejects(strange.findCertificates(query), { code: 'CA_SERIAL_UNKNOWN' });
        const input = { scopes };
        const refused = async (): Promise<unknown> =>
          strange.publish(input, operator, () => undefined);
        await assert.rejects(refused, { code: 'CA_SCOPE_UNKNOWN' });
      }
    });

    it(`${ca}: has pages of its own below /${ca}/`, async () => {
      const index = await (await fetch(`${http()}/`)).text();
      assert.match(index, new RegExp(`href="/${ca}/"`));
      const page = await (await fetch(`${http()}/${ca}/`)).text();
      assert.match(page, new RegExp(`href="/${ca}/ca.pem"`));
      const arl = await fetch(`${http()}/${ca}/arl.crl`);
      assert.equal(arl.status, 200);
      const single = await fetch(`${http()}/${ca}/crl/operations.crl`);
      assert.equal(single.status, 200);
      assert.equal((await fetch(`${http()}/${ca}/crl/${partition[ca]}.crl`)).status, 404);
      assert.equal((await fetch(`${http()}/ca.pem`)).status, 404);
    });

    it(`${ca}: records say whose they are`, async () => {
      const { serialNumber } = await issue(ca);
      const [record] = await server.operations.audit.list({
        ...{ kind: 'certificate.issue', subject: serialNumber, limit: 1 },
      });
      assert.equal(record?.details['ca'], ca);
    });

    it(`${ca}: is answered for over OCSP by its own responder`, {
      skip: skipWithout('openssl'),
    }, async () => {
      const { serialNumber, certificate } = await issue(ca);
      const at = (name: string): string => join(work, `${ca}-${name}.pem`);
      writeFileSync(at('issuer'), await (await fetch(`${http()}/${ca}/ca.pem`)).text());
      writeFileSync(at('citizen'), certificate);
      const ask = async (): Promise<string> => {
        const args = ['-issuer', at('issuer'), '-CAfile', at('issuer'), '-cert', at('citizen')];
        const url = ['-url', `${http()}/ocsp`];
        const { stdout, stderr } = await promisify(execFile)('openssl', ['ocsp', ...args, ...url], {
          timeout: 20_000,
        }).catch((error: { readonly stdout: string; readonly stderr: string }) => error);
        return stdout + stderr;
      };
      let answer = await ask();
      // The server makes its responders when it starts.
      for (let turn = 0; turn < 200 && /trylater/.test(answer); turn += 1) {
        answer = await ask();
      }
      assert.match(answer, /citizen\.pem: good/);
      assert.match(answer, /Response verify OK/);
      const input = { serialNumber, reason: 'superseded' };
      await server.operationsOf(ca).revoke(input, operator);
      assert.match(await ask(), /citizen\.pem: revoked/);
    });
  }

  it('a backup has every policy, and what is restored is held back for each CA', async () => {
    const folders = { backup: join(work, 'backup'), restored: join(work, 'restored') };
    const input = { folder: folders.backup };
    await server.operations.backup(input, operator, () => undefined);
    const source = { folder: folders.backup, passphrase: undefined };
    const target = {
      dataFolder: folders.restored,
      to: { kind: 'end' } as const,
      operator: 'tester',
    };
    await restoreDataFolder(source, { ...target, log: silentLog }, () => undefined);
    for (const file of ['policy.yaml', 'tokyo.yaml']) {
      const text = readFileSync(join(folders.restored, file), 'utf8');
      assert.equal(text, readFileSync(join(folder, file), 'utf8'));
    }
    // For the operator to put back.
    for (const part of ['token', 'secrets', 'tls']) {
      cpSync(join(folder, part), join(folders.restored, part), { recursive: true });
    }
    const publish = async (ca: Id): Promise<unknown> => {
      const options = { folder: folders.restored, log: silentLog, ca };
      const { operations, close } = await openLocalOperations(options);
      try {
        return await operations.publish({ scopes: ['arl'] }, operator, () => undefined);
      } finally {
        await close();
      }
    };
    const confirm = async (ca: Id): Promise<void> => {
      const options = { folder: folders.restored, log: silentLog, ca };
      const { operations, close } = await openLocalOperations(options);
      const marks = { lists: [], numbers: [], checkpoints: [], coversRest: true };
      await operations.recoverConfirm({ ...marks, acceptsMissing: false }, operator);
      await close();
    };
    await confirm('tokyo');
    await assert.rejects(publish('gunma'), { code: 'CA_RECOVERY_PENDING' });
    await publish('tokyo');
    await confirm('gunma');
    await publish('gunma');
  });

  it('has one run of each CA’s jobs, and figures by CA', async () => {
    const metrics = server.endpoints.find((one) => one.endsWith('/metrics')) ?? '';
    const text = await (await fetch(metrics)).text();
    for (const ca of ids) {
      assert.match(text, new RegExp(`certdir_crl_number\\{ca="${ca}",scope="arl"\\} \\d`));
      assert.match(text, new RegExp(`certdir_job_failures\\{job="publish lists of ${ca}"\\} 0`));
    }
  });

  it('checks everything, acts of both in one log', async () => {
    const input = { isDeep: false, parts: 'all' } as const;
    const report = await server.operations.check(input, () => undefined);
    assert.deepEqual(report.findings, []);
    const numbers = await Promise.all(
      ids.map(async (ca) => (await server.operationsOf(ca).status()).certificates.issued),
    );
    // With what each made for itself.
    assert.equal(
      report.certificates,
      numbers.reduce((sum, one) => sum + one, 0),
    );
  });
});
