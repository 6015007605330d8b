/**
 * A bulk load that is interrupted at any step, and files of one that are damaged: after reopening all of it
 * is there, or nothing.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { type LevelStoreOptions, openLevelStore } from '../../src/store/level/level-store.ts';
import type { Store } from '../../src/store/store.ts';
import { contentOf, putRows } from '../contract/bulk-load-contract.ts';
import { ControlledDatabase } from '../support/controlled-database.ts';
import { ControlledJournal, journalFaults } from '../support/controlled-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROWS = 2000;
const old = Buffer.from('\x20old');
const last = Buffer.from('\x20last');

const open = (folder: string, controls: Partial<LevelStoreOptions> = {}): Promise<Store> =>
  openLevelStore({
    ...{ folder, clock: new SystemClock(), log: silentLog, ...controls },
    limits: { loadRunBytes: 16 * 1024 },
  });

async function load(store: Store): Promise<void> {
  const begun = await store.beginLoad();
  await putRows(begun, ROWS);
  await begun.commit('test', async (transaction) => transaction.put(last, old));
}

/** A store with one row, and its writer under control. */
async function setUp(folder: string): Promise<{
  store: Store;
  database: ControlledDatabase;
  journal: ControlledJournal;
}> {
  const database = new ControlledDatabase();
  const journal = new ControlledJournal();
  const store = await open(folder, { openDatabase: database.open, openJournalFile: journal.open });
  await store.transact('test', async (transaction) => transaction.put(old, old));
  return { store, database, journal };
}

describe('a bulk load that fails at a write', () => {
  /** Writes to the index that a load makes: the body's rows, pages, the checkpoint. */
  async function countWrites(folder: string): Promise<number> {
    const { store, database } = await setUp(folder);
    const before = database.writes.length;
    await load(store);
    await store.close();
    return database.writes.length - before;
  }

  for (const fault of ['not persisted', 'persisted but reported as failed'] as const) {
    it(`of the index (${fault}) is whole when the store is opened again`, async (t) => {
      const count = await countWrites(temporaryFolder(t));
      assert.ok(count > 5, `${count} writes`);
      for (let step = 0; step < count; step += 1) {
        await interrupt(temporaryFolder(t), {
          control: ({ database }) => database.failAfter(step, fault),
          isKept: true,
        });
      }
    });
  }

  for (const fault of journalFaults) {
    it(`of the journal (${fault}) is whole or absent`, async (t) => {
      await interrupt(temporaryFolder(t), {
        control: ({ journal }) => journal.failAfter(0, fault),
        isKept: fault !== 'not persisted' && fault !== 'torn',
      });
    });
  }

  interface Interruption {
    readonly control: (controls: {
      readonly database: ControlledDatabase;
      readonly journal: ControlledJournal;
    }) => void;
    readonly isKept: boolean;
  }

  async function interrupt(folder: string, { control, isKept }: Interruption): Promise<void> {
    const { store, ...controls } = await setUp(folder);
    control(controls);
    await assert.rejects(load(store), { code: 'STORE_WRITE_FAILED' });
    assert.equal(store.isWritable, false);
    // Readers are left with the state before.
    assert.deepEqual([...(await contentOf(store)).keys()], [' old']);
    await store.close();
    const again = await open(folder);
    const content = await contentOf(again);
    assert.equal(content.size, isKept ? ROWS + 2 : 1);
    assert.equal(content.has(' last'), isKept);
    assert.equal(existsSync(join(folder, 'load')), false);
    await load(again);
    assert.equal((await contentOf(again)).size, ROWS + 2);
    await again.close();
  }
});

describe('files of a bulk load', () => {
  it('are removed at the next opening when there was no commit', async (t) => {
    const folder = temporaryFolder(t);
    await (await setUp(folder)).store.close();
    mkdirSync(join(folder, 'load'));
    writeFileSync(join(folder, 'load', '0'), 'half a run');
    const store = await open(folder);
    assert.equal(existsSync(join(folder, 'load')), false);
    assert.deepEqual([...(await contentOf(store)).keys()], [' old']);
    await store.close();
  });

  for (const [what, damage] of [
    ['longer', (file: string) => appendFileSync(file, 'x')],
    ['changed', (file: string) => writeFileSync(file, Buffer.alloc(100))],
  ] as const) {
    it(`that are ${what} at the commit end the load, and not the writer`, async (t) => {
      const folder = temporaryFolder(t);
      const { store } = await setUp(folder);
      t.after(() => store.close());
      const begun = await store.beginLoad();
      await putRows(begun, ROWS);
      const first = join(folder, 'load', '0');
      // Written by a thread, which is done when the next runs are there.
      while (!existsSync(join(folder, 'load', '2'))) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      damage(first);
      const commit = begun.commit('test', async () => undefined);
      await assert.rejects(commit, { code: 'STORE_LOAD_FAILED' });
      assert.deepEqual([...(await contentOf(store)).keys()], [' old']);
      await load(store);
    });
  }

  it('that cannot be written end the load, and not the writer', async (t) => {
    const folder = temporaryFolder(t);
    const { store } = await setUp(folder);
    t.after(() => store.close());
    const begun = await store.beginLoad();
    // The first run's name is taken.
    writeFileSync(join(folder, 'load', '0'), '');
    const put = putRows(begun, ROWS).then(() => begun.commit('test', async () => undefined));
    await assert.rejects(put, { code: 'STORE_LOAD_FAILED' });
    await begun.discard();
    assert.deepEqual([...(await contentOf(store)).keys()], [' old']);
    await load(store);
  });
});
