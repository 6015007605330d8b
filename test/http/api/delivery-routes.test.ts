import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import type { Policy } from '../../../src/ca/policy/policy.ts';
import { ApiBed } from '../../support/api-bed.ts';
import type { ApiAnswer } from '../../support/api-client.ts';
import { hanako } from '../../support/ca-test-bed.ts';
import { withDeliveries } from '../../support/delivery-policies.ts';
import { runOpenssl } from '../../support/openssl.ts';
import { signOnline } from '../../support/signed-request.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { sampleKey, sampleRequest } from '../../support/x509-samples.ts';

const PASSWORD = 'a password of the staff';
const SECRET = 'Aa345678';

const codeOf = ({ body }: ApiAnswer): unknown => (body as { readonly code?: unknown }).code;

/** Files under passwords that are given; reception manages deliveries. */
function policyOf(): Policy {
  const base = withDeliveries({ keys: 'pkcs12', password: 'given' }, 'at-once');
  const { people } = base;
  assert.ok(people !== undefined);
  const permissions = { ...people.permissions, 'deliveries.manage': ['municipalReception'] };
  return { ...base, people: { ...people, permissions } };
}

async function open(t: TestContext): Promise<{ readonly bed: ApiBed; readonly token: string }> {
  const bed = await ApiBed.open(t, {
    policy: policyOf(),
    startMs: Math.floor(Date.now() / 1000) * 1000,
  });
  await bed.operator('taro', ['municipalReception'], {
    ...{ password: PASSWORD, partitions: ['10201'] },
  });
  await bed.operator('shiro', ['municipalExaminer'], {
    ...{ password: PASSWORD, partitions: ['10201'] },
  });
  await bed.operator('goro', ['municipalApprover'], {
    ...{ password: PASSWORD, partitions: ['10201'] },
  });
  await bed.operator('jiro', ['municipalReception'], {
    ...{ password: PASSWORD, partitions: ['10202'] },
  });
  await bed.operator('saburo', ['manager'], { password: PASSWORD });
  return { bed, token: await bed.login('taro', PASSWORD) };
}

const input = { municipality: '10201', attributes: hanako };

/** A request for a key, received and examined. */
async function examined(bed: ApiBed, by: string): Promise<{ path: string; hash: string }> {
  const asked = await bed.ask({
    ...{ method: 'POST', path: '/requests', token: by },
    body: { kind: 'issue', input },
  });
  assert.equal(asked.status, 201, JSON.stringify(asked.body));
  const { id, hash } = asked.body as { readonly id: string; readonly hash: string };
  const path = `/requests/${id}`;
  const examiner = await bed.login('shiro', PASSWORD);
  const seen = await bed.ask({
    ...{ method: 'POST', path: `${path}/examine`, token: examiner },
    body: {},
  });
  assert.equal(seen.status, 200, JSON.stringify(seen.body));
  return { path, hash };
}

describe('deliveries over the API', () => {
  it('come about by a request with a password at the last step alone, are fetched by office and subscriber, and seen by their office alone', async (t) => {
    const { bed, token } = await open(t);
    const ask = (method: string, path: string, body?: unknown, by = token): Promise<ApiAnswer> =>
      bed.ask({ method, path, token: by, ...(body === undefined ? {} : { body }) });
    const alone = await ask('POST', '/deliveries', { ...input, password: SECRET });
    assert.equal(alone.status, 405, 'reception by itself');
    const { path: request, hash } = await examined(bed, token);
    const approver = await bed.login('goro', PASSWORD);
    const body = { hash, password: SECRET };
    const made = await ask('POST', `${request}/approve`, body, approver);
    assert.equal(made.status, 200, JSON.stringify(made.body));
    assert.ok(!JSON.stringify(made.body).includes(SECRET));
    const { result } = made.body as { readonly result: { readonly serialNumber: string } };
    const { serialNumber } = result;
    const shown = await ask('GET', `/deliveries/${serialNumber}`);
    const { reference } = shown.body as { readonly reference: string };
    const file = await bed.ask({ method: 'POST', path: '/downloads', body: { reference } });
    assert.equal(file.status, 200);
    const path = join(temporaryFolder(t), 'a.p12');
    writeFileSync(path, Buffer.from((file.body as { content: string }).content, 'base64'));
    runOpenssl(['pkcs12', '-in', path, '-passin', `pass:${SECRET}`, '-noout']);
    const given = { to: '情報流通課', by: '手渡し' };
    const handed = await ask('POST', `/deliveries/${serialNumber}/hand-over`, given);
    assert.equal(handed.status, 200);
    const { deliveries } = (await ask('GET', '/deliveries')).body as { deliveries: unknown[] };
    assert.equal(deliveries.length, 1);
    const other = await bed.login('jiro', PASSWORD);
    assert.deepEqual((await ask('GET', '/deliveries', undefined, other)).body, { deliveries: [] });
    const hidden = await ask('POST', `/deliveries/${serialNumber}/package`, undefined, other);
    assert.equal(codeOf(hidden), 'CA_DELIVERY_UNKNOWN');
    const none = await ask('POST', `/deliveries/${serialNumber}/password`);
    assert.equal(codeOf(none), 'CA_DELIVERY_GONE', 'whoever gave it has it');
  });

  it('are not made without the password, or with one that is against the policy; the last step is taken again', async (t) => {
    const { bed, token } = await open(t);
    const { path, hash } = await examined(bed, token);
    const approver = await bed.login('goro', PASSWORD);
    const rows: readonly [string, unknown, string][] = [
      ['no password', { hash }, 'CA_DELIVERY_INVALID'],
      ['one without digits', { hash, password: 'Aabcdefgh' }, 'CA_DELIVERY_INVALID'],
    ];
    for (const [why, body, code] of rows) {
      const answer = await bed.ask({
        ...{ method: 'POST', path: `${path}/approve`, token: approver },
        body,
      });
      assert.equal(codeOf(answer), code, `${why}: ${JSON.stringify(answer.body)}`);
      const shown = await bed.ask({ method: 'GET', path, token });
      const { state, next } = shown.body as { readonly state: string; readonly next: string };
      assert.deepEqual({ state, next }, { state: 'examined', next: 'approve' });
      const told = JSON.stringify([answer.body, shown.body]);
      assert.ok(!told.includes('abcdefgh'), 'never the password');
    }
    assert.deepEqual(await bed.ca.vault.names(), []);
    const done = await bed.ask({
      ...{ method: 'POST', path: `${path}/approve`, token: approver },
      body: { hash, password: SECRET },
    });
    assert.equal(done.status, 200, JSON.stringify(done.body));
  });
});

describe('notices and revocation on line over the API', () => {
  it('revoke for whoever may give notice, and for the subscriber who signs', async (t) => {
    const { bed } = await open(t);
    const manager = await bed.login('saburo', PASSWORD);
    const key = sampleKey('p256', 'api subscriber');
    const issue = (attributes: typeof hanako, label: string) =>
      bed.ca.ca.issue({
        ...{ profile: 'end-entity', municipality: '10201', subjectAttributes: attributes },
        ...{ csr: sampleRequest(sampleKey('p256', label)), origin: { channel: 'cli', actor: 't' } },
      });
    const { serialNumber, certificate } = await issue(hanako, 'api subscriber');
    const serial = serialNumber.toString(16);
    const asked = await bed.ask({
      ...{ method: 'POST', path: '/online-revocations/content' },
      body: { serialNumber: serial, reason: 'cessationOfOperation' },
    });
    const content = Buffer.from((asked.body as { content: string }).content, 'base64');
    const message = signOnline(t, content, { certificate: certificate.der, key: key.privateKey });
    const body = { message: Buffer.from(message).toString('base64') };
    const done = await bed.ask({ method: 'POST', path: '/online-revocations', body });
    assert.equal(done.status, 200, JSON.stringify(done.body));
    const again = await bed.ask({ method: 'POST', path: '/online-revocations', body });
    assert.equal(codeOf(again), 'CA_ONLINE_REPLAYED');
    await issue(hanako, 'api subscriber two');
    const notices = [
      { id: 'N-1', kind: 'death', attributes: hanako },
      { id: 'N-2', kind: 'wedding', attributes: hanako },
      { id: 'N-3', kind: 'death' },
    ];
    const wrong = await bed.ask({
      ...{ method: 'POST', path: '/notices/bulk', token: manager },
      body: { notices },
    });
    assert.equal(codeOf(wrong), 'HTTP_FIELDS_INVALID', 'one that is about nobody');
    const taken = await bed.ask({
      ...{ method: 'POST', path: '/notices/bulk', token: manager },
      body: { notices: notices.slice(0, 2) },
    });
    const { results } = taken.body as {
      results: { result?: { revoked: string[] }; problem?: { code: string } }[];
    };
    assert.equal(results[0]?.result?.revoked.length, 1);
    assert.equal(results[1]?.problem?.code, 'CA_NOTICE_INVALID');
  });

  it('are not for what another office has issued', async (t) => {
    const { bed } = await open(t);
    const { serialNumber } = await bed.ca.ca.issue({
      ...{ profile: 'end-entity', municipality: '10201', subjectAttributes: hanako },
      ...{
        csr: sampleRequest(sampleKey('p256', 'of 10201')),
        origin: { channel: 'cli', actor: 't' },
      },
    });
    const serial = serialNumber.toString(16);
    for (const partitions of [['10202'], ['10201']]) {
      const name = `office${partitions[0]}`;
      await bed.operator(name, ['manager'], { password: PASSWORD, partitions });
    }
    const rows: readonly [string, unknown, string][] = [
      ['/notices', { id: 'F-1', kind: 'death', serialNumber: serial }, 'CA_SERIAL_UNKNOWN'],
      ['/notices', { id: 'F-2', kind: 'death', attributes: hanako }, 'CA_PARTITION_FOREIGN'],
      ['/duplicates/revoke', undefined, 'CA_PARTITION_FOREIGN'],
    ];
    const foreign = await bed.login('office10202', PASSWORD);
    for (const [path, body, code] of rows) {
      const refused = await bed.ask({
        ...{ method: 'POST', path, token: foreign },
        ...(body === undefined ? {} : { body }),
      });
      assert.equal(codeOf(refused), code, path);
    }
    const looked = await bed.ask({ method: 'GET', path: '/duplicates', token: foreign });
    assert.equal(codeOf(looked), 'CA_PARTITION_FOREIGN');
    assert.equal((await bed.ca.ca.findCertificate(serialNumber))?.state, 'good');
    const own = await bed.ask({
      ...{ method: 'POST', path: '/notices', token: await bed.login('office10201', PASSWORD) },
      body: { id: 'F-2', kind: 'death', attributes: hanako },
    });
    assert.equal(own.status, 200, JSON.stringify(own.body));
    assert.equal((await bed.ca.ca.findCertificate(serialNumber))?.state, 'revoked');
  });
});
