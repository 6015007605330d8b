import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import type { Caller } from '../../src/directory/service.ts';
import {
  asTexts,
  attributesOf,
  type DirectoryFixture,
  nobody,
  openDirectory,
  search,
  searchNames,
  suffix,
  system,
} from '../support/directory-fixture.ts';

const anyone = { kind: 'anyone' } as const;
const hidden = `ou=Hidden,${suffix}`;
const locked = `ou=Locked,${suffix}`;
const open = `ou=Open,${suffix}`;

/** Hidden may not be known of, Locked may be read, below Open everything but `sn` may be written. */
const rules: readonly AccessRule[] = [
  { target: { subtree: hidden }, who: anyone, rights: [] },
  { target: { subtree: locked }, who: anyone, rights: ['search', 'compare', 'read'] },
  { target: { filter: '(description=secret)' }, who: anyone, rights: [] },
  { target: { subtree: open }, attributes: ['sn'], who: anyone, rights: ['read'] },
  { target: { subtree: open }, who: anyone, rights: ['manage'] },
  { who: anyone, rights: ['search', 'compare', 'read'] },
];

async function openThree(t: Parameters<typeof openDirectory>[0]): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, { access: rules });
  await fixture.add(suffix, { objectClass: 'organization' });
  for (const dn of [hidden, locked, open]) {
    await fixture.add(dn, { objectClass: 'organizationalUnit' });
    await fixture.add(`cn=A,${dn}`, { objectClass: 'person', sn: 'x' });
  }
  await fixture.add(`ou=Secret,${open}`, {
    objectClass: 'organizationalUnit',
    description: 'secret',
  });
  return fixture;
}

const attributes = attributesOf({ objectClass: 'organizationalUnit' });
const described = [
  { operation: 'add', attribute: 'description', values: [encodeUtf8('x')] },
] as const;
const deletedSn = [{ operation: 'delete', attribute: 'sn', values: [] }] as const;

interface Row {
  readonly why: string;
  readonly act: (fixture: DirectoryFixture, caller: Caller) => Promise<unknown>;
  readonly code: string;
  readonly matchedDn?: string;
}

const refused: readonly Row[] = [
  {
    why: 'adding below what is hidden',
    act: ({ directory }, caller) => directory.add({ dn: `ou=B,${hidden}`, attributes }, caller),
    code: 'DIRECTORY_NO_SUCH_OBJECT',
    matchedDn: suffix,
  },
  {
    why: 'adding what is hidden, where nothing may be added',
    act: ({ directory }, caller) => directory.add({ dn: hidden, attributes }, caller),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'adding what is not there, where nothing may be added',
    act: ({ directory }, caller) => directory.add({ dn: `ou=B,${suffix}`, attributes }, caller),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'adding what is there, where nothing may be added',
    act: ({ directory }, caller) => directory.add({ dn: locked, attributes }, caller),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'adding a hidden entry again',
    act: ({ directory }, caller) => directory.add({ dn: `ou=Secret,${open}`, attributes }, caller),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'adding with an attribute that may not be written',
    act: ({ directory }, caller) =>
      directory.add(
        { dn: `cn=B,${open}`, attributes: attributesOf({ objectClass: 'person', sn: 'x' }) },
        caller,
      ),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'modifying what is hidden',
    act: ({ directory }, caller) => directory.modify({ dn: hidden, changes: described }, caller),
    code: 'DIRECTORY_NO_SUCH_OBJECT',
    matchedDn: suffix,
  },
  {
    why: 'modifying what is locked',
    act: ({ directory }, caller) => directory.modify({ dn: locked, changes: described }, caller),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'modifying an attribute that may not be written and is there',
    act: ({ directory }, caller) =>
      directory.modify({ dn: `cn=A,${open}`, changes: deletedSn }, caller),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'modifying an attribute that may not be written and is not there',
    act: ({ directory }, caller) => directory.modify({ dn: open, changes: deletedSn }, caller),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'deleting what is hidden',
    act: ({ directory }, caller) => directory.delete({ dn: `cn=A,${hidden}` }, caller),
    code: 'DIRECTORY_NO_SUCH_OBJECT',
    matchedDn: suffix,
  },
  {
    why: 'deleting what is locked, children or not',
    act: ({ directory }, caller) => directory.delete({ dn: locked }, caller),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'deleting from under a parent that is locked',
    act: ({ directory }, caller) => directory.delete({ dn: open }, caller),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'renaming to a name that may not be written',
    act: ({ directory }, caller) =>
      directory.rename({ dn: `cn=A,${open}`, newRdn: 'sn=x', deleteOldRdn: false }, caller),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'moving below what is hidden',
    act: ({ directory }, caller) =>
      directory.rename(
        { dn: `cn=A,${open}`, newRdn: 'cn=A', deleteOldRdn: false, newSuperior: hidden },
        caller,
      ),
    code: 'DIRECTORY_NO_SUCH_OBJECT',
    matchedDn: suffix,
  },
  {
    why: 'moving below what is locked',
    act: ({ directory }, caller) =>
      directory.rename(
        { dn: `cn=A,${open}`, newRdn: 'cn=A', deleteOldRdn: false, newSuperior: locked },
        caller,
      ),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
  {
    why: 'moving to the name of a hidden entry',
    act: ({ directory }, caller) =>
      directory.rename({ dn: `cn=A,${open}`, newRdn: 'ou=Secret', deleteOldRdn: false }, caller),
    code: 'DIRECTORY_ACCESS_DENIED',
  },
];

describe('changes that are not allowed', () => {
  for (const { why, act, code, matchedDn = '' } of refused) {
    it(`${why}: ${code}, recorded, nothing changed`, async (t) => {
      const fixture = await openThree(t);
      const before = await searchNames(fixture.directory);
      const recordsBefore = (await fixture.records()).length;
      await assert.rejects(act(fixture, nobody), { code, matchedDn });
      assert.deepEqual(await searchNames(fixture.directory), before);
      const records = (await fixture.records()).slice(recordsBefore);
      assert.deepEqual(
        records.map(({ result }) => result),
        ['refused'],
      );
      assert.equal(fixture.directory.statistics.refusedWrites, 1);
    });
  }

  it('an entry that is simply not there is no refusal', async (t) => {
    const fixture = await openThree(t);
    const recordsBefore = (await fixture.records()).length;
    await assert.rejects(fixture.directory.delete({ dn: `cn=B,${open}` }, nobody), {
      code: 'DIRECTORY_NO_SUCH_OBJECT',
      matchedDn: open,
    });
    assert.equal((await fixture.records()).length, recordsBefore);
  });
});

describe('changes that are allowed', () => {
  it('go through and name who made them', async (t) => {
    const fixture = await openThree(t);
    const { directory } = fixture;
    await directory.add({ dn: `ou=B,${open}`, attributes }, nobody);
    await directory.modify({ dn: `ou=B,${open}`, changes: described }, nobody);
    await directory.rename({ dn: `ou=B,${open}`, newRdn: 'ou=C', deleteOldRdn: true }, nobody);
    const [entry] = await search(directory, {
      base: `ou=C,${open}`,
      attributes: ['creatorsName', 'modifiersName', 'description'],
    });
    assert.deepEqual(asTexts(entry), {
      creatorsName: [''],
      modifiersName: [''],
      description: ['x'],
    });
    await directory.delete({ dn: `ou=C,${open}` }, nobody);
    const kinds = (await fixture.records()).slice(-4).map(({ kind }) => kind);
    assert.deepEqual(kinds, [
      'directory.add',
      'directory.modify',
      'directory.rename',
      'directory.delete',
    ]);
  });
});

describe('what may not be known of', () => {
  it('is not found, named, counted or given away by an error', async (t) => {
    const fixture = await openThree(t);
    const { directory } = fixture;
    for (const base of [hidden, `cn=A,${hidden}`, `cn=B,cn=A,${hidden}`]) {
      await assert.rejects(searchNames(directory, { base }, nobody), {
        code: 'DIRECTORY_NO_SUCH_OBJECT',
        matchedDn: suffix,
      });
    }
    const names = await searchNames(directory, {}, nobody);
    assert.equal(names.length, 5);
    assert.ok(names.every((name) => !/hidden|secret/i.test(name)));
    const counted = async (base: string, caller: Caller): Promise<Record<string, string[]>> =>
      asTexts(
        (
          await search(
            directory,
            { base, scope: 'base', attributes: ['numSubordinates', 'hasSubordinates'] },
            caller,
          )
        )[0],
      );
    assert.deepEqual((await counted(suffix, system))['numSubordinates'], ['3']);
    assert.deepEqual((await counted(suffix, nobody))['numSubordinates'], ['2']);
    assert.deepEqual((await counted(open, nobody))['numSubordinates'], ['1']);
    await directory.delete({ dn: `cn=A,${open}` }, system);
    assert.deepEqual(await counted(open, nobody), {
      hasSubordinates: ['FALSE'],
      numSubordinates: ['0'],
    });
  });

  it('does not use up the look-through limit', async (t) => {
    const fixture = await openDirectory(t, { access: rules, limits: { maxLookThrough: 3 } });
    await fixture.add(suffix, { objectClass: 'organization' });
    await fixture.add(hidden, { objectClass: 'organizationalUnit' });
    for (const name of ['A', 'B', 'C']) {
      await fixture.add(`cn=${name},${hidden}`, { objectClass: 'person', sn: 'x' });
    }
    assert.deepEqual(await searchNames(fixture.directory, {}, nobody), [suffix]);
  });
});
