import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import type { Transaction } from '../../src/store/store.ts';
import { ControlledDatabase } from '../support/controlled-database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PIECE_BYTES = 262_144;

async function openStore(t: TestContext, database = new ControlledDatabase()) {
  const store = await openLevelStore({
    folder: temporaryFolder(t),
    clock: new SystemClock(),
    log: silentLog,
    openDatabase: database.open,
  });
  t.after(() => store.close());
  return store;
}

async function setUp(t: TestContext) {
  const database = new ControlledDatabase();
  const store = await openStore(t, database);
  /** Runs a body and tells what it wrote: `+` per row put, `-` per row deleted. */
  return async <T>(body: (transaction: Transaction) => Promise<T>): Promise<[string, T]> => {
    database.writes.length = 0;
    const result = await store.transact('test', body);
    const signs = database.writes.flat().map(([, state]) => (state === null ? '-' : '+'));
    return [signs.join(''), result];
  };
}

describe('large values', () => {
  const rows = [
    { length: 0, pieces: 0 },
    { length: 1, pieces: 1 },
    { length: PIECE_BYTES, pieces: 1 },
    { length: PIECE_BYTES + 1, pieces: 2 },
    { length: 4 * PIECE_BYTES, pieces: 4 },
  ];
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
    const store = await openStore(t);
    const value = new Uint8Array(12 * PIECE_BYTES).fill(3);
    const sha256 = await store.transact('test', (transaction) => transaction.putLarge(value));
    const [first, second] = [store.snapshot(), store.snapshot()];
    const reads = [first.readLarge(sha256), second.readLarge(sha256)] as const;
    await first.close();
    await assert.rejects(reads[0], { code: 'STORE_SNAPSHOT_CLOSED' });
    assert.deepEqual(await reads[1], value);
    await second.close();
  });

  for (const { length, pieces } of rows) {
    it(`of ${length} bytes are ${pieces} pieces and a head, written once and all dropped`, async (t) => {
      const written = await setUp(t);
      const value = new Uint8Array(length).fill(1);
      const put = (transaction: Transaction) => transaction.putLarge(value);
      const [first, sha256] = await written(put);
      assert.equal(first, '+'.repeat(pieces + 1));
      assert.equal((await written(put))[0], '+', 'a second reference is a count');
      const release = (transaction: Transaction) => transaction.releaseLarge(sha256);
      assert.equal((await written(release))[0], '+');
      assert.equal((await written(release))[0], '-'.repeat(pieces + 1));
    });
  }
});
