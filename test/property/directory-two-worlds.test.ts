/**
 * Two directories that differ only in what a caller may not see answer the caller's operations alike,
 * names, values, codes, matched names and messages included.
 *
 * The caller may write below `ou=Open`, where nothing is hidden; elsewhere it may try.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';

import fc from 'fast-check';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import type { Filter } from '../../src/directory/filters/filter.ts';
import type { Modification, SearchScope, SortWish } from '../../src/directory/service.ts';
import {
  attributesOf,
  clearSession,
  type DirectoryFixture,
  nobody,
  openDirectory,
  searchRequest,
  suffix,
} from '../support/directory-fixture.ts';

/** Over the wire there are more: ldap-two-worlds.test.ts. */
const RUNS = process.env['CERTDIR_TEST_LONG'] === '1' ? 100_000 : 2_000;

const anyone = { kind: 'anyone' } as const;
const rules: readonly AccessRule[] = [
  { target: { filter: '(description=secret)' }, who: anyone, rights: [] },
  { target: { subtree: `ou=Hidden,${suffix}` }, who: anyone, rights: [] },
  { attributes: ['telephoneNumber'], who: anyone, rights: [] },
  { attributes: ['seeAlso'], who: anyone, rights: ['search', 'compare'] },
  { attributes: ['title'], who: anyone, rights: ['read'] },
  { attributes: ['userPassword'], who: anyone, rights: ['auth'] },
  { target: { subtree: `ou=Open,${suffix}` }, who: anyone, rights: ['manage'] },
  { who: anyone, rights: ['search', 'compare', 'read'] },
];

const visible = ['a', 'b', 'c'];

/** The part of the tree that both worlds have. */
async function addVisible({ add }: DirectoryFixture): Promise<void> {
  await add(suffix, { objectClass: 'organization' });
  for (const unit of ['Open', 'Mixed']) {
    await add(`ou=${unit},${suffix}`, { objectClass: 'organizationalUnit' });
    for (const name of visible) {
      await add(`cn=${name},ou=${unit},${suffix}`, {
        objectClass: 'organizationalPerson',
        sn: 'x',
        title: name,
        description: ['open', name],
      });
    }
  }
}

/** Entries that are not treated as what they are (RFC 3296, RFC 3672). */
async function addSpecial({ add }: DirectoryFixture): Promise<void> {
  await add(`cn=r,ou=Mixed,${suffix}`, {
    objectClass: ['referral', 'extensibleObject'],
    ref: 'ldap://elsewhere/o=x',
  });
  await add(`cn=s,ou=Mixed,${suffix}`, { objectClass: 'subentry', subtreeSpecification: '{ }' });
}

/** What the caller may not see: entries, children of visible entries, values of visible entries. */
async function addHidden(fixture: DirectoryFixture): Promise<void> {
  const { add, directory } = fixture;
  await add(`ou=Hidden,${suffix}`, { objectClass: 'organizationalUnit' });
  for (const name of ['a', 'd']) {
    await add(`cn=${name},ou=Hidden,${suffix}`, {
      objectClass: 'person',
      sn: 'x',
      userPassword: 'secret',
    });
  }
  const secret = { objectClass: 'person', sn: 'x', description: ['secret', 'open'] };
  await add(`cn=d,ou=Mixed,${suffix}`, { ...secret, userPassword: 'secret' });
  await add(`cn=d,cn=a,ou=Mixed,${suffix}`, secret);
  await add(`cn=e,ou=Mixed,${suffix}`, {
    objectClass: ['referral', 'extensibleObject'],
    description: 'secret',
    ref: 'ldap://hidden/o=x',
  });
  const system = { principal: { kind: 'system', name: 'test' }, session: clearSession } as const;
  const change = (attribute: string, value: string): Modification => ({
    operation: 'add',
    attribute,
    values: [encodeUtf8(value)],
  });
  const changes = [
    change('telephoneNumber', '+81 27'),
    change('telephoneNumber;lang-ja', '+81 28'),
    // May be searched but not read, so a search must not tell.
    change('seeAlso', 'cn=a,o=x'),
  ];
  // A compare may tell of seeAlso: only one entry has it, and compares leave that entry alone.
  for (const name of ['b', 'c']) {
    const dn = `cn=${name},ou=Mixed,${suffix}`;
    await directory.modify({ dn, changes: name === 'c' ? changes : changes.slice(0, 2) }, system);
  }
}

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const unit = fc.constantFrom('ou=Open', 'ou=Mixed', 'ou=Hidden', 'ou=None');
const mixed = fc
  .constantFrom('a', 'b', 'c', 'd', 'e', 'r', 's')
  .map((each) => `cn=${each},ou=Mixed,${suffix}`);
const dn = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(suffix, `ou=Mixed,${suffix}`) },
  { weight: 3, arbitrary: mixed },
  { weight: 1, arbitrary: unit.map((each) => `${each},${suffix}`) },
  {
    weight: 2,
    arbitrary: fc.tuple(name, unit).map(([each, at]) => `cn=${each},${at},${suffix}`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(name, name, unit)
      .map(([one, two, at]) => `cn=${one},cn=${two},${at},${suffix}`),
  },
);
/** Attributes that some entry has hidden values of, and the values. */
const hiddenAttribute = fc.constantFrom(
  ...['telephoneNumber', '2.5.4.20', 'TELEPHONENUMBER', 'telephoneNumber;lang-ja', 'seeAlso'],
  ...['userPassword', 'numSubordinates', 'hasSubordinates'],
);
const openAttribute = fc.constantFrom(
  ...['cn', 'sn', 'name', 'description', 'title', 'objectClass', 'entryDN', 'nonsense'],
);
const attribute = fc.oneof(hiddenAttribute, openAttribute);
const value = fc.constantFrom('a', 'd', 'open', 'secret', '+81 27', 'cn=a,o=x', 'TRUE', '1', 'x');
const bytes = value.map(encodeUtf8);

const { filter } = fc.letrec<{ filter: Filter; item: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('item'),
    fc.record({
      kind: fc.constantFrom('and', 'or'),
      filters: fc.array(tie('filter'), { maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('not'), filter: tie('filter') }),
  ),
  item: fc.oneof(
    fc.record({ kind: fc.constant('present'), attribute }),
    fc.record({
      kind: fc.constantFrom('equality', 'greaterOrEqual', 'lessOrEqual', 'approx'),
      attribute,
      value: bytes,
    }),
    fc.record({
      kind: fc.constant('substrings'),
      attribute,
      initial: bytes,
      any: fc.constant([]),
    }),
    fc.record({
      kind: fc.constant('extensible'),
      attribute,
      value: bytes,
      dnAttributes: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('extensible'),
      rule: fc.constantFrom('caseIgnoreMatch', 'telephoneNumberMatch', '2.5.13.1'),
      value: bytes,
      dnAttributes: fc.boolean(),
    }),
  ),
})) as { filter: fc.Arbitrary<Filter> };

type Operation = (fixture: DirectoryFixture) => Promise<unknown>;

/** An attribute selection; by name, by sign and by class. */
const selection = fc.array(fc.oneof(attribute, fc.constantFrom('*', '1.1', '@person')), {
  maxLength: 3,
});

/** RFC 4528, in one request of four. */
const asserting = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ assertion: filter }) },
  { weight: 1, arbitrary: fc.constant({ manageDsaIt: true }) },
);

/** RFC 2696, RFC 2891 and RFC 3876, each by itself and together. */
const sorting = fc.record({
  keys: fc.array(
    fc.record({
      attribute,
      rule: fc.constantFrom('caseIgnoreOrderingMatch', '2.5.13.6'),
      isReverse: fc.boolean(),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  isCritical: fc.boolean(),
});
const matching = fc.array(
  fc.record({ kind: fc.constantFrom('equality', 'present'), attribute, value: bytes }),
  { maxLength: 2 },
) as fc.Arbitrary<readonly Filter[]>;
const seeing = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ subentries: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ sort: sorting }) },
  { weight: 1, arbitrary: fc.record({ matchedValues: matching }) },
  { weight: 1, arbitrary: fc.record({ pageSize: fc.constantFrom(1, 2) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      sort: sorting,
      matchedValues: matching,
      pageSize: fc.constantFrom(1, 2),
    }),
  },
) as fc.Arbitrary<{
  readonly sort?: SortWish;
  readonly matchedValues?: readonly Filter[];
  readonly pageSize?: number;
  readonly subentries?: boolean;
}>;

/** RFC 4527; what the server makes at random or counts is not asked for. */
const reading = fc.oneof(
  fc.constant({}),
  fc.record({ preRead: selection, postRead: selection }),
  fc.record({
    assertion: filter,
    preRead: selection,
    postRead: selection,
    manageDsaIt: fc.boolean(),
  }),
);

const searches = fc
  .record({
    base: fc.oneof(dn, fc.constant('')),
    scope: fc.constantFrom<SearchScope>('base', 'one', 'subtree'),
    filter,
    attributes: selection,
    options: asserting,
    ways: seeing,
    typesOnly: fc.boolean(),
    sizeLimit: fc.constantFrom(0, 0, 0, 1, 2),
  })
  .map(
    ({ options, ways, ...wish }): Operation =>
      async ({ directory }) => {
        const { pageSize, ...ordering } = ways;
        const found: unknown[] = [];
        let cookie: Uint8Array = new Uint8Array(0);
        try {
          do {
            const page = pageSize === undefined ? {} : { page: { size: pageSize, cookie } };
            const request = searchRequest({ ...wish, ...options, ...ordering, ...page });
            const answers = directory.search(request, nobody);
            for await (const entry of answers) {
              found.push(entry);
            }
            found.push(answers.outcome);
            cookie = answers.outcome.page?.cookie ?? new Uint8Array(0);
          } while (cookie.length > 0);
        } catch (error) {
          found.push(outcomeOf(error));
        }
        return found;
      },
  );

const compares = fc
  .record({ dn, attribute, value: bytes, options: asserting })
  .filter((request) => request.dn !== `cn=c,ou=Mixed,${suffix}`)
  .map(
    ({ options, ...request }): Operation =>
      ({ directory }) =>
        directory.compare({ ...request, ...options }, nobody),
  );

const changes = fc.oneof(
  fc.record({ dn, sn: value, options: reading }).map(
    (wish): Operation =>
      ({ directory }) =>
        directory.add(
          {
            dn: wish.dn,
            attributes: attributesOf({ objectClass: 'person', sn: wish.sn }),
            ...wish.options,
          },
          nobody,
        ),
  ),
  fc
    .record({
      dn,
      operation: fc.constantFrom('add', 'delete', 'replace'),
      attribute: fc.constantFrom('sn', 'description', 'telephoneNumber', 'seeAlso', 'title'),
      values: fc.uniqueArray(bytes, { maxLength: 2, selector: String }),
      options: reading,
    })
    // A value that hides the entry from whoever wrote it makes both worlds alike, but dull.
    .filter(({ values }) => !values.some((each) => String(each) === 'secret'))
    .map(
      ({ dn: at, options, ...change }): Operation =>
        ({ directory }) =>
          directory.modify({ dn: at, changes: [change as Modification], ...options }, nobody),
    ),
  fc.tuple(dn, reading).map(
    ([at, options]): Operation =>
      ({ directory }) =>
        directory.delete({ dn: at, ...options }, nobody),
  ),
  fc
    .record({
      dn,
      newRdn: name.map((each) => `cn=${each}`),
      newSuperior: dn,
      options: reading,
    })
    .map(
      ({ options, ...wish }): Operation =>
        ({ directory }) =>
          directory.rename({ ...wish, ...options, deleteOldRdn: true }, nobody),
    ),
);

const binds = fc.record({ dn, password: bytes }).map(
  (wish): Operation =>
    ({ directory }) =>
      directory.bind(wish.dn, wish.password, clearSession),
);

function outcomeOf(error: unknown): unknown {
  return error instanceof DirectoryError
    ? {
        code: error.code,
        message: error.message,
        matchedDn: error.matchedDn,
        referrals: error.referrals,
      }
    : { unexpected: String(error) };
}

it('what may not be seen is not told by any operation', async (t) => {
  const worlds = [
    await openDirectory(t, { access: rules }),
    await openDirectory(t, { access: rules }),
  ] as const;
  for (const world of worlds) {
    await addVisible(world);
    await addSpecial(world);
  }
  await addHidden(worlds[0]);
  const operations = fc.oneof(
    { weight: 8, arbitrary: searches },
    { weight: 3, arbitrary: compares },
    { weight: 3, arbitrary: changes },
    { weight: 1, arbitrary: binds },
  );
  let answers = 0;
  await fc.assert(
    fc.asyncProperty(operations, async (operation) => {
      const [full, bare] = await Promise.all(
        worlds.map((world) => operation(world).catch(outcomeOf)),
      );
      assert.deepEqual(full, bare);
      answers += Array.isArray(full) && full.length > 0 ? 1 : 0;
    }),
    { seed: 20260105, numRuns: RUNS, endOnFailure: true },
  );
  assert.ok(answers > RUNS / 20, 'enough of the searches find something');
});
