/**
 * A restricted attribute in every spelling and on every road: what a caller without the right is told is
 * what it would be told if the attribute had no value.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import type { Filter } from '../../src/directory/filters/filter.ts';
import type { Caller } from '../../src/directory/service.ts';
import {
  callerOf,
  clearSession,
  type DirectoryFixture,
  nobody,
  search,
  tlsSession,
} from '../support/directory-fixture.ts';
import {
  largeList,
  openRepository,
  partitions,
  schemaWithSubtype,
  smallList,
  verifierPassword,
  verifiers,
} from '../support/repository-fixture.ts';

/** Which of the lists of the Maebashi entry a spelling selects, for someone who may read them. */
const spellings: readonly { spelling: string; selects: readonly string[] }[] = [
  { spelling: 'certificateRevocationList', selects: ['plain', 'lang', 'sub'] },
  { spelling: 'CERTIFICATEREVOCATIONLIST', selects: ['plain', 'lang', 'sub'] },
  { spelling: 'certificateRevocationList;binary', selects: ['plain', 'lang', 'sub'] },
  { spelling: 'certificateRevocationList;BINARY', selects: ['plain', 'lang', 'sub'] },
  { spelling: 'certificateRevocationList;binary;binary', selects: ['plain', 'lang', 'sub'] },
  { spelling: '2.5.4.39', selects: ['plain', 'lang', 'sub'] },
  { spelling: '2.5.4.39;binary', selects: ['plain', 'lang', 'sub'] },
  { spelling: 'certificateRevocationList;lang-ja', selects: ['lang'] },
  { spelling: 'certificateRevocationList;binary;LANG-JA', selects: ['lang'] },
  { spelling: '2.5.4.39;lang-ja;binary', selects: ['lang'] },
  { spelling: 'testRevocationList', selects: ['sub'] },
  { spelling: '2.25.1;binary', selects: ['sub'] },
  { spelling: '*', selects: ['plain', 'lang', 'sub'] },
  { spelling: '@cRLDistributionPoint', selects: ['plain', 'lang'] },
  { spelling: '@testLists', selects: ['sub'] },
  { spelling: '+', selects: [] },
  { spelling: 'OID.2.5.4.39', selects: [] },
  { spelling: 'oid.2.5.4.39', selects: [] },
  { spelling: '02.5.4.39', selects: [] },
  { spelling: '2.5.4.039', selects: [] },
  { spelling: '2.5.04.39', selects: [] },
  { spelling: 'certificateRevocationList;x-foo', selects: [] },
  { spelling: 'certificateRevocationList;lang-en', selects: [] },
  { spelling: 'certificateRevocationList;', selects: [] },
  { spelling: ';certificateRevocationList', selects: [] },
  { spelling: ' certificateRevocationList', selects: [] },
  { spelling: 'certificateRevocationList ', selects: [] },
  { spelling: 'certificateRevocationList\u0000', selects: [] },
  { spelling: 'certificateRevocationLi\u017ft', selects: [] },
  { spelling: 'certificate\u200bRevocationList', selects: [] },
  { spelling: '@top', selects: [] },
];

const descriptions: Readonly<Record<string, string>> = {
  plain: 'certificateRevocationList;binary',
  lang: 'certificateRevocationList;binary;lang-ja',
  sub: 'testRevocationList;binary',
};

/** True of every list of the repository. */
const assertion = encodeUtf8(
  '{ issuer rdnSequence:"CN=Sample CA,O=JPKI,C=JP", thisUpdate utcTime:"260106000000Z" }',
);

const schema = await schemaWithSubtype();

/** Answers of one caller to everything that can be asked with this spelling. */
async function answers(
  { directory }: DirectoryFixture,
  caller: Caller,
  spelling: string,
): Promise<unknown[]> {
  const base = partitions.maebashi;
  const present: Filter = { kind: 'present', attribute: spelling };
  const filters: readonly Filter[] = [
    present,
    { kind: 'not', filter: present },
    { kind: 'or', filters: [present, { kind: 'present', attribute: 'cn' }] },
    {
      kind: 'and',
      filters: [
        { kind: 'not', filter: present },
        { kind: 'present', attribute: 'cn' },
      ],
    },
    { kind: 'equality', attribute: spelling, value: smallList },
    { kind: 'equality', attribute: spelling, value: assertion },
    { kind: 'not', filter: { kind: 'equality', attribute: spelling, value: smallList } },
    { kind: 'approx', attribute: spelling, value: smallList },
    { kind: 'greaterOrEqual', attribute: spelling, value: smallList },
    { kind: 'substrings', attribute: spelling, any: [smallList.subarray(0, 2)] },
    ...['2.5.13.38', 'certificateListExactMatch', 'octetStringMatch', undefined].flatMap((rule) =>
      [spelling, undefined].map(
        (attribute): Filter => ({
          kind: 'extensible',
          value: assertion,
          dnAttributes: true,
          ...(rule === undefined ? {} : { rule }),
          ...(attribute === undefined ? {} : { attribute }),
        }),
      ),
    ),
  ];
  const told: unknown[] = [];
  for (const typesOnly of [false, true]) {
    const wish = { base, scope: 'base', attributes: [spelling], typesOnly } as const;
    told.push(withoutStamps(await search(directory, wish, caller)));
  }
  for (const filter of filters) {
    for (const scope of ['base', 'subtree'] as const) {
      told.push(await search(directory, { base, scope, filter, attributes: ['1.1'] }, caller));
    }
  }
  for (const value of [smallList, largeList, assertion]) {
    const request = { dn: base, attribute: spelling, value };
    told.push(await directory.compare(request, caller).catch(codeOf));
  }
  return told;
}

/** Operational values that differ between any two directories. */
function withoutStamps(found: Awaited<ReturnType<typeof search>>): unknown {
  return found.map(({ dn, attributes }) => ({
    dn,
    attributes: attributes.filter(({ description }) => !/^entry(UUID|CSN)$/.test(description)),
  }));
}

function codeOf(error: unknown): string {
  return isCertdirError(error) ? `${error.code} ${error.message}` : String(error);
}

async function bind(fixture: DirectoryFixture, name: string, isProtected = true): Promise<Caller> {
  const session = isProtected ? tlsSession : clearSession;
  const password = encodeUtf8(verifierPassword);
  const principal = await fixture.directory.bind(`cn=${name},${verifiers}`, password, session);
  return callerOf(principal, session);
}

const withheldFrom = [
  { who: 'anonymous in clear', callerIn: async () => nobody },
  { who: 'anonymous over TLS', callerIn: async () => callerOf(nobody.principal) },
  {
    who: 'a granted verifier in clear',
    callerIn: (fixture: DirectoryFixture) => bind(fixture, 'Court', false),
  },
  {
    who: 'a verifier of another kind',
    callerIn: (fixture: DirectoryFixture) => bind(fixture, 'Stranger'),
  },
];

describe('a restricted attribute', () => {
  for (const { who, callerIn } of withheldFrom) {
    it(`is as if absent for ${who}, in every spelling`, async (t) => {
      const worlds = [
        await openRepository(t, { schema }),
        await openRepository(t, { schema }, { lists: false }),
      ];
      const callers: Caller[] = [];
      for (const world of worlds) {
        const dn = `cn=Stranger,${verifiers}`;
        await world.add(dn, {
          objectClass: ['organizationalRole', 'certdirVerifier'],
          certdirVerifierKind: 'authentication',
          certdirAgreementNotBefore: '20260101000000Z',
          certdirAgreementNotAfter: '20261231145959Z',
          certdirGrantedPartition: '*',
          userPassword: verifierPassword,
        });
        callers.push(await callerIn(world));
      }
      for (const { spelling } of spellings) {
        const [told, toldWithout] = await Promise.all(
          worlds.map((world, index) => answers(world, callers[index] ?? nobody, spelling)),
        );
        assert.deepEqual(told, toldWithout, spelling);
      }
    });
  }

  it('is there for a granted verifier over TLS, under the spellings that mean it', async (t) => {
    const fixture = await openRepository(t, { schema });
    const caller = await bind(fixture, 'Court');
    for (const { spelling, selects } of spellings) {
      const wish = { base: partitions.maebashi, scope: 'base', attributes: [spelling] } as const;
      const [entry] = await search(fixture.directory, wish, caller);
      const found = (entry?.attributes ?? [])
        .map(({ description }) => description)
        .filter((description) => Object.values(descriptions).includes(description));
      const expected = selects.map((name) => descriptions[name] ?? '');
      assert.deepEqual(found.sort(), expected.sort(), spelling);
    }
  });

  it('is found and compared by a granted verifier over TLS', async (t) => {
    const fixture = await openRepository(t, { schema });
    const caller = await bind(fixture, 'Court');
    const base = partitions.maebashi;
    for (const attribute of ['certificateRevocationList', '2.5.4.39;binary', '2.25.1']) {
      const value = assertion;
      const filters: Filter[] = [
        { kind: 'present', attribute },
        { kind: 'equality', attribute, value },
        { kind: 'extensible', rule: '2.5.13.38', value, dnAttributes: false },
      ];
      for (const filter of filters) {
        assert.equal((await search(fixture.directory, { base, filter }, caller)).length, 1);
        const not: Filter = { kind: 'not', filter };
        assert.equal((await search(fixture.directory, { base, filter: not }, caller)).length, 0);
      }
      const request = { dn: base, attribute, value };
      assert.equal(await fixture.directory.compare(request, caller), true);
    }
    const wish = { base, attributes: ['certificateRevocationList;lang-ja'] };
    const [entry] = await search(fixture.directory, wish, caller);
    assert.deepEqual(
      entry?.attributes.map(({ values }) =>
        values.map((value) => Buffer.compare(value, largeList)),
      ),
      [[0]],
    );
  });

  it('is not there for a verifier on a partition it was not granted', async (t) => {
    const fixture = await openRepository(t, { schema });
    const court = await bind(fixture, 'Court');
    const ministry = await bind(fixture, 'Ministry');
    const attributes = ['certificateRevocationList'];
    const counts = async (caller: Caller): Promise<number[]> =>
      Promise.all(
        Object.values(partitions).map(async (base) => {
          const [entry] = await search(
            fixture.directory,
            { base, scope: 'base', attributes },
            caller,
          );
          return entry?.attributes.length ?? -1;
        }),
      );
    assert.deepEqual(await counts(court), [3, 0]);
    assert.deepEqual(await counts(ministry), [3, 1]);
    assert.ok(fixture.directory.statistics.withheldAttributes > 0);
  });

  it('what is public stays public', async (t) => {
    const fixture = await openRepository(t, { schema });
    const attributes = ['cACertificate', 'authorityRevocationList', 'certificateRevocationList'];
    const [entry] = await search(fixture.directory, { scope: 'base', attributes }, nobody);
    assert.deepEqual(
      entry?.attributes.map(({ description }) => description),
      ['cACertificate;binary', 'authorityRevocationList;binary'],
    );
  });
});
