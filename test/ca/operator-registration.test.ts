import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import type { OperatorRegistrationInput } from '../../src/ca/accounts/operator-registration.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { tlsSession } from '../support/directory-fixture.ts';
import { addOperatorEntry, machine, PeopleBed } from '../support/people-bed.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

const password = 'correct horse battery';
const sato: OperatorRegistrationInput = {
  ...{ name: 'sato', fullName: '佐藤　花子', staffNumber: '1017' },
  ...{ roles: ['examiner'], password },
};

async function open(t: TestContext) {
  const people = await PeopleBed.open(t);
  const { bed } = people;
  return { people, bed, operators: bed.ca.operators, manager: people.as('manager') };
}

describe('registering an operator', () => {
  it('makes an account that authenticates, by who may and on record with who did (gunma 5-2-2)', async (t) => {
    const { bed, operators, manager } = await open(t);
    const made = await operators.add(sato, manager);
    assert.deepEqual(made.roles, ['examiner']);
    assert.equal(made.displayName, '佐藤　花子');
    const bound = await bed.directory.bind(made.dn, encodeUtf8(password), tlsSession);
    assert.equal(bound.kind, 'entry');
    const record = (await bed.records('directory.add')).at(-1);
    assert.equal(record?.origin.actor, manager.operator.dn);
  });

  const refused: readonly {
    readonly why: string;
    readonly input: Partial<OperatorRegistrationInput>;
    readonly code: string;
  }[] = [
    { why: 'a name that is taken', input: { name: 'manager' }, code: 'CA_OPERATOR_EXISTS' },
    { why: 'no name', input: { name: ' ' }, code: 'CA_OPERATOR_INVALID' },
    { why: 'a line break in a name', input: { fullName: 'a\nb' }, code: 'CA_OPERATOR_INVALID' },
    { why: 'no role', input: { roles: [] }, code: 'CA_OPERATOR_INVALID' },
    { why: 'an unknown role', input: { roles: ['boss'] }, code: 'CA_OPERATOR_INVALID' },
    { why: 'a role of the prototype', input: { roles: ['toString'] }, code: 'CA_OPERATOR_INVALID' },
    {
      why: 'roles that are kept apart',
      input: { roles: ['examiner', 'approver'] },
      code: 'CA_SEPARATION',
    },
    {
      why: 'an auditor who does something else',
      input: { roles: ['internalAuditor', 'manager'] },
      code: 'CA_SEPARATION',
    },
    {
      why: 'an office without its municipality',
      input: { roles: ['municipalExaminer'] },
      code: 'CA_OPERATOR_INVALID',
    },
    {
      why: 'an unknown municipality',
      input: { roles: ['municipalExaminer'], partitions: ['99999'] },
      code: 'CA_MUNICIPALITY_UNKNOWN',
    },
    { why: 'a short password', input: { password: 'short' }, code: 'CA_OPERATOR_INVALID' },
    {
      why: 'what is no certificate',
      input: { certificate: Uint8Array.of(0x30, 0) },
      code: 'CA_OPERATOR_INVALID',
    },
  ];
  it('is refused with one code, and nothing is stored, for:', async (t) => {
    const { bed, operators, manager } = await open(t);
    const before = (await bed.records('directory.add')).filter(({ result }) => result === 'done');
    for (const { why, input, code } of refused) {
      await t.test(why, async () => {
        await assert.rejects(operators.add({ ...sato, ...input }, manager), { code });
      });
    }
    const after = (await bed.records('directory.add')).filter(({ result }) => result === 'done');
    assert.equal(after.length, before.length);
  });

  it('knows a person who is registered: by name however written, staff number, certificate', async (t) => {
    const { operators, manager } = await open(t);
    await operators.add(sato, manager);
    const { staffNumber: _, ...nameless } = sato;
    const same: readonly Partial<OperatorRegistrationInput>[] = [
      { ...nameless, name: 'sato2', fullName: '佐藤花子' },
      { ...sato, name: 'sato3', fullName: 'Hanako Sato', staffNumber: '１０１７' },
    ];
    for (const input of same) {
      await assert.rejects(operators.add(input as OperatorRegistrationInput, manager), {
        code: 'CA_OPERATOR_EXISTS',
      });
    }
    const other = await operators.add({ ...sato, name: 'sato4', staffNumber: '1018' }, manager);
    assert.equal(other.name, 'sato4');
  });

  it('is for whoever the policy lets, not for an auditor, and never for oneself', async (t) => {
    const { people, operators, manager } = await open(t);
    for (const role of ['internalAuditor', 'approver', 'municipalApprover', 'operator']) {
      await assert.rejects(operators.add(sato, people.as(role)), { code: 'CA_NOT_PERMITTED' });
    }
    await assert.rejects(operators.enable('manager', manager), { code: 'CA_SAME_PERSON' });
    await assert.rejects(operators.enrol({ name: 'manager', request: request('m') }, manager), {
      code: 'CA_SAME_PERSON',
    });
  });

  it('is for the owner of the machine too, who makes the first', async (t) => {
    const { operators } = await open(t);
    assert.equal((await operators.add(sato, { machine })).isDisabled, false);
  });
});

describe('an account', () => {
  it('acts no more from the moment it is closed, and again when it is opened', async (t) => {
    const { bed, operators, manager } = await open(t);
    const roles = ['municipalExaminer'];
    const entry = { roles, partitions: ['10201'], password };
    const examiner = await addOperatorEntry(bed, 'closing', entry);
    const { dn } = examiner.operator;
    await operators.disable('closing', manager);
    await assert.rejects(bed.ca.requests.list({}, examiner.operator), { code: 'CA_NOT_PERMITTED' });
    await assert.rejects(bed.directory.bind(dn, encodeUtf8(password), tlsSession), {
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    });
    await operators.enable('closing', manager);
    assert.deepEqual(await bed.ca.requests.list({}, examiner.operator), []);
    assert.equal((await bed.directory.bind(dn, encodeUtf8(password), tlsSession)).kind, 'entry');
  });

  it('stays closed when its person has another one by now', async (t) => {
    const { operators, manager } = await open(t);
    await operators.add(sato, manager);
    await operators.disable('sato', manager);
    await operators.add({ ...sato, name: 'sato2' }, manager);
    await assert.rejects(operators.enable('sato', manager), { code: 'CA_OPERATOR_EXISTS' });
  });
});

describe('enrolling an operator', () => {
  it('issues a certificate that the account authenticates with, and no other', async (t) => {
    const { bed, operators, manager } = await open(t);
    await operators.add(sato, manager);
    const { operator, serialNumber, certificate } = await operators.enrol(
      { name: 'sato', request: request('one') },
      manager,
    );
    assert.equal(operator.certificates.length, 1);
    const session = { ...tlsSession, clientCertificate: certificate.der };
    const bound = await bed.directory.bindCertificate(session);
    assert.equal(bound.kind === 'entry' && bound.dn.text, operator.dn);
    const next = await operators.enrol({ name: 'sato', request: request('two') }, manager);
    assert.notEqual(next.serialNumber, serialNumber);
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'revoked');
    await assert.rejects(bed.directory.bindCertificate(session), {
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    });
  });

  it('goes on where an interruption has left it: one certificate for one request', async (t) => {
    const { bed, operators, manager } = await open(t);
    await operators.add(sato, manager);
    const issued = await bed.ca.issue({
      ...{ profile: 'operator', csr: request('one'), fields: { operator: 'sato' } },
      origin: manager.origin,
    });
    const { serialNumber, operator } = await operators.enrol(
      { name: 'sato', request: request('one') },
      manager,
    );
    assert.equal(serialNumber, issued.serialNumber);
    assert.equal(operator.certificates.length, 1);
  });

  it("is refused with somebody else's key, for a closed account, and for nobody", async (t) => {
    const { operators, manager } = await open(t);
    await operators.add(sato, manager);
    await operators.enrol({ name: 'examiner', request: request('one') }, manager);
    await assert.rejects(operators.enrol({ name: 'sato', request: request('one') }, manager), {
      code: 'CA_KEY_REUSED',
    });
    await assert.rejects(operators.enrol({ name: 'nobody', request: request('x') }, manager), {
      code: 'CA_OPERATOR_UNKNOWN',
    });
    await assert.rejects(operators.enrol({ name: 'sato', request: 'hello' }, manager), {
      code: 'CA_REQUEST_MALFORMED',
    });
    await operators.disable('sato', manager);
    await assert.rejects(operators.enrol({ name: 'sato', request: request('y') }, manager), {
      code: 'CA_OPERATOR_INVALID',
    });
  });
});

function request(of: string): Uint8Array {
  return sampleRequest(sampleKey('p256', `operator ${of}`));
}
