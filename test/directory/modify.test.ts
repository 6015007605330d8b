import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { Modification } from '../../src/directory/service.ts';
import {
  asTexts,
  type DirectoryFixture,
  openDirectory,
  search,
  searchNames,
  suffix,
  system,
} from '../support/directory-fixture.ts';

const hanako = `cn=Hanako,${suffix}`;

async function openOne(t: Parameters<typeof openDirectory>[0]): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t);
  await fixture.add(suffix, { objectClass: 'organization' });
  await fixture.add(hanako, {
    objectClass: 'person',
    sn: ['Maebashi', 'Takasaki'],
    'description;lang-en': 'x',
  });
  return fixture;
}

function change(
  operation: Modification['operation'],
  attribute: string,
  ...values: string[]
): Modification {
  return { operation, attribute, values: values.map(encodeUtf8) };
}

async function readTexts(
  fixture: DirectoryFixture,
  base: string = hanako,
): Promise<Record<string, string[]>> {
  return asTexts((await search(fixture.directory, { base, scope: 'base' }))[0]);
}

const before = {
  objectClass: ['person', 'top'],
  sn: ['Maebashi', 'Takasaki'],
  'description;lang-en': ['x'],
  cn: ['Hanako'],
};

describe('modify (RFC 4511 §4.6)', () => {
  const applied = [
    {
      why: 'adds a value',
      changes: [change('add', 'sn', 'Kiryu')],
      expected: { sn: ['Maebashi', 'Takasaki', 'Kiryu'] },
    },
    {
      why: 'adds an attribute by OID',
      changes: [change('add', '2.5.4.20', '+81 27')],
      expected: { telephoneNumber: ['+81 27'] },
    },
    {
      why: 'deletes a value by its rule',
      changes: [change('delete', 'SN', ' takasaki')],
      expected: { sn: ['Maebashi'] },
    },
    {
      why: 'deletes an attribute',
      changes: [change('delete', 'description;lang-en')],
      expected: { 'description;lang-en': undefined },
    },
    {
      why: 'replaces',
      changes: [change('replace', 'sn', 'Ota', 'Numata')],
      expected: { sn: ['Ota', 'Numata'] },
    },
    {
      why: 'replaces by nothing what is there',
      changes: [change('replace', 'description;lang-en')],
      expected: { 'description;lang-en': undefined },
    },
    {
      why: 'replaces by nothing what is not there',
      changes: [change('replace', 'seeAlso')],
      expected: {},
    },
    {
      why: 'applies changes in order',
      changes: [change('delete', 'sn'), change('add', 'sn', 'Ota'), change('add', 'sn', 'Numata')],
      expected: { sn: ['Ota', 'Numata'] },
    },
    {
      why: 'looks at the outcome only: a required attribute may be away in between',
      changes: [change('delete', 'sn'), change('replace', 'sn', 'Ota')],
      expected: { sn: ['Ota'] },
    },
    {
      why: 'adds an auxiliary class, superclasses included',
      changes: [
        change('add', 'objectClass', 'certdirOperator'),
        change('add', 'certdirOperatorRole', 'auditor'),
      ],
      expected: {
        objectClass: ['person', 'top', 'certdirOperator'],
        certdirOperatorRole: ['auditor'],
      },
    },
    {
      why: 'keeps superclasses',
      changes: [change('delete', 'objectClass', 'top')],
      expected: {},
    },
  ];
  for (const { why, changes, expected } of applied) {
    it(why, async (t) => {
      const fixture = await openOne(t);
      await fixture.directory.modify({ dn: hanako, changes }, system);
      const wanted = Object.entries({ ...before, ...expected }).filter(
        ([, values]) => values !== undefined,
      );
      assert.deepEqual(await readTexts(fixture), Object.fromEntries(wanted));
    });
  }

  const refused = [
    {
      why: 'a value that is there',
      changes: [change('add', 'sn', 'maebashi')],
      code: 'DIRECTORY_VALUE_EXISTS',
    },
    {
      why: 'a value that is not there',
      changes: [change('delete', 'sn', 'Ota')],
      code: 'DIRECTORY_NO_SUCH_ATTRIBUTE',
    },
    {
      why: 'a value twice in one deletion',
      changes: [change('delete', 'sn', 'Maebashi', 'MAEBASHI')],
      code: 'DIRECTORY_NO_SUCH_ATTRIBUTE',
    },
    {
      why: 'an attribute that is not there',
      changes: [change('delete', 'seeAlso')],
      code: 'DIRECTORY_NO_SUCH_ATTRIBUTE',
    },
    {
      why: 'an attribute that is there with other options',
      changes: [change('delete', 'description')],
      code: 'DIRECTORY_NO_SUCH_ATTRIBUTE',
    },
    {
      why: 'an addition of nothing',
      changes: [change('add', 'seeAlso')],
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'an entry without a required attribute',
      changes: [change('delete', 'sn')],
      code: 'DIRECTORY_OBJECT_CLASS',
    },
    {
      why: 'a value that names the entry to go',
      changes: [change('replace', 'cn', 'Other')],
      code: 'DIRECTORY_NOT_ON_RDN',
    },
    {
      why: 'an attribute that names the entry to go',
      changes: [change('delete', 'cn')],
      code: 'DIRECTORY_NOT_ON_RDN',
    },
    {
      why: 'another structural class',
      changes: [change('replace', 'objectClass', 'organizationalRole'), change('delete', 'sn')],
      code: 'DIRECTORY_OBJECT_CLASS_MODS',
    },
    {
      why: 'an attribute the server sets',
      changes: [change('replace', 'entryUUID', '597ae2f6-16a6-1027-98f4-d28b5365dc14')],
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'who manages the entry',
      changes: [change('add', 'certdirManagedBy', 'me')],
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'an unknown attribute',
      changes: [change('add', '__proto__', 'x')],
      code: 'DIRECTORY_UNDEFINED_TYPE',
    },
    {
      why: 'a value against its syntax',
      changes: [change('add', 'seeAlso', 'x')],
      code: 'DIRECTORY_INVALID_SYNTAX',
    },
    {
      why: 'a second value of a single-valued attribute',
      changes: [change('add', 'certdirVerifierKind', 'a', 'b')],
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'a second password',
      changes: [change('add', 'userPassword', 'a', 'b')],
      code: 'DIRECTORY_CONSTRAINT',
    },
  ];
  for (const { why, changes, code } of refused) {
    it(`refuses ${why}, with everything beside it`, async (t) => {
      const fixture = await openOne(t);
      const all = [change('replace', 'telephoneNumber', '+81 27'), ...changes];
      await assert.rejects(fixture.directory.modify({ dn: hanako, changes: all }, system), {
        code,
      });
      assert.deepEqual(await readTexts(fixture), before);
    });
  }

  it('stamps the entry', async (t) => {
    const fixture = await openOne(t);
    const read = async (): Promise<Record<string, string[]>> => {
      const attributes = ['entryCSN', 'createTimestamp', 'modifyTimestamp', 'entryUUID'];
      return asTexts((await search(fixture.directory, { base: hanako, attributes }))[0]);
    };
    const first = await read();
    await fixture.clock.advance(61_000);
    const changes = [change('replace', 'sn', 'Ota')];
    await fixture.directory.modify({ dn: hanako, changes }, system);
    assert.deepEqual(await read(), {
      ...first,
      modifyTimestamp: ['20260105000101Z'],
      entryCSN: ['20260105000101.000000Z#000000#000#000000'],
    });
  });

  it('keeps the indexes', async (t) => {
    const fixture = await openOne(t);
    const changes = [change('add', 'cn', 'Hana')];
    await fixture.directory.modify({ dn: hanako, changes }, system);
    assert.deepEqual(await searchNames(fixture.directory, { filter: '(cn=hana)' }), [hanako]);
    const back = [change('delete', 'cn', 'Hana')];
    await fixture.directory.modify({ dn: hanako, changes: back }, system);
    assert.deepEqual(await searchNames(fixture.directory, { filter: '(cn=hana)' }), []);
  });
});

describe('modify with increment (RFC 4525)', () => {
  /** An integer type that clients may set. */
  const counter = 'supportedLDAPVersion';
  const nines = '9'.repeat(64);
  const openCounter = async (
    t: Parameters<typeof openDirectory>[0],
    values: readonly string[],
  ): Promise<DirectoryFixture> => {
    const fixture = await openOne(t);
    const objectClass = change('add', 'objectClass', 'extensibleObject');
    const changes = [objectClass, change('replace', counter, ...values)];
    await fixture.directory.modify({ dn: hanako, changes }, system);
    return fixture;
  };
  const valuesOf = async ({ directory }: DirectoryFixture): Promise<string[] | undefined> => {
    const wish = { base: hanako, scope: 'base', attributes: [counter] } as const;
    return asTexts((await search(directory, wish))[0])[counter];
  };

  const sums = [
    { values: ['1'], by: '1', expected: ['2'] },
    { values: ['1'], by: '-2', expected: ['-1'] },
    { values: ['-1'], by: '1', expected: ['0'] },
    { values: ['7', '8'], by: '1', expected: ['8', '9'] },
    { values: ['9007199254740993'], by: '9007199254740993', expected: ['18014398509481986'] },
    { values: ['5'], by: '0', expected: ['5'] },
    { values: [nines], by: '1', expected: [`1${'0'.repeat(64)}`] },
  ];
  for (const { values, by, expected } of sums) {
    it(`${values.join(' and ')} by ${by}`, async (t) => {
      const fixture = await openCounter(t, values);
      const changes = [change('increment', counter, by)];
      await fixture.directory.modify({ dn: hanako, changes }, system);
      assert.deepEqual(await valuesOf(fixture), expected);
    });
  }

  it('is one change among others, in order, and is recorded', async (t) => {
    const fixture = await openCounter(t, ['1']);
    const changes = [
      change('replace', counter, '10'),
      change('increment', counter, '1'),
      change('add', counter, '12'),
    ];
    await fixture.directory.modify({ dn: hanako, changes }, system);
    assert.deepEqual(await valuesOf(fixture), ['11', '12']);
    const record = (await fixture.records()).at(-1);
    assert.equal(record?.details?.['changes'], `=${counter} #${counter} +${counter}`);
  });

  const refusedIncrements = [
    { why: 'of text', attribute: 'sn', by: ['1'], code: 'DIRECTORY_CONSTRAINT' },
    { why: 'by text', attribute: counter, by: ['one'], code: 'DIRECTORY_INVALID_SYNTAX' },
    { why: 'by nothing', attribute: counter, by: [], code: 'DIRECTORY_CONSTRAINT' },
    { why: 'by two numbers', attribute: counter, by: ['1', '2'], code: 'DIRECTORY_CONSTRAINT' },
    {
      why: 'by a number of 65 digits',
      attribute: counter,
      by: [`1${nines}`],
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'of a password',
      attribute: 'userPassword',
      by: ['1'],
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'of what the server counts',
      attribute: 'numSubordinates',
      by: ['1'],
      code: 'DIRECTORY_CONSTRAINT',
    },
  ];
  for (const { why, attribute, by, code } of refusedIncrements) {
    it(`${why}: ${code}`, async (t) => {
      const fixture = await openCounter(t, ['1']);
      const changes = [change('increment', attribute, ...by)];
      await assert.rejects(fixture.directory.modify({ dn: hanako, changes }, system), { code });
      assert.deepEqual(await valuesOf(fixture), ['1']);
    });
  }

  it('of an attribute that the entry does not have: DIRECTORY_NO_SUCH_ATTRIBUTE', async (t) => {
    const { directory } = await openCounter(t, []);
    const changes = [change('increment', counter, '1')];
    await assert.rejects(directory.modify({ dn: hanako, changes }, system), {
      code: 'DIRECTORY_NO_SUCH_ATTRIBUTE',
    });
  });

  it('loses no increment of many at once', async (t) => {
    const fixture = await openCounter(t, ['0']);
    const changes = [change('increment', counter, '1')];
    await Promise.all(
      Array.from({ length: 50 }, () => fixture.directory.modify({ dn: hanako, changes }, system)),
    );
    assert.deepEqual(await valuesOf(fixture), ['50']);
  });
});

describe('rename (RFC 4511 §4.9)', () => {
  it('adds the new name and keeps or drops the old one', async (t) => {
    const fixture = await openOne(t);
    const { directory } = fixture;
    await directory.rename({ dn: hanako, newRdn: 'cn=Hana', deleteOldRdn: false }, system);
    const hana = `cn=Hana,${suffix}`;
    assert.deepEqual((await readTexts(fixture, hana))['cn'], ['Hanako', 'Hana']);
    await directory.rename({ dn: hana, newRdn: 'sn=Ota+cn=Hanae', deleteOldRdn: true }, system);
    const texts = await readTexts(fixture, `cn=Hanae+sn=ota,${suffix}`);
    assert.deepEqual(texts['cn'], ['Hanako', 'Hanae']);
    assert.deepEqual(texts['sn'], ['Maebashi', 'Takasaki', 'Ota']);
    await assert.rejects(readTexts(fixture, hana), { code: 'DIRECTORY_NO_SUCH_OBJECT' });
  });

  it('changes the spelling of a name alone', async (t) => {
    const fixture = await openOne(t);
    const request = { dn: hanako, newRdn: 'cn=HANAKO', deleteOldRdn: true };
    await fixture.directory.rename(request, system);
    assert.deepEqual(await searchNames(fixture.directory, { filter: '(cn=hanako)' }), [
      `cn=HANAKO,${suffix}`,
    ]);
  });

  it('moves below another entry, with its identity and its index entries', async (t) => {
    const fixture = await openOne(t);
    await fixture.add(`ou=New,${suffix}`, { objectClass: 'organizationalUnit' });
    const uuid = async (filter: string): Promise<string | undefined> =>
      asTexts((await search(fixture.directory, { filter, attributes: ['entryUUID'] }))[0])[
        'entryUUID'
      ]?.[0];
    const id = await uuid('(cn=hanako)');
    const request = {
      dn: hanako,
      newRdn: 'cn=Hanako',
      deleteOldRdn: true,
      newSuperior: `OU=new,${suffix}`,
    };
    await fixture.directory.rename(request, system);
    const moved = `cn=Hanako,ou=New,${suffix}`;
    assert.deepEqual(await searchNames(fixture.directory, { filter: '(cn=hanako)' }), [moved]);
    assert.deepEqual(await searchNames(fixture.directory, { filter: `(entryUUID=${id})` }), [
      moved,
    ]);
    assert.equal(await uuid('(cn=hanako)'), id);
  });

  const refused = [
    {
      why: 'a naming context',
      request: { dn: suffix, newRdn: 'o=Other', deleteOldRdn: true },
      code: 'DIRECTORY_UNWILLING',
    },
    {
      why: 'a taken name',
      request: { dn: hanako, newRdn: 'ou=Full', deleteOldRdn: false },
      code: 'DIRECTORY_ENTRY_EXISTS',
    },
    {
      why: 'a new superior that is not there',
      request: { dn: hanako, newRdn: 'cn=a', deleteOldRdn: true, newSuperior: `ou=No,${suffix}` },
      code: 'DIRECTORY_NO_SUCH_OBJECT',
    },
    {
      why: 'a new superior outside the suffixes',
      request: { dn: hanako, newRdn: 'cn=a', deleteOldRdn: true, newSuperior: 'o=Other' },
      code: 'DIRECTORY_NO_SUCH_OBJECT',
    },
    {
      why: 'an entry below itself',
      request: { dn: hanako, newRdn: 'cn=a', deleteOldRdn: true, newSuperior: hanako },
      code: 'DIRECTORY_UNWILLING',
    },
    {
      why: 'a name of an attribute that the class does not allow',
      request: { dn: hanako, newRdn: 'c=JP', deleteOldRdn: false },
      code: 'DIRECTORY_OBJECT_CLASS',
    },
    {
      why: 'an old name that the entry must keep',
      request: { dn: hanako, newRdn: 'sn=Ota', deleteOldRdn: true },
      code: 'DIRECTORY_OBJECT_CLASS',
    },
    {
      why: 'several relative names as one',
      request: { dn: hanako, newRdn: 'cn=a,cn=b', deleteOldRdn: true },
      code: 'DIRECTORY_DN_SYNTAX',
    },
  ];
  for (const { why, request, code } of refused) {
    it(`refuses ${why}`, async (t) => {
      const fixture = await openOne(t);
      await fixture.add(`ou=Full,${suffix}`, { objectClass: 'organizationalUnit' });
      await fixture.add(`ou=Child,ou=Full,${suffix}`, { objectClass: 'organizationalUnit' });
      await assert.rejects(fixture.directory.rename(request, system), { code });
      assert.deepEqual(await readTexts(fixture), before);
    });
  }
});

describe('large values', () => {
  const large = 'x'.repeat(5000);
  const read = async (fixture: DirectoryFixture): Promise<string[] | undefined> =>
    (await readTexts(fixture))['description'];

  it('come back whole, and go with what holds them', async (t) => {
    const fixture = await openOne(t);
    const { directory } = fixture;
    const add = [change('add', 'description', large, 'small', `${large}y`)];
    await directory.modify({ dn: hanako, changes: add }, system);
    assert.deepEqual(await read(fixture), [large, 'small', `${large}y`]);
    assert.equal((await searchNames(directory, { filter: `(description=${large}y)` })).length, 1);
    await directory.modify(
      { dn: hanako, changes: [change('delete', 'description', large)] },
      system,
    );
    assert.deepEqual(await read(fixture), ['small', `${large}y`]);
    await directory.rename({ dn: hanako, newRdn: 'cn=H', deleteOldRdn: true }, system);
    await directory.rename(
      { dn: `cn=H,${suffix}`, newRdn: 'cn=Hanako', deleteOldRdn: true },
      system,
    );
    assert.deepEqual(await read(fixture), ['small', `${large}y`]);
    await directory.delete({ dn: hanako }, system);
    assert.equal(await countLargeValues(fixture), 0);
  });

  it('are shared between entries and live as long as one holds them', async (t) => {
    const fixture = await openOne(t);
    const { directory, add } = fixture;
    await add(`cn=A,${suffix}`, { objectClass: 'person', sn: 'a', description: large });
    const changes = [change('add', 'description', large)];
    await directory.modify({ dn: hanako, changes }, system);
    assert.equal(await countLargeValues(fixture), 1);
    await directory.delete({ dn: `cn=A,${suffix}` }, system);
    assert.deepEqual(await read(fixture), [large]);
    const replace = [change('replace', 'description', large)];
    await directory.modify({ dn: hanako, changes: replace }, system);
    assert.deepEqual(await read(fixture), [large]);
    await directory.modify({ dn: hanako, changes: [change('delete', 'description')] }, system);
    assert.equal(await countLargeValues(fixture), 0);
  });
});

/** How many large values of this test the store still has. */
async function countLargeValues({ store }: DirectoryFixture): Promise<number> {
  const { createHash } = await import('node:crypto');
  const snapshot = store.snapshot();
  let count = 0;
  for (const text of ['x'.repeat(5000), `${'x'.repeat(5000)}y`]) {
    const hash = createHash('sha256').update(text).digest();
    count += (await snapshot.readLarge(hash)) === undefined ? 0 : 1;
  }
  await snapshot.close();
  return count;
}
