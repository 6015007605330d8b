import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import {
  asTexts,
  attributesOf,
  type DirectoryFixture,
  openDirectory,
  search,
  searchNames,
  suffix,
  system,
} from '../support/directory-fixture.ts';

const gunma = `ou=Gunma,${suffix}`;
const maebashi = `cn=Maebashi,${gunma}`;

async function addTree({ add }: DirectoryFixture): Promise<void> {
  await add(suffix, { objectClass: 'organization' });
  await add(gunma, { objectClass: 'organizationalUnit' });
  await add(maebashi, { objectClass: 'cRLDistributionPoint' });
  await add(`cn=Takasaki,${gunma}`, { objectClass: 'cRLDistributionPoint' });
  await add(`ou=Gunmax,${suffix}`, { objectClass: 'organizationalUnit' });
}

describe('add', () => {
  it('makes an entry with the values of its name and its operational attributes', async (t) => {
    const fixture = await openDirectory(t);
    await addTree(fixture);
    const [entry] = await search(fixture.directory, {
      base: maebashi,
      scope: 'base',
      attributes: ['*', '+'],
    });
    const { entryUUID, entryCSN, ...texts } = asTexts(entry);
    assert.match(entryUUID?.[0] ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
    assert.match(entryCSN?.[0] ?? '', /^20260105000000\.00000\dZ#000000#000#000000$/);
    assert.deepEqual(texts, {
      objectClass: ['cRLDistributionPoint', 'top'],
      cn: ['Maebashi'],
      structuralObjectClass: ['cRLDistributionPoint'],
      creatorsName: ['cn=test'],
      createTimestamp: ['20260105000000Z'],
      modifiersName: ['cn=test'],
      modifyTimestamp: ['20260105000000Z'],
      entryDN: [maebashi],
      subschemaSubentry: ['cn=Subschema'],
      hasSubordinates: ['FALSE'],
      numSubordinates: ['0'],
    });
  });

  it('keeps the spelling of the name, finds it in every other', async (t) => {
    const fixture = await openDirectory(t);
    await addTree(fixture);
    const base = 'CN=\\4daebashi, OU = gunma,O=jpki , c=jp';
    assert.deepEqual(await searchNames(fixture.directory, { base, scope: 'base' }), [maebashi]);
  });

  const refused = [
    { why: 'a taken name', dn: 'OU=gunma,o=jpki,C=JP', code: 'DIRECTORY_ENTRY_EXISTS' },
    { why: 'no parent', dn: `cn=a,ou=None,${suffix}`, code: 'DIRECTORY_NO_SUCH_OBJECT' },
    { why: 'a name outside the suffixes', dn: 'o=Other,c=JP', code: 'DIRECTORY_NO_SUCH_OBJECT' },
    { why: 'the root', dn: '', code: 'DIRECTORY_NAMING' },
    { why: 'a malformed name', dn: 'ou', code: 'DIRECTORY_DN_SYNTAX' },
    {
      why: 'a name that no key has room for',
      dn: `ou=${'x'.repeat(9000)},${suffix}`,
      code: 'DIRECTORY_CONSTRAINT',
    },
  ];
  for (const { why, dn, code } of refused) {
    it(`refuses ${why}`, async (t) => {
      const fixture = await openDirectory(t);
      await addTree(fixture);
      const attributes = attributesOf({ objectClass: 'organizationalUnit' });
      await assert.rejects(fixture.directory.add({ dn, attributes }, system), { code });
    });
  }

  it('says how far a name without an entry is known', async (t) => {
    const fixture = await openDirectory(t);
    await addTree(fixture);
    const dn = `cn=a,cn=b,${gunma}`;
    const attributes = attributesOf({ objectClass: 'cRLDistributionPoint' });
    await assert.rejects(fixture.directory.add({ dn, attributes }, system), { matchedDn: gunma });
  });

  const contents = [
    { why: 'no object class', attributes: {}, code: 'DIRECTORY_OBJECT_CLASS' },
    {
      why: 'an attribute that no class allows',
      attributes: { objectClass: 'organizationalUnit', sn: 'x' },
      code: 'DIRECTORY_OBJECT_CLASS',
    },
    {
      why: 'an unknown attribute',
      attributes: { objectClass: 'organizationalUnit', nonsense: 'x' },
      code: 'DIRECTORY_UNDEFINED_TYPE',
    },
    {
      why: 'a value twice by its rule',
      attributes: { objectClass: 'organizationalUnit', description: ['a  b', 'A B'] },
      code: 'DIRECTORY_VALUE_EXISTS',
    },
    {
      why: 'a value against its syntax',
      attributes: { objectClass: 'organizationalUnit', telephoneNumber: '\u00e9' },
      code: 'DIRECTORY_INVALID_SYNTAX',
    },
    {
      why: 'two values of a single-valued attribute',
      attributes: { objectClass: 'organizationalUnit', preferredDeliveryMethod: ['any', 'mhs'] },
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'an attribute that the server sets',
      attributes: {
        objectClass: 'organizationalUnit',
        entryUUID: '597ae2f6-16a6-1027-98f4-d28b5365dc14',
      },
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'a certificate syntax without ;binary',
      attributes: { objectClass: ['organizationalUnit', 'pkiCA'], cACertificate: 'x' },
      code: 'DIRECTORY_UNDEFINED_TYPE',
    },
    {
      why: 'bytes that are no certificate',
      attributes: { objectClass: ['organizationalUnit', 'pkiCA'], 'cACertificate;binary': 'x' },
      code: 'DIRECTORY_INVALID_SYNTAX',
    },
    {
      why: 'an attribute without values',
      attributes: { objectClass: 'organizationalUnit', description: [] },
      code: 'DIRECTORY_CONSTRAINT',
    },
  ];
  for (const { why, attributes, code } of contents) {
    it(`refuses ${why}, and leaves nothing behind`, async (t) => {
      const fixture = await openDirectory(t);
      await addTree(fixture);
      const dn = `ou=New,${suffix}`;
      const request = { dn, attributes: attributesOf(attributes) };
      await assert.rejects(fixture.directory.add(request, system), { code });
      await assert.rejects(searchNames(fixture.directory, { base: dn, scope: 'base' }), {
        code: 'DIRECTORY_NO_SUCH_OBJECT',
      });
    });
  }
});

describe('the tree', () => {
  it('is searched by scope, in the order of names', async (t) => {
    const fixture = await openDirectory(t);
    await addTree(fixture);
    const names = async (base: string, scope: 'base' | 'one' | 'subtree'): Promise<string[]> =>
      searchNames(fixture.directory, { base, scope });
    assert.deepEqual(await names(suffix, 'base'), [suffix]);
    assert.deepEqual(await names(suffix, 'one'), [gunma, `ou=Gunmax,${suffix}`]);
    assert.deepEqual(await names(gunma, 'one'), [maebashi, `cn=Takasaki,${gunma}`]);
    assert.deepEqual(await names(gunma, 'subtree'), [gunma, maebashi, `cn=Takasaki,${gunma}`]);
    assert.equal((await names(suffix, 'subtree')).length, 5);
    assert.deepEqual(await names('', 'one'), [suffix]);
    assert.equal((await names('', 'subtree')).length, 5);
  });

  it('counts subordinates', async (t) => {
    const fixture = await openDirectory(t);
    await addTree(fixture);
    const [entry] = await search(fixture.directory, {
      base: gunma,
      scope: 'base',
      attributes: ['hasSubordinates', 'numSubordinates'],
    });
    assert.deepEqual(asTexts(entry), { hasSubordinates: ['TRUE'], numSubordinates: ['2'] });
  });
});

describe('delete', () => {
  it('removes a leaf for good, and its name can be used again', async (t) => {
    const fixture = await openDirectory(t);
    await addTree(fixture);
    await fixture.directory.delete({ dn: maebashi }, system);
    assert.deepEqual(await searchNames(fixture.directory, { base: gunma, scope: 'one' }), [
      `cn=Takasaki,${gunma}`,
    ]);
    assert.deepEqual(await searchNames(fixture.directory, { filter: '(cn=maebashi)' }), []);
    await fixture.add(maebashi, { objectClass: 'cRLDistributionPoint' });
  });

  it('refuses an entry with children', async (t) => {
    const fixture = await openDirectory(t);
    await addTree(fixture);
    await assert.rejects(fixture.directory.delete({ dn: gunma }, system), {
      code: 'DIRECTORY_NOT_ON_NON_LEAF',
    });
  });

  it('refuses an entry that is not there', async (t) => {
    const fixture = await openDirectory(t);
    await addTree(fixture);
    await assert.rejects(fixture.directory.delete({ dn: `cn=None,${gunma}` }, system), {
      code: 'DIRECTORY_NO_SUCH_OBJECT',
      matchedDn: gunma,
    });
  });
});

describe('contextCSN', () => {
  it('is the number of the last change below the suffix', async (t) => {
    const fixture = await openDirectory(t);
    await addTree(fixture);
    const read = async (base: string): Promise<Record<string, string[]>> =>
      asTexts(
        (
          await search(fixture.directory, {
            base,
            scope: 'base',
            attributes: ['contextCSN', 'entryCSN'],
          })
        )[0],
      );
    const last = (await read(`ou=Gunmax,${suffix}`))['entryCSN'];
    assert.deepEqual((await read(suffix))['contextCSN'], last);
    assert.equal((await read(gunma))['contextCSN'], undefined);
    await fixture.directory.delete({ dn: maebashi }, system);
    const afterwards = (await read(suffix))['contextCSN'];
    assert.ok((afterwards?.[0] ?? '') > (last?.[0] ?? ''));
  });
});

describe('audit', () => {
  it('records every change with who and what', async (t) => {
    const fixture = await openDirectory(t);
    await addTree(fixture);
    const changes = [
      { operation: 'add', attribute: 'description', values: [encodeUtf8('x')] } as const,
    ];
    await fixture.directory.modify({ dn: gunma, changes }, system);
    await fixture.directory.delete({ dn: maebashi }, system);
    const records = await fixture.records();
    assert.deepEqual(
      records.map(({ kind, result, subject }) => [kind, result, subject]).slice(-2),
      [
        ['directory.modify', 'done', 'ou=Gunma,o=JPKI,c=JP'],
        ['directory.delete', 'done', 'cn=Maebashi,ou=Gunma,o=JPKI,c=JP'],
      ],
    );
    assert.equal(records.at(-2)?.details?.['changes'], '+description');
    assert.deepEqual(records.at(-1)?.origin, {
      channel: 'system',
      actor: 'test',
      address: 'local',
    });
  });
});
