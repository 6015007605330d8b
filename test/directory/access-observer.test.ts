import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import type { ObservedAccess } from '../../src/directory/service.ts';
import {
  type DirectoryFixture,
  nobody,
  openDirectory,
  openToAll,
  type SearchWish,
  search,
  searchRequest,
  suffix,
} from '../support/directory-fixture.ts';
import { sampleEntries, sampleKey, sampleList } from '../support/x509-samples.ts';

const point = `cn=Maebashi,${suffix}`;
const list = sampleList(sampleKey('p256'), sampleEntries(200));
const authorityList = sampleList(sampleKey('p256'), sampleEntries(1));
const described = 'certificateRevocationList;binary';
const given = { dn: point, attribute: 'certificateRevocationList', outcome: 'given' } as const;

interface Observed extends DirectoryFixture {
  readonly told: readonly ObservedAccess[];
}

async function observe(
  t: Parameters<typeof openDirectory>[0],
  access: readonly AccessRule[] = openToAll,
): Promise<Observed> {
  const told: ObservedAccess[] = [];
  const observer = { accessed: (one: ObservedAccess): void => void told.push(one) };
  const fixture = await openDirectory(t, { access, observer });
  await fixture.add(suffix, { objectClass: 'organization', o: 'JPKI' });
  await fixture.add(point, {
    ...{ objectClass: 'cRLDistributionPoint', cn: 'Maebashi', [described]: list },
    'authorityRevocationList;binary': authorityList,
  });
  return { ...fixture, told };
}

/** The one access that the search is told as; whether it failed plays no part. */
async function accessOf({ told, directory }: Observed, wish: SearchWish): Promise<ObservedAccess> {
  const before = told.length;
  await search(directory, { scope: 'base', base: point, ...wish }, nobody).catch(() => undefined);
  const [access, ...others] = told.slice(before);
  assert.ok(access !== undefined && others.length === 0, 'told once');
  return access;
}

describe('the access observer is told of a search', () => {
  const rows = [
    {
      why: 'for the list by name',
      wish: { attributes: ['certificateRevocationList'] },
      asked: ['certificateRevocationList'],
      looks: [{ ...given, bytes: list.length }],
    },
    {
      why: 'for the list by its OID with options',
      wish: { attributes: ['2.5.4.39;binary'] },
      asked: ['certificateRevocationList'],
      looks: [{ ...given, bytes: list.length }],
    },
    {
      why: 'for the names of attributes alone',
      wish: { attributes: ['certificateRevocationList'], typesOnly: true },
      asked: ['certificateRevocationList'],
      looks: [{ ...given, bytes: 0 }],
    },
    {
      why: 'for all user attributes',
      wish: { attributes: [] },
      asked: [],
      looks: [
        { ...given, bytes: list.length },
        { ...given, attribute: 'authorityRevocationList', bytes: authorityList.length },
      ],
    },
    {
      why: 'that compares a list without asking for it',
      wish: { attributes: ['cn'], filter: '(deltaRevocationList=*)', scope: 'subtree' },
      asked: ['deltaRevocationList'],
      looks: [],
    },
    {
      why: 'that has nothing to do with lists',
      wish: { attributes: ['cn'] },
      asked: [],
      looks: [],
    },
  ] as const;
  for (const { why, wish, asked, looks } of rows) {
    it(why, async (t) => {
      const observed = await observe(t);
      const access = await accessOf(observed, wish);
      assert.deepEqual({ asked: access.asked, looks: access.looks }, { asked, looks });
      assert.equal(access.result, 'success');
      assert.equal(access.base, point);
      assert.equal(access.caller.session.channel, 'ldap');
    });
  }

  it('with a list that is withheld', async (t) => {
    const attributes = ['certificateRevocationList'];
    const seen = ['entry', 'objectClass', 'cn'];
    const rights = ['search', 'read'] as const;
    const observed = await observe(t, [{ attributes: seen, who: { kind: 'anyone' }, rights }]);
    const looks = [{ ...given, outcome: 'withheld', bytes: 0 }];
    assert.deepEqual((await accessOf(observed, { attributes })).looks, looks);
  });

  const failures = [
    { why: 'no such object', base: `cn=none,${suffix}`, result: 'DIRECTORY_NO_SUCH_OBJECT' },
    { why: 'no name at all', base: '=', result: 'DIRECTORY_DN_SYNTAX' },
  ];
  for (const { why, base, result } of failures) {
    it(`that fails: ${why}`, async (t) => {
      const access = await accessOf(await observe(t), { base });
      assert.deepEqual([access.result, access.base, access.entries], [result, base, 0]);
    });
  }

  it('that was not taken to its end', async (t) => {
    const { directory, told } = await observe(t);
    for await (const _ of directory.search(searchRequest(), nobody)) {
      break;
    }
    assert.deepEqual([told.at(-1)?.result, told.at(-1)?.entries], ['DIRECTORY_ABANDONED', 1]);
  });
});

describe('the access observer is told of a compare', () => {
  const rows = [
    {
      attribute: described,
      asked: ['certificateRevocationList'],
      result: 'DIRECTORY_INVALID_SYNTAX',
    },
    { attribute: 'cn', asked: [], result: 'success' },
    { attribute: 'sn', asked: [], result: 'DIRECTORY_NO_SUCH_ATTRIBUTE' },
  ];
  for (const { attribute, asked, result } of rows) {
    it(`of ${attribute}`, async (t) => {
      const { directory, told } = await observe(t);
      const value = encodeUtf8('Maebashi');
      await directory.compare({ dn: point, attribute, value }, nobody).catch(() => undefined);
      const access = told.at(-1);
      assert.equal(access?.operation, 'compare');
      assert.deepEqual([access?.asked, access?.result], [asked, result]);
    });
  }
});
