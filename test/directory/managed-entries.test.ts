import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { ManagedEntryDraft } from '../../src/directory/changes/managed-entries.ts';
import type { Modification } from '../../src/directory/service.ts';
import {
  asTexts,
  attributesOf,
  type DirectoryFixture,
  openDirectory,
  search,
  suffix,
  system,
} from '../support/directory-fixture.ts';
import { largeList, smallList } from '../support/repository-fixture.ts';

const dn = `cn=CRL1,${suffix}`;
const draft: ManagedEntryDraft = {
  dn,
  attributes: attributesOf({
    objectClass: ['cRLDistributionPoint', 'certdirPartition'],
    certdirPartitionCode: '1',
    'certificateRevocationList;binary': smallList,
  }),
  manager: 'gunma',
};

async function openSuffix(t: Parameters<typeof openDirectory>[0]): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t);
  await fixture.add(suffix, { objectClass: 'organization' });
  return fixture;
}

async function readList({ directory }: DirectoryFixture): Promise<readonly Uint8Array[]> {
  const attributes = ['certificateRevocationList'];
  const [entry] = await search(directory, { base: dn, scope: 'base', attributes });
  return (entry?.attributes[0]?.values ?? []).map((value) => Buffer.from(value));
}

describe('managed entries', () => {
  it('are made and changed within the transaction of the act', async (t) => {
    const fixture = await openSuffix(t);
    const { store, directory } = fixture;
    await store.transact('test', async (transaction) => {
      await directory.managed.createEntry(transaction, draft);
      await directory.managed.replaceValues(transaction, dn, {
        description: 'certificateRevocationList',
        values: [largeList],
      });
      assert.deepEqual(
        await directory.managed.readValues(transaction, dn, 'certificateRevocationList'),
        [largeList],
      );
    });
    assert.deepEqual(await readList(fixture), [Buffer.from(largeList)]);
    const wish = {
      base: dn,
      attributes: ['certdirManagedBy', 'creatorsName', 'certdirPartitionCode'],
    };
    assert.deepEqual(asTexts((await search(directory, wish))[0]), {
      certdirPartitionCode: ['1'],
      certdirManagedBy: ['gunma'],
      creatorsName: ['cn=certification authority'],
    });
  });

  it('are not there when the act fails', async (t) => {
    const fixture = await openSuffix(t);
    const failure = new Error('the act failed');
    await assert.rejects(
      fixture.store.transact('test', async (transaction) => {
        await fixture.directory.managed.createEntry(transaction, draft);
        throw failure;
      }),
      failure,
    );
    const snapshot = fixture.store.snapshot();
    assert.equal(await fixture.directory.managed.hasEntry(snapshot, dn), false);
    await snapshot.close();
  });

  it('lose an attribute that is replaced by nothing', async (t) => {
    const fixture = await openSuffix(t);
    await fixture.store.transact('test', async (transaction) => {
      await fixture.directory.managed.createEntry(transaction, draft);
      await fixture.directory.managed.replaceValues(transaction, dn, {
        description: 'certificateRevocationList;binary',
        values: [],
      });
    });
    assert.deepEqual(await readList(fixture), []);
  });

  it('are ensured once', async (t) => {
    const fixture = await openSuffix(t);
    const ensure = (): Promise<boolean> =>
      fixture.store.transact('test', (transaction) =>
        fixture.directory.managed.ensureEntry(transaction, draft),
      );
    assert.equal(await ensure(), true);
    assert.equal(await ensure(), false);
  });

  it('take over what nobody manages, keeping what it holds', async (t) => {
    const fixture = await openSuffix(t);
    await fixture.add(dn, { objectClass: 'cRLDistributionPoint', cn: ['CRL1', 'kept'] });
    const made = await fixture.store.transact('test', (transaction) =>
      fixture.directory.managed.ensureEntry(transaction, draft),
    );
    assert.equal(made, false);
    const attributes = ['objectClass', 'cn', 'certdirPartitionCode', 'certdirManagedBy'];
    const [entry] = await search(fixture.directory, { base: dn, attributes });
    assert.deepEqual(asTexts(entry), {
      objectClass: ['cRLDistributionPoint', 'top', 'certdirPartition'],
      cn: ['CRL1', 'kept'],
      certdirPartitionCode: ['1'],
      certdirManagedBy: ['gunma'],
    });
    assert.deepEqual(await readList(fixture), [Buffer.from(smallList)]);
  });

  const refused = [
    {
      why: 'an entry of another CA',
      act: async ({ store, directory }: DirectoryFixture) =>
        store.transact('test', async (transaction) => {
          await directory.managed.createEntry(transaction, draft);
          await directory.managed.ensureEntry(transaction, { ...draft, manager: 'tokyo' });
        }),
      code: 'DIRECTORY_MANAGED_ATTRIBUTE',
    },
    {
      why: 'an entry twice',
      act: async ({ store, directory }: DirectoryFixture) =>
        store.transact('test', async (transaction) => {
          await directory.managed.createEntry(transaction, draft);
          await directory.managed.createEntry(transaction, draft);
        }),
      code: 'DIRECTORY_ENTRY_EXISTS',
    },
    {
      why: 'an entry without a parent',
      act: async ({ store, directory }: DirectoryFixture) =>
        store.transact('test', (transaction) =>
          directory.managed.createEntry(transaction, { ...draft, dn: `cn=x,ou=None,${suffix}` }),
        ),
      code: 'DIRECTORY_NO_SUCH_OBJECT',
    },
    {
      why: 'values of an entry that is not managed',
      act: async ({ store, directory }: DirectoryFixture) =>
        store.transact('test', (transaction) =>
          directory.managed.replaceValues(transaction, suffix, {
            description: 'description',
            values: [],
          }),
        ),
      code: 'DIRECTORY_UNWILLING',
    },
    {
      why: 'values of an entry that is not there',
      act: async ({ store, directory }: DirectoryFixture) =>
        store.transact('test', (transaction) =>
          directory.managed.replaceValues(transaction, dn, {
            description: 'description',
            values: [],
          }),
        ),
      code: 'DIRECTORY_NO_SUCH_OBJECT',
    },
    {
      why: 'bytes that are no list',
      act: async ({ store, directory }: DirectoryFixture) =>
        store.transact('test', async (transaction) => {
          await directory.managed.createEntry(transaction, draft);
          await directory.managed.replaceValues(transaction, dn, {
            description: 'certificateRevocationList',
            values: [encodeUtf8('x')],
          });
        }),
      code: 'DIRECTORY_INVALID_SYNTAX',
    },
    {
      why: 'an account',
      act: async ({ store, directory }: DirectoryFixture) =>
        store.transact('test', (transaction) =>
          directory.managed.createEntry(transaction, {
            dn: `cn=x,${suffix}`,
            attributes: attributesOf({
              objectClass: ['organizationalRole', 'certdirOperator'],
              certdirOperatorRole: 'x',
            }),
            manager: 'gunma',
          }),
        ),
      code: 'DIRECTORY_UNWILLING',
    },
    {
      why: 'to delete what has children',
      act: async ({ store, directory, add }: DirectoryFixture) => {
        await store.transact('test', (transaction) =>
          directory.managed.createEntry(transaction, draft),
        );
        await add(`cn=child,${dn}`, { objectClass: 'cRLDistributionPoint' });
        await store.transact('test', (transaction) =>
          directory.managed.deleteEntry(transaction, dn),
        );
      },
      code: 'DIRECTORY_NOT_ON_NON_LEAF',
    },
  ];
  for (const { why, act, code } of refused) {
    it(`refuse ${why}`, async (t) => {
      await assert.rejects(act(await openSuffix(t)), { code });
    });
  }

  it('are deleted', async (t) => {
    const { store, directory } = await openSuffix(t);
    await store.transact('test', async (transaction) => {
      await directory.managed.createEntry(transaction, draft);
      await directory.managed.deleteEntry(transaction, dn);
      assert.equal(await directory.managed.hasEntry(transaction, dn), false);
    });
  });
});

describe('what the CA manages', () => {
  const change = (operation: Modification['operation'], attribute: string): Modification => ({
    operation,
    attribute,
    values: operation === 'delete' ? [] : [smallList],
  });
  const changes = [
    change('replace', 'certificateRevocationList;binary'),
    change('delete', '2.5.4.39;binary'),
    change('add', 'authorityRevocationList;binary'),
    change('add', 'certificateRevocationList;binary;lang-ja'),
    change('delete', 'certdirPartitionCode'),
  ];

  for (const attempt of changes) {
    it(`is not changed by ${attempt.operation} of ${attempt.attribute}`, async (t) => {
      const fixture = await openSuffix(t);
      await fixture.store.transact('test', (transaction) =>
        fixture.directory.managed.createEntry(transaction, draft),
      );
      await assert.rejects(fixture.directory.modify({ dn, changes: [attempt] }, system), {
        code: 'DIRECTORY_MANAGED_ATTRIBUTE',
      });
      assert.deepEqual(await readList(fixture), [Buffer.from(smallList)]);
      assert.equal((await fixture.records()).at(-1)?.result, 'refused');
    });
  }

  it('is not deleted or renamed, but described', async (t) => {
    const fixture = await openSuffix(t);
    const { directory } = fixture;
    await fixture.store.transact('test', (transaction) =>
      directory.managed.createEntry(transaction, draft),
    );
    await assert.rejects(directory.delete({ dn }, system), { code: 'DIRECTORY_MANAGED_ATTRIBUTE' });
    const rename = { dn, newRdn: 'cn=x', deleteOldRdn: true };
    await assert.rejects(directory.rename(rename, system), { code: 'DIRECTORY_MANAGED_ATTRIBUTE' });
    const values = [encodeUtf8('Maebashi')];
    const describe = [{ operation: 'add', attribute: 'description', values }] as const;
    await directory.modify({ dn, changes: describe }, system);
  });
});
