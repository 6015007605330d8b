/**
 * Durable transactions of 2 KB: the store against bare classic-level with synchronous batches, in the same run on the same
 * disk, alone and with a standby; how long opening takes that replays a journal of 64 MiB; and large values against
 * writing the same bytes to a file.
 *
 * `--large` adds a value of 265 MB, `--nation` the 1,741 lists of a day.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { cpSync } from 'node:fs';

import { Level } from 'level';

import { SystemClock } from '../src/core/clock.ts';
import { silentLog } from '../src/core/log.ts';
import { openLevelStore } from '../src/store/level/level-store.ts';
import type { Store } from '../src/store/store.ts';
import { measureLargeValues } from './support/large-value-figures.ts';
import type { Measure, Report } from './support/report.ts';
import { measureStandbys } from './support/standby-figures.ts';
import { Rounds } from './support/timing.ts';
import { runBenchmark, type Workshop } from './support/workshop.ts';

type ByteLevel = Level<Uint8Array, Uint8Array>;

const VALUE_BYTES = 2048;
const ROUNDS = 5;
const SINGLE = 1000;
const MANY = 16_000;
const CALLERS = 64;

/** Random-looking, so that compression gains nothing. */
const value = Buffer.concat(
  Array.from({ length: VALUE_BYTES / 32 }, (_, at) =>
    createHash('sha256').update(`value ${at}`).digest(),
  ),
);

let lastKey = 0;

function nextKey(): Uint8Array {
  lastKey += 1;
  const key = new Uint8Array(20);
  key[0] = 0x30;
  new DataView(key.buffer).setUint32(4, (lastKey * 2_654_435_761) >>> 0);
  new DataView(key.buffer).setUint32(8, lastKey);
  return key;
}

async function single(count: number, transact: () => Promise<void>): Promise<void> {
  for (let done = 0; done < count; done += 1) {
    await transact();
  }
}

async function callers(count: number, transact: () => Promise<void>): Promise<void> {
  const each = count / CALLERS;
  await Promise.all(Array.from({ length: CALLERS }, () => single(each, transact)));
}

async function rate(count: number, work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (count * 1000) / (performance.now() - startMs);
}

const put = (store: Store) => () =>
  store.transact('bench: put', async (transaction) => {
    transaction.put(nextKey(), value);
  });

/** What an act of the CA is like: looks at its row, changes it, counts. */
const readAndPut = (store: Store) => async () => {
  const key = nextKey();
  await store.transact('bench: read and put', async (transaction) => {
    await transaction.read(key);
    transaction.put(key, value);
  });
};

const batch = (level: ByteLevel, size: number) => () =>
  level.batch(
    Array.from({ length: size }, () => ({ type: 'put', key: nextKey(), value }) as const),
    { sync: true },
  );

const BATCH = 100;
const TIME_LIMIT_MS = 280_000;

async function measureTransactions(store: Store, level: ByteLevel): Promise<readonly Measure[]> {
  const cases: readonly (readonly [string, () => Promise<number>])[] = [
    ['level 1', () => rate(SINGLE, () => single(SINGLE, batch(level, 1)))],
    ['store 1', () => rate(SINGLE, () => single(SINGLE, put(store)))],
    ['level 64', () => rate(MANY, () => callers(MANY, batch(level, 1)))],
    ['level batches', () => rate(MANY, () => single(MANY / BATCH, batch(level, BATCH)))],
    ['store 64', () => rate(MANY, () => callers(MANY, put(store)))],
    ['store 64 reading', () => rate(MANY, () => callers(MANY, readAndPut(store)))],
  ];
  const rates = new Rounds();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, run] of cases) {
      rates.add(name, await run());
    }
  }
  const measure = (name: string, ours: string, peer: string): Measure => ({
    ...{ name, unit: '/s', ours: rates.of(ours), peer: rates.of(peer) },
    limit: rates.of('level batches'),
  });
  return [
    measure('transactions of 2 KB, 1 caller', 'store 1', 'level 1'),
    measure('transactions of 2 KB, 64 callers', 'store 64', 'level 64'),
    measure('the same, that read first', 'store 64 reading', 'level 64'),
  ];
}

/** Milliseconds to open a store whose process was killed just before its first segment was full. */
async function timeReplay(workshop: Workshop): Promise<number> {
  const [live, image] = [workshop.path('live'), workshop.path('image')];
  const store = await openLevelStore({ folder: live, clock: new SystemClock(), log: silentLog });
  const count = Math.floor((64 * 1024 * 1024) / (VALUE_BYTES + 200));
  await callers(count - (count % CALLERS), put(store));
  cpSync(live, image, { recursive: true });
  await store.close();
  const startMs = performance.now();
  const again = await openLevelStore({ folder: image, clock: new SystemClock(), log: silentLog });
  const replayMs = performance.now() - startMs;
  await again.close();
  return replayMs;
}

async function measure(workshop: Workshop): Promise<Report> {
  const store = await openLevelStore({
    folder: workshop.path('store'),
    clock: new SystemClock(),
    log: silentLog,
  });
  const level: ByteLevel = new Level(workshop.path('level'), {
    keyEncoding: 'view',
    valueEncoding: 'view',
    writeBufferSize: 16 * 1024 * 1024,
  });
  await level.open();
  const transactions = await measureTransactions(store, level);
  await store.close();
  await level.close();
  const standbys = await measureStandbys(workshop, {
    rateOfOne: (primary) => rate(SINGLE, () => single(SINGLE, put(primary))),
    rateOfMany: (primary) => rate(MANY, () => callers(MANY, put(primary))),
  });
  const replayMs = await timeReplay(workshop);
  const large = await measureLargeValues(workshop);
  return {
    program: 'store',
    peer: 'classic-level alone, a batch for each with sync: true; with a standby: the store without one',
    limit: `classic-level alone in batches of ${BATCH}; of large values: the same bytes to a file, fdatasync`,
    measures: [
      ...transactions,
      ...standbys,
      { name: 'opening with a journal of 64 MiB to replay', unit: 'ms', ours: replayMs },
      ...large.measures,
    ],
    notes: large.notes,
  };
}

await runBenchmark('store', measure, TIME_LIMIT_MS);
