/**
 * Random histories against a sorted map: concurrent transactions that read, write, throw; writes
 * held back so that bodies run over unflushed layers; snapshots; ranges; reopening.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import type { KeyRange, ReadView, Snapshot, Store, Transaction } from '../../src/store/store.ts';
import { ControlledDatabase } from '../support/controlled-database.ts';

type Action =
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'read'; readonly key: string }
  | { readonly kind: 'range'; readonly range: TextRange; readonly keysOnly: boolean }
  | { readonly kind: 'pause' }
  | { readonly kind: 'throw' };

interface TextRange {
  readonly gte?: string;
  readonly lt?: string;
  readonly reverse: boolean;
  readonly limit?: number;
}

type Step =
  | { readonly kind: 'transact'; readonly actions: readonly Action[] }
  | { readonly kind: 'hold' | 'release' | 'settle' | 'snapshot' | 'look' | 'reopen' };

type State = ReadonlyMap<string, string>;

const keyText = fc.string({ unit: fc.constantFrom('a', 'b', '\x00', '\xff'), maxLength: 3 });
const valueText = fc.string({ unit: fc.constantFrom('0', '1', '\xff'), maxLength: 4 });

const textRange: fc.Arbitrary<TextRange> = fc
  .record({
    gte: fc.option(keyText, { nil: undefined }),
    lt: fc.option(keyText, { nil: undefined }),
    reverse: fc.boolean(),
    limit: fc.option(fc.nat({ max: 6 }), { nil: undefined }),
  })
  .map(({ gte, lt, reverse, limit }) => ({
    reverse,
    ...(gte === undefined ? {} : { gte }),
    ...(lt === undefined ? {} : { lt }),
    ...(limit === undefined ? {} : { limit }),
  }));

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('put'), key: keyText, value: valueText }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('delete'), key: keyText }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read'), key: keyText }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('range'),
      range: textRange,
      keysOnly: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'pause' }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'throw' }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('transact'),
      actions: fc.array(action, { maxLength: 8 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('hold', 'release', 'settle', 'snapshot', 'look'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen') }) },
);

const encodeKey = (text: string): Uint8Array => Buffer.from(`\x20${text}`, 'latin1');
const encode = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const decode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** What the model says a range gives. */
function expected(state: State, { gte, lt, reverse, limit }: TextRange): [string, string][] {
  const pairs = [...state]
    .filter(([key]) => (gte === undefined || key >= gte) && (lt === undefined || key < lt))
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return (reverse ? pairs.reverse() : pairs).slice(0, limit);
}

function keyRange({ gte, lt, reverse, limit }: TextRange): KeyRange {
  return {
    reverse,
    ...(gte === undefined ? {} : { gte: encodeKey(gte) }),
    ...(lt === undefined ? {} : { lt: encodeKey(lt) }),
    ...(limit === undefined ? {} : { limit }),
  };
}

async function actual(view: ReadView, range: TextRange): Promise<[string, string][]> {
  const pairs: [string, string][] = [];
  for await (const [key, value] of view.range(keyRange(range))) {
    pairs.push([decode(key.subarray(1)), decode(value)]);
  }
  return pairs;
}

async function checkRange(view: ReadView, state: State, range: TextRange, keysOnly: boolean) {
  const pairs = expected(state, range);
  if (!keysOnly) {
    assert.deepEqual(await actual(view, range), pairs);
    return;
  }
  const names: string[] = [];
  for await (const key of view.keys(keyRange(range))) {
    names.push(decode(key.subarray(1)));
  }
  assert.deepEqual(
    names,
    pairs.map(([key]) => key),
  );
}

class Deliberate extends Error {}

/** One history: the store, and every state that its transactions have gone through. */
class History {
  readonly #folder: string;
  #database = new ControlledDatabase();
  #store: Store | undefined;
  /** The state after each committed body, in their order. */
  readonly #states: State[] = [new Map()];
  /** The newest state that an answer has promised. */
  #acknowledged = 0;
  #pending: Promise<void>[] = [];
  #snapshots: { readonly snapshot: Snapshot; readonly state: State }[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  async open(): Promise<void> {
    this.#database = new ControlledDatabase();
    this.#store = await openLevelStore({
      folder: this.#folder,
      clock: new SystemClock(),
      log: silentLog,
      openDatabase: this.#database.open,
      limits: { maxGroupRows: 6 },
    });
  }

  async apply(step: Step): Promise<void> {
    switch (step.kind) {
      case 'transact':
        this.#begin(step.actions);
        break;
      case 'hold':
        this.#database.hold();
        break;
      case 'release':
        this.#database.release();
        break;
      case 'settle':
        await this.#settle();
        break;
      case 'snapshot':
        await this.#takeSnapshot();
        break;
      case 'look':
        await this.#lookAtSnapshots();
        break;
      case 'reopen':
        await this.close();
        await this.open();
        assert.deepEqual(await this.#look(), expected(this.#newest, { reverse: false }));
        break;
    }
  }

  async close(): Promise<void> {
    await this.#settle();
    await this.#lookAtSnapshots();
    await this.#store?.close();
    this.#snapshots = [];
  }

  get #newest(): State {
    return this.#states.at(-1) ?? new Map();
  }

  get #opened(): Store {
    assert.ok(this.#store !== undefined);
    return this.#store;
  }

  #begin(actions: readonly Action[]): void {
    const answered = this.#transact(actions);
    // Looked at when the history settles; until then a failure is nobody's.
    answered.catch(() => undefined);
    this.#pending.push(answered);
  }

  async #transact(actions: readonly Action[]): Promise<void> {
    let reached = 0;
    try {
      await this.#opened.transact('property', async (transaction) => {
        const state = new Map(this.#newest);
        for (const each of actions) {
          await act(transaction, state, each);
        }
        this.#states.push(state);
        reached = this.#states.length - 1;
      });
      this.#acknowledged = Math.max(this.#acknowledged, reached);
    } catch (error) {
      if (!(error instanceof Deliberate)) {
        throw error;
      }
    }
  }

  async #settle(): Promise<void> {
    this.#database.release();
    await Promise.all(this.#pending);
    this.#pending = [];
    assert.deepEqual(await this.#look(), expected(this.#newest, { reverse: false }));
  }

  async #look(): Promise<[string, string][]> {
    const snapshot = this.#opened.snapshot();
    const pairs = await actual(snapshot, { reverse: false });
    await snapshot.close();
    return pairs;
  }

  /** A snapshot is one of the states, none older than what was acknowledged. */
  async #takeSnapshot(): Promise<void> {
    const atLeast = this.#acknowledged;
    const snapshot = this.#opened.snapshot();
    const pairs = await actual(snapshot, { reverse: false });
    const state = this.#states
      .slice(atLeast)
      .find((candidate) => sameState(candidate, new Map(pairs)));
    assert.ok(state !== undefined, 'a snapshot shows a state that never was, or a lost one');
    this.#snapshots.push({ snapshot, state });
  }

  async #lookAtSnapshots(): Promise<void> {
    for (const { snapshot, state } of this.#snapshots) {
      for (const reverse of [false, true]) {
        await checkRange(snapshot, state, { reverse, gte: 'a' }, false);
        await checkRange(snapshot, state, { reverse, lt: 'b', limit: 2 }, true);
      }
      for (const key of ['', 'a', 'ab', 'b\xff']) {
        const value = await snapshot.read(encodeKey(key));
        assert.equal(value && decode(value), state.get(key));
      }
    }
  }
}

async function act(transaction: Transaction, state: Map<string, string>, each: Action) {
  switch (each.kind) {
    case 'put':
      transaction.put(encodeKey(each.key), encode(each.value));
      state.set(each.key, each.value);
      break;
    case 'delete':
      transaction.delete(encodeKey(each.key));
      state.delete(each.key);
      break;
    case 'read': {
      const value = await transaction.read(encodeKey(each.key));
      assert.equal(value && decode(value), state.get(each.key));
      break;
    }
    case 'range':
      await checkRange(transaction, state, each.range, each.keysOnly);
      break;
    case 'pause':
      await new Promise((resolve) => setImmediate(resolve));
      break;
    case 'throw':
      throw new Deliberate();
  }
}

function sameState(left: State, right: State): boolean {
  return left.size === right.size && [...left].every(([key, value]) => right.get(key) === value);
}

describe('store, against a sorted map', () => {
  it('behaves like one, whatever the history', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const folder = mkdtempSync(join(tmpdir(), 'certdir-test-'));
        const history = new History(folder);
        try {
          await history.open();
          for (const each of steps) {
            await history.apply(each);
          }
          await history.close();
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      }),
      { numRuns: 200, seed: 20_260_105 },
    );
  });
});
