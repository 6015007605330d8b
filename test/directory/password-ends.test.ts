import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  lenientPasswordPolicy,
  type PasswordPolicy,
} from '../../src/directory/accounts/password-policy.ts';
import { openDirectory, suffix } from '../support/directory-fixture.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 5);

const policyFor = (...accounts: ('operator' | 'verifier')[]): PasswordPolicy => ({
  ...lenientPasswordPolicy,
  ageing: { accounts, maxAgeDays: 30, warningDays: 7 },
});

const operator = {
  objectClass: ['top', 'person', 'certdirOperator'],
  sn: 'x',
  certdirOperatorRole: 'manager',
};
const verifier = {
  objectClass: ['top', 'applicationProcess', 'certdirVerifier'],
  certdirVerifierKind: 'signatureVerifier',
  certdirAgreementNumber: '1',
  certdirAgreementNotBefore: '20260101000000Z',
  certdirAgreementNotAfter: '20261231235959Z',
};
const userPassword = 'correct horse battery';

async function endsUnder(
  t: { after(fn: () => unknown): void },
  passwords: PasswordPolicy,
): Promise<unknown[]> {
  const { directory, add, clock } = await openDirectory(t, { passwords });
  await add(suffix, { objectClass: ['top', 'organization'] });
  await add(`cn=Manager,${suffix}`, { ...operator, userPassword });
  await clock.advance(DAY_MS);
  await add(`cn=Court,${suffix}`, { ...verifier, userPassword });
  await add(`cn=By Certificate,${suffix}`, operator);
  await add(`cn=Gone,${suffix}`, { ...operator, userPassword, certdirAccountDisabled: 'TRUE' });
  await add(`cn=Person,${suffix}`, { objectClass: ['top', 'person'], sn: 'x', userPassword });
  await add(`cn=Over,${suffix}`, {
    ...verifier,
    certdirAgreementNotAfter: '20260102000000Z',
    userPassword,
  });
  const ends = await directory.passwordEnds();
  return ends.map(({ dn, account, endMs }) => [dn, account, (endMs - START_MS) / DAY_MS]);
}

describe('when passwords end', () => {
  it('is known of accounts in force that age under the policy', async (t) => {
    assert.deepEqual(await endsUnder(t, policyFor('operator', 'verifier')), [
      [`cn=Court,${suffix}`, 'verifier', 31],
      [`cn=Manager,${suffix}`, 'operator', 30],
    ]);
  });

  it('is not asked of accounts that do not age', async (t) => {
    assert.deepEqual(await endsUnder(t, policyFor('verifier')), [
      [`cn=Court,${suffix}`, 'verifier', 31],
    ]);
    assert.deepEqual(await endsUnder(t, lenientPasswordPolicy), []);
  });
});
