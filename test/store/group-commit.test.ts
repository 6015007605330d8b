import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { Level } from 'level';

import { SystemClock } from '../../src/core/clock.ts';
import { type Log, type LogFields, silentLog } from '../../src/core/log.ts';
import { type LevelStoreOptions, openLevelStore } from '../../src/store/level/level-store.ts';
import type { Store, Transaction } from '../../src/store/store.ts';
import { ControlledDatabase } from '../support/controlled-database.ts';
import { ControlledJournal } from '../support/controlled-journal.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const key = (name: string): Uint8Array => Buffer.from(`\x20${name}`);
const value = (text: string): Uint8Array => Buffer.from(text);

async function setUp(
  t: TestContext,
  options: Partial<LevelStoreOptions> = {},
): Promise<{ readonly store: Store; readonly database: ControlledDatabase }> {
  const database = new ControlledDatabase();
  const store = await openLevelStore({
    folder: temporaryFolder(t),
    clock: new SystemClock(),
    log: silentLog,
    openDatabase: database.open,
    ...options,
  });
  t.after(async () => {
    database.release();
    await store.close();
  });
  database.writes.length = 0;
  return { store, database };
}

const put = (store: Store, ...names: readonly string[]): Promise<void> =>
  store.transact('test: put', async (transaction) => {
    for (const name of names) {
      transaction.put(key(name), value(name));
    }
  });

/** Whether a promise has settled once everything that is ready has run. */
async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const note = (): void => {
    isSettled = true;
  };
  promise.then(note, note);
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return isSettled;
}

const durableNames = async (store: Store): Promise<string> => {
  const snapshot = store.snapshot();
  const names: string[] = [];
  for await (const name of snapshot.keys({})) {
    names.push(Buffer.from(name.subarray(1)).toString());
  }
  await snapshot.close();
  return names.join(' ');
};

const writtenNames = (database: ControlledDatabase): string[] =>
  database.writes.map((rows) =>
    rows.map(([name]) => Buffer.from(name.subarray(1)).toString()).join(' '),
  );

interface ChainedBatch {
  write(options: object): Promise<void>;
}

describe('group commit', () => {
  it('makes a group durable in the journal before the index has it', async (t) => {
    const journal = new ControlledJournal();
    const { store } = await setUp(t, { openJournalFile: journal.open });
    const batch = Level.prototype.batch as (this: unknown, ...given: unknown[]) => Promise<void>;
    t.mock.method(Level.prototype, 'batch', function (this: unknown, ...given: unknown[]) {
      journal.steps.push(`index ${JSON.stringify(given[1])}`);
      return batch.apply(this, given);
    });
    await put(store, 'a');
    await put(store, 'b');
    const group = ['append', 'sync', 'index {"sync":false}'];
    assert.deepEqual(journal.steps, [...group, ...group]);
  });

  for (const { what, rows, bytes } of [
    { what: 'many rows', rows: 5000, bytes: 1 },
    { what: 'many bytes', rows: 40, bytes: 100_000 },
  ]) {
    it(`writes ${what} in one batch, a part at each turn`, async (t) => {
      const { store } = await setUp(t);
      const options: unknown[] = [];
      let turns = 0;
      let turnsAtWrite: number | undefined;
      const makeBatch = Level.prototype.batch as () => ChainedBatch;
      t.mock.method(Level.prototype, 'batch', function (this: unknown): ChainedBatch {
        const batch = makeBatch.call(this);
        const write = batch.write.bind(batch);
        t.mock.method(batch, 'write', (given: object) => {
          options.push(given);
          turnsAtWrite = turns;
          return write(given);
        });
        return batch;
      });
      const turn = (): void => {
        turns += 1;
        if (turnsAtWrite === undefined) {
          setImmediate(turn);
        }
      };
      const filled = new Uint8Array(bytes).fill(7);
      const pending = store.transact('test: many', async (transaction) => {
        for (let row = 0; row < rows; row += 1) {
          transaction.put(key(String(row)), filled);
        }
        setImmediate(turn);
      });
      await pending;
      assert.deepEqual(options, [{ sync: false }]);
      assert.ok(turnsAtWrite !== undefined && turnsAtWrite >= 2, `${turnsAtWrite} turns`);
      assert.equal((await durableNames(store)).split(' ').length, rows);
    });
  }

  it('answers, and shows in snapshots, only what is durable', async (t) => {
    const { store, database } = await setUp(t);
    database.hold();
    const pending = put(store, 'a');
    await database.begun(1);
    assert.equal(await hasSettled(pending), false);
    assert.equal(await durableNames(store), '');
    database.release();
    await pending;
    assert.equal(await durableNames(store), 'a');
  });

  it('gathers what arrives during a write into one next write', async (t) => {
    const { store, database } = await setUp(t);
    database.hold();
    const first = put(store, 'a');
    assert.equal(await hasSettled(first), false);
    const later = ['b', 'c', 'd'].map((name) => put(store, name));
    assert.equal(await hasSettled(Promise.race(later)), false);
    database.release();
    await Promise.all([first, ...later]);
    assert.deepEqual(writtenNames(database), ['a', 'b c d']);
  });

  it('gathers callers that arrive together', async (t) => {
    const { store, database } = await setUp(t);
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => put(store, name)));
    assert.deepEqual(writtenNames(database), ['a b c d']);
  });

  it('writes a key once that several transactions of a group have changed', async (t) => {
    const { store, database } = await setUp(t);
    database.hold();
    const all = [put(store, 'z'), put(store, 'a'), put(store, 'a', 'b')];
    database.release();
    await Promise.all(all);
    assert.deepEqual(writtenNames(database), ['a b z']);
  });

  it('shows a body what is being written and what waits to be', async (t) => {
    const { store, database } = await setUp(t);
    await put(store, 'a', 'b', 'c');
    const remove = (name: string) =>
      store.transact('test: delete', async (transaction) => transaction.delete(key(name)));
    database.hold();
    const writing = [remove('a'), put(store, 'd')];
    assert.equal(await hasSettled(Promise.all(writing)), false);
    const waiting = [remove('b'), remove('d'), put(store, 'a', 'e')];
    let endBody = (_: unknown): void => undefined;
    const bodyEnded = new Promise<unknown>((resolve) => {
      endBody = resolve;
    });
    const look = async (transaction: Transaction): Promise<readonly string[]> => {
      transaction.put(key('f'), value('f'));
      const seen: string[] = [];
      for await (const [name, bytes] of transaction.range({})) {
        seen.push(`${Buffer.from(name.subarray(1))}=${Buffer.from(bytes)}`);
      }
      for (const name of ['a', 'b', 'd', 'e']) {
        seen.push(`${name}: ${(await transaction.read(key(name))) !== undefined}`);
      }
      return seen;
    };
    const looking = store.transact('test: look', (transaction) => {
      const seen = look(transaction);
      seen.then(endBody, endBody);
      return seen;
    });
    const expected = ['a=a', 'c=c', 'e=e', 'f=f', 'a: true', 'b: false', 'd: false', 'e: true'];
    assert.deepEqual(await bodyEnded, expected);
    assert.equal(await hasSettled(looking), false);
    database.release();
    await Promise.all([...writing, ...waiting, looking]);
    assert.equal(await durableNames(store), 'a c e f');
  });

  it('goes on with a body whose view loses a layer to a flush', async (t) => {
    const { store, database } = await setUp(t);
    database.hold();
    const first = put(store, 'a');
    let resume = (): void => undefined;
    const paused = new Promise<void>((resolve) => {
      resume = resolve;
    });
    const second = store.transact('test: pause', async (transaction) => {
      await paused;
      return await transaction.read(key('a'));
    });
    assert.equal(await hasSettled(second), false);
    database.release();
    await first;
    resume();
    assert.notEqual(await second, undefined);
  });

  const answers: readonly {
    readonly what: string;
    readonly body: (transaction: Transaction) => Promise<unknown>;
  }[] = [
    { what: 'a result', body: async (transaction) => transaction.read(key('a')) },
    {
      what: 'a refusal',
      body: async (transaction) => {
        assert.equal(await transaction.read(key('a')), undefined, 'there is one already');
      },
    },
  ];
  for (const { what, body } of answers) {
    for (const isWriting of [false, true]) {
      const stage = isWriting ? 'is being' : 'waits to be';
      it(`keeps back ${what} that rests on what ${stage} written`, async (t) => {
        const { store, database } = await setUp(t);
        database.hold();
        const first = put(store, 'a');
        if (isWriting) {
          await database.begun(1);
        }
        const second = store.transact('test: look', body);
        assert.equal(await hasSettled(second), false);
        database.release();
        await first;
        await second.catch((error) => assert.ok(error instanceof assert.AssertionError));
        assert.deepEqual(writtenNames(database), ['a']);
      });
    }
  }

  it('writes nothing for a body that only reads', async (t) => {
    const { store, database } = await setUp(t);
    await store.transact('test: look', async (transaction) => transaction.read(key('a')));
    assert.deepEqual(database.writes, []);
  });

  const bounds = [
    { why: 'rows', limits: { maxGroupRows: 2 }, expected: ['w', 'a b', 'c d', 'e'] },
    { why: 'bytes', limits: { maxGroupBytes: 13 }, expected: ['w', 'a b', 'c d', 'e'] },
    { why: 'neither', limits: { maxGroupRows: 5 }, expected: ['w', 'a b c d e'] },
  ];
  for (const { why, limits, expected } of bounds) {
    it(`bounds a group by ${why}`, async (t) => {
      const { store, database } = await setUp(t, { limits });
      database.hold();
      const first = put(store, 'w');
      assert.equal(await hasSettled(first), false);
      const rest = ['a', 'b', 'c', 'd', 'e'].map((name) => put(store, name));
      assert.equal(await hasSettled(Promise.race(rest)), false);
      database.release();
      await Promise.all([first, ...rest]);
      assert.deepEqual(writtenNames(database), expected);
    });
  }

  it('lets the event loop turn while bodies run that never wait', async (t) => {
    const { store } = await setUp(t);
    let turns = 0;
    let isDone = false;
    const turn = (): void => {
      turns += 1;
      if (!isDone) {
        setImmediate(turn);
      }
    };
    setImmediate(turn);
    let turnsAtLastBody = 0;
    const bodies = Array.from({ length: 1000 }, () =>
      store.transact('test: read', async (transaction) => {
        await transaction.read(key('a'));
        turnsAtLastBody = turns;
      }),
    );
    await Promise.all(bodies);
    isDone = true;
    assert.ok(turnsAtLastBody >= 10, `${turnsAtLastBody} turns`);
  });

  it('reports a body that holds up all others', async (t) => {
    const clock = new SimulatedClock();
    const warnings: LogFields[] = [];
    const log: Log = { ...silentLog, warn: (_, fields) => void warnings.push(fields ?? {}) };
    const { store } = await setUp(t, { clock, log, limits: { slowBodyMs: 1000 } });
    let finish = (): void => undefined;
    const slow = store.transact('test: slow', () => {
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    const waiting = put(store, 'a');
    await clock.advance(999);
    assert.deepEqual(warnings, []);
    await clock.advance(1);
    assert.deepEqual(warnings, [{ reason: 'test: slow', runningMs: 1000, waiting: 1 }]);
    finish();
    await Promise.all([slow, waiting]);
    await clock.advance(10_000);
    assert.equal(warnings.length, 1);
    assert.equal(clock.pendingTimers, 0);
  });
});
