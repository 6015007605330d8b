import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Awaitable } from '../../src/core/awaitable.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { DirectoryOptions } from '../../src/directory/directory.ts';
import type { Snapshot, Store } from '../../src/store/store.ts';
import {
  asTexts,
  type DirectoryFixture,
  nobody,
  openDirectory,
  type SearchWish,
  search,
  searchNames,
  searchRequest,
  suffix,
} from '../support/directory-fixture.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

const people = `ou=People,${suffix}`;
const hanako = `cn=Hanako,${people}`;

async function openPeople(
  t: Parameters<typeof openDirectory>[0],
  options: Partial<DirectoryOptions> = {},
): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, options);
  await fixture.add(suffix, { objectClass: 'organization' });
  await fixture.add(people, { objectClass: 'organizationalUnit' });
  await fixture.add(hanako, {
    objectClass: 'person',
    sn: 'Maebashi',
    'sn;lang-ja': '前橋',
    description: ['one', 'two'],
    telephoneNumber: '+81 27 000 0000',
  });
  await fixture.add(`cn=Taro,${people}`, { objectClass: 'person', sn: 'Takasaki' });
  await fixture.add(`cn=Jiro,${people}`, { objectClass: 'person', sn: 'Takasaki' });
  return fixture;
}

async function selected(
  fixture: DirectoryFixture,
  wish: SearchWish,
): Promise<Record<string, string[]>> {
  const found = await search(fixture.directory, { base: hanako, scope: 'base', ...wish }, nobody);
  return asTexts(found[0]);
}

describe('attribute selection (RFC 4511 §4.5.1.8)', () => {
  const user = ['objectClass', 'sn', 'sn;lang-ja', 'description', 'telephoneNumber', 'cn'] as const;
  const operational = [
    'structuralObjectClass',
    'entryUUID',
    'creatorsName',
    'createTimestamp',
    'modifiersName',
    'modifyTimestamp',
    'entryCSN',
    'entryDN',
    'subschemaSubentry',
    'hasSubordinates',
    'numSubordinates',
  ] as const;
  const rows: readonly { attributes: readonly string[]; expected: readonly string[] }[] = [
    { attributes: [], expected: user },
    { attributes: ['*'], expected: user },
    { attributes: ['+'], expected: operational },
    { attributes: ['*', '+'], expected: [...user, ...operational] },
    { attributes: ['1.1'], expected: [] },
    { attributes: ['1.1', 'sn'], expected: ['sn', 'sn;lang-ja'] },
    { attributes: ['SN'], expected: ['sn', 'sn;lang-ja'] },
    { attributes: ['surname'], expected: ['sn', 'sn;lang-ja'] },
    { attributes: ['2.5.4.4'], expected: ['sn', 'sn;lang-ja'] },
    { attributes: ['sn;lang-ja'], expected: ['sn;lang-ja'] },
    { attributes: ['sn;LANG-JA'], expected: ['sn;lang-ja'] },
    { attributes: ['sn;lang-en'], expected: [] },
    { attributes: ['sn;x-foo'], expected: [] },
    { attributes: ['sn;binary'], expected: [] },
    { attributes: ['name'], expected: ['sn', 'sn;lang-ja', 'cn'] },
    { attributes: ['nonsense'], expected: [] },
    { attributes: ['@person'], expected: user },
    { attributes: ['@nonsense'], expected: [] },
    { attributes: ['entryUUID'], expected: ['entryUUID'] },
    { attributes: ['02.5.4.4'], expected: [] },
    { attributes: ['__proto__', 'constructor'], expected: [] },
  ];
  for (const { attributes, expected } of rows) {
    it(`${JSON.stringify(attributes)} selects ${expected.length}`, async (t) => {
      const fixture = await openPeople(t);
      assert.deepEqual(
        Object.keys(await selected(fixture, { attributes })).sort(),
        [...expected].sort(),
      );
    });
  }

  it('typesOnly leaves the values away', async (t) => {
    const fixture = await openPeople(t);
    assert.deepEqual(await selected(fixture, { attributes: ['cn', 'sn'], typesOnly: true }), {
      sn: [],
      'sn;lang-ja': [],
      cn: [],
    });
  });
});

describe('search filters', () => {
  const rows = [
    { filter: '(sn=takasaki)', count: 2 },
    { filter: '(cn=hanako)', count: 1 },
    { filter: '(cn=nobody)', count: 0 },
    { filter: '(&(cn=hanako)(sn=maebashi))', count: 1 },
    { filter: '(&(cn=hanako)(sn=takasaki))', count: 0 },
    { filter: '(|(cn=hanako)(cn=taro)(cn=hanako))', count: 2 },
    { filter: '(|(cn=hanako)(sn=takasaki))', count: 3 },
    { filter: '(!(objectClass=person))', count: 2 },
    { filter: '(&)', count: 5 },
    { filter: '(|)', count: 0 },
    { filter: '(nonsense=1)', count: 0 },
    { filter: '(!(nonsense=1))', count: 0 },
    { filter: '(|(nonsense=1)(cn=taro))', count: 1 },
    { filter: '(name=hanako)', count: 1 },
    { filter: '(sn;lang-ja=前橋)', count: 1 },
    { filter: '(hasSubordinates=TRUE)', count: 2 },
    { filter: '(numSubordinates>=3)', count: 1 },
    { filter: `(entryDN=${hanako})`, count: 1 },
    { filter: '(entryDN=*)', count: 5 },
    { filter: '(&(objectClass=person)(cn=taro))', count: 1 },
    { filter: '(objectClass=2.5.6.6)', count: 3 },
  ];
  const indexLists = [
    { name: 'the default indexes', indexes: undefined },
    { name: 'no index', indexes: [] },
    { name: 'an index on everything in the filter', indexes: ['objectClass', 'cn', 'sn', 'name'] },
  ];
  for (const { name, indexes } of indexLists) {
    it(`find the same with ${name}`, async (t) => {
      const fixture = await openPeople(t, indexes === undefined ? {} : { indexes });
      for (const { filter, count } of rows) {
        const names = await searchNames(fixture.directory, { filter }, nobody);
        assert.equal(names.length, count, filter);
        assert.deepEqual(names, [...new Set(names)], filter);
      }
    });
  }

  it('an index is restricted to the base and the scope', async (t) => {
    const fixture = await openPeople(t);
    await fixture.add(`cn=Taro,${suffix}`, { objectClass: 'person', sn: 'x' });
    const names = (wish: SearchWish): Promise<string[]> =>
      searchNames(fixture.directory, { filter: '(cn=taro)', ...wish }, nobody);
    assert.deepEqual(await names({ base: people }), [`cn=Taro,${people}`]);
    assert.deepEqual(await names({ base: suffix, scope: 'one' }), [`cn=Taro,${suffix}`]);
    assert.equal((await names({ base: suffix })).length, 2);
    assert.equal((await names({ base: '' })).length, 2);
  });
});

describe('search limits', () => {
  async function take(
    fixture: DirectoryFixture,
    wish: SearchWish,
  ): Promise<{ count: number; code: string | undefined }> {
    let count = 0;
    try {
      for await (const _ of fixture.directory.search(searchRequest(wish), nobody)) {
        count += 1;
      }
      return { count, code: undefined };
    } catch (error) {
      return { count, code: error instanceof Error && 'code' in error ? String(error.code) : '' };
    }
  }

  const rows = [
    { why: 'as many as the limit', wish: { sizeLimit: 5 }, limits: {}, count: 5, code: undefined },
    { why: 'one more', wish: { sizeLimit: 4 }, limits: {}, count: 4, code: 'DIRECTORY_SIZE_LIMIT' },
    {
      why: "the server's limit below the wish",
      wish: { sizeLimit: 4 },
      limits: { maxSizeLimit: 2 },
      count: 2,
      code: 'DIRECTORY_SIZE_LIMIT',
    },
    {
      why: 'no wish',
      wish: { sizeLimit: 0 },
      limits: { maxSizeLimit: 3 },
      count: 3,
      code: 'DIRECTORY_SIZE_LIMIT',
    },
    {
      why: 'as many looked at as allowed',
      wish: { filter: '(description=one)' },
      limits: { maxLookThrough: 5 },
      count: 1,
      code: undefined,
    },
    {
      why: 'one more looked at',
      wish: { filter: '(description=none)' },
      limits: { maxLookThrough: 4 },
      count: 0,
      code: 'DIRECTORY_LOOK_THROUGH_LIMIT',
    },
    {
      why: 'an index instead of looking',
      wish: { filter: '(cn=taro)' },
      limits: { maxLookThrough: 1 },
      count: 1,
      code: undefined,
    },
  ];
  for (const { why, wish, limits, count, code } of rows) {
    it(`${why}: ${count} entries`, async (t) => {
      const fixture = await openPeople(t, { limits });
      assert.deepEqual(await take(fixture, wish), { count, code });
    });
  }

  it('time runs out between entries', async (t) => {
    const fixture = await openPeople(t);
    const entries = fixture.directory
      .search(searchRequest({ timeLimitMs: 1000 }), nobody)
      [Symbol.asyncIterator]();
    assert.equal((await entries.next()).done, false);
    await fixture.clock.advance(1000);
    assert.equal((await entries.next()).done, false);
    await fixture.clock.advance(1);
    await assert.rejects(entries.next(), { code: 'DIRECTORY_TIME_LIMIT' });
  });

  it('abandon ends the search', async (t) => {
    const fixture = await openPeople(t);
    const abandon = new AbortController();
    const entries = fixture.directory
      .search(searchRequest({ signal: abandon.signal }), nobody)
      [Symbol.asyncIterator]();
    await entries.next();
    abandon.abort();
    await assert.rejects(entries.next(), { code: 'DIRECTORY_ABANDONED' });
  });
});

describe('what a search costs', () => {
  const rows: readonly { why: string; wish: SearchWish; reads: number; found: number }[] = [
    { why: 'base: one read', wish: { base: hanako, scope: 'base' }, reads: 1, found: 1 },
    {
      why: 'base with computed names: one read',
      wish: { base: hanako, scope: 'base', attributes: ['entryDN', 'subschemaSubentry'] },
      reads: 1,
      found: 1,
    },
    { why: 'one-level: the base and its children', wish: { scope: 'one' }, reads: 2, found: 1 },
    {
      why: 'an indexed equality: the base, the postings of the value and the matches',
      wish: { filter: '(cn=taro)' },
      reads: 3,
      found: 1,
    },
    {
      why: 'an equality without a match: the base and the postings of the value',
      wish: { filter: '(cn=x)' },
      reads: 2,
      found: 0,
    },
    {
      why: 'hasSubordinates: one child more',
      wish: { base: people, scope: 'base', attributes: ['hasSubordinates'] },
      reads: 2,
      found: 1,
    },
    { why: 'the root DSE: nothing', wish: { base: '', scope: 'base' }, reads: 0, found: 1 },
  ];
  for (const { why, wish, reads, found } of rows) {
    it(why, async (t) => {
      const fixture = await openPeople(t);
      let count = 0;
      const { store } = fixture;
      const counting: Store = {
        ...bound(store),
        snapshot: () => {
          const snapshot = store.snapshot();
          const read = (key: Uint8Array): Awaitable<Uint8Array | undefined> => {
            count += 1;
            return snapshot.read(key);
          };
          return { ...bound(snapshot), read };
        },
      };
      const { directory } = await openDirectory(t, { store: counting });
      count = 0;
      assert.equal((await searchNames(directory, wish, nobody)).length, found);
      assert.equal(count, reads);
    });
  }
});

/** The methods of an object with a prototype, as properties that can be spread. */
function bound<T extends Store | Snapshot>(given: T): T {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(given));
  const all = [...names, ...parentNames(given)].filter((name) => name !== 'constructor');
  return Object.fromEntries(
    all.map((name) => {
      const member: unknown = Reflect.get(given, name);
      return [name, typeof member === 'function' ? member.bind(given) : member];
    }),
  ) as T;
}

function parentNames(given: object): string[] {
  const parent: unknown = Object.getPrototypeOf(Object.getPrototypeOf(given));
  return typeof parent === 'object' && parent !== null && parent !== Object.prototype
    ? Object.getOwnPropertyNames(parent)
    : [];
}

describe('a long search', () => {
  it('gives way to whatever else waits', async (t) => {
    const fixture = await openPeople(t);
    /** Every look at the clock takes a millisecond, so a slice is a handful of entries. */
    class SlowClock extends SimulatedClock {
      #looks = 0;

      override monotonicMs(): number {
        this.#looks += 1;
        return this.#looks;
      }
    }
    for (let number = 0; number < 200; number += 1) {
      await fixture.add(`cn=P${number},${people}`, { objectClass: 'person', sn: 'x' });
    }
    const slow = await openDirectory(t, { store: fixture.store, clock: new SlowClock() });
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) {
        setImmediate(count);
      }
    };
    setImmediate(count);
    assert.equal((await searchNames(slow.directory, {}, nobody)).length, 205);
    isOver = true;
    assert.ok(turns > 20, `${turns} turns`);
  });
});

describe('a search reads one snapshot', () => {
  it('that later changes do not touch', async (t) => {
    const fixture = await openPeople(t);
    const entries = fixture.directory.search(searchRequest(), nobody)[Symbol.asyncIterator]();
    await entries.next();
    await fixture.add(`cn=Zoe,${people}`, { objectClass: 'person', sn: 'x' });
    let count = 1;
    while (!(await entries.next()).done) {
      count += 1;
    }
    assert.equal(count, 5);
  });
});

describe('the root DSE and the subschema entry', () => {
  it('RFC 4512 §5.1: says what the server is', async (t) => {
    const fixture = await openPeople(t, {
      rootDse: { vendorName: 'certdir', supportedControls: ['1.2.840.113556.1.4.319'] },
    });
    const found = await search(
      fixture.directory,
      { base: '', scope: 'base', attributes: ['+'] },
      nobody,
    );
    assert.deepEqual(asTexts(found[0]), {
      structuralObjectClass: ['top'],
      namingContexts: [suffix],
      subschemaSubentry: ['cn=Subschema'],
      supportedLDAPVersion: ['3'],
      supportedControl: ['1.2.840.113556.1.4.319'],
      vendorName: ['certdir'],
    });
  });

  it('RFC 4512 §4.2: publishes the schema', async (t) => {
    const fixture = await openPeople(t);
    const wish = {
      base: 'CN=subschema',
      scope: 'base',
      filter: '(objectClass=subschema)',
    } as const;
    const found = await search(fixture.directory, { ...wish, attributes: ['*', '+'] }, nobody);
    const texts = asTexts(found[0]);
    assert.ok(texts['attributeTypes']?.some((text) => text.includes("'certdirVerifierKind'")));
    assert.ok(texts['objectClasses']?.some((text) => text.includes("'cRLDistributionPoint'")));
    assert.ok((texts['ldapSyntaxes']?.length ?? 0) > 0);
    assert.ok((texts['matchingRules']?.length ?? 0) > 0);
  });

  it('RFC 4512 §4.2: clients can tell whether the schema has changed since they read it', async (t) => {
    const { directory, clock } = await openPeople(t);
    const wish = { base: 'cn=Subschema', scope: 'base', attributes: ['modifyTimestamp'] } as const;
    const [before] = await search(directory, wish, nobody);
    assert.deepEqual(asTexts(before), { modifyTimestamp: ['20260105000000Z'] });
    await clock.advance(60_000);
    const [later] = await search(directory, wish, nobody);
    assert.deepEqual(asTexts(later), asTexts(before));
  });

  it('has nothing below the subschema entry', async (t) => {
    const fixture = await openPeople(t);
    const wish = { base: 'cn=Subschema', scope: 'one' } as const;
    assert.deepEqual(await searchNames(fixture.directory, wish, nobody), []);
  });
});

describe('compare (RFC 4511 §4.10)', () => {
  const rows = [
    { attribute: 'sn', value: 'maebashi', expected: true },
    { attribute: 'sn', value: 'x', expected: false },
    { attribute: 'sn;lang-ja', value: '前橋', expected: true },
    { attribute: 'sn;lang-ja', value: 'maebashi', expected: false },
    { attribute: 'name', value: 'hanako', expected: true },
    { attribute: 'numSubordinates', value: '0', expected: true },
    { attribute: 'seeAlso', value: 'o=x', expected: 'DIRECTORY_NO_SUCH_ATTRIBUTE' },
    { attribute: 'nonsense', value: 'x', expected: 'DIRECTORY_UNDEFINED_TYPE' },
    { attribute: 'seeAlso', value: 'x', expected: 'DIRECTORY_INVALID_SYNTAX' },
    { attribute: 'telexNumber', value: 'x', expected: 'DIRECTORY_INAPPROPRIATE_MATCHING' },
  ];
  for (const { attribute, value, expected } of rows) {
    it(`${attribute} with ${value}: ${expected}`, async (t) => {
      const fixture = await openPeople(t);
      const request = { dn: hanako, attribute, value: encodeUtf8(value) };
      const outcome = await fixture.directory
        .compare(request, nobody)
        .catch((error: { code: string }) => error.code);
      assert.equal(outcome, expected);
    });
  }

  it('reaches the root DSE', async (t) => {
    const fixture = await openPeople(t);
    const request = { dn: '', attribute: 'objectClass', value: encodeUtf8('top') };
    assert.equal(await fixture.directory.compare(request, nobody), true);
  });
});
