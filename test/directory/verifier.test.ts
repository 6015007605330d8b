import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { EntryPrincipal, Principal } from '../../src/directory/accounts/principal.ts';
import {
  actorName,
  actorOf,
  authorizationIdentity,
} from '../../src/directory/accounts/principal.ts';
import type { Modification, Session } from '../../src/directory/service.ts';
import {
  asTexts,
  callerOf,
  clearSession,
  type DirectoryFixture,
  openToAll,
  search,
  suffix,
  system,
  tlsSession,
} from '../support/directory-fixture.ts';
import {
  addVerifier,
  openRepository,
  partitions,
  repositoryRules,
  verifierPassword,
  verifiers,
} from '../support/repository-fixture.ts';

const court = `cn=Court,${verifiers}`;

function bind(
  { directory }: DirectoryFixture,
  dn: string = court,
  password: string = verifierPassword,
  session: Session = tlsSession,
): Promise<Principal> {
  return directory.bind(dn, encodeUtf8(password), session);
}

function replace(attribute: string, ...values: string[]): Modification {
  return { operation: 'replace', attribute, values: values.map(encodeUtf8) };
}

describe('bind (RFC 4513 §5.1)', () => {
  it('makes a verifier of the entry', async (t) => {
    const fixture = await openRepository(t);
    const principal = await bind(fixture, `CN=court, OU=verifiers,${suffix}`);
    assert.equal(principal.kind, 'entry');
    assert.equal(authorizationIdentity(principal), `dn:CN=court, OU=verifiers,${suffix}`);
    assert.equal(actorOf(principal), 'cn=court,ou=verifiers,o=JPKI,c=JP');
    assert.equal(actorName(principal, fixture.schema), 'cn=court,ou=verifiers,o=JPKI,c=JP');
    assert.deepEqual((principal as EntryPrincipal).verifier, {
      kind: 'signature',
      agreementNumber: '2026-Court',
      notBeforeMs: Date.UTC(2026, 0, 1),
      notAfterMs: Date.UTC(2026, 11, 31, 14, 59, 59),
      partitions: new Set(['102016']),
    });
  });

  it('makes an operator of the entry', async (t) => {
    const fixture = await openRepository(t);
    const principal = await bind(fixture, `cn=Operator,${verifiers}`);
    assert.deepEqual((principal as EntryPrincipal).operatorRoles, ['repository']);
    assert.equal((principal as EntryPrincipal).verifier, undefined);
  });

  it('§5.1.1: makes nobody of an empty name and password', async (t) => {
    const fixture = await openRepository(t);
    const principal = await bind(fixture, '', '');
    assert.equal(principal.kind, 'anonymous');
    assert.equal(authorizationIdentity(principal), '');
  });

  const refused = [
    {
      why: 'a wrong password',
      dn: court,
      password: 'wrong',
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    },
    {
      why: 'a password that starts like the right one',
      dn: court,
      password: verifierPassword.slice(0, -1),
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    },
    {
      why: 'an entry that is not there',
      dn: `cn=None,${verifiers}`,
      password: verifierPassword,
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    },
    {
      why: 'an entry without a password',
      dn: suffix,
      password: verifierPassword,
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    },
    {
      why: '§5.1.2: a name without a password',
      dn: court,
      password: '',
      code: 'DIRECTORY_UNWILLING',
    },
    {
      why: 'a password without a name',
      dn: '',
      password: verifierPassword,
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    },
    { why: 'a name that is none', dn: 'court', password: 'x', code: 'DIRECTORY_DN_SYNTAX' },
  ];
  for (const { why, dn, password, code } of refused) {
    it(`refuses ${why}`, async (t) => {
      const fixture = await openRepository(t);
      await assert.rejects(bind(fixture, dn, password), { code });
    });
  }

  it('says the same, in code and text, of every account that may not bind', async (t) => {
    const fixture = await openRepository(t);
    await addVerifier(fixture, 'Disabled', { certdirAccountDisabled: 'TRUE' });
    await addVerifier(fixture, 'Early', { certdirAgreementNotBefore: '20260105000001Z' });
    await addVerifier(fixture, 'Late', { certdirAgreementNotAfter: '20260104235959Z' });
    const messages = new Set<string>();
    for (const [name, end] of [
      ['Unbegun', 'certdirAgreementNotBefore'],
      ['Unended', 'certdirAgreementNotAfter'],
    ] as const) {
      await addVerifier(fixture, name);
      const changes = [replace(end)];
      await fixture.directory.modify({ dn: `cn=${name},${verifiers}`, changes }, system);
    }
    for (const name of ['Disabled', 'Early', 'Late', 'Unbegun', 'Unended', 'None']) {
      await assert.rejects(bind(fixture, `cn=${name},${verifiers}`), (error: Error) => {
        messages.add(`${'code' in error ? error.code : ''} ${error.message}`);
        return true;
      });
    }
    assert.deepEqual([...messages], ['DIRECTORY_INVALID_CREDENTIALS invalid credentials']);
  });

  it('takes accounts from the first to the last instant of the agreement', async (t) => {
    const fixture = await openRepository(t);
    await addVerifier(fixture, 'Brief', {
      certdirAgreementNotBefore: '20260105000000Z',
      certdirAgreementNotAfter: '20260105000000Z',
      certdirAccountDisabled: 'FALSE',
    });
    assert.equal((await bind(fixture, `cn=Brief,${verifiers}`)).kind, 'entry');
    await fixture.clock.advance(1);
    await assert.rejects(bind(fixture, `cn=Brief,${verifiers}`), {
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    });
  });

  it('needs the right to be checked against the password', async (t) => {
    const access = repositoryRules.filter(({ rights }) => !rights.includes('auth'));
    const fixture = await openRepository(t, { access });
    await assert.rejects(bind(fixture), { code: 'DIRECTORY_INVALID_CREDENTIALS' });
  });

  it('records refusals, not successes', async (t) => {
    const fixture = await openRepository(t);
    const before = (await fixture.records()).length;
    await bind(fixture);
    await assert.rejects(bind(fixture, court, 'wrong', clearSession));
    const [record, ...others] = (await fixture.records()).slice(before);
    assert.deepEqual(others, []);
    assert.equal(record?.kind, 'directory.bind');
    assert.equal(record?.result, 'refused');
    assert.equal(record?.subject, 'cn=Court,ou=Verifiers,o=JPKI,c=JP');
    assert.equal(record?.origin.address, '192.0.2.1');
    assert.equal(fixture.directory.statistics.refusedBinds, 1);
    assert.equal(fixture.directory.statistics.binds, 2);
  });
});

describe('a principal after its account has changed', () => {
  async function canRead(fixture: DirectoryFixture, principal: Principal): Promise<boolean> {
    const wish = {
      base: partitions.maebashi,
      scope: 'base',
      attributes: ['certificateRevocationList'],
    } as const;
    const [entry] = await search(fixture.directory, wish, callerOf(principal));
    return (entry?.attributes.length ?? 0) > 0;
  }

  const changes = [
    { why: 'disabled', change: replace('certdirAccountDisabled', 'TRUE') },
    { why: 'granted another partition', change: replace('certdirGrantedPartition', '102024') },
    { why: 'of another kind', change: replace('certdirVerifierKind', 'other') },
    { why: 'without an end of its agreement', change: replace('certdirAgreementNotAfter') },
    { why: 'out of its agreement', change: replace('certdirAgreementNotAfter', '20260101000000Z') },
  ];
  for (const { why, change } of changes) {
    it(`loses its rights at once: ${why}`, async (t) => {
      const fixture = await openRepository(t);
      const principal = await bind(fixture);
      assert.equal(await canRead(fixture, principal), true);
      await fixture.directory.modify({ dn: court, changes: [change] }, system);
      assert.equal(await canRead(fixture, principal), false);
    });
  }

  it('loses them when the agreement ends, without any change', async (t) => {
    const fixture = await openRepository(t);
    await addVerifier(fixture, 'Brief', {
      certdirAgreementNotAfter: '20260105000010Z',
      certdirGrantedPartition: '*',
    });
    const principal = await bind(fixture, `cn=Brief,${verifiers}`);
    await fixture.clock.advance(10_000);
    assert.equal(await canRead(fixture, principal), true);
    await fixture.clock.advance(1);
    assert.equal(await canRead(fixture, principal), false);
  });

  it('loses them with its entry, also when another takes the name', async (t) => {
    const fixture = await openRepository(t);
    const principal = await bind(fixture);
    await fixture.directory.delete({ dn: court }, system);
    assert.equal(await canRead(fixture, principal), false);
    await addVerifier(fixture, 'Court', { certdirGrantedPartition: '*' });
    assert.equal(await canRead(fixture, principal), false);
    assert.equal(await canRead(fixture, await bind(fixture)), true);
  });

  it('gains what it is granted', async (t) => {
    const fixture = await openRepository(t);
    const changed = replace('certdirGrantedPartition', '102024');
    await fixture.directory.modify({ dn: court, changes: [changed] }, system);
    const principal = await bind(fixture);
    assert.equal(await canRead(fixture, principal), false);
    const granted = replace('certdirGrantedPartition', '*');
    await fixture.directory.modify({ dn: court, changes: [granted] }, system);
    assert.equal(await canRead(fixture, principal), true);
  });
});

describe('userPassword', () => {
  const readPassword = async (fixture: DirectoryFixture): Promise<string | undefined> =>
    asTexts((await search(fixture.directory, { base: court, attributes: ['userPassword'] }))[0])[
      'userPassword'
    ]?.[0];

  it('is stored hashed, whatever came', async (t) => {
    const fixture = await openRepository(t);
    assert.match((await readPassword(fixture)) ?? '', /^\{SCRYPT\}ln=10,r=8,p=1\$/);
  });

  it('is replaced in clear and stored hashed', async (t) => {
    const fixture = await openRepository(t);
    await fixture.directory.modify(
      { dn: court, changes: [replace('userPassword', 'new')] },
      system,
    );
    assert.match((await readPassword(fixture)) ?? '', /^\{SCRYPT\}/);
    assert.equal((await bind(fixture, court, 'new')).kind, 'entry');
    await assert.rejects(bind(fixture), { code: 'DIRECTORY_INVALID_CREDENTIALS' });
  });

  it('is kept as it is when it is a hash of ours', async (t) => {
    const fixture = await openRepository(t);
    const hash = (await readPassword(fixture)) ?? '';
    await addVerifier(fixture, 'Twin', { userPassword: hash });
    assert.equal((await bind(fixture, `cn=Twin,${verifiers}`)).kind, 'entry');
  });

  const refused = ['{SSHA}x', '{CRYPT}x', '{SCRYPT}x', '{CLEARTEXT}secret'];
  for (const value of refused) {
    it(`refuses ${value}`, async (t) => {
      const fixture = await openRepository(t);
      const changes = [replace('userPassword', value)];
      await assert.rejects(fixture.directory.modify({ dn: court, changes }, system), {
        code: 'DIRECTORY_CONSTRAINT',
      });
    });
  }

  const change = (oldPassword: string): Modification[] => [
    { operation: 'delete', attribute: 'userPassword', values: [encodeUtf8(oldPassword)] },
    { operation: 'add', attribute: 'userPassword', values: [encodeUtf8('new one')] },
  ];

  it('is changed by its owner with the old one, in clear', async (t) => {
    const fixture = await openRepository(t);
    const caller = callerOf(await bind(fixture));
    await fixture.directory.modify({ dn: court, changes: change(verifierPassword) }, caller);
    assert.equal((await bind(fixture, court, 'new one')).kind, 'entry');
  });

  it('is not changed with a wrong old one', async (t) => {
    const fixture = await openRepository(t);
    const caller = callerOf(await bind(fixture));
    await assert.rejects(
      fixture.directory.modify({ dn: court, changes: change('wrong') }, caller),
      { code: 'DIRECTORY_NO_SUCH_ATTRIBUTE' },
    );
    assert.equal((await bind(fixture)).kind, 'entry');
  });

  it('cannot be tried by someone who may not change it', async (t) => {
    const fixture = await openRepository(t, {
      access: [...openToAll],
    });
    const other = callerOf(await bind(fixture, `cn=Ministry,${verifiers}`));
    for (const password of [verifierPassword, 'wrong']) {
      await assert.rejects(
        fixture.directory.modify({ dn: court, changes: change(password) }, other),
        { code: 'DIRECTORY_ACCESS_DENIED' },
      );
    }
  });

  it('is not shown, searched or compared by rules that do not name it', async (t) => {
    const fixture = await openRepository(t, { access: openToAll });
    const caller = callerOf(await bind(fixture));
    const wish = { base: court, attributes: ['*', 'userPassword'] };
    assert.equal(
      asTexts((await search(fixture.directory, wish, caller))[0])['userPassword'],
      undefined,
    );
    const filter = '(userPassword=*)';
    assert.deepEqual(await search(fixture.directory, { filter }, caller), []);
    const request = { dn: court, attribute: 'userPassword', value: encodeUtf8('x') };
    await assert.rejects(fixture.directory.compare(request, caller), {
      code: 'DIRECTORY_NO_SUCH_ATTRIBUTE',
    });
  });
});
