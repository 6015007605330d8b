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
import type { Snapshot, Store } from '../../src/store/store.ts';
import { SeededRandom } from './seeded-random.ts';

const VALUE_BYTES = 3000;
/** Stands in the journal alone. */
const LARGE_BYTES = 300_000;
/** So many large values are kept; those before are released. */
const LARGE_KEPT = 2;
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

function largeValueFor(number: number): Uint8Array {
  const pattern = Buffer.from('....');
  pattern.writeUInt32BE(number + 0x01010101);
  return new Uint8Array(Buffer.alloc(LARGE_BYTES, pattern));
}

/** How many acts there were, and each how manieth has a large value; 0: none. */
function parseCount(stored: Uint8Array | undefined): readonly [count: number, largeEvery: number] {
  const [count = 0, largeEvery = 0] =
    stored === undefined ? [] : Buffer.from(stored).toString().split(' ').map(Number);
  return [count, largeEvery];
}

/**
 * Takes the next number and writes its two halves.
 *
 * @param largeEvery Each so manieth act puts a large value too, and releases an earlier one; 0: none.
 */
export function act(store: Store, largeEvery = 0): Promise<number> {
  return store.transact('test: act', async (transaction) => {
    const number = parseCount(await transaction.read(COUNT_KEY))[0] + 1;
    transaction.put(COUNT_KEY, Buffer.from(`${number} ${largeEvery}`));
    transaction.put(keyOfHalf('l', number), valueFor(number));
    transaction.put(keyOfHalf('r', number), valueFor(number));
    if (largeEvery > 0 && number % largeEvery === 0) {
      const sha256 = await transaction.putLarge(largeValueFor(number));
      transaction.put(keyOfHalf('g', number), sha256);
      const old = keyOfHalf('g', Math.max(0, number - LARGE_KEPT * largeEvery));
      const released = await transaction.read(old);
      if (released !== undefined) {
        await transaction.releaseLarge(released);
        transaction.delete(old);
      }
    }
    return number;
  });
}

/** The large values that acts have left, whole. @returns how many. */
async function countLargeValues(
  snapshot: Snapshot,
  [count, largeEvery]: readonly [number, number],
): Promise<number> {
  const last = largeEvery === 0 ? 0 : Math.floor(count / largeEvery);
  const first = Math.max(1, last - LARGE_KEPT + 1);
  for (let at = first; at <= last; at += 1) {
    const number = at * largeEvery;
    const sha256 = await snapshot.read(keyOfHalf('g', number));
    assert.ok(sha256 !== undefined, `the large value of act ${number}`);
    const value = await snapshot.readLarge(sha256);
    assert.ok(value !== undefined && Buffer.from(largeValueFor(number)).equals(value));
  }
  return last === 0 ? 0 : last - first + 1;
}

/** Checks that the acts from 1 on are there, whole, and nothing else; gives the last one's number. */
export async function countWholeActs(store: Store): Promise<number> {
  const snapshot = store.snapshot();
  try {
    const stored = await snapshot.read(COUNT_KEY);
    const [count, largeEvery] = parseCount(stored);
    const large = await countLargeValues(snapshot, [count, largeEvery]);
    let rows = 0;
    for await (const _ of snapshot.keys({})) {
      rows += 1;
    }
    assert.equal(rows, count === 0 ? 0 : 1 + 2 * count + large, `the rows of ${count} acts`);
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
