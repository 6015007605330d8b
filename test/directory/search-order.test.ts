/** Server-side sorting (RFC 2891). */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import type { DirectoryOptions } from '../../src/directory/directory.ts';
import type { SearchOutcome, SortKey } from '../../src/directory/service.ts';
import {
  type DirectoryFixture,
  nobody,
  openDirectory,
  searchNames,
  searchRequest,
  suffix,
  system,
} from '../support/directory-fixture.ts';

async function openPeople(
  t: Parameters<typeof openDirectory>[0],
  options: Partial<DirectoryOptions> = {},
): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, options);
  const { add } = fixture;
  await add(suffix, { objectClass: 'organization' });
  const person = { objectClass: ['organizationalPerson', 'extensibleObject'] };
  await add(`cn=a,${suffix}`, { ...person, sn: ['Ota', 'zz'], supportedLDAPVersion: '10' });
  await add(`cn=B,${suffix}`, { ...person, sn: 'numata', supportedLDAPVersion: ['9', '-1'] });
  await add(`cn=c,${suffix}`, { ...person, sn: 'OTA', title: 'x', 'sn;lang-ja': 'aa' });
  await add(`cn=d,${suffix}`, { ...person, sn: 'Kiryu', supportedLDAPVersion: '9', title: 'y' });
  return fixture;
}

/** The letters of the persons that a search finds. */
async function letters(
  { directory }: DirectoryFixture,
  keys: readonly SortKey[],
  caller = system,
): Promise<string> {
  const sort = { keys, isCritical: true };
  const wish = { filter: '(objectClass=person)', sort };
  const names = await searchNames(directory, wish, caller);
  return names.map((name) => name.charAt(3)).join('');
}

function key(attribute: string, options: Partial<SortKey> = {}): SortKey {
  return { attribute, isReverse: false, ...options };
}

describe('sorting', () => {
  const rows: readonly {
    readonly what: string;
    readonly keys: readonly SortKey[];
    readonly expected: string;
  }[] = [
    { what: 'by name, case aside', keys: [key('cn')], expected: 'aBcd' },
    { what: 'backwards', keys: [key('cn', { isReverse: true })], expected: 'dcBa' },
    {
      what: 'by a rule that heeds case',
      keys: [key('cn', { rule: 'caseExactOrderingMatch' })],
      expected: 'Bacd',
    },
    { what: 'by a rule’s OID', keys: [key('cn', { rule: '2.5.13.6' })], expected: 'Bacd' },
    { what: 'by OID', keys: [key('2.5.4.3')], expected: 'aBcd' },
    {
      what: 'by the least of several values, options included',
      keys: [key('sn')],
      expected: 'cdBa',
    },
    { what: 'by values with an option alone', keys: [key('sn;lang-ja')], expected: 'caBd' },
    {
      what: 'by a supertype',
      keys: [key('name', { rule: 'caseIgnoreOrderingMatch' })],
      expected: 'acBd',
    },
    {
      what: 'by one key and then another',
      keys: [key('title'), key('cn', { isReverse: true })],
      expected: 'cdBa',
    },
    {
      what: 'numbers as numbers; without one at the end',
      keys: [key('supportedLDAPVersion', { rule: 'integerOrderingMatch' })],
      expected: 'Bdac',
    },
    {
      what: 'without a value first when backwards (RFC 2891 §1.1)',
      keys: [key('supportedLDAPVersion', { rule: 'integerOrderingMatch', isReverse: true })],
      expected: 'cadB',
    },
    { what: 'by a time', keys: [key('createTimestamp'), key('cn')], expected: 'aBcd' },
  ];
  for (const { what, keys, expected } of rows) {
    it(`${what}: ${expected}`, async (t) => {
      assert.equal(await letters(await openPeople(t), keys), expected);
    });
  }

  it('entries that nothing tells apart stand in the order of their names', async (t) => {
    const fixture = await openPeople(t);
    for (const isReverse of [false, true]) {
      assert.equal(await letters(fixture, [key('street', { isReverse })]), 'aBcd');
    }
  });

  it('goes by the first 128 octets of a value', async (t) => {
    const fixture = await openPeople(t);
    const long = 'm'.repeat(200);
    const names = ['y', 'x'].map((name) => `cn=${name},${suffix}`);
    for (const [index, dn] of names.entries()) {
      await fixture.add(dn, { objectClass: 'person', sn: `${long}${index}` });
    }
    assert.equal(await letters(fixture, [key('sn')]), 'cdxyBa');
  });
});

describe('sorting that cannot be done', () => {
  const rows: readonly {
    readonly what: string;
    readonly keys: readonly SortKey[];
    readonly outcome: SearchOutcome;
  }[] = [
    {
      what: 'an attribute that is not defined',
      keys: [key('cn'), key('nonsense')],
      outcome: { sort: { result: 'noSuchAttribute', attribute: 'nonsense' } },
    },
    {
      what: 'a rule that is not defined',
      keys: [key('cn', { rule: 'nonsenseMatch' })],
      outcome: { sort: { result: 'inappropriateMatching', attribute: 'cn' } },
    },
    {
      what: 'a rule that does not order',
      keys: [key('cn', { rule: 'caseIgnoreMatch' })],
      outcome: { sort: { result: 'inappropriateMatching', attribute: 'cn' } },
    },
    {
      what: 'a rule for other values',
      keys: [key('cn', { rule: 'integerOrderingMatch' })],
      outcome: { sort: { result: 'inappropriateMatching', attribute: 'cn' } },
    },
    {
      what: 'values that have no order',
      keys: [key('seeAlso')],
      outcome: { sort: { result: 'inappropriateMatching', attribute: 'seeAlso' } },
    },
    {
      what: 'nine keys',
      keys: Array.from({ length: 9 }, () => key('cn')),
      outcome: { sort: { result: 'adminLimitExceeded' } },
    },
  ];
  for (const { what, keys, outcome } of rows) {
    it(`${what}: nothing when critical, else everything unsorted`, async (t) => {
      const { directory } = await openPeople(t);
      const sort = { keys, isCritical: true };
      const critical = directory.search(searchRequest({ sort }), system);
      await assert.rejects(critical[Symbol.asyncIterator]().next(), {
        code: 'DIRECTORY_SORT_REFUSED',
      });
      assert.deepEqual(critical.outcome, outcome);
      const answers = directory.search(
        searchRequest({ sort: { keys, isCritical: false } }),
        system,
      );
      const names: string[] = [];
      for await (const { dn } of answers) {
        names.push(dn);
      }
      assert.deepEqual(names, await searchNames(directory));
      assert.deepEqual(answers.outcome, outcome);
    });
  }

  const bounds = [
    { what: 'by one search', limits: { maxSortedEntries: 4 }, result: 'adminLimitExceeded' },
    { what: 'by all searches', limits: { maxSortedEntriesInAll: 4 }, result: 'busy' },
  ];
  for (const { what, limits, result } of bounds) {
    it(`more entries than may be sorted ${what}: ${result}`, async (t) => {
      const fixture = await openPeople(t, { limits });
      const { directory } = fixture;
      assert.equal(await letters(fixture, [key('cn')]), 'aBcd');
      const sort = { keys: [key('cn')], isCritical: false };
      const answers = directory.search(searchRequest({ sort }), system);
      let count = 0;
      for await (const _ of answers) {
        count += 1;
      }
      assert.equal(count, 5);
      assert.deepEqual(answers.outcome, { sort: { result } });
      // What was taken has been given back.
      assert.equal(await letters(fixture, [key('cn')]), 'aBcd');
    });
  }

  it('what a search that is given up has taken is given back', async (t) => {
    const fixture = await openPeople(t, { limits: { maxSortedEntriesInAll: 5 } });
    const sort = { keys: [key('cn')], isCritical: true };
    const iterator = fixture.directory
      .search(searchRequest({ sort }), system)
      [Symbol.asyncIterator]();
    await iterator.next();
    await assert.rejects(letters(fixture, [key('cn')]), { code: 'DIRECTORY_SORT_REFUSED' });
    await iterator.return?.();
    assert.equal(await letters(fixture, [key('cn')]), 'aBcd');
  });

  it('the size limit is met by the first in order', async (t) => {
    const { directory } = await openPeople(t);
    const sort = { keys: [key('cn', { isReverse: true })], isCritical: true };
    const found: string[] = [];
    const request = searchRequest({ filter: '(sn=*)', sort, sizeLimit: 2 });
    await assert.rejects(
      async () => {
        for await (const { dn } of directory.search(request, system)) {
          found.push(dn);
        }
      },
      { code: 'DIRECTORY_SIZE_LIMIT' },
    );
    assert.deepEqual(found, [`cn=d,${suffix}`, `cn=c,${suffix}`]);
  });
});

describe('sorting tells nothing of values that may not be seen', () => {
  const anyone = { kind: 'anyone' } as const;
  const rights = [
    { what: 'neither', first: [] },
    { what: 'searched, not read', first: ['search'] },
    { what: 'read, not searched', first: ['read'] },
  ] as const;
  for (const { what, first } of rights) {
    it(`${what}: as if no entry had one`, async (t) => {
      const access: readonly AccessRule[] = [
        { attributes: ['sn'], who: anyone, rights: first },
        { who: anyone, rights: ['search', 'read'] },
      ];
      const fixture = await openPeople(t, { access });
      for (const attribute of ['sn', 'SURNAME', '2.5.4.4', 'sn;lang-ja']) {
        assert.equal(await letters(fixture, [key(attribute)], nobody), 'aBcd');
        assert.equal(await letters(fixture, [key(attribute, { isReverse: true })], nobody), 'aBcd');
      }
      const byCommonName = await letters(fixture, [key('name', { rule: '2.5.13.3' })], nobody);
      assert.equal(byCommonName, 'aBcd');
    });
  }
});
