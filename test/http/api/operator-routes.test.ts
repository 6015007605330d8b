import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ApiBed } from '../../support/api-bed.ts';
import type { ApiAnswer } from '../../support/api-client.ts';
import { sampleKey, sampleRequest } from '../../support/x509-samples.ts';

const bodyOf = <T>({ body }: ApiAnswer): T => body as T;
const told = (answer: ApiAnswer): readonly unknown[] => [
  answer.status,
  bodyOf<{ readonly code?: unknown }>(answer).code,
];

describe('operators over the API', () => {
  it('are registered, enrolled, closed and opened by whoever the policy lets', async (t) => {
    const bed = await ApiBed.open(t);
    const [senior, auditor] = [bed.clientCertificate(), bed.clientCertificate()];
    await bed.operator('senior', ['seniorOperator'], { certificate: senior });
    await bed.operator('auditor', ['internalAuditor'], { certificate: auditor });
    const ask = (path: string, body?: unknown, client = senior): Promise<ApiAnswer> =>
      bed.ask({
        ...{ path, client, method: body === undefined ? 'GET' : 'POST' },
        ...(body === undefined ? {} : { body }),
      });
    const sato = { name: 'sato', fullName: '佐藤 花子', roles: ['examiner'] };
    assert.deepEqual(told(await ask('/operators', sato, auditor)), [403, 'CA_NOT_PERMITTED']);
    assert.deepEqual(told(await ask('/operators', undefined, auditor)), [403, 'CA_NOT_PERMITTED']);
    assert.equal((await ask('/operators', sato)).status, 201);
    assert.deepEqual(told(await ask('/operators', { ...sato, name: 's2' })), [
      409,
      'CA_OPERATOR_EXISTS',
    ]);
    const divided = { name: 'kato', roles: ['examiner', 'approver'] };
    assert.deepEqual(told(await ask('/operators', divided)), [403, 'CA_SEPARATION']);
    const csr = Buffer.from(sampleRequest(sampleKey('p256', 'sato'))).toString('base64');
    const enrolled = await ask('/operators/sato/enrol', { request: csr });
    assert.equal(enrolled.status, 200, enrolled.text);
    assert.match(bodyOf<{ readonly certificate: string }>(enrolled).certificate, /BEGIN CERT/);
    assert.deepEqual(told(await ask('/operators/senior/enrol', { request: csr })), [
      403,
      'CA_SAME_PERSON',
    ]);
    const reset = (name: string, password: string): Promise<ApiAnswer> =>
      bed.ask({
        path: `/operators/${name}/password`,
        client: senior,
        method: 'PUT',
        body: { password },
      });
    assert.equal((await reset('sato', 'correct horse battery')).status, 200);
    assert.deepEqual(told(await reset('sato', 'short')), [422, 'CA_OPERATOR_INVALID']);
    assert.deepEqual(told(await reset('senior', 'staple and more')), [403, 'CA_SAME_PERSON']);
    await bed.operator('clerk', ['reception'], { certificate: bed.clientCertificate() });
    assert.equal((await ask('/operators/clerk/disable', {})).status, 200);
    assert.equal((await ask('/operators/clerk/enable', {})).status, 200);
    const { operators } = bodyOf<{ readonly operators: readonly { readonly name: string }[] }>(
      await ask('/operators'),
    );
    assert.deepEqual(operators.map(({ name }) => name).sort(), [
      'auditor',
      'clerk',
      'sato',
      'senior',
    ]);
  });

  it('who are closed are refused with their next call', async (t) => {
    const bed = await ApiBed.open(t);
    const [senior, clerk] = [bed.clientCertificate(), bed.clientCertificate()];
    await bed.operator('senior', ['seniorOperator'], { certificate: senior });
    await bed.operator('clerk', ['reception'], { certificate: clerk });
    const list = (): Promise<ApiAnswer> =>
      bed.ask({ path: '/requests', client: clerk, method: 'GET' });
    assert.equal((await list()).status, 200);
    const path = '/operators/clerk/disable';
    await bed.ask({ path, client: senior, method: 'POST', body: {} });
    assert.equal((await list()).status, 401);
  });

  it('whose certificate is revoked are refused with their next call, on the same connection', async (t) => {
    const bed = await ApiBed.open(t, { startMs: Math.floor(Date.now() / 1000) * 1000 });
    const senior = bed.clientCertificate();
    await bed.operator('senior', ['seniorOperator'], { certificate: senior });
    await bed.operator('clerk', ['reception'], { password: 'correct horse battery' });
    const key = sampleKey('p256', 'clerk');
    const enrolled = await bed.ask({
      ...{ path: '/operators/clerk/enrol', client: senior, method: 'POST' },
      body: { request: Buffer.from(sampleRequest(key)).toString('base64') },
    });
    assert.equal(enrolled.status, 200, enrolled.text);
    const { certificate, serialNumber } = bodyOf<Record<string, string>>(enrolled);
    const card = {
      certificatePem: certificate ?? '',
      keyPem: key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    };
    const show = (): Promise<ApiAnswer> => bed.ask({ path: '/session', client: card });
    assert.equal((await show()).status, 200);
    await bed.operator('counter', ['municipalReception'], {
      ...{ password: 'correct horse battery', partitions: ['10201'] },
    });
    const renewal = await bed.ask({
      ...{ path: '/requests', method: 'POST' },
      token: await bed.login('counter', 'correct horse battery'),
      body: {
        kind: 'renew',
        input: {
          serialNumber,
          request: Buffer.from(sampleRequest(sampleKey('p256', 'own'))).toString('base64'),
        },
      },
    });
    const { errors } = bodyOf<{ readonly errors?: readonly { readonly code: string }[] }>(renewal);
    assert.deepEqual(
      errors?.map(({ code }) => code),
      ['CA_PROFILE_UNKNOWN'],
      'operators are enrolled, not renewed by requests',
    );
    await bed.ca.ca.revoke({
      serialNumber: BigInt(`0x${serialNumber}`),
      reason: 'keyCompromise',
      origin: { channel: 'cli', actor: 't' },
    });
    assert.deepEqual(told(await show()), [401, 'HTTP_UNAUTHENTICATED']);
  });
});
