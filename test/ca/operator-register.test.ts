import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { OperatorRegister } from '../../src/ca/accounts/operator-register.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { Caller } from '../../src/directory/service.ts';
import { CaTestBed } from '../support/ca-test-bed.ts';
import { attributesOf, tlsSession } from '../support/directory-fixture.ts';

const caller: Caller = {
  principal: { kind: 'system', name: 'administrator' },
  session: { isProtected: true, address: '', channel: 'cli' },
};
const oldPassword = 'correct horse battery';
const newPassword = 'staple and more';

async function open(t: TestContext): Promise<{
  readonly bed: CaTestBed;
  readonly register: OperatorRegister;
  readonly dn: string;
}> {
  const bed = await CaTestBed.open(t);
  const dn = `cn=sato\\, h.,${bed.policy.directory.operators}`;
  const attributes = attributesOf({
    objectClass: ['top', 'person', 'certdirOperator'],
    sn: 'Sato',
    certdirOperatorRole: ['manager', 'repositoryOperator'],
    userPassword: oldPassword,
  });
  await bed.directory.add({ dn, attributes }, caller);
  return { bed, dn, register: new OperatorRegister(bed.directory, bed.policy) };
}

describe('OperatorRegister', () => {
  it('lists operators with their roles', async (t) => {
    const { register, dn } = await open(t);
    const listed = await register.list(caller);
    assert.deepEqual(
      listed.find((one) => one.dn === dn),
      { dn, name: 'sato, h.', roles: ['manager', 'repositoryOperator'], isDisabled: false },
    );
  });

  it('gives another password, on record, and the old one ends', async (t) => {
    const { bed, register, dn } = await open(t);
    const before = (await bed.records()).length;
    assert.equal((await register.setPassword('sato, h.', newPassword, caller)).dn, dn);
    await assert.rejects(bed.directory.bind(dn, encodeUtf8(oldPassword), tlsSession), {
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    });
    assert.equal((await bed.directory.bind(dn, encodeUtf8(newPassword), tlsSession)).kind, 'entry');
    const [record] = (await bed.records()).slice(before);
    assert.equal(record?.kind, 'directory.modify');
    assert.equal(record?.origin.actor, 'administrator');
    assert.ok(record?.subject.toLowerCase().includes('sato'));
    assert.ok(!JSON.stringify(record?.details).includes(newPassword));
  });

  const refused = [
    { why: 'a short password', name: 'sato, h.', password: 'short', code: 'CA_OPERATOR_INVALID' },
    { why: 'the one before', name: 'sato, h.', password: oldPassword, code: 'CA_OPERATOR_INVALID' },
    { why: 'nobody', name: 'nobody', password: newPassword, code: 'CA_OPERATOR_UNKNOWN' },
    { why: '__proto__', name: '__proto__', password: newPassword, code: 'CA_OPERATOR_UNKNOWN' },
  ];
  for (const { why, name, password, code } of refused) {
    it(`refuses ${why}`, async (t) => {
      const { register } = await open(t);
      await assert.rejects(register.setPassword(name, password, caller), { name: 'CaError', code });
    });
  }
});
