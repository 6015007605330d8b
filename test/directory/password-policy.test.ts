import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { Log } from '../../src/core/log.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import {
  lenientPasswordPolicy,
  type PasswordPolicy,
} from '../../src/directory/accounts/password-policy.ts';
import type { Principal } from '../../src/directory/accounts/principal.ts';
import type { DirectoryOptions } from '../../src/directory/directory.ts';
import type { Modification, Session } from '../../src/directory/service.ts';
import {
  asTexts,
  callerOf,
  type DirectoryFixture,
  openToAll,
  search,
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
const DAY_MS = 86_400_000;
/** Before the rule that gives everyone nothing but `auth` on passwords. */
const managedByOperators: AccessRule = { who: { kind: 'operator' }, rights: ['manage'] };

const policy: PasswordPolicy = {
  minCharacters: 8,
  characterKinds: ['upperCase', 'lowerCase', 'digit'],
  refuseNames: true,
  history: 3,
  ageing: { accounts: ['operator'], maxAgeDays: 100, warningDays: 10 },
  delays: { freeFailures: 2, firstSeconds: 10, maxSeconds: 60 },
};

function open(
  t: Parameters<typeof openRepository>[0],
  options: Partial<DirectoryOptions> = {},
): Promise<DirectoryFixture> {
  return openRepository(t, { passwords: policy, ...options }, { lists: false });
}

function bind(
  { directory }: DirectoryFixture,
  dn: string,
  password: string = verifierPassword,
  session: Session = tlsSession,
): Promise<Principal> {
  return directory.bind(dn, encodeUtf8(password), session);
}

function replace(...passwords: string[]): Modification {
  return { operation: 'replace', attribute: 'userPassword', values: passwords.map(encodeUtf8) };
}

async function setPassword(fixture: DirectoryFixture, dn: string, text: string): Promise<void> {
  await fixture.directory.modify({ dn, changes: [replace(text)] }, system);
}

async function operational(
  fixture: DirectoryFixture,
  dn: string,
): Promise<Record<string, string[]>> {
  const attributes = ['certdirPasswordChanged', 'certdirPasswordHistory'];
  return asTexts((await search(fixture.directory, { base: dn, attributes }))[0]);
}

describe('new passwords', () => {
  const refused = ['short1A', 'nodigitsHere', 'lower-case-1', 'COURT1court'];
  for (const password of refused) {
    it(`refuses ${password} in a modify, an add and an import`, async (t) => {
      const fixture = await open(t);
      const code = 'DIRECTORY_CONSTRAINT';
      await assert.rejects(setPassword(fixture, court, password), { code });
      const entry = { objectClass: ['organizationalRole', 'certdirVerifier'], cn: 'Court' };
      const kind = { certdirVerifierKind: 'signature', userPassword: password };
      const dn = `cn=Court+description=2,${verifiers}`;
      await assert.rejects(fixture.add(dn, { ...entry, ...kind }), { code });
      const ldif = `dn: ${dn}\nobjectClass: organizationalRole\nobjectClass: certdirVerifier\ncertdirVerifierKind: signature\nuserPassword: ${password}\n`;
      const source = (async function* () {
        yield encodeUtf8(ldif);
      })();
      await assert.rejects(fixture.directory.importLdif(source, system), { code });
    });
  }

  it('takes hashes from the program and its owner alone', async (t) => {
    const fixture = await open(t, { access: [managedByOperators, ...repositoryRules] });
    const [entry] = await search(fixture.directory, { base: court, attributes: ['userPassword'] });
    const hash = asTexts(entry)['userPassword']?.[0] ?? '';
    await setPassword(fixture, operator, hash);
    const caller = callerOf(await bind(fixture, operator));
    await assert.rejects(
      fixture.directory.modify({ dn: court, changes: [replace(hash)] }, caller),
      { code: 'DIRECTORY_CONSTRAINT' },
    );
  });

  it('refuses the last ones, the one in use included', async (t) => {
    const fixture = await open(t);
    await setPassword(fixture, court, 'Second 22');
    await setPassword(fixture, court, 'Third 333');
    for (const used of [verifierPassword, 'Second 22', 'Third 333']) {
      await assert.rejects(setPassword(fixture, court, used), { code: 'DIRECTORY_CONSTRAINT' });
    }
    await setPassword(fixture, court, 'Fourth 44');
    await setPassword(fixture, court, verifierPassword);
  });

  it('keeps no more of the last ones than it needs, and only hashes', async (t) => {
    const fixture = await open(t);
    for (const text of ['Second 22', 'Third 333', 'Fourth 44', 'Fifth 555']) {
      await fixture.clock.advance(1000);
      await setPassword(fixture, court, text);
    }
    const { certdirPasswordHistory = [], certdirPasswordChanged } = await operational(
      fixture,
      court,
    );
    assert.deepEqual(certdirPasswordChanged, ['20260105000004Z']);
    assert.deepEqual(
      certdirPasswordHistory.map((text) => text.split('{SCRYPT}')[0]),
      ['20260105000004Z#', '20260105000003Z#'],
    );
  });

  it('forgets no history when the password is removed and given anew', async (t) => {
    const fixture = await open(t);
    await fixture.directory.modify({ dn: court, changes: [replace()] }, system);
    assert.equal((await operational(fixture, court))['certdirPasswordChanged'], undefined);
    await assert.rejects(setPassword(fixture, court, verifierPassword), {
      code: 'DIRECTORY_CONSTRAINT',
    });
  });

  it('shows the history to nobody by rules that do not name it', async (t) => {
    const fixture = await open(t, { access: openToAll });
    await setPassword(fixture, court, 'Second 22');
    const caller = callerOf(await bind(fixture, court, 'Second 22'));
    const wish = { base: court, attributes: ['*', '+', 'certdirPasswordHistory'] };
    const [entry] = await search(fixture.directory, wish, caller);
    assert.equal(asTexts(entry)['certdirPasswordHistory'], undefined);
    assert.notEqual(asTexts(entry)['certdirPasswordChanged'], undefined);
  });

  it('lets nobody write age and history', async (t) => {
    const fixture = await open(t);
    for (const attribute of ['certdirPasswordChanged', 'certdirPasswordHistory']) {
      const changes = [{ operation: 'replace', attribute, values: [] }] as const;
      await assert.rejects(fixture.directory.modify({ dn: court, changes }, system), {
        code: 'DIRECTORY_CONSTRAINT',
      });
    }
  });

  const withoutOld: readonly { why: string; changes: readonly Modification[] }[] = [
    { why: 'a replacement', changes: [replace('Second 22')] },
    { why: 'a removal', changes: [replace()] },
    {
      why: 'a deletion',
      changes: [{ operation: 'delete', attribute: 'userPassword', values: [] }],
    },
    {
      why: 'a deletion after the new one',
      changes: [
        replace('Second 22'),
        { operation: 'delete', attribute: 'userPassword', values: [encodeUtf8(verifierPassword)] },
      ],
    },
  ];
  for (const { why, changes } of withoutOld) {
    it(`refuses ${why} by the account itself without the old password`, async (t) => {
      const fixture = await open(t);
      const caller = callerOf(await bind(fixture, court));
      await assert.rejects(fixture.directory.modify({ dn: court, changes }, caller), {
        code: 'DIRECTORY_UNWILLING',
      });
      assert.equal((await bind(fixture, court)).kind, 'entry');
    });
  }
});

describe('passwords that age', () => {
  it('end after their time, both sides, for the accounts of the policy', async (t) => {
    const fixture = await open(t);
    await fixture.clock.advance(100 * DAY_MS - 1);
    assert.equal((await bind(fixture, operator)).kind, 'entry');
    await fixture.clock.advance(1);
    await assert.rejects(bind(fixture, operator), { code: 'DIRECTORY_INVALID_CREDENTIALS' });
    assert.equal((await bind(fixture, court)).kind, 'entry');
    await setPassword(fixture, operator, 'Second 22');
    assert.equal((await bind(fixture, operator, 'Second 22')).kind, 'entry');
  });

  it('say so to those alone who have the password', async (t) => {
    const fixture = await open(t);
    await fixture.clock.advance(100 * DAY_MS);
    const say = async (password: string): Promise<string> =>
      await bind(fixture, operator, password).then(
        () => '',
        (error: Error) => error.message,
      );
    assert.match(await say(verifierPassword), /expired/);
    assert.equal(await say('wrong'), 'invalid credentials');
    const disabled: Modification = {
      operation: 'replace',
      attribute: 'certdirAccountDisabled',
      values: [encodeUtf8('TRUE')],
    };
    await fixture.directory.modify({ dn: operator, changes: [disabled] }, system);
    assert.equal(await say(verifierPassword), 'invalid credentials');
  });

  it('count from the entry when the change is not known', async (t) => {
    const fixture = await open(t);
    const ldif = `dn: cn=Old,${verifiers}\nobjectClass: organizationalRole\nobjectClass: certdirOperator\ncertdirOperatorRole: x\nuserPassword: ${verifierPassword}\ncertdirPasswordChanged: 20250101000000Z\n`;
    const source = (async function* () {
      yield encodeUtf8(ldif);
    })();
    await fixture.directory.importLdif(source, system);
    await assert.rejects(bind(fixture, `cn=Old,${verifiers}`), /expired/);
  });

  it('are announced in the log, once a day', async (t) => {
    const warnings: string[] = [];
    const log: Log = {
      debug: () => undefined,
      info: () => undefined,
      warn: (message) => warnings.push(message),
      error: () => undefined,
      with: () => log,
    };
    const fixture = await open(t, { log });
    await fixture.clock.advance(90 * DAY_MS);
    await bind(fixture, operator);
    assert.deepEqual(warnings, []);
    await fixture.clock.advance(1);
    await bind(fixture, operator);
    await bind(fixture, operator);
    assert.deepEqual(warnings, ['a password is about to expire']);
    await fixture.clock.advance(DAY_MS);
    await bind(fixture, operator);
    assert.equal(warnings.length, 2);
  });
});

describe('reliability LDAP row 17: guessing passwords', () => {
  const elsewhere: Session = { ...tlsSession, address: '198.51.100.7' };
  const refuse = async (fixture: DirectoryFixture, dn: string, password: string): Promise<string> =>
    await bind(fixture, dn, password).then(
      () => assert.fail('it was bound'),
      (error: Error & { code?: string }) => `${error.code} ${error.message}`,
    );

  it('waits, the right password too, from this address and no other', async (t) => {
    const fixture = await open(t);
    await refuse(fixture, court, 'wrong 1');
    await refuse(fixture, court, 'wrong 2');
    await refuse(fixture, court, verifierPassword);
    assert.equal((await bind(fixture, court, verifierPassword, elsewhere)).kind, 'entry');
    await fixture.clock.advance(10_000);
    assert.equal((await bind(fixture, court)).kind, 'entry');
  });

  it('is answered alike for accounts that exist, do not, or may not bind', async (t) => {
    const fixture = await open(t, {
      passwords: { ...lenientPasswordPolicy, delays: policy.delays },
    });
    const answers = new Set<string>();
    for (const dn of [court, `cn=None,${verifiers}`, verifiers, 'cn=nowhere']) {
      const ofOne: string[] = [];
      for (const password of ['1', '2', '3', verifierPassword]) {
        ofOne.push(await refuse(fixture, dn, password));
      }
      answers.add(JSON.stringify(ofOne));
    }
    assert.deepEqual(
      [...answers],
      [JSON.stringify(Array(4).fill('DIRECTORY_INVALID_CREDENTIALS invalid credentials'))],
    );
  });

  it('counts the right password of a disabled account like a wrong one', async (t) => {
    const fixture = await open(t);
    const disabled = (text: string): Modification => ({
      operation: 'replace',
      attribute: 'certdirAccountDisabled',
      values: [encodeUtf8(text)],
    });
    await fixture.directory.modify({ dn: court, changes: [disabled('TRUE')] }, system);
    await refuse(fixture, court, verifierPassword);
    await refuse(fixture, court, 'wrong');
    await fixture.directory.modify({ dn: court, changes: [disabled('FALSE')] }, system);
    await refuse(fixture, court, verifierPassword);
  });

  it('is recorded, a delay once', async (t) => {
    const fixture = await open(t);
    const before = (await fixture.records()).length;
    for (const password of ['wrong 1', 'wrong 2', 'wrong 3', 'wrong 4', 'wrong 5']) {
      await refuse(fixture, court, password);
    }
    const records = (await fixture.records()).slice(before);
    assert.deepEqual(
      records.map(({ kind, details }) => [
        kind,
        details?.['reason'],
        details?.['failures'],
        details?.['count'],
      ]),
      [
        ['directory.bind', 'credentials', 1, undefined],
        ['directory.bind', 'delayed', 2, undefined],
        ['directory.bind', 'credentials', 2, 1],
      ],
    );
    assert.equal(fixture.directory.statistics.refusedBinds, 5);
  });
});
