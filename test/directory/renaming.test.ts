import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import type { DirectoryOptions } from '../../src/directory/directory.ts';
import { Dn } from '../../src/directory/names/dn.ts';
import type { RenameRequest } from '../../src/directory/service.ts';
import {
  asTexts,
  callerOf,
  type DirectoryFixture,
  nobody,
  openDirectory,
  search,
  searchNames,
  suffix,
  system,
  tlsSession,
} from '../support/directory-fixture.ts';

const oldUnit = `ou=Old,${suffix}`;
const otherUnit = `ou=Other,${suffix}`;

async function openTree(
  t: Parameters<typeof openDirectory>[0],
  options: Partial<DirectoryOptions> = {},
): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, options);
  const { add } = fixture;
  await add(suffix, { objectClass: 'organization' });
  await add(oldUnit, { objectClass: 'organizationalUnit' });
  await add(otherUnit, { objectClass: 'organizationalUnit' });
  await add(`OU=Middle, ou=OLD,${suffix}`, { objectClass: 'organizationalUnit' });
  await add(`cn=Hanako+sn=Ota,ou=middle,${oldUnit}`, {
    objectClass: 'person',
    description: 'x'.repeat(5000),
    userPassword: 'secret',
  });
  return fixture;
}

const move: RenameRequest = {
  dn: oldUnit,
  newRdn: 'ou=New',
  deleteOldRdn: true,
  newSuperior: `OU=other,${suffix}`,
};

const movedNames = [
  `ou=New,${otherUnit}`,
  `OU=Middle,ou=New,${otherUnit}`,
  `cn=Hanako+sn=Ota,ou=middle,ou=New,${otherUnit}`,
];

async function factsOf({ directory }: DirectoryFixture, filter: string): Promise<unknown> {
  const attributes = ['entryUUID', 'entryCSN', 'modifyTimestamp', 'description', 'cn'];
  return asTexts((await search(directory, { filter, attributes }))[0]);
}

describe('renaming an entry that has others below it', () => {
  it('takes them along: names, scopes, indexes and identities', async (t) => {
    const fixture = await openTree(t);
    const { directory, clock } = fixture;
    const before = await factsOf(fixture, '(cn=hanako)');
    await clock.advance(1000);
    await directory.rename(move, system);
    assert.deepEqual(await searchNames(directory, { base: otherUnit }), [otherUnit, ...movedNames]);
    assert.deepEqual(await searchNames(directory, { filter: '(cn=hanako)' }), movedNames.slice(2));
    assert.deepEqual(
      await searchNames(directory, { base: `ou=new,${otherUnit}`, scope: 'one' }),
      movedNames.slice(1, 2),
    );
    assert.deepEqual(await factsOf(fixture, '(cn=hanako)'), before);
    await assert.rejects(searchNames(directory, { base: oldUnit }), {
      code: 'DIRECTORY_NO_SUCH_OBJECT',
    });
  });

  it('can be undone, and leaves nothing behind', async (t) => {
    const fixture = await openTree(t);
    const { directory } = fixture;
    await directory.rename(move, system);
    await directory.rename(
      { dn: `ou=new,${otherUnit}`, newRdn: 'ou=Old', deleteOldRdn: true, newSuperior: suffix },
      system,
    );
    assert.deepEqual(await searchNames(directory, { filter: '(cn=hanako)' }), [
      `cn=Hanako+sn=Ota,ou=middle,ou=Old,${suffix}`,
    ]);
    assert.deepEqual(await searchNames(directory, { base: otherUnit }), [otherUnit]);
    await directory.delete({ dn: otherUnit }, system);
  });

  it('spells the new name in theirs when only the spelling changes', async (t) => {
    const { directory } = await openTree(t);
    await directory.rename({ dn: oldUnit, newRdn: 'OU=OLD', deleteOldRdn: true }, system);
    assert.deepEqual(await searchNames(directory, { base: oldUnit }), [
      `OU=OLD,${suffix}`,
      `OU=Middle,OU=OLD,${suffix}`,
      `cn=Hanako+sn=Ota,ou=middle,OU=OLD,${suffix}`,
    ]);
  });

  it('ends the rights of who bound under an old name', async (t) => {
    const rules: readonly AccessRule[] = [
      { attributes: ['userPassword'], who: { kind: 'anyone' }, rights: ['auth'] },
      { who: { kind: 'authenticated' }, rights: ['manage'] },
    ];
    const { directory } = await openTree(t, { access: rules });
    const dn = `cn=hanako+sn=ota,ou=middle,${oldUnit}`;
    const caller = callerOf(await directory.bind(dn, encodeUtf8('secret'), tlsSession));
    assert.equal((await searchNames(directory, {}, caller)).length, 5);
    await directory.rename(move, system);
    await assert.rejects(searchNames(directory, {}, caller), { code: 'DIRECTORY_NO_SUCH_OBJECT' });
    const moved = movedNames[2] ?? '';
    assert.ok(await directory.bind(moved, encodeUtf8('secret'), tlsSession));
  });

  it('is one record that says how many moved', async (t) => {
    const fixture = await openTree(t);
    await fixture.directory.rename(move, system);
    const record = (await fixture.records()).at(-1);
    assert.equal(record?.kind, 'directory.rename');
    assert.equal(record?.details?.['movedBelow'], '2');
    assert.equal(record?.details?.['newName'], `ou=New,ou=other,${suffix}`);
  });
});

describe('the bounds of renaming', () => {
  const limits = [
    { maxMovedEntries: 2, code: undefined },
    { maxMovedEntries: 1, code: 'DIRECTORY_SUBTREE_LIMIT' },
  ];
  for (const { maxMovedEntries, code } of limits) {
    it(`two entries below and ${maxMovedEntries} allowed: ${code ?? 'done'}`, async (t) => {
      const { directory } = await openTree(t, { limits: { maxMovedEntries } });
      const before = await searchNames(directory);
      if (code === undefined) {
        await directory.rename(move, system);
      } else {
        await assert.rejects(directory.rename(move, system), { code });
        assert.deepEqual(await searchNames(directory), before);
      }
    });
  }

  for (const spare of [0, -1]) {
    it(`the longest name has ${spare} bytes to spare`, async (t) => {
      const { schema } = await openTree(t);
      const longest = Dn.parse(movedNames[2] ?? '', schema).key.length;
      const { directory } = await openTree(t, { limits: { maxNameBytes: longest + spare } });
      if (spare === 0) {
        await directory.rename(move, system);
      } else {
        await assert.rejects(directory.rename(move, system), { code: 'DIRECTORY_CONSTRAINT' });
        assert.equal((await searchNames(directory, { base: oldUnit })).length, 3);
      }
    });
  }

  it('a naming context below the old name or the new one stays where it is', async (t) => {
    const fixture = await openDirectory(t, {
      suffixes: [suffix, `ou=A,ou=B,${suffix}`, `ou=A,ou=D,${suffix}`],
    });
    await fixture.add(suffix, { objectClass: 'organization' });
    await fixture.add(`ou=B,${suffix}`, { objectClass: 'organizationalUnit' });
    await fixture.add(`ou=C,${suffix}`, { objectClass: 'organizationalUnit' });
    for (const [dn, newRdn] of [
      [`ou=B,${suffix}`, 'ou=E'],
      [`ou=C,${suffix}`, 'ou=D'],
    ] as const) {
      await assert.rejects(fixture.directory.rename({ dn, newRdn, deleteOldRdn: true }, system), {
        code: 'DIRECTORY_UNWILLING',
      });
    }
    await fixture.directory.rename(
      { dn: `ou=C,${suffix}`, newRdn: 'ou=F', deleteOldRdn: true },
      system,
    );
  });

  it('advances the change number of both contexts', async (t) => {
    const other = 'o=Other,c=JP';
    const fixture = await openDirectory(t, { suffixes: [suffix, other] });
    await fixture.add(suffix, { objectClass: 'organization' });
    await fixture.add(other, { objectClass: 'organization' });
    await fixture.add(`ou=A,${suffix}`, { objectClass: 'organizationalUnit' });
    const numberOf = async (base: string): Promise<string> => {
      const wish = { base, scope: 'base', attributes: ['contextCSN'] } as const;
      return asTexts((await search(fixture.directory, wish))[0])['contextCSN']?.[0] ?? '';
    };
    const before = [await numberOf(suffix), await numberOf(other)];
    await fixture.directory.rename(
      { dn: `ou=A,${suffix}`, newRdn: 'ou=A', deleteOldRdn: false, newSuperior: other },
      system,
    );
    assert.ok((await numberOf(suffix)) > (before[0] ?? ''));
    assert.ok((await numberOf(other)) > (before[1] ?? ''));
  });
});

describe('what moves along must be the mover’s to move', () => {
  const anyone = { kind: 'anyone' } as const;
  const rows: readonly { why: string; first: AccessRule; code: string | undefined }[] = [
    {
      why: 'all of it',
      first: { target: { filter: '(cn=nobody)' }, who: anyone, rights: [] },
      code: undefined,
    },
    {
      why: 'but one entry that may only be read',
      first: { target: { filter: '(cn=hanako)' }, who: anyone, rights: ['read'] },
      code: 'DIRECTORY_ACCESS_DENIED',
    },
    {
      why: 'but one entry that is hidden',
      first: { target: { filter: '(cn=hanako)' }, who: anyone, rights: [] },
      code: 'DIRECTORY_ACCESS_DENIED',
    },
  ];
  for (const { why, first, code } of rows) {
    it(`${why}: ${code ?? 'done'}`, async (t) => {
      const access = [first, { who: anyone, rights: ['manage'] } as const];
      const fixture = await openTree(t, { access });
      const { directory } = fixture;
      if (code === undefined) {
        await directory.rename(move, nobody);
        return;
      }
      await assert.rejects(directory.rename(move, nobody), { code });
      assert.equal((await searchNames(directory, { base: oldUnit })).length, 3);
      assert.equal((await fixture.records()).at(-1)?.result, 'refused');
    });
  }

  it('what the certification authority keeps does not move', async (t) => {
    const { directory, store } = await openTree(t);
    await store.transact('test', (transaction) =>
      directory.managed.createEntry(transaction, {
        dn: `ou=Kept,ou=Middle,${oldUnit}`,
        manager: 'test',
        attributes: [
          { description: 'objectClass', values: ['organizationalUnit', 'pkiCA'].map(encodeUtf8) },
        ],
      }),
    );
    await assert.rejects(directory.rename(move, system), { code: 'DIRECTORY_MANAGED_ATTRIBUTE' });
  });
});
