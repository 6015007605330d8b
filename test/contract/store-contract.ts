/**
 * What every driver of the store must do. A driver's test file calls {@link storeContract}.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';

import { StoreError, type StoreErrorCode } from '../../src/store/errors.ts';
import { FIRST_KEYSPACE } from '../../src/store/keyspace.ts';
import type { KeyRange, ReadView, Snapshot, Store, Transaction } from '../../src/store/store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Bounds that the suite tests both sides of. */
export const contractLimits: {
  readonly maxKeyBytes: number;
  readonly maxValueBytes: number;
  readonly maxTransactionBytes: number;
} = {
  maxKeyBytes: 40,
  maxValueBytes: 600,
  maxTransactionBytes: 1_048_576,
};

export interface StoreDriver {
  readonly name: string;
  /** Opens what is stored in `folder`, or a new store, with {@link contractLimits}. */
  open(folder: string): Promise<Store>;
}

const key = (text: string): Uint8Array => bytes(`\x20${text}`);
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString('latin1');

function code(expected: StoreErrorCode): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreError, `not a StoreError: ${error}`);
    assert.equal(error.code, expected);
    return true;
  };
}

async function collect(view: ReadView, range: KeyRange): Promise<string> {
  const pairs: string[] = [];
  for await (const [name, value] of view.range(range)) {
    pairs.push(`${text(name)?.slice(1)}=${text(value)}`);
  }
  return pairs.join(' ');
}

async function collectKeys(view: ReadView, range: KeyRange): Promise<string> {
  const names: string[] = [];
  for await (const name of view.keys(range)) {
    names.push(text(name)?.slice(1) ?? '');
  }
  return names.join(' ');
}

async function write(store: Store, pairs: Readonly<Record<string, string | null>>): Promise<void> {
  await store.transact('test: write', async (transaction) => {
    for (const [name, value] of Object.entries(pairs)) {
      if (value === null) {
        transaction.delete(key(name));
      } else {
        transaction.put(key(name), bytes(value));
      }
    }
  });
}

async function durable<T>(store: Store, use: (view: ReadView) => Promise<T>): Promise<T> {
  const snapshot = store.snapshot();
  try {
    return await use(snapshot);
  } finally {
    await snapshot.close();
  }
}

/** The suite. */
export function storeContract(driver: StoreDriver): void {
  const opened = async (t: TestContext): Promise<{ store: Store; folder: string }> => {
    const folder = temporaryFolder(t);
    const store = await driver.open(folder);
    t.after(() => store.close());
    return { store, folder };
  };

  describe(`${driver.name}: the store contract`, () => {
    describe('transactions', () => transactionRows(opened));
    describe('what is refused', () => refusalRows(opened));
    describe('ranges', () => rangeRows(opened));
    describe('snapshots', () => snapshotRows(opened));
    describe('large values', () => largeRows(opened, driver));
    describe('closing', () => closingRows(opened, driver));
  });
}

type Opened = (t: TestContext) => Promise<{ readonly store: Store; readonly folder: string }>;

function transactionRows(opened: Opened): void {
  it('gives the body’s result', async (t) => {
    const { store } = await opened(t);
    assert.equal(await store.transact('test', async () => 42), 42);
  });

  it('reads undefined for an absent key, and exactly what was put', async (t) => {
    const { store } = await opened(t);
    const values = ['', '\x00', '\xff\xff\xff\xff', 'x'.repeat(contractLimits.maxValueBytes)];
    for (const value of values) {
      await write(store, { a: value });
      await durable(store, async (view) => {
        assert.equal(text(await view.read(key('a'))), value);
        assert.equal(await view.read(key('b')), undefined);
      });
    }
  });

  it('shows a body its own writes', async (t) => {
    const { store } = await opened(t);
    await write(store, { a: '1', b: '2' });
    await store.transact('test', async (transaction) => {
      transaction.put(key('a'), bytes('3'));
      transaction.delete(key('b'));
      transaction.put(key('c'), bytes('4'));
      transaction.put(key('c'), bytes('5'));
      assert.equal(text(await transaction.read(key('a'))), '3');
      assert.equal(await transaction.read(key('b')), undefined);
      assert.equal(text(await transaction.read(key('c'))), '5');
    });
    assert.equal(await durable(store, (view) => collect(view, {})), 'a=3 c=5');
  });

  it('lets a key be deleted and put again, and an absent one be deleted', async (t) => {
    const { store } = await opened(t);
    await store.transact('test', async (transaction) => {
      transaction.delete(key('a'));
      transaction.put(key('b'), bytes('1'));
      transaction.delete(key('b'));
      transaction.put(key('c'), bytes('1'));
      transaction.delete(key('c'));
      transaction.put(key('c'), bytes('2'));
    });
    assert.equal(await durable(store, (view) => collect(view, {})), 'c=2');
  });

  it('runs bodies one after another, each on what the one before left', async (t) => {
    const { store } = await opened(t);
    const trace: string[] = [];
    const increment = (name: number) =>
      store.transact('test', async (transaction) => {
        trace.push(`in ${name}`);
        const count = Number(text(await transaction.read(key('count'))) ?? '0');
        await new Promise((resolve) => setImmediate(resolve));
        transaction.put(key('count'), bytes(String(count + 1)));
        trace.push(`out ${name}`);
        return count + 1;
      });
    const numbers = Array.from({ length: 50 }, (_, at) => at);
    const counts = await Promise.all(numbers.map(increment));
    assert.deepEqual(
      counts,
      numbers.map((at) => at + 1),
    );
    assert.deepEqual(
      trace,
      numbers.flatMap((at) => [`in ${at}`, `out ${at}`]),
    );
    assert.equal(await durable(store, (view) => collect(view, {})), 'count=50');
  });

  it('leaves no trace of a body that throws, and passes its error on', async (t) => {
    const { store } = await opened(t);
    await write(store, { a: '1' });
    const error = new Error('no');
    const failing = store.transact('test', async (transaction) => {
      transaction.put(key('a'), bytes('2'));
      transaction.put(key('b'), bytes('2'));
      await transaction.putLarge(bytes('large'));
      throw error;
    });
    const next = store.transact('test', (transaction) => collect(transaction, {}));
    await assert.rejects(failing, (thrown) => thrown === error);
    assert.equal(await next, 'a=1');
    const sha256 = createHash('sha256').update('large').digest();
    assert.equal(await durable(store, (view) => view.readLarge(sha256)), undefined);
  });

  it('passes on what a body throws before its first await', async (t) => {
    const { store } = await opened(t);
    const error = new Error('no');
    const failing = store.transact('test', () => {
      throw error;
    });
    await assert.rejects(failing, (thrown) => thrown === error);
  });

  it('copies keys and values', async (t) => {
    const { store } = await opened(t);
    const name = key('a');
    const value = bytes('1');
    await store.transact('test', async (transaction) => {
      transaction.put(name, value);
      name[1] = 0x62;
      value[0] = 0x32;
      assert.equal(await collect(transaction, {}), 'a=1');
    });
    assert.equal(await durable(store, (view) => collect(view, {})), 'a=1');
  });

  it('gives plain byte arrays, from a transaction’s own writes and from the disk', async (t) => {
    const { store } = await opened(t);
    const kinds = async (view: ReadView): Promise<void> => {
      const values = [await view.read(key('a'))];
      for await (const pair of view.range({})) {
        values.push(...pair);
      }
      for await (const name of view.keys({})) {
        values.push(name);
      }
      assert.equal(values.length, 4);
      assert.ok(values.every((value) => value?.constructor === Uint8Array));
    };
    await store.transact('test', async (transaction) => {
      transaction.put(Buffer.from(key('a')), Buffer.from('1'));
      await kinds(transaction);
    });
    await durable(store, kinds);
  });
}

function refusalRows(opened: Opened): void {
  const { maxKeyBytes, maxValueBytes, maxTransactionBytes } = contractLimits;
  const keys = [
    { why: 'an empty key', key: bytes('') },
    { why: 'a key one byte too long', key: bytes('\x20'.repeat(maxKeyBytes + 1)) },
    { why: 'keyspace 0x00', key: bytes('\x00a') },
    { why: 'the last keyspace of the store itself', key: Uint8Array.of(FIRST_KEYSPACE - 1, 1) },
  ];
  for (const { why, key: refused } of keys) {
    it(`refuses ${why}`, async (t) => {
      const { store } = await opened(t);
      const refuses = code('STORE_KEY_INVALID');
      const inBody = (body: (transaction: Transaction) => Promise<unknown> | unknown) =>
        assert.rejects(
          store.transact('test', async (transaction) => body(transaction)),
          refuses,
        );
      await inBody((transaction) => transaction.put(refused, bytes('')));
      await inBody((transaction) => transaction.delete(refused));
      await inBody((transaction) => transaction.read(refused));
      await durable(store, (view) => assert.rejects(async () => view.read(refused), refuses));
    });
  }

  it('takes the shortest, the longest and the lowest key', async (t) => {
    const { store } = await opened(t);
    const taken = [
      Uint8Array.of(FIRST_KEYSPACE),
      bytes('\x20'.repeat(maxKeyBytes)),
      bytes('\xff'.repeat(maxKeyBytes)),
    ];
    await store.transact('test', async (transaction) => {
      for (const name of taken) {
        transaction.put(name, bytes('1'));
      }
    });
    await durable(store, async (view) => {
      for (const name of taken) {
        assert.equal(text(await view.read(name)), '1');
      }
      const names: Uint8Array[] = [];
      for await (const name of view.keys({})) {
        names.push(name);
      }
      assert.deepEqual(names, taken);
    });
  });

  it('refuses a value one byte too large', async (t) => {
    const { store } = await opened(t);
    const failing = write(store, { a: 'x'.repeat(maxValueBytes + 1) });
    await assert.rejects(failing, code('STORE_VALUE_TOO_LARGE'));
  });

  it('refuses a transaction that is too large, not one just below', async (t) => {
    const { store } = await opened(t);
    const fill = (bytesToWrite: number) =>
      store.transact('test', async (transaction) => {
        await transaction.putLarge(new Uint8Array(bytesToWrite));
      });
    await assert.rejects(fill(maxTransactionBytes), code('STORE_TRANSACTION_TOO_LARGE'));
    await fill(maxTransactionBytes - 1024);
  });

  it('commits nothing after a refused write, even if the body goes on', async (t) => {
    const { store } = await opened(t);
    const failing = store.transact('test', async (transaction) => {
      transaction.put(key('a'), bytes('1'));
      assert.throws(() => transaction.put(bytes(''), bytes('')), code('STORE_KEY_INVALID'));
      transaction.put(key('b'), bytes('1'));
    });
    await assert.rejects(failing, code('STORE_KEY_INVALID'));
    assert.equal(await durable(store, (view) => collect(view, {})), '');
  });

  it('refuses everything through a transaction whose body has ended', async (t) => {
    const { store } = await opened(t);
    await write(store, { a: '1', b: '2' });
    const over = code('STORE_TRANSACTION_OVER');
    for (const outcome of ['ends', 'throws']) {
      let late: Transaction | undefined;
      let begun: AsyncIterator<unknown> | undefined;
      const body = async (transaction: Transaction): Promise<void> => {
        late = transaction;
        begun = transaction.range({})[Symbol.asyncIterator]();
        await begun.next();
        if (outcome === 'throws') {
          throw new Error('no');
        }
      };
      await store.transact('test', body).catch(() => undefined);
      assert.ok(late !== undefined && begun !== undefined);
      const transaction = late;
      assert.throws(() => transaction.put(key('a'), bytes('3')), over);
      assert.throws(() => transaction.delete(key('a')), over);
      await assert.rejects(async () => transaction.read(key('a')), over);
      await assert.rejects(collect(transaction, {}), over);
      await assert.rejects(collectKeys(transaction, {}), over);
      await assert.rejects(transaction.putLarge(bytes('1')), over);
      await assert.rejects(transaction.readLarge(new Uint8Array(32)), over);
      await assert.rejects(transaction.releaseLarge(new Uint8Array(32)), over);
      await assert.rejects(begun.next(), over);
    }
    assert.equal(await durable(store, (view) => collect(view, {})), 'a=1 b=2');
  });
}

function rangeRows(opened: Opened): void {
  const rows: readonly (readonly [why: string, range: KeyRange, expected: string])[] = [
    ['everything', {}, 'a aa b ba c'],
    ['from a key up, the key included', { gte: key('aa') }, 'aa b ba c'],
    ['from between two keys', { gte: key('ab') }, 'b ba c'],
    ['below a key, the key excluded', { lt: key('b') }, 'a aa'],
    ['between two keys', { gte: key('aa'), lt: key('c') }, 'aa b ba'],
    ['nothing between equal bounds', { gte: key('b'), lt: key('b') }, ''],
    ['nothing between crossed bounds', { gte: key('c'), lt: key('a') }, ''],
    ['nothing above the last key', { gte: key('d') }, ''],
    ['nothing below the first key', { lt: key('a') }, ''],
    ['nothing in another keyspace', { gte: bytes('\x21'), lt: bytes('\x22') }, ''],
    ['at most none', { limit: 0 }, ''],
    ['at most one', { limit: 1 }, 'a'],
    ['at most as many as there are', { limit: 5 }, 'a aa b ba c'],
    ['at most more than there are', { limit: 6 }, 'a aa b ba c'],
    ['downwards', { reverse: true }, 'c ba b aa a'],
    ['downwards, at most two', { reverse: true, limit: 2 }, 'c ba'],
    ['downwards to a key', { reverse: true, gte: key('b') }, 'c ba b'],
    ['downwards from below a key', { reverse: true, lt: key('ba') }, 'b aa a'],
    ['downwards from between', { reverse: true, lt: key('ab'), limit: 1 }, 'aa'],
  ];
  const setUp = { a: '1', aa: '2', b: '3', ba: '4', c: '5' };
  for (const [why, range, expected] of rows) {
    it(`gives ${why}`, async (t) => {
      const { store } = await opened(t);
      const check = async (view: ReadView): Promise<void> => {
        assert.equal(await collectKeys(view, range), expected);
        const pairs = expected.split(' ').map((name) => `${name}=${new Map(entries).get(name)}`);
        assert.equal(await collect(view, range), expected === '' ? '' : pairs.join(' '));
      };
      const entries = Object.entries(setUp);
      await write(store, { a: '1', aa: 'old', ab: 'old', c: '5' });
      await store.transact('test', async (transaction) => {
        transaction.put(key('aa'), bytes('2'));
        transaction.delete(key('ab'));
        transaction.put(key('b'), bytes('3'));
        transaction.put(key('ba'), bytes('4'));
        await check(transaction);
      });
      await durable(store, check);
    });
  }

  it('orders keys by unsigned bytes, shorter before longer', async (t) => {
    const { store } = await opened(t);
    await write(store, { '\xff': '', '\x80': '', '\x7f': '', '\x00': '', '': '', '\x7f\x00': '' });
    const expected = ['', '\x00', '\x7f', '\x7f\x00', '\x80', '\xff'].join(' ');
    assert.equal(await durable(store, (view) => collectKeys(view, {})), expected);
  });

  it('gives many pairs, in both directions', async (t) => {
    const { store } = await opened(t);
    const names = Array.from({ length: 3000 }, (_, at) => String(at).padStart(5, '0'));
    await write(store, Object.fromEntries(names.map((name) => [name, name])));
    await durable(store, async (view) => {
      assert.equal(await collectKeys(view, {}), names.join(' '));
      assert.equal(await collectKeys(view, { reverse: true }), names.toReversed().join(' '));
    });
  });

  it('shows a body its rows as they were when the range began', async (t) => {
    const { store } = await opened(t);
    await write(store, { a: '1', b: '2', c: '3' });
    await store.transact('test', async (transaction) => {
      transaction.put(key('d'), bytes('4'));
      const seen: string[] = [];
      for await (const [name, value] of transaction.range({})) {
        seen.push(`${text(name)?.slice(1)}=${text(value)}`);
        transaction.delete(name);
        transaction.put(key('bb'), bytes('5'));
        transaction.put(key('d'), bytes('6'));
      }
      assert.equal(seen.join(' '), 'a=1 b=2 c=3 d=4');
    });
    assert.equal(await durable(store, (view) => collect(view, {})), 'bb=5 d=6');
  });

  it('can be left early', async (t) => {
    const { store } = await opened(t);
    await write(store, { a: '1', b: '2' });
    await store.transact('test', async (transaction) => {
      for await (const name of transaction.keys({})) {
        assert.equal(text(name), '\x20a');
        break;
      }
    });
  });
}

function snapshotRows(opened: Opened): void {
  it('shows what was acknowledged before it, and nothing after', async (t) => {
    const { store } = await opened(t);
    await write(store, { a: '1', b: '1' });
    const snapshot = store.snapshot();
    await write(store, { a: '2', b: null, c: '2' });
    assert.equal(await collect(snapshot, {}), 'a=1 b=1');
    assert.equal(text(await snapshot.read(key('a'))), '1');
    assert.equal(await snapshot.read(key('c')), undefined);
    await snapshot.close();
    assert.equal(await durable(store, (view) => collect(view, {})), 'a=2 c=2');
  });

  it('does not show what a body that runs has written', async (t) => {
    const { store } = await opened(t);
    await store.transact('test', async (transaction) => {
      transaction.put(key('a'), bytes('1'));
      assert.equal(await durable(store, (view) => collect(view, {})), '');
    });
  });

  it('holds still while it is read', async (t) => {
    const { store } = await opened(t);
    const names = Array.from({ length: 500 }, (_, at) => String(at).padStart(3, '0'));
    await write(store, Object.fromEntries(names.map((name) => [name, 'old'])));
    const seen: string[] = [];
    await durable(store, async (view) => {
      for await (const [name, value] of view.range({})) {
        if (seen.length === 10) {
          await write(store, Object.fromEntries(names.map((other) => [other, 'new'])));
        }
        seen.push(`${text(name)}${text(value)}`);
      }
    });
    assert.equal(seen.length, 500);
    assert.ok(seen.every((value) => value.endsWith('old')));
  });

  it('refuses reads once closed, and may be closed twice', async (t) => {
    const { store } = await opened(t);
    await write(store, { a: '1', b: '2' });
    const snapshot = store.snapshot();
    const begun = snapshot.range({})[Symbol.asyncIterator]();
    await begun.next();
    await snapshot.close();
    await snapshot.close();
    const closed = code('STORE_SNAPSHOT_CLOSED');
    await assert.rejects(async () => snapshot.read(key('a')), closed);
    await assert.rejects(collect(snapshot, {}), closed);
    await assert.rejects(collectKeys(snapshot, {}), closed);
    await assert.rejects(snapshot.readLarge(new Uint8Array(32)), closed);
    await assert.rejects(damageOf(snapshot), closed);
    await assert.rejects(begun.next(), closed);
  });
}

async function damageOf(snapshot: Snapshot, onRows?: (rows: number) => void): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const damage of snapshot.findDamage(onRows)) {
    found.push(damage);
  }
  return found;
}

function largeRows(opened: Opened, driver: StoreDriver): void {
  const put = (store: Store, value: Uint8Array) =>
    store.transact('test', (transaction) => transaction.putLarge(value));
  const release = (store: Store, sha256: Uint8Array) =>
    store.transact('test', (transaction) => transaction.releaseLarge(sha256));
  const read = (store: Store, sha256: Uint8Array) =>
    durable(store, (view) => view.readLarge(sha256));
  const patterned = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31) >>> 8);

  for (const length of [0, 1, 262_143, 262_144, 262_145, 1_000_000]) {
    it(`keeps ${length} bytes under their SHA-256`, async (t) => {
      const { store, folder } = await opened(t);
      const value = patterned(length);
      const sha256 = await put(store, value);
      assert.equal(
        Buffer.from(sha256).toString('hex'),
        createHash('sha256').update(value).digest('hex'),
      );
      assert.deepEqual(await read(store, sha256), value);
      await store.close();
      const again = await driver.open(folder);
      t.after(() => again.close());
      assert.deepEqual(await read(again, sha256), value);
    });
  }

  it('takes a hash that is known, and serves nothing under one that is another value’s', async (t) => {
    const { store, folder } = await opened(t);
    const [value, other] = [patterned(300_000), patterned(300_001)];
    const sha256 = createHash('sha256').update(value).digest();
    const wrong = createHash('sha256').update('another').digest();
    await store.transact('test', async (transaction) => {
      assert.deepEqual(
        Buffer.from(await transaction.putLarge(value, { sha256 })),
        Buffer.from(sha256),
      );
      await transaction.putLarge(other, { sha256: wrong });
    });
    assert.deepEqual(await put(store, Uint8Array.from(value)), new Uint8Array(sha256));
    await store.close();
    const again = await driver.open(folder);
    t.after(() => again.close());
    assert.deepEqual(await read(again, sha256), value);
    await assert.rejects(read(again, wrong), code('STORE_VALUE_DAMAGED'));
  });

  it('tells of the outcome when snapshots show it and before it answers', async (t) => {
    const { store } = await opened(t);
    const told: string[] = [];
    const committed = store.transact('test', async (transaction) => {
      transaction.put(key('a'), bytes('1'));
      transaction.onSettled(() => {
        const snapshot = store.snapshot();
        told.push('told');
        void Promise.resolve(snapshot.read(key('a'))).then((value) => {
          told.push(`shown ${text(value)}`);
          return snapshot.close();
        });
      });
    });
    await committed.then(() => told.push('answered'));
    assert.deepEqual(told.slice(0, 1), ['told']);
    const thrown = store.transact('test', async (transaction) => {
      transaction.onSettled(() => told.push('told of failure'));
      throw new Error('refused');
    });
    await assert.rejects(thrown);
    assert.deepEqual([...told].sort(), ['answered', 'shown 1', 'told', 'told of failure']);
  });

  it('shows a body the large value it has just put, and hides it from ranges', async (t) => {
    const { store } = await opened(t);
    await store.transact('test', async (transaction) => {
      const sha256 = await transaction.putLarge(bytes('large'));
      assert.equal(text(await transaction.readLarge(sha256)), 'large');
      assert.equal(await collectKeys(transaction, {}), '');
    });
    assert.equal(await durable(store, (view) => collectKeys(view, { gte: bytes('') })), '');
  });

  it('finds no damage in what was written, large values and deleted ones included', async (t) => {
    const { store } = await opened(t);
    await store.transact('test', async (transaction) => {
      for (let at = 0; at < 600; at += 1) {
        transaction.put(key(`k${at}`), bytes('x'.repeat(at)));
      }
      for (const length of [0, 1, 256 * 1024, 256 * 1024 + 1]) {
        await transaction.putLarge(new Uint8Array(length));
      }
      await transaction.releaseLarge(await transaction.putLarge(bytes('gone')));
    });
    const snapshot = store.snapshot();
    const counts: number[] = [];
    assert.deepEqual(await damageOf(snapshot, (rows) => counts.push(rows)), []);
    assert.deepEqual(
      counts,
      counts.toSorted((left, right) => left - right),
    );
    // A format row, the rows, a head each, and 0 + 1 + 1 + 2 pieces.
    assert.ok((counts.at(-1) ?? 0) >= 600 + 4 + 4, String(counts.at(-1)));
    await snapshot.close();
  });

  it('drops the value with its last reference', async (t) => {
    const { store } = await opened(t);
    const value = patterned(300_000);
    const sha256 = await put(store, value);
    await store.transact('test', async (transaction) => {
      await transaction.putLarge(value);
      await transaction.putLarge(value);
    });
    await release(store, sha256);
    await release(store, sha256);
    assert.deepEqual(await read(store, sha256), value);
    await release(store, sha256);
    assert.equal(await read(store, sha256), undefined);
    await assert.rejects(release(store, sha256), code('STORE_LARGE_ABSENT'));
    assert.deepEqual(await put(store, value), sha256);
    assert.deepEqual(await read(store, sha256), value);
  });

  it('knows nothing of a hash that was never put', async (t) => {
    const { store } = await opened(t);
    assert.equal(await read(store, new Uint8Array(32)), undefined);
    await assert.rejects(release(store, new Uint8Array(32)), code('STORE_LARGE_ABSENT'));
  });
}

function closingRows(opened: Opened, driver: StoreDriver): void {
  it('keeps what was acknowledged', async (t) => {
    const { store, folder } = await opened(t);
    await write(store, { a: '1', b: '2' });
    await write(store, { a: null, c: '3' });
    await store.close();
    const again = await driver.open(folder);
    t.after(() => again.close());
    assert.equal(await durable(again, (view) => collect(view, {})), 'b=2 c=3');
  });

  it('waits for the transactions under way', async (t) => {
    const { store, folder } = await opened(t);
    const results = ['a', 'b', 'c'].map((name) => write(store, { [name]: '1' }));
    await store.close();
    await Promise.all(results);
    const again = await driver.open(folder);
    t.after(() => again.close());
    assert.equal(await durable(again, (view) => collect(view, {})), 'a=1 b=1 c=1');
  });

  it('refuses everything afterwards, and may be closed twice', async (t) => {
    const { store } = await opened(t);
    await write(store, { a: '1' });
    const snapshot = store.snapshot();
    assert.equal(store.isWritable, true);
    const closing = store.close();
    const closed = code('STORE_CLOSED');
    await assert.rejects(write(store, { b: '1' }), closed);
    await closing;
    await store.close();
    assert.equal(store.isWritable, false);
    await assert.rejects(write(store, { b: '1' }), closed);
    assert.throws(() => store.snapshot(), closed);
    await assert.rejects(async () => snapshot.read(key('a')), closed);
    await assert.rejects(collect(snapshot, {}), closed);
    await snapshot.close();
  });
}
