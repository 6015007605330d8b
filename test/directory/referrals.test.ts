/** Referral objects and manageDsaIT (RFC 3296); the example of its §5.1. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import type { Caller } from '../../src/directory/service.ts';
import {
  attributesOf,
  type DirectoryFixture,
  nobody,
  openDirectory,
  openToAll,
  type SearchWish,
  searchNames,
  searchRequest,
  suffix,
  system,
} from '../support/directory-fixture.ts';

const people = `OU=People,${suffix}`;
const roles = `OU=Roles,${suffix}`;
const manager = `CN=Manager,${suffix}`;
const atPeople = ['ldap://hostb/OU=People,O=MNN,C=US', 'ldap://hostc/OU=People,O=MNN,C=US'];

const variants = [
  { name: 'the default indexes', indexes: undefined },
  { name: 'no index', indexes: [] },
] as const;

async function openReferrals(
  t: Parameters<typeof openDirectory>[0],
  access: readonly AccessRule[] = openToAll,
  indexes?: readonly string[],
): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, { access, ...(indexes && { indexes }) });
  const { add } = fixture;
  await add(suffix, { objectClass: 'organization' });
  await add(manager, { objectClass: 'organizationalRole' });
  const objectClass = ['referral', 'extensibleObject'];
  await add(people, { objectClass, ref: atPeople.map((uri) => `${uri} a label`) });
  await add(roles, { objectClass, ref: `ldap://hostd/${roles}` });
  return fixture;
}

interface Answered {
  readonly names: readonly string[];
  readonly references: readonly (readonly string[])[];
}

async function ask(
  { directory }: DirectoryFixture,
  wish: SearchWish,
  caller: Caller = nobody,
): Promise<Answered> {
  const answers = directory.search(searchRequest({ attributes: ['1.1'], ...wish }), caller);
  const names: string[] = [];
  for await (const { dn } of answers) {
    names.push(dn);
  }
  return { names, references: answers.outcome.references ?? [] };
}

function isReferredTo(...referrals: readonly string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DirectoryError);
    assert.equal(error.code, 'DIRECTORY_REFERRAL');
    assert.deepEqual(error.referrals, referrals);
    return true;
  };
}

describe('a search (RFC 3296 §5.4)', () => {
  const rows: readonly {
    readonly wish: SearchWish;
    readonly names: readonly string[];
    readonly scope: string;
  }[] = [
    { wish: {}, names: [suffix, manager], scope: 'sub' },
    { wish: { scope: 'one' }, names: [manager], scope: 'base' },
    { wish: { filter: '(cn=manager)' }, names: [manager], scope: 'sub' },
    { wish: { filter: '(cn=none)' }, names: [], scope: 'sub' },
    { wish: { filter: '(ou=People)', scope: 'one' }, names: [], scope: 'base' },
    { wish: { filter: '(objectClass=referral)' }, names: [], scope: 'sub' },
    { wish: { base: '' }, names: [suffix, manager], scope: 'sub' },
  ];
  for (const { name, indexes } of variants) {
    for (const { wish, names, scope } of rows) {
      it(`${JSON.stringify(wish)} refers on, with ${name}`, async (t) => {
        const fixture = await openReferrals(t, openToAll, indexes);
        const answered = await ask(fixture, wish);
        assert.deepEqual(answered.names, names);
        assert.deepEqual(answered.references, [
          atPeople.map((uri) => `${uri}??${scope}`),
          [`ldap://hostd/${roles}??${scope}`],
        ]);
      });
    }
  }

  it('outside their place finds no reference', async (t) => {
    const fixture = await openReferrals(t);
    assert.deepEqual(await ask(fixture, { base: manager }), { names: [manager], references: [] });
    const base: SearchWish = { scope: 'base' };
    assert.deepEqual(await ask(fixture, base), { names: [suffix], references: [] });
  });

  it('with manageDsaIT finds entries, and `ref` when it is asked for', async (t) => {
    const fixture = await openReferrals(t);
    const all = await ask(fixture, { manageDsaIt: true });
    assert.deepEqual(all, { names: [suffix, people, roles, manager], references: [] });
    const found = await ask(fixture, { manageDsaIt: true, base: people, filter: '(ref=*)' });
    assert.deepEqual(found.names, [people]);
  });

  it('in pages tells each reference once', async (t) => {
    const fixture = await openReferrals(t);
    await fixture.add(`OU=Other,${suffix}`, { objectClass: 'organizationalUnit' });
    await fixture.add(`OU=Z,${suffix}`, { objectClass: 'organizationalUnit' });
    const sort = {
      keys: [{ attribute: 'objectClass', rule: '2.5.13.3', isReverse: false }],
      isCritical: false,
    };
    for (const wish of [{}, { sort }]) {
      const names: string[] = [];
      const references: (readonly string[])[] = [];
      let cookie: Uint8Array = new Uint8Array(0);
      do {
        const page = { size: 1, cookie };
        const request = searchRequest({ ...wish, attributes: ['1.1'], page });
        const answers = fixture.directory.search(request, nobody);
        for await (const { dn } of answers) {
          names.push(dn);
        }
        references.push(...(answers.outcome.references ?? []));
        cookie = answers.outcome.page?.cookie ?? cookie.subarray(0, 0);
      } while (cookie.length > 0);
      assert.equal(new Set(names).size, 4);
      assert.equal(names.length, 4);
      assert.deepEqual(references.map(([uri]) => uri).toSorted(), [
        `${atPeople[0]}??sub`,
        `ldap://hostd/${roles}??sub`,
      ]);
    }
  });

  it('is not an answer to be given again', async (t) => {
    const fixture = await openReferrals(t);
    const record = fixture.directory.answers.record();
    await ask(fixture, { record });
    assert.equal(record.audience, undefined);
  });
});

describe('the target of an operation (RFC 3296 §5.2, §5.3)', () => {
  const change = {
    operation: 'replace',
    attribute: 'description',
    values: [encodeUtf8('x')],
  } as const;
  const acts: readonly {
    readonly name: string;
    readonly scope?: string;
    readonly act: (fixture: DirectoryFixture, dn: string) => Promise<unknown>;
  }[] = [
    {
      name: 'base search',
      scope: '??base',
      act: (fixture, base) => ask(fixture, { base, scope: 'base' }),
    },
    {
      name: 'one-level search',
      scope: '??one',
      act: (fixture, base) => ask(fixture, { base, scope: 'one' }),
    },
    { name: 'subtree search', scope: '??sub', act: (fixture, base) => ask(fixture, { base }) },
    {
      name: 'compare',
      act: ({ directory }, dn) =>
        directory.compare({ dn, attribute: 'ou', value: encodeUtf8('x') }, system),
    },
    {
      name: 'modify',
      act: ({ directory }, dn) => directory.modify({ dn, changes: [change] }, system),
    },
    {
      name: 'password change',
      act: ({ directory }, dn) =>
        directory.modify({ dn, changes: [{ ...change, attribute: 'userPassword' }] }, system),
    },
    { name: 'delete', act: ({ directory }, dn) => directory.delete({ dn }, system) },
    {
      name: 'rename',
      act: ({ directory }, dn) =>
        directory.rename({ dn, newRdn: 'ou=X', deleteOldRdn: false }, system),
    },
    {
      name: 'add',
      act: ({ directory }, dn) =>
        directory.add(
          { dn, attributes: attributesOf({ objectClass: 'organizationalUnit' }) },
          system,
        ),
    },
  ];
  for (const { name, scope = '', act } of acts) {
    it(`${name} of a referral object is referred on`, async (t) => {
      const fixture = await openReferrals(t);
      const uris = atPeople.map((uri) => uri + scope);
      await assert.rejects(act(fixture, 'ou=PEOPLE,o=JPKI,c=JP'), isReferredTo(...uris));
      assert.equal((await searchNames(fixture.directory, { manageDsaIt: true })).length, 4);
    });

    it(`${name} of what would be below one is referred on, by its name there`, async (t) => {
      const fixture = await openReferrals(t);
      const target = `OU=A b,OU=C,${roles}`;
      const uri = `ldap://hostd/OU=A%20b,OU=C,${roles}${scope}`;
      await assert.rejects(act(fixture, target), isReferredTo(uri));
    });
  }

  it('a search for what is nowhere is no referral', async (t) => {
    const fixture = await openReferrals(t);
    await assert.rejects(ask(fixture, { base: `cn=x,${manager}` }), {
      code: 'DIRECTORY_NO_SUCH_OBJECT',
      matchedDn: manager,
    });
  });

  it('with manageDsaIT is the object itself', async (t) => {
    const { directory } = await openReferrals(t);
    const options = { manageDsaIt: true };
    const ref = {
      operation: 'replace',
      attribute: 'ref',
      values: [encodeUtf8('ldap://e/o=e')],
    } as const;
    await directory.modify({ dn: people, changes: [ref], ...options }, system);
    assert.equal(
      await directory.compare(
        { dn: people, attribute: 'ref', value: encodeUtf8('ldap://e/o=e'), ...options },
        system,
      ),
      true,
    );
    const rename = { dn: people, newRdn: 'ou=Persons', deleteOldRdn: true, ...options };
    await directory.rename(rename, system);
    await directory.delete({ dn: `ou=Persons,${suffix}`, ...options }, system);
    await directory.delete({ dn: roles, ...options }, system);
    assert.deepEqual(await searchNames(directory), [suffix, manager]);
  });

  const taken = [
    { why: 'the name of a referral object', newRdn: 'ou=People', newSuperior: suffix },
    { why: 'a place at a referral object', newRdn: 'cn=x', newSuperior: people },
    { why: 'a place below one', newRdn: 'cn=x', newSuperior: `ou=y,${people}` },
  ];
  for (const { why, newRdn, newSuperior } of taken) {
    it(`a new name that is ${why}: DIRECTORY_OTHER_SERVER (RFC 3296 §5.6.2)`, async (t) => {
      const { directory } = await openReferrals(t);
      const request = { dn: manager, newRdn, newSuperior, deleteOldRdn: false };
      await assert.rejects(directory.rename(request, system), { code: 'DIRECTORY_OTHER_SERVER' });
    });
  }
});

describe('a referral object that the caller may not know of, or whose references it may not read', () => {
  const anyone = { kind: 'anyone' } as const;
  const rows: readonly { readonly what: string; readonly rule: AccessRule }[] = [
    { what: 'hidden', rule: { target: { subtree: people }, who: anyone, rights: [] } },
    { what: 'with hidden references', rule: { attributes: ['ref'], who: anyone, rights: [] } },
    {
      what: 'that may not be read',
      rule: {
        target: { subtree: people },
        attributes: ['entry'],
        who: anyone,
        rights: ['disclose'],
      },
    },
  ];
  for (const { what, rule } of rows) {
    it(`${what}: is as if it were not there`, async (t) => {
      const access = [
        rule,
        { who: anyone, rights: ['search', 'read', 'compare', 'write'] } as const,
      ];
      const fixture = await openReferrals(t, access);
      const noObject = { code: 'DIRECTORY_NO_SUCH_OBJECT', matchedDn: suffix };
      const { names, references } = await ask(fixture, {});
      assert.deepEqual(names, [suffix, manager]);
      assert.ok(!references.flat().some((uri) => uri.includes('hostb')));
      for (const base of [people, `cn=x,${people}`]) {
        await assert.rejects(ask(fixture, { base }), noObject);
        await assert.rejects(fixture.directory.delete({ dn: base }, nobody), noObject);
      }
    });
  }
});

it('referral objects are found again when the store is opened again', async (t) => {
  const first = await openReferrals(t);
  const again = await openDirectory(t, { store: first.store });
  const { references } = await ask(again, { filter: '(cn=manager)' });
  assert.equal(references.length, 2);
});
