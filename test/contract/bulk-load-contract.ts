/**
 * What every driver's bulk load must do (`BulkLoad` in store.ts).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';

import type { BulkLoad, Store, Transaction } from '../../src/store/store.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contractLimits, type StoreDriver } from './store-contract.ts';

const key = (text: string, keyspace = 0x20): Uint8Array =>
  Buffer.concat([Uint8Array.of(keyspace), Buffer.from(text)]);
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** Everything that readers see now. */
export async function contentOf(store: Store): Promise<ReadonlyMap<string, string>> {
  const snapshot = store.snapshot();
  try {
    const rows = new Map<string, string>();
    for await (const [name, value] of snapshot.range({})) {
      rows.set(Buffer.from(name).toString('latin1'), Buffer.from(value).toString('latin1'));
    }
    return rows;
  } finally {
    await snapshot.close();
  }
}

/** Puts `count` rows in a random order, their number as their tag. */
export async function putRows(load: BulkLoad, count: number, seed = 1): Promise<void> {
  const random = new SeededRandom(seed);
  for (let number = 0; number < count; number += 1) {
    load.tag = number;
    load.put(key(`row ${Buffer.from(random.bytes(6)).toString('hex')}`), bytes(String(number)));
    await load.room();
  }
}

async function tagsOf(load: BulkLoad, keyspace: number): Promise<readonly [string, number][]> {
  const tags: [string, number][] = [];
  for await (const page of load.rowPages(keyspace)) {
    tags.push(
      ...page.map((row): [string, number] => [
        Buffer.from(row.key.subarray(1)).toString(),
        row.tag,
      ]),
    );
  }
  return tags;
}

/** The suite. The driver keeps runs short, so that there are several of a few hundred rows. */
export function bulkLoadContract(driver: StoreDriver): void {
  const opened = async (t: TestContext): Promise<{ store: Store; folder: string }> => {
    const folder = temporaryFolder(t);
    const store = await driver.open(folder);
    t.after(() => store.close());
    return { store, folder };
  };

  describe(`${driver.name}: bulk load`, () => {
    it('shows nothing before its commit, and then every row beside what was there', async (t) => {
      const { store, folder } = await opened(t);
      await store.transact('test', async (transaction) => {
        transaction.put(key('old'), bytes('old'));
      });
      const load = await store.beginLoad();
      await putRows(load, 2000);
      assert.deepEqual([...(await contentOf(store)).keys()], [' old']);
      const progress: number[][] = [];
      const result = await load.commit(
        'test',
        async (transaction) => {
          assert.equal(String(await transaction.read(key('old'))), String(bytes('old')));
          transaction.put(key('new'), bytes('new'));
          return 'result';
        },
        (...step) => progress.push(step),
      );
      assert.equal(result, 'result');
      assert.deepEqual(progress.at(-1), [2000, 2000]);
      const content = await contentOf(store);
      assert.equal(content.size, 2002);
      await store.close();
      const again = await driver.open(folder);
      assert.deepEqual(await contentOf(again), content);
      await again.close();
    });

    it('gives the rows of a keyspace in order, those of one key as they were put', async (t) => {
      const { store } = await opened(t);
      const load = await store.beginLoad();
      await putRows(load, 1500);
      for (const [tag, name, space] of [
        [1, 'b', 0x21],
        [2, 'a', 0x21],
        [3, 'b', 0x21],
        [4, 'a\0', 0x21],
        [5, 'aa', 0x22],
      ] as const) {
        load.tag = tag;
        load.put(key(name, space), bytes(String(tag)));
      }
      await load.commit('test', async () => {
        assert.deepEqual(await tagsOf(load, 0x21), [
          ['a', 2],
          ['a\0', 4],
          ['b', 1],
          ['b', 3],
        ]);
        assert.deepEqual(await tagsOf(load, 0x22), [['aa', 5]]);
        assert.deepEqual(await tagsOf(load, 0x23), []);
        const all = (await tagsOf(load, 0x20)).map(([name]) => name);
        assert.equal(all.length, 1500);
        assert.deepEqual(all, [...all].sort());
      });
      assert.equal((await contentOf(store)).get('!b'), '3');
    });

    it('keeps large values once and counts references to them', async (t) => {
      const { store } = await opened(t);
      const value = new SeededRandom(5).bytes(2000);
      const sha256 = createHash('sha256').update(value).digest();
      await store.transact('test', async (transaction) => {
        await transaction.putLarge(value);
      });
      const load = await store.beginLoad();
      assert.deepEqual(Buffer.from(await load.putLarge(value)), sha256);
      await load.putLarge(value);
      const other = await load.putLarge(value.subarray(1));
      // The store's own reference goes while the load is under way.
      await store.transact('test', (transaction) => transaction.releaseLarge(sha256));
      await load.commit('test', async () => undefined);
      const view = store.snapshot();
      assert.deepEqual(Buffer.from((await view.readLarge(sha256)) ?? []), Buffer.from(value));
      assert.equal((await view.readLarge(other))?.length, 1999);
      await view.close();
      await store.transact('test', async (transaction) => {
        await transaction.releaseLarge(sha256);
        await transaction.releaseLarge(sha256);
      });
      await assert.rejects(
        store.transact('test', (transaction) => transaction.releaseLarge(sha256)),
        { code: 'STORE_LARGE_ABSENT' },
      );
    });

    it('leaves nothing when its body throws, or when it is discarded', async (t) => {
      const { store } = await opened(t);
      const refused = await store.beginLoad();
      await putRows(refused, 500);
      const body = async (): Promise<never> => {
        throw new Error('refused');
      };
      await assert.rejects(refused.commit('test', body), /refused/);
      const discarded = await store.beginLoad();
      await putRows(discarded, 500);
      await discarded.discard();
      await discarded.discard();
      assert.equal((await contentOf(store)).size, 0);
      assert.equal(store.isWritable, true);
    });

    it('is one at a time, and over once it has ended', async (t) => {
      const { store } = await opened(t);
      const load = await store.beginLoad();
      await assert.rejects(store.beginLoad(), { code: 'STORE_LOAD_ACTIVE' });
      await load.commit('test', async () => undefined);
      assert.throws(() => load.put(key('a'), bytes('a')), { code: 'STORE_LOAD_OVER' });
      await assert.rejects(
        load.commit('test', async () => undefined),
        { code: 'STORE_LOAD_OVER' },
      );
      await (await store.beginLoad()).discard();
    });

    it('takes the keys and values that a transaction takes', async (t) => {
      const { store } = await opened(t);
      const { maxKeyBytes, maxValueBytes } = contractLimits;
      const load = await store.beginLoad();
      load.put(key('k'.repeat(maxKeyBytes - 1)), new Uint8Array(maxValueBytes));
      const refused = [
        ['STORE_KEY_INVALID', key('k'.repeat(maxKeyBytes)), 0],
        ['STORE_KEY_INVALID', key('', 0x0f), 0],
        ['STORE_VALUE_TOO_LARGE', key('a'), maxValueBytes + 1],
      ] as const;
      for (const [code, name, length] of refused) {
        assert.throws(() => load.put(name, new Uint8Array(length)), { code });
      }
      await load.commit('test', async () => undefined);
      assert.equal((await contentOf(store)).size, 1);
    });

    it('lets others write while rows are put, and be read while they are put in place', async (t) => {
      const { store } = await opened(t);
      const load = await store.beginLoad();
      await putRows(load, 1000);
      const before = store.transact('test', async (transaction) => {
        transaction.put(key('before'), bytes('1'));
      });
      const sizes = new Set<number>();
      const watching: Promise<void>[] = [];
      const countRows = async (transaction: Transaction): Promise<number> => {
        let rows = 0;
        for await (const _ of transaction.keys({})) {
          rows += 1;
        }
        return rows;
      };
      let behind: Promise<number> | undefined;
      await before;
      await load.commit(
        'test',
        async (transaction) => {
          assert.ok((await transaction.read(key('before'))) !== undefined);
          behind = store.transact('test', countRows);
        },
        () => {
          watching.push(contentOf(store).then(({ size }) => void sizes.add(size)));
        },
      );
      await Promise.all(watching);
      assert.deepEqual([...sizes], [1]);
      assert.equal(await behind, 1001);
      assert.equal((await contentOf(store)).size, 1001);
    });
  });
}
