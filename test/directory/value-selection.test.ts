/** Matched values (RFC 3876). */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import { parseFilter } from '../../src/directory/filters/filter-text.ts';
import {
  asTexts,
  type DirectoryFixture,
  nobody,
  openDirectory,
  type SearchWish,
  search,
  suffix,
} from '../support/directory-fixture.ts';

const hanako = `cn=Hanako,${suffix}`;
const anyone = { kind: 'anyone' } as const;
const access: readonly AccessRule[] = [
  { attributes: ['title'], who: anyone, rights: ['search'] },
  { attributes: ['street'], who: anyone, rights: ['read'] },
  { who: anyone, rights: ['search', 'read'] },
];

async function openHanako(t: Parameters<typeof openDirectory>[0]): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, { access });
  await fixture.add(suffix, { objectClass: 'organization' });
  await fixture.add(hanako, {
    objectClass: 'organizationalPerson',
    sn: ['Ota', 'Kiryu'],
    'sn;lang-ja': '太田',
    description: ['one', 'two', 'x'.repeat(5000)],
    title: 'engineer',
    street: ['here', 'there'],
  });
  return fixture;
}

async function valuesOf(
  { directory }: DirectoryFixture,
  filters: readonly string[],
  wish: SearchWish = {},
): Promise<unknown> {
  const matchedValues = filters.map((filter) => parseFilter(filter));
  const request: SearchWish = {
    base: hanako,
    scope: 'base',
    attributes: ['sn', 'description', 'street', 'title'],
  };
  return asTexts((await search(directory, { ...request, ...wish, matchedValues }, nobody))[0]);
}

const none = { sn: [], 'sn;lang-ja': [], description: [], street: [] };

describe('matched values', () => {
  const rows = [
    { what: 'an equality', filters: ['(sn=ota)'], expected: { sn: ['Ota'] } },
    { what: 'by OID', filters: ['(2.5.4.4=OTA)'], expected: { sn: ['Ota'] } },
    {
      what: 'a presence, options included',
      filters: ['(sn=*)'],
      expected: { sn: ['Ota', 'Kiryu'], 'sn;lang-ja': ['太田'] },
    },
    { what: 'an option', filters: ['(sn;lang-ja=*)'], expected: { 'sn;lang-ja': ['太田'] } },
    { what: 'a beginning', filters: ['(sn=k*)'], expected: { sn: ['Kiryu'] } },
    {
      what: 'several items',
      filters: ['(sn=ota)', '(description=t*)'],
      expected: { sn: ['Ota'], description: ['two'] },
    },
    {
      what: 'a large value',
      filters: ['(description=xx*)'],
      expected: { description: ['x'.repeat(5000)] },
    },
    { what: 'a supertype', filters: ['(name=ota)'], expected: { sn: ['Ota'] } },
    { what: 'a rule', filters: ['(sn:caseExactMatch:=ota)'], expected: {} },
    {
      what: 'a rule for any attribute',
      filters: ['(:caseIgnoreMatch:=two)'],
      expected: { description: ['two'] },
    },
    { what: 'what is not defined', filters: ['(nonsense=1)'], expected: {} },
    { what: 'an attribute that was not selected', filters: ['(cn=hanako)'], expected: {} },
    { what: 'no item', filters: [], expected: {} },
    {
      what: 'what may be read and not searched',
      filters: ['(street=*)', '(street=here)'],
      expected: {},
    },
    {
      what: 'what may be searched and not read',
      filters: ['(title=*)', '(title=engineer)'],
      expected: {},
    },
  ];
  for (const { what, filters, expected } of rows) {
    it(`${what}: other attributes have no values (RFC 3876 §2)`, async (t) => {
      assert.deepEqual(await valuesOf(await openHanako(t), filters), { ...none, ...expected });
    });
  }

  it('do not decide which entries match', async (t) => {
    const fixture = await openHanako(t);
    const wish = { filter: '(sn=kiryu)' };
    assert.deepEqual(await valuesOf(fixture, ['(sn=ota)'], wish), { ...none, sn: ['Ota'] });
  });

  it('make no difference with typesOnly and with 1.1', async (t) => {
    const fixture = await openHanako(t);
    assert.deepEqual(await valuesOf(fixture, ['(sn=*)'], { typesOnly: true }), none);
    assert.deepEqual(await valuesOf(fixture, ['(sn=*)'], { attributes: ['1.1'] }), {});
  });

  it('go for operational attributes, worked out or not', async (t) => {
    const fixture = await openHanako(t);
    const wish = { attributes: ['hasSubordinates', 'numSubordinates', 'structuralObjectClass'] };
    assert.deepEqual(
      await valuesOf(fixture, ['(hasSubordinates=FALSE)', '(structuralObjectClass=person)'], wish),
      {
        hasSubordinates: ['FALSE'],
        numSubordinates: [],
        structuralObjectClass: [],
      },
    );
  });

  it('go for the subschema entry: one definition of many', async (t) => {
    const fixture = await openHanako(t);
    const wish = { base: 'cn=Subschema', attributes: ['objectClasses'] };
    const found = (await valuesOf(fixture, ['(objectClasses=person)'], wish)) as Record<
      string,
      string[]
    >;
    assert.equal(found['objectClasses']?.length, 1);
    assert.match(found['objectClasses']?.[0] ?? '', /NAME 'person'/);
  });
});
