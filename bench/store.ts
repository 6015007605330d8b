/**
 * Durable transactions of 2 KB: the store against bare classic-level with synchronous batches, in
 * the same run on the same disk; and how long opening takes that replays a journal of 64 MiB. Prints a table, or
 * JSON with `--json`.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Level } from 'level';

import { SystemClock } from '../src/core/clock.ts';
import { silentLog } from '../src/core/log.ts';
import { openLevelStore } from '../src/store/level/level-store.ts';
import type { Store } from '../src/store/store.ts';

type ByteLevel = Level<Uint8Array, Uint8Array>;

interface Figure {
  readonly name: string;
  readonly transactionsPerSecond: number;
}

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

async function measure(store: Store, level: ByteLevel): Promise<readonly Figure[]> {
  const cases: readonly (readonly [string, () => Promise<number>])[] = [
    ['classic-level, 1 caller', () => rate(SINGLE, () => single(SINGLE, batch(level, 1)))],
    ['store, 1 caller', () => rate(SINGLE, () => single(SINGLE, put(store)))],
    ['classic-level, 64 callers', () => rate(MANY, () => callers(MANY, batch(level, 1)))],
    [
      'classic-level, 1 caller, batches of 100',
      () => rate(MANY, () => single(MANY / 100, batch(level, 100))),
    ],
    ['store, 64 callers', () => rate(MANY, () => callers(MANY, put(store)))],
    ['store, 64 callers, read first', () => rate(MANY, () => callers(MANY, readAndPut(store)))],
  ];
  const rates = new Map(cases.map(([name]) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, run] of cases) {
      rates.get(name)?.push(await run());
    }
  }
  return [...rates].map(([name, values]) => ({
    name,
    transactionsPerSecond: Math.round(median(values)),
  }));
}

/** Milliseconds to open a store whose process was killed just before its first segment was full. */
async function timeReplay(folder: string): Promise<number> {
  const [live, image] = [join(folder, 'live'), join(folder, 'image')];
  const store = await openLevelStore({ folder: live, clock: new SystemClock(), log: silentLog });
  const count = Math.floor((64 * 1024 * 1024) / (VALUE_BYTES + 200));
  await callers(count - (count % CALLERS), put(store));
  cpSync(live, image, { recursive: true });
  await store.close();
  const startMs = performance.now();
  const again = await openLevelStore({ folder: image, clock: new SystemClock(), log: silentLog });
  const replayMs = performance.now() - startMs;
  await again.close();
  return Math.round(replayMs);
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >>> 1] ?? 0;
}

const folder = mkdtempSync(join(tmpdir(), 'certdir-bench-'));
try {
  const store = await openLevelStore({
    folder: join(folder, 'store'),
    clock: new SystemClock(),
    log: silentLog,
  });
  const level: ByteLevel = new Level(join(folder, 'level'), {
    keyEncoding: 'view',
    valueEncoding: 'view',
    writeBufferSize: 16 * 1024 * 1024,
  });
  await level.open();
  const figures = await measure(store, level);
  await store.close();
  await level.close();
  const replayMs = await timeReplay(folder);
  process.stdout.write(
    process.argv.includes('--json')
      ? `${JSON.stringify({ node: process.version, valueBytes: VALUE_BYTES, figures, replayMs })}\n`
      : `${[
          ...figures.map((f) => `${f.name.padEnd(44)}${f.transactionsPerSecond}/s`),
          `${'opening with a journal of 64 MiB to replay'.padEnd(44)}${replayMs} ms`,
        ].join('\n')}\n`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
