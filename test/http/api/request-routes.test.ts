import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { formatSerialNumber } from '../../../src/ca/certificates/serial-number.ts';
import { ApiBed } from '../../support/api-bed.ts';
import type { ApiAnswer, ClientCertificate } from '../../support/api-client.ts';

const staff = {
  reception: ['municipalReception', '10201'],
  examiner: ['municipalExaminer', '10201'],
  approver: ['municipalApprover', '10201'],
  elsewhere: ['municipalReception', '10202'],
} as const;

type Name = keyof typeof staff;

interface Bench {
  readonly bed: ApiBed;
  readonly serial: string;
  as(
    name: Name,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<ApiAnswer>;
}

/** The offices of two municipalities, and a certificate of the first. */
async function open(t: TestContext): Promise<Bench> {
  const bed = await ApiBed.open(t);
  const certificates = {} as Record<Name, ClientCertificate>;
  for (const [name, [role, partition]] of Object.entries(staff)) {
    const certificate = bed.clientCertificate();
    certificates[name as Name] = certificate;
    await bed.operator(name, [role], { certificate, partitions: [partition] });
  }
  const { serialNumber } = await bed.ca.issue('10201');
  return {
    bed,
    serial: formatSerialNumber(serialNumber),
    as: (name, path, body, headers) =>
      bed.ask({
        ...{ path, client: certificates[name], method: body === undefined ? 'GET' : 'POST' },
        ...(body === undefined ? {} : { body }),
        ...(headers === undefined ? {} : { headers }),
      }),
  };
}

const bodyOf = <T>({ body }: ApiAnswer): T => body as T;
const told = (answer: ApiAnswer): readonly unknown[] => [
  answer.status,
  bodyOf<{ readonly code?: unknown }>(answer).code,
];

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly hash: string;
  readonly next: string | null;
  readonly result: { readonly serialNumber?: string } | null;
}

describe('a request over the API', () => {
  it('passes reception, examination and approval by three people, and is carried out', async (t) => {
    const {
      bed: { ca: bed },
      as,
      serial,
    } = await open(t);
    const input = { serialNumber: serial, reason: 'keyCompromise' };
    const submitted = await as('reception', '/requests', { kind: 'revoke', input, note: '2026-1' });
    assert.equal(submitted.status, 201, submitted.text);
    const { id, hash } = bodyOf<Shown>(submitted);
    assert.deepEqual(told(await as('reception', `/requests/${id}/examine`, {})), [
      403,
      'CA_NOT_PERMITTED',
    ]);
    assert.equal((await as('examiner', `/requests/${id}/examine`, {})).status, 200);
    const wrong = await as('approver', `/requests/${id}/approve`, { hash: '0'.repeat(64) });
    assert.deepEqual(told(wrong), [409, 'CA_REQUEST_CHANGED']);
    const done = bodyOf<Shown>(await as('approver', `/requests/${id}/approve`, { hash }));
    assert.equal(done.state, 'executed');
    const shown = bodyOf<{ readonly state: string }>(
      await as('reception', `/certificates/${serial}`),
    );
    assert.equal(shown.state, 'revoked');
    const [record] = await bed.records('request.receive');
    const { channel, actor, address } = record?.origin ?? {};
    assert.deepEqual([channel, address], ['api', '127.0.0.1']);
    assert.match(actor ?? '', /^cn=reception,/i);
  });

  it("is nobody else's, nor is the certificate", async (t) => {
    const { bed, as, serial } = await open(t);
    const input = { serialNumber: serial, reason: 'keyCompromise' };
    const { id } = bodyOf<Shown>(await as('reception', '/requests', { kind: 'revoke', input }));
    assert.deepEqual(told(await as('elsewhere', `/requests/${id}`)), [404, 'CA_REQUEST_UNKNOWN']);
    assert.deepEqual(bodyOf(await as('elsewhere', '/requests')), { requests: [] });
    assert.deepEqual(told(await as('elsewhere', `/certificates/${serial}`)), [
      404,
      'CA_SERIAL_UNKNOWN',
    ]);
    assert.equal((await as('reception', `/certificates/${serial}`)).status, 200);
    assert.deepEqual(
      bed.looks.map(({ method, partition, outcome, code }) => [method, partition, outcome, code]),
      [
        ['api', '10201', 'refused', 'withheld'],
        ['api', '10201', 'provided', ''],
      ],
    );
    const foreign = await as('elsewhere', '/requests', { kind: 'revoke', input });
    assert.equal(foreign.status, 403);
  });

  it('is one when it is sent again under its Idempotency-Key', async (t) => {
    const { as, serial } = await open(t);
    const body = { kind: 'revoke', input: { serialNumber: serial, reason: 'keyCompromise' } };
    const key = { 'idempotency-key': 'f2c1' };
    const first = bodyOf<Shown>(await as('reception', '/requests', body, key));
    const second = bodyOf<Shown>(await as('reception', '/requests', body, key));
    assert.equal(first.id, second.id);
    const mine = bodyOf<{ readonly requests: readonly Shown[] }>(
      await as('examiner', '/requests?mine=true'),
    );
    assert.deepEqual(
      mine.requests.map(({ id, next }) => [id, next]),
      [[first.id, 'examine']],
    );
  });

  it('names every fault of its input at once, and keeps nothing', async (t) => {
    const { as } = await open(t);
    const input = { serialNumber: 'xyz', reason: 'boredom', extra: 1 };
    const answer = await as('reception', '/requests', { kind: 'revoke', input });
    assert.deepEqual(told(answer), [422, 'CA_REQUEST_INVALID']);
    const { errors } = bodyOf<{ readonly errors: readonly { readonly pointer: string }[] }>(answer);
    assert.deepEqual(errors.map(({ pointer }) => pointer).sort(), [
      '#/input/extra',
      '#/input/reason',
      '#/input/serialNumber',
    ]);
    assert.deepEqual(bodyOf(await as('reception', '/requests')), { requests: [] });
  });

  it('of many each stands for itself', async (t) => {
    const { as, serial } = await open(t);
    const good = { kind: 'revoke', input: { serialNumber: serial, reason: 'keyCompromise' } };
    const bad = { kind: 'revoke', input: { serialNumber: 'FF', reason: 'keyCompromise' } };
    const answer = await as('reception', '/requests/bulk', { requests: [bad, good] });
    assert.equal(answer.status, 200, answer.text);
    const { results } = bodyOf<{
      readonly results: readonly { request?: Shown; problem?: { code: string } }[];
    }>(answer);
    assert.equal(results[0]?.problem?.code, 'CA_REQUEST_INVALID');
    assert.equal(results[1]?.request?.state, 'received');
  });
});
