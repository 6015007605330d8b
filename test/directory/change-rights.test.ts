/**
 * Which right each change takes: `add`, `delete`, or both, which is `write`; on attributes, on the entry, on
 * the children of its parent, at the old place and at the new one.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRight, AccessRule } from '../../src/directory/access/access-rule.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import type { Modification } from '../../src/directory/service.ts';
import {
  attributesOf,
  type DirectoryFixture,
  nobody,
  openDirectory,
  searchNames,
  suffix,
} from '../support/directory-fixture.ts';

const anyone = { kind: 'anyone' } as const;
const here = `ou=Here,${suffix}`;
const there = `ou=There,${suffix}`;
const person = `cn=A,${here}`;

/** What someone who reads everything may change besides, below Here and below There. */
interface Grants {
  readonly attributes?: readonly AccessRight[];
  readonly entry?: readonly AccessRight[];
  readonly children?: readonly AccessRight[];
}

function rulesOf(place: string, grants: Grants): readonly AccessRule[] {
  const { attributes = [], entry = [], children = [] } = grants;
  const target = { subtree: place };
  const rights = (more: readonly AccessRight[]): readonly AccessRight[] => ['read', ...more];
  return [
    { target, who: anyone, attributes: ['entry'], rights: rights(entry) },
    { target, who: anyone, attributes: ['children'], rights: rights(children) },
    { target, who: anyone, attributes: ['*'], rights: rights(attributes) },
  ];
}

async function open(
  t: Parameters<typeof openDirectory>[0],
  { atHere = {}, atThere = {} }: { readonly atHere?: Grants; readonly atThere?: Grants },
): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, {
    access: [
      ...rulesOf(here, atHere),
      ...rulesOf(there, atThere),
      { who: anyone, rights: ['read'] },
    ],
  });
  await fixture.add(suffix, { objectClass: 'organization' });
  for (const unit of [here, there]) {
    await fixture.add(unit, { objectClass: 'organizationalUnit' });
  }
  await fixture.add(person, { objectClass: 'person', sn: 'x', description: ['one', 'two'] });
  return fixture;
}

async function codeOf(change: Promise<unknown>): Promise<string> {
  try {
    await change;
    return 'done';
  } catch (error) {
    assert.ok(error instanceof DirectoryError, String(error));
    return error.code;
  }
}

const rightSets: readonly (readonly AccessRight[])[] = [[], ['add'], ['delete'], ['write']];

describe('modify', () => {
  const change = (
    operation: Modification['operation'],
    ...values: readonly string[]
  ): Modification => ({ operation, attribute: 'description', values: values.map(encodeUtf8) });
  const rows: readonly { why: string; changes: readonly Modification[]; needs: string }[] = [
    { why: 'adding a value', changes: [change('add', 'three')], needs: 'add write' },
    { why: 'deleting a value', changes: [change('delete', 'one')], needs: 'delete write' },
    { why: 'deleting all', changes: [change('delete')], needs: 'delete write' },
    { why: 'replacing by nothing', changes: [change('replace')], needs: 'delete write' },
    { why: 'replacing', changes: [change('replace', 'three')], needs: 'write' },
    {
      why: 'deleting and adding',
      changes: [change('delete', 'one'), change('add', 'three')],
      needs: 'write',
    },
  ];
  for (const { why, changes, needs } of rows) {
    for (const given of rightSets) {
      const isEnough = needs.split(' ').includes(given[0] ?? '-');
      it(`${why} with [${given}]: ${isEnough}`, async (t) => {
        const { directory } = await open(t, { atHere: { attributes: given } });
        const code = await codeOf(directory.modify({ dn: person, changes }, nobody));
        assert.equal(code, isEnough ? 'done' : 'DIRECTORY_ACCESS_DENIED');
      });
    }
  }

  for (const given of rightSets) {
    const isEnough = given[0] === 'write';
    it(`nothing at all, with [${given}] on the entry: ${isEnough}`, async (t) => {
      const grants = { attributes: ['write'], entry: given } as const;
      const { directory } = await open(t, { atHere: grants });
      const code = await codeOf(directory.modify({ dn: person, changes: [] }, nobody));
      assert.equal(code, isEnough ? 'done' : 'DIRECTORY_ACCESS_DENIED');
    });
  }
});

describe('add takes add on the entry, its attributes and the children of its parent', () => {
  const complete: Grants = { attributes: ['add'], entry: ['add'], children: ['add'] };
  const rows: readonly { readonly grants: Grants; readonly isEnough: boolean }[] = [
    { grants: complete, isEnough: true },
    { grants: { ...complete, attributes: ['delete'] }, isEnough: false },
    { grants: { ...complete, entry: ['delete'] }, isEnough: false },
    { grants: { ...complete, children: ['delete'] }, isEnough: false },
  ];
  for (const { grants, isEnough } of rows) {
    it(`${JSON.stringify(grants)}: ${isEnough}`, async (t) => {
      const { directory } = await open(t, { atHere: grants });
      const attributes = attributesOf({ objectClass: 'person', sn: 'x' });
      const code = await codeOf(directory.add({ dn: `cn=B,${here}`, attributes }, nobody));
      assert.equal(code, isEnough ? 'done' : 'DIRECTORY_ACCESS_DENIED');
    });
  }
});

describe('delete takes delete on the entry and the children of its parent', () => {
  const rows: readonly { readonly grants: Grants; readonly isEnough: boolean }[] = [
    { grants: { entry: ['delete'], children: ['delete'] }, isEnough: true },
    { grants: { entry: ['add'], children: ['delete'] }, isEnough: false },
    { grants: { entry: ['delete'], children: ['add'] }, isEnough: false },
  ];
  for (const { grants, isEnough } of rows) {
    it(`${JSON.stringify(grants)}: ${isEnough}`, async (t) => {
      const { directory } = await open(t, { atHere: grants });
      const code = await codeOf(directory.delete({ dn: person }, nobody));
      assert.equal(code, isEnough ? 'done' : 'DIRECTORY_ACCESS_DENIED');
    });
  }
});

describe('rename and move', () => {
  const leaving: Grants = { entry: ['write'], children: ['delete'], attributes: ['add'] };
  const arriving: Grants = { entry: ['add'], children: ['add'], attributes: ['add'] };
  const inPlace: Grants = { entry: ['write'], children: ['write'], attributes: ['write'] };
  const move = { newSuperior: there, newRdn: 'cn=A', deleteOldRdn: false } as const;
  const rename = { newRdn: 'cn=B', deleteOldRdn: true } as const;
  const rows: readonly {
    readonly why: string;
    readonly wish: { newRdn: string; deleteOldRdn: boolean; newSuperior?: string };
    readonly atHere: Grants;
    readonly atThere?: Grants;
    readonly isEnough: boolean;
  }[] = [
    { why: 'a move', wish: move, atHere: leaving, atThere: arriving, isEnough: true },
    {
      why: 'a move without write on the entry',
      wish: move,
      atHere: { ...leaving, entry: ['delete'] },
      atThere: arriving,
      isEnough: false,
    },
    {
      why: 'a move without delete on the old children',
      wish: move,
      atHere: { ...leaving, children: ['add'] },
      atThere: arriving,
      isEnough: false,
    },
    {
      why: 'a move without add on the new children',
      wish: move,
      atHere: leaving,
      atThere: { ...arriving, children: ['delete'] },
      isEnough: false,
    },
    {
      why: 'a move to where the entry may not be added',
      wish: move,
      atHere: leaving,
      atThere: { ...arriving, entry: ['delete'] },
      isEnough: false,
    },
    {
      why: 'a move to where its attributes may not be added',
      wish: move,
      atHere: leaving,
      atThere: { ...arriving, attributes: ['delete'] },
      isEnough: false,
    },
    { why: 'a rename', wish: rename, atHere: inPlace, isEnough: true },
    {
      why: 'a rename without delete on the naming attribute',
      wish: rename,
      atHere: { ...inPlace, attributes: ['add'] },
      isEnough: false,
    },
    {
      why: 'a rename that keeps the old value',
      wish: { ...rename, deleteOldRdn: false },
      atHere: { ...inPlace, attributes: ['add'] },
      isEnough: true,
    },
    {
      why: 'a rename without add on the children',
      wish: rename,
      atHere: { ...inPlace, children: ['delete'] },
      isEnough: false,
    },
  ];
  for (const { why, wish, atHere, atThere = {}, isEnough } of rows) {
    it(`${why}: ${isEnough}`, async (t) => {
      const { directory } = await open(t, { atHere, atThere });
      const code = await codeOf(directory.rename({ dn: person, ...wish }, nobody));
      assert.equal(code, isEnough ? 'done' : 'DIRECTORY_ACCESS_DENIED');
    });
  }

  it('what is below is not brought to where it could not have been added', async (t) => {
    const everything: Grants = { attributes: ['write'], entry: ['write'], children: ['write'] };
    const fixture = await openDirectory(t, {
      access: [
        {
          target: { subtree: there },
          attributes: ['telephoneNumber'],
          who: anyone,
          rights: ['read'],
        },
        ...rulesOf(suffix, everything),
        { who: anyone, rights: ['read'] },
      ],
    });
    const { directory, add } = fixture;
    await add(suffix, { objectClass: 'organization' });
    await add(there, { objectClass: 'organizationalUnit' });
    await add(`ou=Sub,${suffix}`, { objectClass: 'organizationalUnit' });
    await add(`cn=B,ou=Sub,${suffix}`, {
      objectClass: 'person',
      sn: 'x',
      telephoneNumber: '1',
    });
    const before = await searchNames(directory);
    const wish = { dn: `ou=Sub,${suffix}`, newRdn: 'ou=Sub', deleteOldRdn: false };
    const moving = directory.rename({ ...wish, newSuperior: there }, nobody);
    assert.equal(await codeOf(moving), 'DIRECTORY_ACCESS_DENIED');
    assert.deepEqual(await searchNames(directory), before);
  });
});

describe('deleting what has entries below (reliability row 9)', () => {
  const rules: readonly AccessRule[] = [
    { target: { filter: '(description=secret)' }, who: anyone, rights: [] },
    { who: anyone, rights: ['manage'] },
  ];
  const parent = `ou=Parent,${suffix}`;
  async function openParent(t: Parameters<typeof openDirectory>[0]): Promise<DirectoryFixture> {
    const fixture = await openDirectory(t, { access: rules });
    await fixture.add(suffix, { objectClass: 'organization' });
    await fixture.add(parent, { objectClass: 'organizationalUnit' });
    await fixture.add(`cn=S,${parent}`, { objectClass: 'person', sn: 'x', description: 'secret' });
    return fixture;
  }

  it('says so where one of them may be known of', async (t) => {
    const { directory, add } = await openParent(t);
    await add(`cn=T,${parent}`, { objectClass: 'person', sn: 'x' });
    assert.equal(
      await codeOf(directory.delete({ dn: parent }, nobody)),
      'DIRECTORY_NOT_ON_NON_LEAF',
    );
  });

  it('is refused like anything else where none may be known of', async (t) => {
    const { directory } = await openParent(t);
    const code = await codeOf(directory.delete({ dn: parent }, nobody));
    assert.equal(code, 'DIRECTORY_ACCESS_DENIED');
    assert.equal(directory.statistics.refusedWrites, 1);
    assert.equal((await searchNames(directory, { base: parent })).length, 2);
  });
});
