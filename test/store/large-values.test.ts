import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { type LevelStoreOptions, openLevelStore } from '../../src/store/level/level-store.ts';
import type { Transaction } from '../../src/store/store.ts';
import { ControlledDatabase } from '../support/controlled-database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PIECE_BYTES = 262_144;

async function openStore(t: TestContext, options: Partial<LevelStoreOptions> = {}) {
  const store = await openLevelStore({
    ...{ folder: temporaryFolder(t), clock: new SystemClock(), log: silentLog },
    ...options,
  });
  t.after(() => store.close());
  return store;
}

async function setUp(t: TestContext) {
  const database = new ControlledDatabase();
  const store = await openStore(t, { openDatabase: database.open });
  /** Runs a body and tells what it wrote: `+` per row put, `-` per row deleted. */
  return async <T>(body: (transaction: Transaction) => Promise<T>): Promise<[string, T]> => {
    database.writes.length = 0;
    const result = await store.transact('test', body);
    const signs = database.writes.flat().map(([, state]) => (state === null ? '-' : '+'));
    return [signs.join(''), result];
  };
}

describe('large values', () => {
  it('are in memory once for all who read them, and gone with their last reference', async (t) => {
    const store = await openStore(t);
    const value = new Uint8Array(3 * PIECE_BYTES).fill(2);
    const sha256 = await store.transact('test', (transaction) => transaction.putLarge(value));
    const [first, second] = [store.snapshot(), store.snapshot()];
    const reads = [first.readLarge(sha256), second.readLarge(sha256)];
    const [one, other] = await Promise.all(reads);
    assert.deepEqual(one, value);
    assert.equal(one, other);
    assert.equal(await second.readLarge(sha256), one);
    await store.transact('test', (transaction) => transaction.releaseLarge(sha256));
    const third = store.snapshot();
    assert.equal(await third.readLarge(sha256), undefined);
    assert.equal(await first.readLarge(sha256), one);
    await Promise.all([first, second, third].map((snapshot) => snapshot.close()));
  });

  it('that one reader gives up are read by the other', async (t) => {
    const folder = temporaryFolder(t);
    const value = new Uint8Array(12 * PIECE_BYTES).fill(3);
    const before = await openStore(t, { folder });
    const sha256 = await before.transact('test', (transaction) => transaction.putLarge(value));
    await before.close();
    const store = await openStore(t, { folder });
    const [first, second] = [store.snapshot(), store.snapshot()];
    const reads = [first.readLarge(sha256), second.readLarge(sha256)] as const;
    await first.close();
    await reads[0].catch(() => undefined);
    assert.deepEqual(await reads[1], value);
    await assert.rejects(first.readLarge(sha256), { code: 'STORE_SNAPSHOT_CLOSED' });
    await second.close();
  });

  const rows = [
    { length: 0, written: 'a head', count: 1, dropped: 1 },
    { length: 1, written: 'a head and a piece', count: 2, dropped: 2 },
    { length: PIECE_BYTES, written: 'a head and a piece', count: 2, dropped: 2 },
    // The pieces that another machine may have are dropped with the place.
    { length: PIECE_BYTES + 1, written: 'a head and a place', count: 2, dropped: 4 },
    { length: 4 * PIECE_BYTES, written: 'a head and a place', count: 2, dropped: 6 },
  ];
  for (const { length, written: what, count, dropped } of rows) {
    it(`of ${length} bytes are ${what} of the index, written once and all dropped`, async (t) => {
      const written = await setUp(t);
      const value = new Uint8Array(length).fill(1);
      const put = (transaction: Transaction) => transaction.putLarge(value);
      const [first, sha256] = await written(put);
      assert.equal(first, '+'.repeat(count));
      assert.equal((await written(put))[0], '+', 'a second reference is a count');
      const release = (transaction: Transaction) => transaction.releaseLarge(sha256);
      assert.equal((await written(release))[0], '+');
      assert.equal((await written(release))[0], '-'.repeat(dropped));
    });
  }
});
