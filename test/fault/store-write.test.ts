/**
 * A write that fails, before or after it has reached the disk: the writer closes, nobody is told
 * that anything is durable, reads go on; after reopening, every acknowledged transaction is there
 * and no transaction is there in part.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { StoreError } from '../../src/store/errors.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import type { Store } from '../../src/store/store.ts';
import { ControlledDatabase } from '../support/controlled-database.ts';
import { ControlledJournal, journalFaults } from '../support/controlled-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const key = (name: string): Uint8Array => Buffer.from(`\x20${name}`);

async function setUp(
  t: TestContext,
  folder: string = temporaryFolder(t),
): Promise<{
  readonly store: Store;
  readonly database: ControlledDatabase;
  readonly journal: ControlledJournal;
}> {
  const database = new ControlledDatabase();
  const journal = new ControlledJournal();
  const store = await openLevelStore({
    folder,
    clock: new SystemClock(),
    log: silentLog,
    openDatabase: database.open,
    openJournalFile: journal.open,
  });
  t.after(async () => {
    database.release();
    await store.close();
  });
  return { store, database, journal };
}

/** Counts, and writes the new count under two keys. */
const act = (store: Store): Promise<number> =>
  store.transact('test: act', async (transaction) => {
    const before = await transaction.read(key('count'));
    const count = Number(before === undefined ? 0 : Buffer.from(before).toString()) + 1;
    transaction.put(key('count'), Buffer.from(String(count)));
    transaction.put(key(`left ${count}`), Buffer.from('x'.repeat(count)));
    transaction.put(key(`right ${count}`), Buffer.from('x'.repeat(count)));
    return count;
  });

const codeOf = (answer: PromiseSettledResult<unknown>): string =>
  answer.status === 'fulfilled'
    ? 'done'
    : answer.reason instanceof StoreError
      ? answer.reason.code
      : String(answer.reason);

/** Checks that the acts 1 to n are there, whole, and no others; gives n. */
async function countWholeActs(store: Store): Promise<number> {
  const snapshot = store.snapshot();
  const rows = new Map<string, string>();
  for await (const [name, value] of snapshot.range({})) {
    rows.set(Buffer.from(name.subarray(1)).toString(), Buffer.from(value).toString());
  }
  await snapshot.close();
  const count = Number(rows.get('count') ?? 0);
  for (let at = 1; at <= count; at += 1) {
    assert.equal(rows.get(`left ${at}`), 'x'.repeat(at));
    assert.equal(rows.get(`right ${at}`), 'x'.repeat(at));
  }
  assert.equal(rows.size, count === 0 ? 0 : 1 + 2 * count);
  return count;
}

interface Controls {
  readonly database: ControlledDatabase;
  readonly journal: ControlledJournal;
}

interface Fault {
  readonly what: string;
  /** Whether the group is there when the store is opened again. */
  readonly isKept: boolean;
  readonly failAfter: (controls: Controls, count: number) => void;
  /** Holds back the writes that the fault is about. */
  readonly held: (controls: Controls) => ControlledDatabase | ControlledJournal;
}

const faults: readonly Fault[] = [
  // What the index has not taken, the journal has.
  ...(['not persisted', 'persisted but reported as failed'] as const).map((fault) => ({
    what: `in the index, ${fault}`,
    isKept: true,
    failAfter: ({ database }: Controls, count: number) => database.failAfter(count, fault),
    held: ({ database }: Controls) => database,
  })),
  ...journalFaults.map((fault) => ({
    what: `in the journal, ${fault}`,
    isKept: fault !== 'not persisted' && fault !== 'torn',
    failAfter: ({ journal }: Controls, count: number) => journal.failAfter(count, fault),
    held: ({ journal }: Controls) => journal,
  })),
];

describe('the first failed write', () => {
  for (const { what, isKept, failAfter, held } of faults) {
    for (const before of [0, 1, 7]) {
      it(`${what}, after ${before} good ones, closes the writer and loses nothing`, async (t) => {
        const folder = temporaryFolder(t);
        const { store, database, journal } = await setUp(t, folder);
        failAfter({ database, journal }, before);
        const answers: PromiseSettledResult<number>[] = [];
        for (let at = 0; at < before + 3; at += 1) {
          answers.push(...(await Promise.allSettled([act(store)])));
        }
        assert.deepEqual(answers.map(codeOf), [
          ...Array.from({ length: before }, () => 'done'),
          'STORE_WRITE_FAILED',
          'STORE_WRITER_CLOSED',
          'STORE_WRITER_CLOSED',
        ]);
        assert.equal(store.isWritable, false);
        const shown = await countWholeActs(store);
        assert.ok(shown >= before, 'reads go on');
        await store.close();

        const reopened = await setUp(t, folder);
        const expected = isKept ? before + 1 : before;
        assert.equal(await countWholeActs(reopened.store), expected);
        assert.equal(await act(reopened.store), expected + 1);
        assert.equal(await countWholeActs(reopened.store), expected + 1);
      });
    }

    it(`${what}, takes along what was built on it`, async (t) => {
      const folder = temporaryFolder(t);
      const { store, database, journal } = await setUp(t, folder);
      assert.equal(await act(store), 1);
      const controls = { database, journal };
      const writes = held(controls);
      writes.hold();
      failAfter(controls, 0);
      const writing = act(store);
      await writes.begun(writes === database ? 3 : 2);
      const waiting = [act(store), act(store)];
      const reading = store.transact('test: read', async (transaction) =>
        transaction.read(key('count')),
      );
      const refusing = store.transact('test: refuse', async (transaction) => {
        assert.equal(await transaction.read(key('left 2')), undefined);
      });
      let failed = (): void => undefined;
      const writerClosed = new Promise<void>((resolve) => {
        failed = resolve;
      });
      store.onWriterClosed(failed);
      const running = store.transact('test: run', async (transaction) => {
        writes.release();
        await writerClosed;
        assert.equal(store.isWritable, false);
        // Its view does not change under a body that still runs.
        const count = await transaction.read(key('count'));
        assert.equal(Buffer.from(count ?? []).toString(), '4');
        transaction.put(key('never'), Buffer.from('x'));
      });
      const queued = act(store);
      const all = [writing, ...waiting, reading, refusing, running, queued];
      const answers = await Promise.allSettled(all);
      assert.deepEqual(answers.map(codeOf), [
        ...Array.from({ length: 6 }, () => 'STORE_WRITE_FAILED'),
        'STORE_WRITER_CLOSED',
      ]);
      await store.close();
      // Those of opening and of the first act, and the failed group where it got so far.
      assert.equal(database.writes.length, writes === database ? 3 : 2);

      const reopened = await setUp(t, folder);
      assert.equal(await countWholeActs(reopened.store), isKept ? 2 : 1);
    });
  }

  it('is told once to every listener, also to one that comes late', async (t) => {
    const { store, database } = await setUp(t);
    const told: string[] = [];
    store.onWriterClosed(() => told.push('first'));
    store.onWriterClosed(() => {
      throw new Error('a listener’s own fault');
    });
    store.onWriterClosed((error) => told.push(error instanceof StoreError ? error.code : 'other'));
    database.failAfter(0, 'not persisted');
    await Promise.allSettled([act(store), act(store)]);
    await Promise.allSettled([act(store)]);
    assert.deepEqual(told, ['first', 'STORE_WRITER_CLOSED']);
    store.onWriterClosed(() => told.push('late'));
    assert.deepEqual(told, ['first', 'STORE_WRITER_CLOSED', 'late']);
  });

  it('names its cause', async (t) => {
    const { store, database } = await setUp(t);
    database.failAfter(0, 'not persisted');
    for (const code of ['STORE_WRITE_FAILED', 'STORE_WRITER_CLOSED']) {
      await assert.rejects(act(store), (error) => {
        assert.ok(error instanceof StoreError && error.cause instanceof Error);
        assert.equal(error.code, code);
        assert.match(error.message, /No space left on device/);
        return true;
      });
    }
  });

  it('lets a snapshot taken before go on', async (t) => {
    const { store, database } = await setUp(t);
    await act(store);
    const snapshot = store.snapshot();
    database.failAfter(0, 'persisted but reported as failed');
    await Promise.allSettled([act(store)]);
    assert.equal(Buffer.from((await snapshot.read(key('count'))) ?? []).toString(), '1');
    await snapshot.close();
  });

  it('while the store is made leaves a folder that can be opened again', async (t) => {
    const folder = temporaryFolder(t);
    const database = new ControlledDatabase();
    for (const fault of ['not persisted', 'persisted but reported as failed'] as const) {
      database.failAfter(0, fault);
      const opening = openLevelStore({
        folder,
        clock: new SystemClock(),
        log: silentLog,
        openDatabase: database.open,
      });
      await assert.rejects(opening, { code: 'STORE_OPEN_FAILED' });
    }
    const { store } = await setUp(t, folder);
    assert.equal(await act(store), 1);
  });
});
