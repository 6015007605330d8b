import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { Modification } from '../../src/directory/service.ts';
import type { Store } from '../../src/store/store.ts';
import {
  type DirectoryFixture,
  openDirectory,
  searchNames,
  suffix,
  system,
} from '../support/directory-fixture.ts';
import { postingsOf } from '../support/postings.ts';

async function openWith(
  t: Parameters<typeof openDirectory>[0],
  indexes: readonly string[],
  store?: Store,
): Promise<DirectoryFixture> {
  const given = store === undefined ? {} : { store };
  return await openDirectory(t, { indexes, limits: { maxLookThrough: 1 }, ...given });
}

async function addPeople({ add }: DirectoryFixture): Promise<void> {
  await add(suffix, { objectClass: 'organization' });
  for (const [name, sn] of [
    ['A', 'x'],
    ['B', 'y'],
    ['C', 'z'],
  ] as const) {
    await add(`cn=${name},${suffix}`, { objectClass: 'person', sn });
  }
}

/** Found without looking at any other entry. */
async function isIndexed({ directory }: DirectoryFixture, filter: string): Promise<boolean> {
  try {
    return (await searchNames(directory, { filter })).length === 1;
  } catch {
    return false;
  }
}

async function countPostings({ store }: DirectoryFixture): Promise<number> {
  const snapshot = store.snapshot();
  const postings = await postingsOf(snapshot);
  await snapshot.close();
  return postings.length;
}

describe('indexes', () => {
  it('answer without looking at other entries', async (t) => {
    const fixture = await openWith(t, ['cn']);
    await addPeople(fixture);
    assert.equal(await isIndexed(fixture, '(cn=b)'), true);
    assert.equal(await isIndexed(fixture, '(sn=y)'), false);
    assert.equal(await countPostings(fixture), 3);
  });

  it('are built when they are new to the list, dropped when they leave it', async (t) => {
    const fixture = await openWith(t, ['cn']);
    await addPeople(fixture);
    const other = await openWith(t, ['sn', 'objectClass'], fixture.store);
    assert.equal(await isIndexed(other, '(sn=y)'), true);
    assert.equal(await isIndexed(other, '(cn=b)'), false);
    // Three values of sn; two of objectClass in each of four entries.
    assert.equal(await countPostings(other), 3 + 8);
    const third = await openWith(t, [], fixture.store);
    assert.equal(await countPostings(third), 0);
  });

  it('are left alone when the list stays', async (t) => {
    const fixture = await openWith(t, ['cn', 'sn']);
    await addPeople(fixture);
    const before = await countPostings(fixture);
    const again = await openWith(t, ['sn', 'cn'], fixture.store);
    assert.equal(await countPostings(again), before);
    assert.equal(await isIndexed(again, '(cn=b)'), true);
  });

  it('choose the member of an and that holds fewest', async (t) => {
    const fixture = await openWith(t, ['objectClass', 'cn']);
    await addPeople(fixture);
    assert.equal(await isIndexed(fixture, '(&(objectClass=person)(cn=b))'), true);
    assert.equal(await isIndexed(fixture, '(&(cn=b)(objectClass=person))'), true);
  });

  it('follow a change that leaves some values alone', async (t) => {
    const fixture = await openWith(t, ['sn']);
    await addPeople(fixture);
    const change = (operation: 'add' | 'delete', ...values: readonly string[]): Modification => ({
      operation,
      attribute: 'sn',
      values: values.map(encodeUtf8),
    });
    const modify = (...changes: readonly Modification[]): Promise<unknown> =>
      fixture.directory.modify({ dn: `cn=B,${suffix}`, changes }, system);
    await modify(change('add', 'second'));
    await modify(change('delete', 'second'), change('add', 'third'));
    assert.equal(await isIndexed(fixture, '(sn=y)'), true);
    assert.equal(await isIndexed(fixture, '(sn=third)'), true);
    // Nothing is posted under it: not even one entry is looked at.
    assert.deepEqual(await searchNames(fixture.directory, { filter: '(sn=second)' }), []);
    assert.equal(await countPostings(fixture), 4);
  });

  it('tell long values apart that start alike', async (t) => {
    const fixture = await openWith(t, ['description']);
    await fixture.add(suffix, { objectClass: 'organization' });
    const long = 'x'.repeat(200);
    for (const end of ['a', 'b']) {
      await fixture.add(`ou=${end},${suffix}`, {
        objectClass: 'organizationalUnit',
        description: long + end,
      });
    }
    assert.equal(await isIndexed(fixture, `(description=${long}a)`), true);
    assert.equal(await isIndexed(fixture, `(description=${long}b)`), true);
    assert.equal(await isIndexed(fixture, `(description=${long})`), false);
  });

  const refused = [
    { why: 'an unknown type', indexes: ['nonsense'], code: 'DIRECTORY_UNDEFINED_TYPE' },
    {
      why: 'a type without equality rule',
      indexes: ['telexNumber'],
      code: 'DIRECTORY_INAPPROPRIATE_MATCHING',
    },
  ];
  for (const { why, indexes, code } of refused) {
    it(`are refused for ${why}`, async (t) => {
      const fixture = await openWith(t, []);
      await assert.rejects(openWith(t, indexes, fixture.store), { code });
    });
  }
});
