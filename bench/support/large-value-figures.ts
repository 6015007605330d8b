/**
 * What it costs to make large values durable in the store, against writing the same bytes to a file and waiting for the
 * disk, in turns.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { open } from 'node:fs/promises';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import type { Store } from '../../src/store/store.ts';
import type { Measure } from './report.ts';
import { type Cost, costOf, median, timeOf } from './timing.ts';
import type { Workshop } from './workshop.ts';

/** A list of a million entries, and one of five million. */
const MILLION_BYTES = 53_000_000;
const FIVE_MILLION_BYTES = 265_000_000;
const ROUNDS = 7;
/** The lists of a municipality, on an average of the nation's. */
const PARTITION_BYTES = 609_000;
const PARTITIONS = 100;
const NATION = 1_741;

/** Random-looking, and never the same twice. */
class Values {
  #number = 0;

  make(bytes: number): { readonly value: Uint8Array; readonly sha256: Uint8Array } {
    this.#number += 1;
    const words = new Int32Array(Math.ceil(bytes / 4));
    let state = this.#number;
    for (let at = 0; at < words.length; at += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      words[at] = state;
    }
    const value = new Uint8Array(words.buffer, 0, bytes);
    return { value, sha256: createHash('sha256').update(value).digest() };
  }
}

const put = (store: Store, { value, sha256 }: ReturnType<Values['make']>): Promise<Uint8Array> =>
  store.transact('bench: put', (transaction) => transaction.putLarge(value, { sha256 }));

async function writeFile(path: string, value: Uint8Array): Promise<void> {
  const handle = await open(path, 'w');
  await handle.write(value);
  await handle.datasync();
  await handle.close();
}

const elapsed = (costs: readonly Cost[]): number => median(costs.map(({ elapsedMs }) => elapsedMs));
const cpu = (costs: readonly Cost[]): number => median(costs.map(({ cpuMs }) => cpuMs));

async function measureOne(
  store: Store,
  workshop: Workshop,
  { bytes, rounds }: { readonly bytes: number; readonly rounds: number },
): Promise<readonly Measure[]> {
  const values = new Values();
  const [ours, limit]: [Cost[], Cost[]] = [[], []];
  const file = workshop.path('plain');
  for (let round = 0; round < rounds; round += 1) {
    const made = values.make(bytes);
    limit.push(await costOf(() => writeFile(file, made.value)));
    rmSync(file);
    ours.push(await costOf(() => put(store, made)));
  }
  const name = `a large value of ${bytes / 1_000_000} MB`;
  return [
    { name: `${name}, durable`, unit: 'ms', ours: elapsed(ours), limit: elapsed(limit) },
    { name: `${name}, CPU`, unit: 'ms', ours: cpu(ours), limit: cpu(limit) },
  ];
}

async function measurePartitions(
  store: Store,
  workshop: Workshop,
  count: number,
): Promise<readonly Measure[]> {
  const values = new Values();
  const file = workshop.path('plain');
  let [ours, limit] = [0, 0];
  for (let done = 0; done < count; done += 1) {
    const made = values.make(PARTITION_BYTES);
    limit += await timeOf(() => writeFile(file, made.value));
    ours += await timeOf(() => put(store, made));
  }
  const rateOf = (ms: number): number => (count * 1000) / ms;
  const name = `lists of ${PARTITION_BYTES / 1_000} KB one after another`;
  return [{ name, unit: '/s', ours: rateOf(ours), limit: rateOf(limit) }];
}

/** `--large` adds a value of 265 MB, `--nation` as many lists as the nation has in a day. */
export async function measureLargeValues(
  workshop: Workshop,
): Promise<{ readonly measures: readonly Measure[]; readonly notes: readonly string[] }> {
  const folder = workshop.path('large');
  const store = await openLevelStore({ folder, clock: new SystemClock(), log: silentLog });
  const isNation = process.argv.includes('--nation');
  try {
    const measures = [
      ...(await measureOne(store, workshop, { bytes: MILLION_BYTES, rounds: ROUNDS })),
      ...(process.argv.includes('--large')
        ? await measureOne(store, workshop, { bytes: FIVE_MILLION_BYTES, rounds: 3 })
        : []),
      ...(await measurePartitions(store, workshop, isNation ? NATION : PARTITIONS)),
    ];
    return { measures, notes: ['large values are given with their SHA-256, as the CA gives them'] };
  } finally {
    await store.close();
  }
}
