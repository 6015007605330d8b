/**
 * What a bind costs says nothing about the account: every refusal takes one scrypt, with the cost of a hash
 * that the directory would make.
 *
 * @module
 */

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { after, before, describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import {
  type DirectoryFixture,
  nobody,
  openDirectory,
  openToAll,
  suffix,
  tlsSession,
} from '../support/directory-fixture.ts';

const password = 'correct horse battery';

/** The cost parameters of each scrypt since the last look. */
const costs: string[] = [];
const original = crypto.scrypt;

before(() => {
  crypto.scrypt = ((...given: Parameters<typeof original>) => {
    const { N, r, p } = given[3] as { N?: number; r?: number; p?: number };
    costs.push(`${N} ${r} ${p}`);
    return original(...given);
  }) as typeof original;
  syncBuiltinESMExports();
});

after(() => {
  crypto.scrypt = original;
  syncBuiltinESMExports();
});

const access: readonly AccessRule[] = [
  {
    target: { entry: `cn=Unauthorised,${suffix}` },
    attributes: ['userPassword'],
    who: { kind: 'anyone' },
    rights: [],
  },
  ...openToAll,
];

async function open(t: { after(fn: () => unknown): void }): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, { access });
  await fixture.add(suffix, { objectClass: ['top', 'organization'] });
  const person = { objectClass: ['top', 'person'], sn: 'x' };
  await fixture.add(`cn=Right,${suffix}`, { ...person, userPassword: password });
  await fixture.add(`cn=Unauthorised,${suffix}`, { ...person, userPassword: password });
  await fixture.add(`cn=No Password,${suffix}`, person);
  await fixture.add(`cn=Disabled,${suffix}`, {
    ...person,
    objectClass: ['top', 'person', 'certdirOperator'],
    certdirOperatorRole: 'manager',
    certdirAccountDisabled: 'TRUE',
    userPassword: password,
  });
  costs.length = 0;
  return fixture;
}

const refused = [
  { who: 'nobody', dn: `cn=None,${suffix}`, given: password },
  { who: 'nobody, outside the tree', dn: 'cn=None,o=Elsewhere', given: password },
  { who: 'an entry without a password', dn: `cn=No Password,${suffix}`, given: password },
  { who: 'an account that is disabled', dn: `cn=Disabled,${suffix}`, given: password },
  { who: 'an account that may not bind', dn: `cn=Unauthorised,${suffix}`, given: password },
  { who: 'a wrong password', dn: `cn=Right,${suffix}`, given: 'wrong' },
];

describe('reliability LDAP row 16: what a refused bind tells', () => {
  for (const { who, dn, given } of refused) {
    it(`${who}: invalidCredentials, after one scrypt of the usual cost`, async (t) => {
      const { directory } = await open(t);
      await assert.rejects(directory.bind(dn, encodeUtf8(given), tlsSession), {
        code: 'DIRECTORY_INVALID_CREDENTIALS',
        message: 'invalid credentials',
        matchedDn: '',
      });
      assert.deepEqual(costs, ['1024 8 1']);
    });

    it(`${who}: a Password Modify likewise`, async (t) => {
      const { directory } = await open(t);
      const request = {
        dn,
        oldPassword: encodeUtf8(given),
        newPassword: encodeUtf8('another one'),
      };
      await assert.rejects(directory.changePassword(request, { ...nobody, session: tlsSession }), {
        code: 'DIRECTORY_INVALID_CREDENTIALS',
      });
      assert.deepEqual(costs, ['1024 8 1']);
    });
  }

  it('the right password costs the same', async (t) => {
    const { directory } = await open(t);
    await directory.bind(`cn=Right,${suffix}`, encodeUtf8(password), tlsSession);
    assert.deepEqual(costs, ['1024 8 1']);
  });
});
