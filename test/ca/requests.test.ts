import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Policy } from '../../src/ca/policy/policy.ts';
import { smallGunma } from '../support/ca-test-bed.ts';
import { addOperatorEntry, PeopleBed } from '../support/people-bed.ts';
import { citizen } from '../support/request-inputs.ts';

describe('a request', () => {
  it('is received, examined and approved by three people, and carried out then', async (t) => {
    const { bed, requests, ...all } = await open(t);
    const received = await requests.submit(
      { kind: 'issue', input: citizen(), note: '窓口' },
      all.reception,
    );
    assert.equal(received.state, 'received');
    assert.equal(received.next, 'examine');
    const examined = await requests.examine({ id: received.id }, all.examiner);
    assert.equal(examined.state, 'examined');
    const done = await requests.approve({ id: examined.id, hash: examined.hash }, all.approver);
    assert.equal(done.state, 'executed');
    const serialNumber = BigInt(`0x${String(done.result?.['serialNumber'])}`);
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'good');
    const kinds = (await bed.records()).map(({ kind }) => kind);
    assert.deepEqual(kinds.slice(-6), [
      'request.receive',
      'request.examine',
      'request.approve',
      'certificate.issue.intent',
      'certificate.issue',
      'request.done',
    ]);
  });

  it('of an applicant waits for reception, and is carried out where the policy has a step for it', async (t) => {
    const { bed, requests, ...all } = await open(t, fourSteps);
    const { serialNumber } = await bed.issue();
    const input = { serialNumber: serialNumber.toString(16), reason: 'keyCompromise' };
    const origin = { channel: 'http', actor: 'citizen' };
    const submitted = await requests.submit(
      { kind: 'revoke', input },
      { applicant: 'citizen 4711', origin },
    );
    assert.equal(submitted.state, 'submitted');
    const { id, hash } = submitted;
    await requests.receive({ id }, all.reception);
    await requests.examine({ id }, all.examiner);
    assert.equal((await requests.approve({ id, hash }, all.approver)).next, 'execute');
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'good');
    const done = await requests.execute({ id, hash }, all.executor);
    assert.equal(done.state, 'executed');
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'revoked');
    const own = (await bed.records()).filter((record) => record.subject === id);
    assert.deepEqual(
      own.map(({ kind, result }) => `${kind} ${result}`),
      [
        'request.submit done',
        'request.receive done',
        'request.examine done',
        'request.approve done',
        'request.execute done',
        'request.done done',
      ],
    );
  });

  it('is rejected by whoever has its next step, or withdrawn, and nothing comes after', async (t) => {
    const { bed, requests, ...all } = await open(t);
    for (const how of ['reject', 'withdraw'] as const) {
      const { id } = await requests.submit({ kind: 'issue', input: citizen() }, all.reception);
      const by = how === 'reject' ? all.examiner : all.reception;
      const ended = await requests[how]({ id, note: 'the papers are not complete' }, by);
      assert.equal(ended.state, how === 'reject' ? 'rejected' : 'withdrawn');
      assert.equal(ended.next, null);
      assert.ok((await bed.records(`request.${how}`)).some(({ subject }) => subject === id));
      await assert.rejects(requests.examine({ id }, all.secondExaminer), {
        code: 'CA_REQUEST_STATE',
      });
      await assert.rejects(requests.reject({ id }, all.approver), {
        code: /CA_(REQUEST_STATE|NOT_PERMITTED)/,
      });
    }
    assert.equal((await requests.list({ state: 'open' }, all.reception.operator)).length, 0);
    assert.equal((await requests.list({}, all.reception.operator)).length, 2);
    assert.equal((await bed.records('request.reject'))[0]?.result, 'done');
    assert.equal((await bed.records('request.withdraw'))[0]?.result, 'done');
  });
});

describe('a revocation', () => {
  it('earns a receipt when it is accepted, and one when it is done (gunma 4-4-2-2, 4-4-2-3)', async (t) => {
    const { bed, requests, ...all } = await open(t);
    const { serialNumber } = await bed.issue();
    const serial = serialNumber.toString(16).toUpperCase();
    const input = { serialNumber: serial, reason: 'keyCompromise' };
    const received = await requests.submit({ kind: 'revoke', input }, all.reception);
    const [acceptance, ...none] = received.receipts;
    assert.deepEqual(none, []);
    assert.equal(acceptance?.number, `${received.id}-A`);
    assert.match(acceptance?.text.ja ?? '', /失効（keyCompromise）の申請を受理しました。/);
    await requests.examine({ id: received.id }, all.examiner);
    const done = await requests.approve(received, all.approver);
    const [first, completion] = done.receipts;
    assert.deepEqual(first, acceptance);
    assert.equal(completion?.kind, 'completion');
    const record = (await bed.records('certificate.revoke')).at(-1);
    assert.equal(record?.subject, serial);
    assert.ok(completion?.text.en.includes(`serial number: ${serial}`));
    assert.match(completion?.text.en ?? '', /was carried out\.\nCarried out at .* \+09:00\n/);
    const rejected = await requests.submit({ kind: 'issue', input: citizen() }, all.reception);
    const { receipts } = await requests.reject({ id: rejected.id }, all.examiner);
    assert.deepEqual(
      receipts.map(({ kind }) => kind),
      ['acceptance'],
    );
  });
});

/** Gunma where executing is a step of its own. */
const fourSteps: Policy = {
  ...smallGunma,
  people: {
    ...expectPeople(smallGunma),
    permissions: {
      ...expectPeople(smallGunma).permissions,
      'request.revoke.execute': ['seniorOperator'],
    },
    requests: {
      revoke: {
        steps: ['receive', 'examine', 'approve', 'execute'],
        ...{ approvals: 1, executors: 1, approvalHours: 72 },
      },
    },
  },
};

function expectPeople({ people }: Policy): NonNullable<Policy['people']> {
  assert.ok(people !== undefined);
  return people;
}

async function open(t: Parameters<typeof PeopleBed.open>[0], policy: Policy = smallGunma) {
  const people = await PeopleBed.open(t, { policy });
  const { bed } = people;
  return {
    bed,
    requests: bed.ca.requests,
    reception: people.as('municipalReception'),
    examiner: people.as('municipalExaminer'),
    approver: people.as('municipalApprover'),
    executor: people.as('seniorOperator'),
    secondExaminer: await addOperatorEntry(bed, 'examiner two', {
      roles: ['municipalExaminer'],
      partitions: ['10201'],
    }),
  };
}
