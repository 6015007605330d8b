/**
 * Rights by membership in a group: who is a member, and from when on a change of the group counts.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import type { Principal } from '../../src/directory/accounts/principal.ts';
import type { Caller, Modification } from '../../src/directory/service.ts';
import {
  attributesOf,
  callerOf,
  type DirectoryFixture,
  openDirectory,
  search,
  suffix,
  system,
} from '../support/directory-fixture.ts';

const readers = `cn=Readers,ou=Groups,${suffix}`;
const unique = `cn=Unique,ou=Groups,${suffix}`;
const anyone = { kind: 'anyone' } as const;
const rules: readonly AccessRule[] = [
  { attributes: ['userPassword'], who: anyone, rights: ['auth'] },
  { who: { kind: 'group', dn: readers }, attributes: ['title'], rights: ['read'] },
  { who: { kind: 'group', dn: unique }, attributes: ['description'], rights: ['read'] },
  { attributes: ['entry', 'cn', 'objectClass'], who: anyone, rights: ['search', 'read'] },
];
const hanako = `cn=Hanako,${suffix}`;
const target = `cn=Target,${suffix}`;

async function open(t: Parameters<typeof openDirectory>[0]): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, { access: rules });
  const { add } = fixture;
  await add(suffix, { objectClass: 'organization' });
  await add(`ou=Groups,${suffix}`, { objectClass: 'organizationalUnit' });
  for (const dn of [hanako, `cn=Taro,${suffix}`]) {
    await add(dn, { objectClass: 'person', sn: 'x', userPassword: 'right' });
  }
  await add(target, {
    objectClass: 'organizationalPerson',
    sn: 'x',
    title: 'T',
    description: 'D',
  });
  return fixture;
}

const bind = (fixture: DirectoryFixture, dn = hanako): Promise<Principal> =>
  fixture.directory.bind(dn, encodeUtf8('right'), system.session);

/** Which of the group's attributes the caller reads: `T`, `D`, both or none. */
async function seen({ directory }: DirectoryFixture, caller: Caller): Promise<string> {
  const wish = { base: target, scope: 'base', attributes: ['title', 'description'] } as const;
  const [entry] = await search(directory, wish, caller);
  return (entry?.attributes ?? [])
    .flatMap(({ values }) => values.map((value) => Buffer.from(value).toString('utf8')))
    .join('');
}

const members = (
  operation: Modification['operation'],
  attribute: string,
  ...names: readonly string[]
): Modification => ({ operation, attribute, values: names.map(encodeUtf8) });

describe('members of a group', () => {
  const rows = [
    { why: 'the name', values: [hanako], isMember: true },
    { why: 'the name in another spelling', values: ['CN = hanako, O=jpki,C=jp'], isMember: true },
    { why: 'another name', values: [`cn=Taro,${suffix}`], isMember: false },
    { why: 'a name above', values: [suffix], isMember: false },
    { why: 'one of several', values: [`cn=Taro,${suffix}`, hanako], isMember: true },
  ];
  for (const { why, values, isMember } of rows) {
    it(`member and uniqueMember, ${why}: ${isMember}`, async (t) => {
      const fixture = await open(t);
      await fixture.add(readers, { objectClass: 'groupOfNames', member: values });
      await fixture.add(unique, { objectClass: 'groupOfUniqueNames', uniqueMember: values });
      const caller = callerOf(await bind(fixture));
      assert.equal(await seen(fixture, caller), isMember ? 'TD' : '');
    });
  }

  it('a uniqueMember with a UID is someone else', async (t) => {
    const fixture = await open(t);
    const uniqueMember = `${hanako}#'0101'B`;
    await fixture.add(unique, { objectClass: 'groupOfUniqueNames', uniqueMember });
    assert.equal(await seen(fixture, callerOf(await bind(fixture))), '');
  });

  it('a group that is a member does not pass its membership on', async (t) => {
    const fixture = await open(t);
    await fixture.add(readers, { objectClass: 'groupOfNames', member: unique });
    await fixture.add(unique, { objectClass: 'groupOfUniqueNames', uniqueMember: hanako });
    assert.equal(await seen(fixture, callerOf(await bind(fixture))), 'D');
  });

  it('an entry that has members and is no group has none', async (t) => {
    const fixture = await open(t);
    const objectClass = ['applicationProcess', 'extensibleObject'];
    await fixture.add(readers, { objectClass, member: hanako });
    assert.equal(await seen(fixture, callerOf(await bind(fixture))), '');
  });

  it('nobody is a member of a group that is not there', async (t) => {
    const fixture = await open(t);
    assert.equal(await seen(fixture, callerOf(await bind(fixture))), '');
  });

  it('a group of thousands, some kept apart', async (t) => {
    const fixture = await open(t);
    const many = Array.from({ length: 3_000 }, (_, index) => `cn=m${index},${suffix}`);
    const long = `cn=${'x'.repeat(5_000)},${suffix}`;
    await fixture.add(readers, { objectClass: 'groupOfNames', member: [...many, long, hanako] });
    assert.equal(await seen(fixture, callerOf(await bind(fixture))), 'T');
  });
});

describe('a change of a group counts at once, for those who are bound already', () => {
  const changes: readonly {
    readonly why: string;
    readonly members: readonly string[];
    readonly act: (fixture: DirectoryFixture) => Promise<unknown>;
    readonly before: string;
    readonly after: string;
  }[] = [
    {
      why: 'a member is added',
      members: [suffix],
      act: ({ directory }) =>
        directory.modify({ dn: readers, changes: [members('add', 'member', hanako)] }, system),
      before: '',
      after: 'T',
    },
    {
      why: 'a member is taken out',
      members: [suffix, hanako],
      act: ({ directory }) =>
        directory.modify({ dn: readers, changes: [members('delete', 'member', hanako)] }, system),
      before: 'T',
      after: '',
    },
    {
      why: 'the group is deleted',
      members: [hanako],
      act: ({ directory }) => directory.delete({ dn: readers }, system),
      before: 'T',
      after: '',
    },
    {
      why: 'the group gets another name',
      members: [hanako],
      act: ({ directory }) =>
        directory.rename({ dn: readers, newRdn: 'cn=Others', deleteOldRdn: true }, system),
      before: 'T',
      after: '',
    },
    {
      why: 'the group moves along with what is above it',
      members: [hanako],
      act: ({ directory }) =>
        directory.rename(
          { dn: `ou=Groups,${suffix}`, newRdn: 'ou=Elsewhere', deleteOldRdn: true },
          system,
        ),
      before: 'T',
      after: '',
    },
    {
      why: 'another entry takes the name of the group',
      members: [hanako],
      act: async ({ directory, add }) => {
        await directory.delete({ dn: readers }, system);
        await add(readers, { objectClass: 'groupOfNames', member: suffix });
      },
      before: 'T',
      after: '',
    },
    {
      why: 'the group comes with an import',
      members: [],
      act: async ({ directory }) => {
        const text = `dn: ${readers}\nobjectClass: groupOfNames\nmember: ${hanako}\n`;
        await directory.importLdif(
          (async function* () {
            yield encodeUtf8(text);
          })(),
          system,
        );
      },
      before: '',
      after: 'T',
    },
    {
      why: 'the group is written within a transaction of the program',
      members: [],
      act: ({ directory, store }) =>
        store.transact('test', (transaction) =>
          directory.managed.createEntry(transaction, {
            dn: readers,
            attributes: attributesOf({ objectClass: 'groupOfNames', member: hanako }),
            manager: 'test',
          }),
        ),
      before: '',
      after: 'T',
    },
  ];
  for (const { why, members: first, act, before, after } of changes) {
    it(why, async (t) => {
      const fixture = await open(t);
      if (first.length > 0) {
        await fixture.add(readers, { objectClass: 'groupOfNames', member: first });
      }
      const caller = callerOf(await bind(fixture));
      assert.equal(await seen(fixture, caller), before);
      const { answers } = fixture.directory;
      const audience = answers.audienceOf(caller);
      assert.ok(audience !== undefined);
      await act(fixture);
      assert.equal(await seen(fixture, caller), after);
      assert.notEqual(answers.audienceOf(caller)?.name, audience.name);
    });
  }

  it('whoever asks while the group is being written', async (t) => {
    const fixture = await open(t);
    await fixture.add(readers, { objectClass: 'groupOfNames', member: [suffix] });
    const caller = callerOf(await bind(fixture));
    for (let round = 0; round < 40; round += 1) {
      const operation = round % 2 === 0 ? 'add' : 'delete';
      const changes = [members(operation, 'member', hanako)];
      const changing = fixture.directory.modify({ dn: readers, changes }, system);
      const asking = Array.from({ length: 5 }, () => seen(fixture, caller));
      await changing;
      assert.equal(await seen(fixture, caller), round % 2 === 0 ? 'T' : '');
      await Promise.all(asking);
      assert.equal(await seen(fixture, caller), round % 2 === 0 ? 'T' : '');
    }
  });
});
