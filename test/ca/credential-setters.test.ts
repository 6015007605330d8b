import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import type { Acting } from '../../src/ca/requests/requests.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { anonymous } from '../../src/directory/accounts/principal.ts';
import { smallGunma } from '../support/ca-test-bed.ts';
import { tlsSession } from '../support/directory-fixture.ts';
import { acting, addOperatorEntry, dnOf, machine, PeopleBed } from '../support/people-bed.ts';
import { citizen } from '../support/request-inputs.ts';
import { sampleCertificate, sampleKey, sampleRequest } from '../support/x509-samples.ts';

const office = { partitions: ['10201'] };
const given = 'correct horse battery';
const own = 'staple another donkey';

/** A desk and an examiner, and a manager who may take the step of either. */
async function open(t: TestContext) {
  const people = await PeopleBed.open(t, { policy: smallGunma });
  const { bed } = people;
  const manager = (name: string, role: string): Promise<Acting> =>
    addOperatorEntry(bed, name, { roles: ['manager', role], ...office });
  const { requests, operators } = bed.ca;
  return {
    ...{ people, bed, operators, requests },
    atDesk: await manager('managing desk', 'municipalReception'),
    examining: await manager('managing examiner', 'municipalExaminer'),
    desk: people.as('municipalReception'),
    examiner: people.as('municipalExaminer'),
    approver: people.as('municipalApprover'),
    receive: async (by: Acting) =>
      (await requests.submit({ kind: 'issue', input: citizen() }, by)).id,
    /** The owner changes the password, with the one that it was given. */
    change: (name: string, oldPassword: string, newPassword: string) =>
      bed.directory.changePassword(
        {
          dn: dnOf(bed, name),
          ...{ oldPassword: encodeUtf8(oldPassword), newPassword: encodeUtf8(newPassword) },
        },
        { principal: anonymous, session: tlsSession },
      ),
    setters: async (name: string): Promise<readonly string[]> =>
      (await operators.list()).find((one) => one.name === name)?.credentialSetBy ?? [],
  };
}

const samePerson = { code: 'CA_SAME_PERSON' };

describe('who has set a credential of an account takes no step with it (gunma 5-2-2, R-ROLE 2)', () => {
  it('not the account after the one who has set its password', async (t) => {
    const { requests, operators, atDesk, examiner, receive, people } = await open(t);
    const id = await receive(atDesk);
    await operators.setPassword('municipalExaminer', given, atDesk);
    await assert.rejects(requests.examine({ id }, examiner), samePerson);
    await assert.rejects(requests.reject({ id }, examiner), samePerson);
    const mine = await requests.list({ isMine: true }, examiner.operator);
    assert.deepEqual(mine, []);
    const record = (await people.bed.records('request.examine')).at(-1);
    assert.equal(record?.result, 'refused');
    const other = await receive(people.as('municipalReception'));
    assert.equal((await requests.examine({ id: other }, examiner)).state, 'examined');
  });

  it('not the one who has set it after the account, also when the owner has changed it since', async (t) => {
    const { requests, operators, examining, receive, desk, change } = await open(t);
    await operators.setPassword('municipalReception', given, examining);
    const id = await receive(desk);
    await assert.rejects(requests.examine({ id }, examining), samePerson);
    await change('municipalReception', given, own);
    await assert.rejects(requests.examine({ id }, examining), samePerson);
    assert.equal(
      (await requests.examine({ id: await receive(desk) }, examining)).state,
      'examined',
    );
  });

  it('again once the owner has changed the password in between', async (t) => {
    const { requests, operators, atDesk, examiner, receive, change, setters } = await open(t);
    const id = await receive(atDesk);
    await operators.setPassword('municipalExaminer', given, atDesk);
    assert.deepEqual(await setters('municipalExaminer'), [atDesk.operator.id]);
    await change('municipalExaminer', given, own);
    assert.deepEqual(await setters('municipalExaminer'), []);
    assert.equal((await requests.examine({ id }, examiner)).state, 'examined');
  });

  it('but two whose passwords one manager has set do', async (t) => {
    const { people, requests, operators, receive, desk, examiner, approver } = await open(t);
    const manager = people.as('manager');
    for (const role of ['Reception', 'Examiner', 'Approver']) {
      await operators.setPassword(`municipal${role}`, given, manager);
    }
    const id = await receive(desk);
    const { hash } = await requests.examine({ id }, examiner);
    assert.equal((await requests.approve({ id, hash }, approver)).state, 'executed');
  });

  it('not with a certificate that it has enrolled, whatever the owner does with the password', async (t) => {
    const { bed, requests, operators, atDesk, receive, change, setters } = await open(t);
    const roles = ['municipalExaminer'];
    await operators.add({ name: 'sato', roles, ...office, password: given }, { machine });
    assert.deepEqual(await setters('sato'), []);
    const request = sampleRequest(sampleKey('p256', 'sato'));
    await operators.enrol({ name: 'sato', request }, atDesk);
    await change('sato', given, own);
    assert.deepEqual(await setters('sato'), [atDesk.operator.id]);
    const id = await receive(atDesk);
    const sato = await acting(bed, 'sato');
    await assert.rejects(requests.examine({ id }, sato), samePerson);
  });

  it('not with an account that it has made with a password or a certificate', async (t) => {
    const { bed, requests, operators, atDesk, receive } = await open(t);
    const id = await receive(atDesk);
    const roles = ['municipalExaminer'];
    await operators.add({ name: 'sato', roles, ...office, password: given }, atDesk);
    await operators.add(
      { name: 'kato', roles, ...office, certificate: sampleCertificate(sampleKey('p256', 'kato')) },
      atDesk,
    );
    for (const name of ['sato', 'kato']) {
      await assert.rejects(requests.examine({ id }, await acting(bed, name)), samePerson, name);
    }
  });

  it('not by another account of the one who has set it', async (t) => {
    const { bed, requests, operators, examiner, receive } = await open(t);
    const fullName = '鈴木 一郎';
    const entry = { ...office, fullName };
    const first = await addOperatorEntry(bed, 's1', { ...entry, roles: ['manager'] });
    const second = await addOperatorEntry(bed, 's2', { ...entry, roles: ['municipalReception'] });
    await operators.setPassword('municipalExaminer', given, first);
    const id = await receive(second);
    await assert.rejects(requests.examine({ id }, examiner), samePerson);
  });

  it('but the owner of the machine leaves no trace of who, and takes away what there was', async (t) => {
    const { requests, operators, atDesk, examiner, receive, setters } = await open(t);
    const id = await receive(atDesk);
    await operators.setPassword('municipalExaminer', given, atDesk);
    await operators.setPassword('municipalExaminer', own, { machine });
    assert.deepEqual(await setters('municipalExaminer'), []);
    assert.equal((await requests.examine({ id }, examiner)).state, 'examined');
  });
});
