/**
 * Random bits of a store, one changed at a time, in proportion to the size of its files: tables of the index as opening
 * and checks look at them, segments of the journal as checks and backups read them. 200 bits of 2 MB; with
 * `npm test -- --long` 100,000 of 100 MB.
 *
 * Not here: LevelDB's log and manifest (`store-damage.test.ts`), the open end of the journal (`journal-damage.test.ts`).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { SegmentReader } from '../../src/store/journal/segment-reader.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import { checkTable } from '../../src/store/level/table-check.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const isLong = process.env['CERTDIR_TEST_LONG'] === '1';
const BITS = isLong ? 100_000 : 200;
const VALUES = isLong ? 1_000 : 20;
const VALUE_BYTES = 50_000;

interface StoreFile {
  readonly path: string;
  readonly bytes: number;
  /** True when the file is what was written. */
  readonly isSound: () => Promise<boolean>;
}

async function fill(folder: string, random: SeededRandom): Promise<void> {
  const options = { clock: new SystemClock(), log: silentLog, segmentBytes: 256 * 1024 };
  const store = await openLevelStore({ folder, ...options });
  for (let number = 0; number < VALUES; number += 1) {
    await store.transact('test: fill', async (transaction) =>
      transaction.put(Buffer.from(`\x20${number}`), random.bytes(VALUE_BYTES)),
    );
  }
  await store.sealJournal();
  await store.close();
}

async function isTableSound(path: string): Promise<boolean> {
  try {
    await checkTable(path);
    return true;
  } catch {
    return false;
  }
}

async function isSegmentSound(path: string): Promise<boolean> {
  const reader = await SegmentReader.open(path);
  if (reader === undefined) {
    return false;
  }
  try {
    while ((await reader.next()) !== undefined) {
      // Verified as it is read.
    }
    return reader.isSealed && reader.place.offset === reader.size;
  } finally {
    await reader.close();
  }
}

function filesOf(folder: string): readonly StoreFile[] {
  const found = (place: string, end: string): string[] =>
    readdirSync(join(folder, place))
      .filter((name) => name.endsWith(end))
      .map((name) => join(folder, place, name));
  return [
    ...found('level', '.ldb').map((path) => ({ path, isSound: () => isTableSound(path) })),
    ...found('journal', '.journal').map((path) => ({ path, isSound: () => isSegmentSound(path) })),
  ].map((file) => ({ ...file, bytes: statSync(file.path).size }));
}

function flip(path: string, bit: number): void {
  const file = openSync(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, bit >> 3);
    byte[0] = (byte[0] ?? 0) ^ (1 << (bit & 7));
    writeSync(file, byte, 0, 1, bit >> 3);
  } finally {
    closeSync(file);
  }
}

function pick(
  files: readonly StoreFile[],
  at: number,
): { readonly file: StoreFile; readonly bit: number } {
  let before = 0;
  for (const file of files) {
    if (at < before + file.bytes * 8) {
      return { file, bit: at - before };
    }
    before += file.bytes * 8;
  }
  throw new Error('there is no such bit');
}

describe('random bits of a store', () => {
  it(`are found when they change, ${BITS} of them`, async (t: TestContext) => {
    const folder = temporaryFolder(t);
    const random = new SeededRandom('random bits');
    await fill(folder, random);
    const files = filesOf(folder);
    for (const { path, isSound } of files) {
      assert.ok(await isSound(), path);
    }
    const bits = files.reduce((sum, { bytes }) => sum + bytes * 8, 0);
    assert.ok(bits / 8 > 1.9 * VALUES * VALUE_BYTES, `${bits / 8} bytes`);
    const touched = new Set<string>();
    for (let round = 0; round < BITS; round += 1) {
      const { file, bit } = pick(files, random.below(bits));
      flip(file.path, bit);
      assert.equal(await file.isSound(), false, `${file.path}, bit ${bit}`);
      flip(file.path, bit);
      touched.add(file.path);
    }
    assert.ok([...touched].some((path) => path.endsWith('.ldb')));
    assert.ok([...touched].some((path) => path.endsWith('.journal')));
    for (const { path, isSound } of files) {
      assert.ok(await isSound(), path);
    }
  });
});
