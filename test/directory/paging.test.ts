/** Paged search (RFC 2696). Pages under concurrent changes: test/property/directory-paging.test.ts. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import type { Directory, DirectoryOptions } from '../../src/directory/directory.ts';
import type { Caller, SortKey } from '../../src/directory/service.ts';
import {
  callerOf,
  clearSession,
  type DirectoryFixture,
  nobody,
  openDirectory,
  type SearchWish,
  searchNames,
  searchPage,
  searchPages,
  searchRequest,
  suffix,
  system,
  tlsSession,
} from '../support/directory-fixture.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const people = `ou=People,${suffix}`;
const first = new Uint8Array(0);
const byName: SortKey = { attribute: 'cn', isReverse: false };
const sort = { keys: [byName], isCritical: true };

/** Seven persons, some below others, under a unit. */
async function openPeople(
  t: Parameters<typeof openDirectory>[0],
  options: Partial<DirectoryOptions> = {},
): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, options);
  await fixture.add(suffix, { objectClass: 'organization' });
  await fixture.add(people, { objectClass: 'organizationalUnit' });
  for (const name of ['d', 'b', 'f', 'a', 'e']) {
    await fixture.add(`cn=${name},${people}`, {
      objectClass: 'person',
      sn: name < 'd' ? 'early' : 'late',
      userPassword: 'secret',
    });
  }
  await fixture.add(`cn=c,cn=d,${people}`, { objectClass: 'person', sn: 'early' });
  await fixture.add(`cn=g,cn=a,${people}`, { objectClass: 'person', sn: 'late' });
  return fixture;
}

describe('the pages of a search', () => {
  const searches: readonly { readonly what: string; readonly wish: SearchWish }[] = [
    { what: 'a subtree', wish: {} },
    { what: 'everything below the root', wish: { base: '' } },
    { what: 'the level below the root', wish: { base: '', scope: 'one' } },
    { what: 'one level', wish: { base: people, scope: 'one' } },
    { what: 'an entry', wish: { base: people, scope: 'base' } },
    { what: 'what an index finds', wish: { filter: '(sn=late)' } },
    { what: 'what two look-ups find', wish: { filter: '(|(sn=late)(cn=b))' } },
    {
      what: 'a level of what an index finds',
      wish: { base: people, scope: 'one', filter: '(sn=late)' },
    },
    { what: 'nothing', wish: { filter: '(cn=none)' } },
    { what: 'the root DSE', wish: { base: '', scope: 'base' } },
    { what: 'the subschema entry', wish: { base: 'cn=Subschema' } },
    { what: 'a sorted subtree', wish: { sort } },
    { what: 'a sorted level', wish: { base: people, scope: 'one', sort } },
    { what: 'the root DSE, sorted', wish: { base: '', scope: 'base', sort } },
    {
      what: 'a subtree sorted backwards by what many have in common',
      wish: { sort: { keys: [{ attribute: 'sn', isReverse: true }], isCritical: true } },
    },
  ];
  for (const { what, wish } of searches) {
    it(`of ${what} are the search`, async (t) => {
      const options = { indexes: ['sn', 'cn'], suffixes: ['o=Other,c=JP', suffix] };
      const { directory, add } = await openPeople(t, options);
      await add('o=Other,c=JP', { objectClass: 'organization' });
      const all = await searchNames(directory, wish);
      for (const size of [1, 2, 3, all.length, all.length + 1]) {
        const pages = await searchPages(directory, { ...wish, size: Math.max(size, 1) });
        assert.deepEqual(pages.flat().toSorted(), all.toSorted(), `pages of ${size}`);
        if (what !== 'the level below the root') {
          assert.deepEqual(pages.flat(), all, `pages of ${size}`);
        }
        const full = pages.slice(0, -1).map((page) => page.length);
        assert.ok(full.every((count) => count === size));
        assert.ok(all.length === 0 || (pages.at(-1)?.length ?? 0) > 0, 'no empty page');
      }
    });
  }

  it('may differ in size', async (t) => {
    const { directory } = await openPeople(t);
    const one = await searchPage(directory, { page: { size: 2, cookie: first } });
    const two = await searchPage(directory, { page: { size: 100, cookie: one.cookie } });
    assert.deepEqual([...one.names, ...two.names], await searchNames(directory));
    assert.equal(two.cookie.length, 0);
  });

  it('of size 0 hold nothing and end the search', async (t) => {
    const { directory } = await openPeople(t);
    const { cookie } = await searchPage(directory, { page: { size: 2, cookie: first } });
    for (const at of [first, cookie]) {
      const found = await searchPage(directory, { page: { size: 0, cookie: at } });
      assert.deepEqual(found, { names: [], cookie: first });
    }
  });

  it('can be asked for again', async (t) => {
    const { directory } = await openPeople(t);
    const { cookie } = await searchPage(directory, { page: { size: 2, cookie: first } });
    const ask = () => searchPage(directory, { page: { size: 2, cookie } });
    assert.deepEqual(await ask(), await ask());
  });

  it('go on behind an entry that has gone meanwhile', async (t) => {
    const { directory } = await openPeople(t);
    const all = await searchNames(directory, { filter: '(sn=*)' });
    const wish = { filter: '(sn=*)' };
    const one = await searchPage(directory, { ...wish, page: { size: 3, cookie: first } });
    await directory.delete({ dn: one.names.at(-1) ?? '' }, system);
    const two = await searchPage(directory, { ...wish, page: { size: 4, cookie: one.cookie } });
    assert.deepEqual([...one.names, ...two.names], all);
  });
});

describe('a cookie', () => {
  const refusal = { code: 'DIRECTORY_PAGE_COOKIE' };
  const wish: SearchWish = { filter: '(sn=*)', sizeLimit: 6, matchedValues: [] };

  async function take(directory: Directory, caller: Caller = nobody): Promise<Uint8Array> {
    const { cookie } = await searchPage(
      directory,
      { ...wish, page: { size: 2, cookie: first } },
      caller,
    );
    return cookie;
  }

  it('is of no use when a single bit is other, cut short or longer', async (t) => {
    const { directory } = await openPeople(t);
    const cookie = await take(directory);
    const wrong: Uint8Array[] = [cookie.subarray(0, -1), cookie.subarray(1), Buffer.from('x')];
    wrong.push(Buffer.concat([cookie, Buffer.from([0])]), new Uint8Array(32));
    for (let at = 0; at < cookie.length * 8; at += 5) {
      const other = Buffer.from(cookie);
      other[at >> 3] = (other[at >> 3] ?? 0) ^ (1 << (at & 7));
      wrong.push(other);
    }
    for (const given of wrong) {
      const page = { size: 2, cookie: given };
      await assert.rejects(searchPage(directory, { ...wish, page }, nobody), refusal);
    }
  });

  const others: readonly SearchWish[] = [
    { base: people },
    { scope: 'one' },
    { filter: '(cn=*)' },
    { attributes: ['sn'] },
    { typesOnly: true },
    { sizeLimit: 7 },
    { sort },
    { matchedValues: [{ kind: 'present', attribute: 'sn' }] },
  ];
  for (const other of others) {
    it(`is of no use for a search with another ${Object.keys(other).join()}`, async (t) => {
      const { directory } = await openPeople(t);
      const page = { size: 2, cookie: await take(directory) };
      await assert.rejects(searchPage(directory, { ...wish, ...other, page }, nobody), refusal);
      await searchPage(directory, { ...wish, page }, nobody);
    });
  }

  it('is of no use to another identity, whoever it is', async (t) => {
    const { directory } = await openPeople(t);
    const bindAs = async (name: string): Promise<Caller> =>
      callerOf(await directory.bind(`cn=${name},${people}`, encodeUtf8('secret'), tlsSession));
    const callers = [nobody, system, await bindAs('a'), await bindAs('b')];
    for (const owner of callers) {
      const page = { size: 2, cookie: await take(directory, owner) };
      for (const caller of callers) {
        const asking = searchPage(directory, { ...wish, page }, caller);
        await (caller === owner ? asking : assert.rejects(asking, refusal));
      }
    }
    const [again, page] = [
      await bindAs('a'),
      { size: 2, cookie: await take(directory, callers[2]) },
    ];
    assert.ok(await searchPage(directory, { ...wish, page }, again), 'another connection is fine');
  });

  it('is of no use once the account may no longer be used', async (t) => {
    const { directory } = await openPeople(t);
    const dn = `cn=a,${people}`;
    const caller = callerOf(await directory.bind(dn, encodeUtf8('secret'), tlsSession));
    const page = { size: 2, cookie: await take(directory, caller) };
    const gone = { operation: 'delete', attribute: 'userPassword', values: [] } as const;
    await directory.delete({ dn: `cn=g,${dn}` }, system);
    await directory.modify({ dn, changes: [gone] }, system);
    await directory.delete({ dn }, system);
    await assert.rejects(searchPage(directory, { ...wish, page }, caller), refusal);
  });

  it('is of no use to another process', async (t) => {
    const { directory } = await openPeople(t);
    const other = await openPeople(t, { random: new SeededRandom('other') });
    const page = { size: 2, cookie: await take(directory) };
    await assert.rejects(searchPage(other.directory, { ...wish, page }, nobody), refusal);
  });

  it('is small', async (t) => {
    const { directory } = await openPeople(t);
    assert.ok((await take(directory)).length < 128);
  });
});

describe('the limits of paged searches', () => {
  const rows = [
    { what: 'the server’s limit', limits: { maxSizeLimit: 5 }, sizeLimit: 0 },
    { what: 'the client’s limit', limits: {}, sizeLimit: 5 },
  ];
  for (const { what, limits, sizeLimit } of rows) {
    for (const order of [undefined, sort]) {
      it(`${what} holds over all pages${order === undefined ? '' : ', sorted'}`, async (t) => {
        const { directory } = await openPeople(t, { limits });
        const wish = order === undefined ? { sizeLimit } : { sizeLimit, sort: order };
        const one = await searchPage(directory, { ...wish, page: { size: 3, cookie: first } });
        const page = { size: 3, cookie: one.cookie };
        const names: string[] = [];
        const answers = searchNamesInto(names, directory, { ...wish, page });
        await assert.rejects(answers, { code: 'DIRECTORY_SIZE_LIMIT' });
        assert.equal(one.names.length + names.length, 5);
      });
    }
  }

  it('a page that is full is not lost when looking for the next takes too long', async (t) => {
    const { directory } = await openPeople(t, { limits: { maxLookThrough: 4 } });
    const wish = { filter: '(|(cn=a)(cn=f))' };
    const pages = await searchPages(directory, { ...wish, size: 1 });
    assert.deepEqual(pages.flat(), [`cn=a,${people}`, `cn=f,${people}`]);
  });

  it('a page that is not full before too much was looked at is an error', async (t) => {
    const { directory } = await openPeople(t, { limits: { maxLookThrough: 4 } });
    const page = { size: 2, cookie: first };
    await assert.rejects(searchPage(directory, { filter: '(sn=late)', page }), {
      code: 'DIRECTORY_LOOK_THROUGH_LIMIT',
    });
  });
});

async function searchNamesInto(
  names: string[],
  directory: Directory,
  wish: SearchWish,
): Promise<void> {
  const request = searchRequest({ attributes: ['1.1'], ...wish });
  for await (const { dn } of directory.search(request, system)) {
    names.push(dn);
  }
}

it('entries that may not be known are in no page and in no cookie', async (t) => {
  const anyone = { kind: 'anyone' } as const;
  const access: readonly AccessRule[] = [
    { target: { filter: '(sn=late)' }, who: anyone, rights: [] },
    { who: anyone, rights: ['search', 'read'] },
  ];
  const full = await openPeople(t, { access });
  const bare = await openPeople(t, { access });
  for (const name of ['cn=g,cn=a', 'cn=f', 'cn=e']) {
    await bare.directory.delete({ dn: `${name},${people}` }, system);
  }
  const caller = { ...nobody, session: clearSession };
  for (const wish of [{}, { sort }]) {
    let cookie: Uint8Array = first;
    do {
      const page = { size: 1, cookie };
      const [one, other] = [
        await searchPage(full.directory, { ...wish, page }, caller),
        await searchPage(bare.directory, { ...wish, page }, caller),
      ];
      assert.deepEqual(one, other);
      cookie = one.cookie;
    } while (cookie.length > 0);
  }
});
