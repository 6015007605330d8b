import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import type { Policy } from '../../src/ca/policy/policy.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import {
  contentHash,
  encodeRequestRecord,
  parseRequestRecord,
  type RequestRecord,
} from '../../src/ca/requests/request-record.ts';
import type { RequestReport } from '../../src/ca/requests/request-report.ts';
import type { Acting, Requests } from '../../src/ca/requests/requests.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { smallGunma } from '../support/ca-test-bed.ts';
import {
  acting,
  addOperatorEntry,
  dnOf,
  machine,
  type OperatorEntry,
  PeopleBed,
} from '../support/people-bed.ts';
import { citizen } from '../support/request-inputs.ts';

const office = { partitions: ['10201'] };
const cardOne = 'a1'.repeat(32);

/** Gunma with two approvers for a certificate, whose word counts for a day. */
const twoApprovers: Policy = {
  ...smallGunma,
  people: {
    ...expectPeople(smallGunma),
    requests: {
      ...expectPeople(smallGunma).requests,
      issue: {
        steps: ['receive', 'examine', 'approve'],
        ...{ approvals: 2, executors: 1, approvalHours: 24 },
      },
    },
  },
};

function expectPeople({ people }: Policy): NonNullable<Policy['people']> {
  assert.ok(people !== undefined);
  return people;
}

describe('nobody takes two steps of one request (gunma 5-2-2, R-ROLE 2)', () => {
  it('not by another account of the same person, a certificate in common, or another name', async (t) => {
    const { people, requests } = await open(t);
    const { bed } = people;
    const examiner = (name: string, entry: Omit<OperatorEntry, 'roles'>): Promise<Acting> =>
      addOperatorEntry(bed, name, { roles: ['municipalExaminer'], ...office, ...entry });
    const reception = await addOperatorEntry(bed, 'desk', {
      ...{ roles: ['municipalReception'], fullName: '鈴木 一郎', certificates: [cardOne] },
      ...office,
    });
    const { id } = await requests.submit({ kind: 'issue', input: citizen() }, reception);
    const rows: readonly (readonly [string, Acting])[] = [
      ['the same name', await examiner('e1', { fullName: '鈴木　一郎' })],
      ['the same name, spelt otherwise', await examiner('e2', { fullName: '鈴木一郎 ' })],
      ['the same card', await examiner('e3', { certificates: [cardOne.toUpperCase()] })],
    ];
    for (const [why, person] of rows) {
      // Reception and examination are kept apart, so the separation speaks first.
      await assert.rejects(requests.examine({ id }, person), { code: 'CA_SEPARATION' }, why);
    }
    const other = await examiner('e4', { fullName: '佐藤 花子' });
    assert.equal((await requests.examine({ id }, other)).state, 'examined');
  });

  it('also where the policy keeps no roles apart, and when the account was renamed', async (t) => {
    const { people, requests } = await open(t, {
      ...smallGunma,
      people: { ...expectPeople(smallGunma), separate: [] },
    });
    const { bed } = people;
    const roles = ['municipalReception', 'municipalExaminer', 'municipalApprover'];
    const all = await addOperatorEntry(bed, 'all', { roles, ...office, certificates: [cardOne] });
    const { id } = await requests.submit({ kind: 'issue', input: citizen() }, all);
    await assert.rejects(requests.examine({ id }, all), { code: 'CA_SAME_PERSON' });
    await bed.directory.rename(
      { dn: dnOf(bed, 'all'), newRdn: 'cn=somebody else', deleteOldRdn: true },
      machine,
    );
    const renamed = await acting(bed, 'somebody else');
    await assert.rejects(requests.examine({ id }, renamed), { code: 'CA_SAME_PERSON' });
    const second = await addOperatorEntry(bed, 'second', { roles, ...office });
    await requests.examine({ id }, second);
    const card = await addOperatorEntry(bed, 'card', { roles, ...office, certificates: [cardOne] });
    await assert.rejects(approve(requests, id, card), { code: 'CA_SAME_PERSON' });
    await assert.rejects(approve(requests, id, second), { code: 'CA_SAME_PERSON' });
  });
});

describe('a step', () => {
  it('is for its turn, and taken again by the same operator it answers how things stand', async (t) => {
    const { people, requests } = await open(t);
    const [reception, examiner, approver] = staff(people);
    const { id, hash } = await requests.submit({ kind: 'issue', input: citizen() }, reception);
    await assert.rejects(requests.approve({ id, hash }, approver), { code: 'CA_REQUEST_STATE' });
    const examined = await requests.examine({ id, note: 'seen' }, examiner);
    assert.deepEqual(await requests.examine({ id, note: 'again' }, examiner), examined);
    const done = await requests.approve({ id, hash }, approver);
    assert.deepEqual(await requests.approve({ id, hash }, approver), done);
    assert.equal((await people.bed.records('certificate.issue')).length, 1);
    await assert.rejects(requests.withdraw({ id }, reception), { code: 'CA_REQUEST_STATE' });
  });

  it('is about exactly what was looked at: another hash, or a byte changed since, is refused', async (t) => {
    const { people, requests } = await open(t, twoApprovers);
    const { bed } = people;
    const [reception, examiner, approver] = staff(people);
    const { id, hash } = await requests.submit({ kind: 'issue', input: citizen() }, reception);
    await requests.examine({ id }, examiner);
    const wrong = hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    await assert.rejects(requests.approve({ id, hash: wrong }, approver), {
      code: 'CA_REQUEST_CHANGED',
    });
    await requests.approve({ id, hash }, approver);
    let changed = '';
    await change(people, id, (request) => {
      const edited = { ...request, input: { ...request.input, municipality: '10202' } };
      changed = contentHash(edited);
      return edited;
    });
    const second = await addOperatorEntry(bed, 'a2', { roles: ['municipalApprover'], ...office });
    // Neither by the hash of what it was nor of what it is: the others have decided on something else.
    for (const said of [hash, changed]) {
      await assert.rejects(requests.approve({ id, hash: said }, second), {
        code: 'CA_REQUEST_CHANGED',
      });
    }
    await assert.rejects(requests.reject({ id }, second), { code: 'CA_REQUEST_CHANGED' });
    const manager = people.as('manager').operator;
    assert.deepEqual(
      (await requests.list({}, manager)).map(({ next }) => next),
      [null],
    );
    assert.equal((await requests.withdraw({ id }, reception)).state, 'withdrawn');
    assert.equal((await bed.records('certificate.issue')).length, 0);
  });

  it('of an approver counts for its time, and while the approver is in office', async (t) => {
    const { people, requests } = await open(t, twoApprovers);
    const { bed } = people;
    const [reception, examiner, approver] = staff(people);
    const second = await addOperatorEntry(bed, 'a2', { roles: ['municipalApprover'], ...office });
    const third = await addOperatorEntry(bed, 'a3', { roles: ['municipalApprover'], ...office });
    const { id, hash } = await requests.submit({ kind: 'issue', input: citizen() }, reception);
    await requests.examine({ id }, examiner);
    assert.equal((await requests.approve({ id, hash }, approver)).missing, 1);
    await bed.clock.advance(24 * 3_600_000 - 1);
    assert.equal((await requests.show(id, reception.operator)).missing, 1);
    await bed.clock.advance(1);
    assert.equal((await requests.show(id, reception.operator)).missing, 2);
    assert.equal((await requests.approve({ id, hash }, second)).missing, 1);
    await bed.ca.operators.disable('a2', people.as('manager'));
    assert.equal((await requests.show(id, reception.operator)).missing, 2);
    await assert.rejects(requests.approve({ id, hash }, second), { code: 'CA_NOT_PERMITTED' });
    await requests.approve({ id, hash }, approver);
    assert.equal((await requests.approve({ id, hash }, third)).state, 'executed');
  });

  it('of an office is for its own municipality, in sight and in deed', async (t) => {
    const { people, requests } = await open(t);
    const { bed } = people;
    const [reception] = staff(people);
    const roles = ['municipalExaminer'];
    const elsewhere = await addOperatorEntry(bed, 'e', { roles, partitions: ['10202'] });
    const nowhere = await addOperatorEntry(bed, 'n', { roles });
    await assert.rejects(requests.submit({ kind: 'issue', input: citizen('10202') }, reception), {
      code: 'CA_PARTITION_FOREIGN',
    });
    const { id } = await requests.submit({ kind: 'issue', input: citizen() }, reception);
    for (const stranger of [elsewhere, nowhere]) {
      await assert.rejects(requests.examine({ id }, stranger), { code: 'CA_PARTITION_FOREIGN' });
      await assert.rejects(requests.show(id, stranger.operator), { code: 'CA_REQUEST_UNKNOWN' });
      assert.deepEqual(await requests.list({}, stranger.operator), []);
    }
    // Others who may look at requests are not told of persons (5-2-3).
    const senior = await requests.show(id, people.as('seniorOperator').operator);
    assert.deepEqual(Object.keys(senior.input).sort(), ['municipality', 'request']);
    assert.doesNotMatch(JSON.stringify(senior), /花子|1990/);
    const manager = await requests.show(id, people.as('manager').operator);
    assert.match(JSON.stringify(manager), /花子/);
    assert.equal(manager.hash, senior.hash);
    const { serialNumber } = await bed.issue('10202');
    const input = { serialNumber: serialNumber.toString(16), reason: 'keyCompromise' };
    await assert.rejects(requests.submit({ kind: 'revoke', input }, reception), {
      code: 'CA_PARTITION_FOREIGN',
    });
    // Ex officio the CA's own reception receives it, of any municipality (gunma 4-4-1-2).
    const own = await requests.submit({ kind: 'revoke', input }, people.as('reception'));
    assert.equal(own.partition, '10202');
  });

  it('is refused to whoever the account is no operator any more, and that is on record', async (t) => {
    const { people, requests } = await open(t);
    const { bed } = people;
    const [reception, examiner] = staff(people);
    const { id } = await requests.submit({ kind: 'issue', input: citizen() }, reception);
    const foreign = { ...examiner, operator: { ...examiner.operator, ca: 'tokyo' } };
    await assert.rejects(requests.examine({ id }, foreign), { code: 'CA_NOT_PERMITTED' });
    await bed.directory.modify(
      {
        dn: examiner.operator.dn,
        changes: [
          {
            ...{ operation: 'replace', attribute: 'certdirOperatorRole' },
            values: [encodeUtf8('operator')],
          } as const,
        ],
      },
      machine,
    );
    await assert.rejects(requests.examine({ id }, examiner), { code: 'CA_NOT_PERMITTED' });
    const refusals = await bed.records('request.examine');
    assert.deepEqual(
      refusals.map(({ result, details }) => `${result} ${details?.['code']}`),
      ['refused CA_NOT_PERMITTED', 'refused CA_NOT_PERMITTED'],
    );
  });
});

describe('a submission', () => {
  it('with the same key is the same request; with the key of another one it is refused', async (t) => {
    const { people, requests } = await open(t);
    const [reception] = staff(people);
    const submission = { kind: 'issue', input: citizen(), key: 'k'.repeat(32) };
    const first = await requests.submit(submission, reception);
    const again = await requests.submit(submission, reception);
    assert.equal(again.id, first.id);
    await assert.rejects(requests.submit({ ...submission, input: citizen() }, reception), {
      code: 'CA_REQUEST_CONFLICT',
    });
    assert.equal((await requests.list({}, reception.operator)).length, 1);
  });

  it('is found by what it is about, by state, kind, and whose turn it is', async (t) => {
    const { people, requests } = await open(t);
    const [reception, examiner] = staff(people);
    const { serialNumber } = await people.bed.issue();
    const serial = serialNumber.toString(16).toUpperCase();
    const input = { serialNumber: serial, reason: 'keyCompromise' };
    const revoke = await requests.submit({ kind: 'revoke', input }, reception);
    await people.bed.clock.advance(1_000);
    const issue = await requests.submit({ kind: 'issue', input: citizen() }, reception);
    const ids = async (filter: Parameters<Requests['list']>[0], by = reception) =>
      (await requests.list(filter, by.operator)).map(({ id }) => id);
    assert.deepEqual(await ids({ subject: `serial:${serial}` }), [revoke.id]);
    assert.deepEqual(await ids({ kind: 'issue' }), [issue.id]);
    assert.deepEqual(await ids({}), [revoke.id, issue.id]);
    assert.deepEqual(await ids({ after: revoke.id }), [issue.id]);
    assert.deepEqual(await ids({ limit: 1 }), [revoke.id]);
    assert.deepEqual(await ids({ isMine: true }), []);
    assert.deepEqual(await ids({ isMine: true }, examiner), [revoke.id, issue.id]);
    await requests.examine({ id: revoke.id }, examiner);
    assert.deepEqual(await ids({ isMine: true }, examiner), [issue.id]);
    await requests.withdraw({ id: issue.id }, reception);
    assert.deepEqual(await ids({ state: 'open' }), [revoke.id]);
    assert.deepEqual(await ids({ state: 'withdrawn' }), [issue.id]);
  });
});

describe('carrying out', () => {
  it('that is refused goes back to whoever took the last step, with the reason', async (t) => {
    const { people, requests } = await open(t);
    const { bed } = people;
    const [reception, examiner, approver] = staff(people);
    const input = citizen();
    const pair: RequestReport[] = [];
    for (let twice = 0; twice < 2; twice += 1) {
      const { id } = await requests.submit({ kind: 'issue', input }, reception);
      pair.push(await requests.examine({ id }, examiner));
    }
    const [first, second] = pair;
    assert.ok(first !== undefined && second !== undefined);
    await requests.approve(first, approver);
    // By now the key is in a certificate.
    await assert.rejects(requests.approve(second, approver), { code: 'CA_REQUEST_INVALID' });
    assert.equal((await requests.show(second.id, reception.operator)).state, 'examined');
    assert.equal((await requests.reject({ id: second.id }, approver)).state, 'rejected');
    assert.equal((await bed.records('certificate.issue')).length, 1);
  });
});

async function open(
  t: TestContext,
  policy: Policy = smallGunma,
): Promise<{ readonly people: PeopleBed; readonly requests: Requests }> {
  const people = await PeopleBed.open(t, { policy });
  return { people, requests: people.bed.ca.requests };
}

function staff(people: PeopleBed): readonly [Acting, Acting, Acting] {
  return [
    people.as('municipalReception'),
    people.as('municipalExaminer'),
    people.as('municipalApprover'),
  ];
}

async function approve(requests: Requests, id: string, by: Acting): Promise<RequestReport> {
  const { hash } = await requests.show(id, by.operator);
  return await requests.approve({ id, hash }, by);
}

/** Writes the record past everything, as whoever has the files could. */
async function change(
  { bed }: PeopleBed,
  id: string,
  edit: (request: RequestRecord) => RequestRecord,
): Promise<void> {
  const key = new CaTables(bed.policy.id).request(id);
  await bed.store.transact('test: change a request', async (transaction) => {
    const bytes = (await transaction.read(key)) ?? new Uint8Array(0);
    transaction.put(key, encodeRequestRecord(edit(parseRequestRecord(bytes))));
  });
}
