import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { DurableStates } from '../../src/store/level/durable-states.ts';
import type { DatabaseSnapshot, LevelDatabase } from '../../src/store/level/level-database.ts';

/** A database that counts its snapshots, and writes when it is told to. */
class CountingDatabase {
  made = 0;
  closed = 0;
  #finish: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  readonly database: LevelDatabase = {
    snapshot: (): DatabaseSnapshot => {
      this.made += 1;
      return {
        close: async () => {
          this.closed += 1;
        },
      };
    },
    write: () =>
      new Promise<void>((resolve, reject) => {
        this.#finish = { resolve, reject };
      }),
    flush: () => assert.fail('not flushed'),
    tables: () => [],
    read: () => undefined,
    rows: () => assert.fail('not read'),
    keys: () => assert.fail('not read'),
    close: async () => undefined,
  };

  finish(): void {
    this.#finish?.resolve();
  }

  fail(): void {
    this.#finish?.reject(new Error('no space'));
  }
}

describe('durable states', () => {
  let counting: CountingDatabase;
  let states: DurableStates;

  beforeEach(() => {
    counting = new CountingDatabase();
    states = new DurableStates(counting.database);
  });

  it('takes no snapshot of the database while nothing is written', async () => {
    const state = states.hold();
    assert.equal(state.snapshot, undefined);
    assert.equal(states.hold(), state, 'one for all');
    await state.release();
    await state.release();
    assert.equal(counting.made, 0);
  });

  it('pins the state that is held when a write begins, once, and until the last lets go', async () => {
    const state = states.hold();
    states.hold();
    const writing = states.change(() => counting.database.write([]));
    assert.notEqual(state.snapshot, undefined);
    counting.finish();
    await writing;
    assert.equal(counting.made, 1);
    await state.release();
    assert.equal(counting.closed, 0);
    await state.release();
    assert.equal(counting.closed, 1);
    assert.notEqual(states.hold(), state, 'the next one is another state');
  });

  it('pins nothing that was let go', async () => {
    await states.hold().release();
    const writing = states.change(() => counting.database.write([]));
    counting.finish();
    await writing;
    assert.equal(counting.made, 0);
  });

  it('pins each state at once while a write is under way', async () => {
    const writing = states.change(() => counting.database.write([]));
    const state = states.hold();
    assert.notEqual(state.snapshot, undefined);
    assert.notEqual(states.hold(), state, 'the write may have shown in between');
    counting.finish();
    await writing;
    assert.equal(states.hold().snapshot, undefined);
  });

  it('pins each state at once after a write that failed', async () => {
    const writing = states.change(() => counting.database.write([]));
    counting.fail();
    await assert.rejects(writing);
    assert.notEqual(states.hold().snapshot, undefined);
  });
});
