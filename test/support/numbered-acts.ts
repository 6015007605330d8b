/**
 * What the harnesses of a failing store do to it: acts that take the next number and write it in several rows, and
 * a look at whether all of them are there, whole, and nothing else.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { type LevelStoreOptions, openLevelStore } from '../../src/store/level/level-store.ts';
import type { Store } from '../../src/store/store.ts';
import { SeededRandom } from './seeded-random.ts';

const VALUE_BYTES = 3000;
const COUNT_KEY = Buffer.from('\x20count');

export function openActStore(
  folder: string,
  options: Partial<LevelStoreOptions> = {},
): Promise<Store> {
  return openLevelStore({ folder, clock: new SystemClock(), log: silentLog, ...options });
}

function keyOfHalf(half: string, number: number): Uint8Array {
  const bytes = Buffer.from(`\x20${half}....`);
  bytes.writeUInt32BE(number, 2);
  return bytes;
}

function valueFor(number: number): Uint8Array {
  return new SeededRandom(number).bytes(32 + ((number * 611) % VALUE_BYTES));
}

/** Takes the next number and writes its two halves. */
export function act(store: Store): Promise<number> {
  return store.transact('test: act', async (transaction) => {
    const before = await transaction.read(COUNT_KEY);
    const number = Number(before === undefined ? 0 : Buffer.from(before).toString()) + 1;
    transaction.put(COUNT_KEY, Buffer.from(String(number)));
    transaction.put(keyOfHalf('l', number), valueFor(number));
    transaction.put(keyOfHalf('r', number), valueFor(number));
    return number;
  });
}

/** Checks that the acts from 1 on are there, whole, and nothing else; gives the last one's number. */
export async function countWholeActs(store: Store): Promise<number> {
  const snapshot = store.snapshot();
  try {
    const stored = await snapshot.read(COUNT_KEY);
    const count = Number(stored === undefined ? 0 : Buffer.from(stored).toString());
    let rows = 0;
    for await (const _ of snapshot.keys({})) {
      rows += 1;
    }
    assert.equal(rows, count === 0 ? 0 : 1 + 2 * count, `the rows of ${count} acts`);
    for (let number = 1; number <= count; number += 1) {
      assert.deepEqual(await snapshot.read(keyOfHalf('l', number)), valueFor(number));
      assert.deepEqual(await snapshot.read(keyOfHalf('r', number)), valueFor(number));
    }
    return count;
  } finally {
    await snapshot.close();
  }
}

/** All that the store itself finds, each row compared with the journal. */
export async function findAllDamage(store: Store): Promise<readonly string[]> {
  const found: string[] = [];
  const snapshot = store.snapshot();
  try {
    for await (const { code, message } of snapshot.findDamage()) {
      found.push(`${code}: ${message}`);
    }
    const check = { isDeep: true, onProgress: () => undefined };
    for await (const { code, message } of snapshot.findJournalDamage(check)) {
      found.push(`${code}: ${message}`);
    }
    return found;
  } finally {
    await snapshot.close();
  }
}

/** Opens the store of a folder, checks all of it, closes it. */
export async function checkActs(folder: string): Promise<number> {
  const store = await openActStore(folder);
  try {
    const count = await countWholeActs(store);
    assert.deepEqual(await findAllDamage(store), []);
    return count;
  } finally {
    await store.close();
  }
}
