/**
 * Paged searches while the directory changes between the pages: an entry that is there all the time comes
 * exactly once, one that comes or goes at most once, and nothing else comes. Without changes the pages
 * are the search, in its order.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';

import fc from 'fast-check';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { SortWish } from '../../src/directory/service.ts';
import {
  attributesOf,
  type DirectoryFixture,
  nobody,
  openDirectory,
  type SearchWish,
  searchNames,
  searchPage,
  searchPages,
  suffix,
  system,
} from '../support/directory-fixture.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const word = fc.constantFrom('one', 'two', 'three');
/** Leaves may come and go; a path of two is below another, which stays. */
const path = fc.oneof(
  name.map((each) => `cn=${each}`),
  fc.tuple(name, fc.constantFrom('w', 'x')).map(([each, unit]) => `cn=${each},ou=${unit}`),
);

type Change =
  | { readonly kind: 'add' | 'describe'; readonly at: string; readonly word: string }
  | { readonly kind: 'delete'; readonly at: string };

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constantFrom('add' as const, 'describe' as const), at: path, word }),
  fc.record({ kind: fc.constant('delete' as const), at: path }),
);

const sort: fc.Arbitrary<SortWish | undefined> = fc.option(
  fc.record({
    keys: fc.array(
      fc.record({ attribute: fc.constantFrom('cn', 'sn', 'street'), isReverse: fc.boolean() }),
      { minLength: 1, maxLength: 2 },
    ),
    isCritical: fc.constant(true),
  }),
  { nil: undefined },
);

const scenario = fc.record({
  scope: fc.constantFrom('one', 'subtree'),
  filter: fc.constantFrom('(objectClass=*)', '(sn=one)', '(|(sn=one)(cn=c))', '(!(sn=two))'),
  sort,
  size: fc.integer({ min: 1, max: 6 }),
  before: fc.array(change, { minLength: 6, maxLength: 14 }),
  /** What happens between one page and the next. */
  between: fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 6 }),
});

async function apply({ directory }: DirectoryFixture, base: string, wish: Change): Promise<void> {
  const dn = `${wish.at},${base}`;
  try {
    if (wish.kind === 'add') {
      const attributes = attributesOf({ objectClass: 'organizationalPerson', sn: wish.word });
      await directory.add({ dn, attributes }, system);
    } else if (wish.kind === 'describe') {
      const values = [encodeUtf8(wish.word)];
      const replace = { operation: 'replace', attribute: 'sn', values } as const;
      await directory.modify({ dn, changes: [replace] }, system);
    } else {
      await directory.delete({ dn }, system);
    }
  } catch {
    // Adding what is there and changing what is not are no changes.
  }
}

let runs = 0;

/** A place of its own for every run. */
async function openPlace(fixture: DirectoryFixture): Promise<string> {
  runs += 1;
  const base = `ou=run${runs},${suffix}`;
  await fixture.add(base, { objectClass: 'organizationalUnit' });
  for (const unit of ['w', 'x']) {
    await fixture.add(`ou=${unit},${base}`, { objectClass: 'organizationalUnit' });
  }
  return base;
}

it('the pages of a search that nothing disturbs are the search', async (t) => {
  const fixture = await openDirectory(t);
  await fixture.add(suffix, { objectClass: 'organization' });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ before, scope, filter, sort: order, size }) => {
      const base = await openPlace(fixture);
      for (const wish of before) {
        await apply(fixture, base, wish);
      }
      const wish: SearchWish = { base, scope, filter, ...(order && { sort: order }) };
      const pages = await searchPages(fixture.directory, { ...wish, size }, nobody);
      assert.deepEqual(pages.flat(), await searchNames(fixture.directory, wish, nobody));
      assert.ok(pages.slice(0, -1).every((page) => page.length === size));
    }),
    { seed: 20260105, numRuns: 60 },
  );
});

it('what stays comes once, what comes or goes at most once', async (t) => {
  const fixture = await openDirectory(t);
  await fixture.add(suffix, { objectClass: 'organization' });
  let longest = 0;
  await fc.assert(
    fc.asyncProperty(scenario, async ({ before, between, scope, filter, sort: order, size }) => {
      const base = await openPlace(fixture);
      for (const wish of before) {
        await apply(fixture, base, wish);
      }
      // What an entry is sorted by does not change while it is looked for, or it moves.
      const isAllowed = ({ kind }: Change): boolean => order === undefined || kind !== 'describe';
      const wish: SearchWish = { base, scope, filter, ...(order && { sort: order }) };
      const states = [await searchNames(fixture.directory, wish)];
      const seen: string[] = [];
      let cookie: Uint8Array = new Uint8Array(0);
      let page = 0;
      do {
        const found = await searchPage(fixture.directory, { ...wish, page: { size, cookie } });
        seen.push(...found.names);
        cookie = found.cookie;
        for (const each of (between[page] ?? []).filter(isAllowed)) {
          await apply(fixture, base, each);
          states.push(await searchNames(fixture.directory, wish));
        }
        page += 1;
      } while (cookie.length > 0);
      longest = Math.max(longest, page);
      assert.equal(new Set(seen).size, seen.length, 'nothing comes twice');
      const everThere = new Set(states.flat());
      assert.ok(
        seen.every((each) => everThere.has(each)),
        'nothing comes that never matched',
      );
      const alwaysThere = (states[0] ?? []).filter((each) =>
        states.every((state) => state.includes(each)),
      );
      assert.deepEqual(
        alwaysThere.filter((each) => !seen.includes(each)),
        [],
        'nothing is lost',
      );
    }),
    { seed: 20260106, numRuns: 60 },
  );
  assert.ok(longest > 4, 'some searches have many pages');
});
