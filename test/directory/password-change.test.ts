import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { PasswordPolicy } from '../../src/directory/accounts/password-policy.ts';
import type { Principal } from '../../src/directory/accounts/principal.ts';
import type { Caller, Modification, Session } from '../../src/directory/service.ts';
import {
  callerOf,
  clearSession,
  type DirectoryFixture,
  nobody,
  system,
  tlsSession,
} from '../support/directory-fixture.ts';
import {
  openRepository,
  repositoryRules,
  verifierPassword,
  verifiers,
} from '../support/repository-fixture.ts';

const court = `cn=Court,${verifiers}`;
const operator = `cn=Operator,${verifiers}`;
const unbound: Caller = { ...nobody, session: tlsSession };

const policy: PasswordPolicy = {
  minCharacters: 8,
  characterKinds: ['upperCase', 'lowerCase', 'digit'],
  refuseNames: true,
  history: 2,
  ageing: { accounts: ['operator', 'verifier'], maxAgeDays: 100, warningDays: 10 },
  delays: { freeFailures: 2, firstSeconds: 10, maxSeconds: 60 },
};

function open(t: Parameters<typeof openRepository>[0]): Promise<DirectoryFixture> {
  // Operators first, or the rules for passwords would leave them nothing.
  const manage = repositoryRules.filter(({ who }) => who.kind === 'operator');
  return openRepository(
    t,
    { passwords: policy, access: [...manage, ...repositoryRules] },
    { lists: false },
  );
}

function bind(
  { directory }: DirectoryFixture,
  dn: string,
  password: string = verifierPassword,
  session: Session = tlsSession,
): Promise<Principal> {
  return directory.bind(dn, encodeUtf8(password), session);
}

interface Wish {
  readonly dn?: string;
  readonly old?: string;
  readonly new?: string;
}

async function change(
  { directory }: DirectoryFixture,
  wish: Wish,
  caller: Caller,
): Promise<string | undefined> {
  const generated = await directory.changePassword(
    {
      ...(wish.dn === undefined ? {} : { dn: wish.dn }),
      ...(wish.old === undefined ? {} : { oldPassword: encodeUtf8(wish.old) }),
      ...(wish.new === undefined ? {} : { newPassword: encodeUtf8(wish.new) }),
    },
    caller,
  );
  return generated === undefined ? undefined : Buffer.from(generated).toString();
}

describe('a password changed by its owner (RFC 3062)', () => {
  for (const dn of [undefined, '', court, court.toUpperCase()]) {
    it(`with the old one, named ${JSON.stringify(dn)}`, async (t) => {
      const fixture = await open(t);
      const caller = callerOf(await bind(fixture, court));
      const wish = { ...(dn === undefined ? {} : { dn }), old: verifierPassword, new: 'Second 22' };
      assert.equal(await change(fixture, wish, caller), undefined);
      assert.equal((await bind(fixture, court, 'Second 22')).kind, 'entry');
      await assert.rejects(bind(fixture, court), { code: 'DIRECTORY_INVALID_CREDENTIALS' });
    });
  }

  it('without a bind, as the same account', async (t) => {
    const fixture = await open(t);
    await change(fixture, { dn: court, old: verifierPassword, new: 'Second 22' }, unbound);
    assert.equal((await bind(fixture, court, 'Second 22')).kind, 'entry');
    const record = (await fixture.records()).at(-1);
    assert.equal(record?.kind, 'directory.password');
    assert.equal(record?.result, 'done');
    assert.equal(record?.subject, 'cn=Court,ou=Verifiers,o=JPKI,c=JP');
    assert.equal(record?.origin.actor, 'cn=Court,ou=Verifiers,o=JPKI,c=JP');
    assert.equal(record?.details?.['by'], 'owner');
    assert.equal(record?.details?.['isGenerated'], 'false');
  });

  it('when it has expired', async (t) => {
    const fixture = await open(t);
    await fixture.clock.advance(100 * 86_400_000);
    await assert.rejects(bind(fixture, court), { code: 'DIRECTORY_INVALID_CREDENTIALS' });
    await change(fixture, { dn: court, old: verifierPassword, new: 'Second 22' }, unbound);
    assert.equal((await bind(fixture, court, 'Second 22')).kind, 'entry');
  });

  it('is made up on request, and good', async (t) => {
    const fixture = await open(t);
    const generated = await change(fixture, { dn: court, old: verifierPassword }, unbound);
    assert.equal((await bind(fixture, court, generated)).kind, 'entry');
    await change(fixture, { dn: court, old: generated ?? '', new: 'Second 22' }, unbound);
  });

  const refused: readonly { why: string; wish: Wish; code: string; as: 'owner' | 'nobody' }[] = [
    {
      why: 'no old password',
      as: 'owner',
      wish: { new: 'Second 22' },
      code: 'DIRECTORY_UNWILLING',
    },
    {
      why: 'no old password and no bind',
      as: 'nobody',
      wish: { dn: court, new: 'Second 22' },
      code: 'DIRECTORY_UNWILLING',
    },
    {
      why: 'no name and no bind',
      as: 'nobody',
      wish: { old: verifierPassword, new: 'Second 22' },
      code: 'DIRECTORY_UNWILLING',
    },
    {
      why: 'a wrong old password',
      as: 'owner',
      wish: { old: 'wrong', new: 'Second 22' },
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    },
    {
      why: 'an empty old password',
      as: 'nobody',
      wish: { dn: court, old: '', new: 'Second 22' },
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    },
    {
      why: 'an entry that is not there',
      as: 'nobody',
      wish: { dn: `cn=None,${verifiers}`, old: verifierPassword, new: 'Second 22' },
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    },
    {
      why: 'an empty new password',
      as: 'owner',
      wish: { old: verifierPassword, new: '' },
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'a hash for a password',
      as: 'owner',
      wish: {
        old: verifierPassword,
        new: `{SCRYPT}ln=10,r=8,p=1$${'A'.repeat(22)}$${'B'.repeat(42)}A`,
      },
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'a new password that is too simple',
      as: 'owner',
      wish: { old: verifierPassword, new: 'lower-case-1' },
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'the old password again',
      as: 'owner',
      wish: { old: verifierPassword, new: verifierPassword },
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'a name that is none',
      as: 'nobody',
      wish: { dn: 'court', old: verifierPassword, new: 'Second 22' },
      code: 'DIRECTORY_DN_SYNTAX',
    },
  ];
  for (const { why, wish, code, as } of refused) {
    it(`refuses ${why}: ${code}`, async (t) => {
      const fixture = await open(t);
      const caller = as === 'owner' ? callerOf(await bind(fixture, court)) : unbound;
      await assert.rejects(change(fixture, wish, caller), { code });
      assert.equal((await bind(fixture, court)).kind, 'entry');
    });
  }

  it('needs the right to write it: here only over TLS', async (t) => {
    const fixture = await open(t);
    const wish = { dn: court, old: verifierPassword, new: 'Second 22' };
    await assert.rejects(change(fixture, wish, { ...unbound, session: clearSession }), {
      code: 'DIRECTORY_ACCESS_DENIED',
    });
  });

  it('is refused to an account that is disabled', async (t) => {
    const fixture = await open(t);
    const disabled: Modification = {
      operation: 'replace',
      attribute: 'certdirAccountDisabled',
      values: [encodeUtf8('TRUE')],
    };
    await fixture.directory.modify({ dn: court, changes: [disabled] }, system);
    const wish = { dn: court, old: verifierPassword, new: 'Second 22' };
    await assert.rejects(change(fixture, wish, unbound), { code: 'DIRECTORY_INVALID_CREDENTIALS' });
  });

  it('delays guesses together with binds, and records them', async (t) => {
    const fixture = await open(t);
    const before = (await fixture.records()).length;
    const code = 'DIRECTORY_INVALID_CREDENTIALS';
    await assert.rejects(change(fixture, { dn: court, old: 'wrong 1' }, unbound), { code });
    await assert.rejects(bind(fixture, court, 'wrong 2'), { code });
    await assert.rejects(change(fixture, { dn: court, old: verifierPassword }, unbound), { code });
    const records = (await fixture.records()).slice(before);
    assert.deepEqual(
      records.map(({ kind, result, details }) => [kind, result, details?.['reason']]),
      [
        ['directory.password', 'refused', 'credentials'],
        ['directory.bind', 'refused', 'credentials'],
        ['directory.password', 'refused', 'delayed'],
      ],
    );
  });

  it('happens once when two have the old one at the same time', async (t) => {
    const fixture = await open(t);
    const wishes = ['Second 22', 'Third 333'].map((text) =>
      change(fixture, { dn: court, old: verifierPassword, new: text }, unbound),
    );
    const outcomes = await Promise.allSettled(wishes);
    const lost = outcomes.filter(({ status }) => status === 'rejected');
    assert.equal(lost.length, 1);
    assert.equal(
      lost[0]?.status === 'rejected' && lost[0].reason.code,
      'DIRECTORY_INVALID_CREDENTIALS',
    );
  });
});

describe('a password changed by others', () => {
  it('needs no old one, and is recorded as theirs', async (t) => {
    const fixture = await open(t);
    const caller = callerOf(await bind(fixture, operator));
    await change(fixture, { dn: court, new: 'Second 22' }, caller);
    assert.equal((await bind(fixture, court, 'Second 22')).kind, 'entry');
    const record = (await fixture.records()).at(-1);
    assert.equal(record?.origin.actor, 'cn=Operator,ou=Verifiers,o=JPKI,c=JP');
    assert.equal(record?.details?.['by'], 'administrator');
  });

  it('is held to the same rules', async (t) => {
    const fixture = await open(t);
    const caller = callerOf(await bind(fixture, operator));
    for (const text of ['lower-case-1', verifierPassword]) {
      await assert.rejects(change(fixture, { dn: court, new: text }, caller), {
        code: 'DIRECTORY_CONSTRAINT',
      });
    }
  });

  it('checks an old one that is given all the same', async (t) => {
    const fixture = await open(t);
    const caller = callerOf(await bind(fixture, operator));
    await assert.rejects(change(fixture, { dn: court, old: 'wrong', new: 'Second 22' }, caller), {
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    });
    await change(fixture, { dn: court, old: verifierPassword, new: 'Second 22' }, caller);
  });

  it('is refused without the right, whether or not the entry may be known', async (t) => {
    const fixture = await open(t);
    const caller = callerOf(await bind(fixture, court));
    const wish = { dn: operator, new: 'Second 22' };
    await assert.rejects(change(fixture, wish, caller), { code: 'DIRECTORY_NO_SUCH_OBJECT' });
    const record = (await fixture.records()).at(-1);
    assert.deepEqual([record?.kind, record?.result], ['directory.password', 'refused']);
  });
});
