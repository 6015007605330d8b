/**
 * Values that are not what was written: changed on the disk, cut, or under another key. The store
 * may say that it cannot answer; it never gives a wrong value.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { Level } from 'level';

import { SystemClock } from '../../src/core/clock.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { type Log, type LogFields, silentLog } from '../../src/core/log.ts';
import { Keyspace, keyOf } from '../../src/store/keyspace.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import { sealValue } from '../../src/store/level/value-checksum.ts';
import type { ReadView, Store, StoreDamage } from '../../src/store/store.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

type ByteLevel = Level<Uint8Array, Uint8Array>;

const key = (name: string): Uint8Array => Buffer.from(`\x20${name}`);
const contentOf = (name: string): Uint8Array =>
  new Uint8Array(createHash('sha512').update(name).digest());

const open = (folder: string, log: Log = silentLog): Promise<Store> =>
  openLevelStore({ folder, clock: new SystemClock(), log });

async function makeStore(folder: string, names: readonly string[]): Promise<void> {
  const store = await open(folder);
  await store.transact('test', async (transaction) => {
    for (const name of names) {
      transaction.put(key(name), contentOf(name));
    }
  });
  await store.close();
}

async function editRaw(folder: string, edit: (level: ByteLevel) => Promise<void>): Promise<void> {
  const level: ByteLevel = new Level(join(folder, 'level'), {
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  await level.open();
  await edit(level);
  await level.close();
}

const damaged = { name: 'StoreError', code: 'STORE_VALUE_DAMAGED' };

async function inEveryView(store: Store, check: (view: ReadView) => Promise<void>): Promise<void> {
  const snapshot = store.snapshot();
  await check(snapshot);
  await snapshot.close();
  await store.transact('test', check);
}

async function damageOf(store: Store): Promise<readonly StoreDamage[]> {
  const found: StoreDamage[] = [];
  const snapshot = store.snapshot();
  for await (const damage of snapshot.findDamage()) {
    found.push(damage);
  }
  await snapshot.close();
  return found;
}

async function drain(pairs: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of pairs) {
    count += 1;
  }
  return count;
}

describe('a damaged value', () => {
  const rows: readonly {
    readonly why: string;
    readonly spoil: (stored: Uint8Array, other: Uint8Array) => Uint8Array;
  }[] = [
    { why: 'the first bit flipped', spoil: (stored) => flip(stored, 0) },
    { why: 'the last bit of the value flipped', spoil: (stored) => flip(stored, 64 * 8 - 1) },
    { why: 'the last bit of the checksum flipped', spoil: (stored) => flip(stored, 68 * 8 - 1) },
    { why: 'its last byte cut', spoil: (stored) => stored.slice(0, -1) },
    { why: 'its first byte cut', spoil: (stored) => stored.slice(1) },
    { why: 'a byte added', spoil: (stored) => Buffer.concat([stored, Buffer.from([0])]) },
    { why: 'only zeros', spoil: (stored) => new Uint8Array(stored.length) },
    { why: 'less than a checksum', spoil: (stored) => stored.slice(0, 3) },
    { why: 'nothing', spoil: () => new Uint8Array(0) },
    { why: 'what belongs to another key', spoil: (_, other) => other },
  ];
  for (const { why, spoil } of rows) {
    it(`is found: ${why}`, async (t) => {
      const folder = temporaryFolder(t);
      await makeStore(folder, ['a', 'b', 'c']);
      await editRaw(folder, async (level) => {
        const [stored, other] = await level.getMany([key('b'), key('c')]);
        assert.ok(stored !== undefined && other !== undefined);
        await level.put(key('b'), spoil(stored, other));
      });
      const alarms: LogFields[] = [];
      const log: Log = { ...silentLog, error: (_, fields) => void alarms.push(fields ?? {}) };
      const store = await open(folder, log);
      t.after(() => store.close());
      await inEveryView(store, async (view) => {
        await assert.rejects(async () => view.read(key('b')), damaged);
        await assert.rejects(drain(view.range({})), damaged);
        await assert.rejects(drain(view.range({ reverse: true })), damaged);
        assert.deepEqual(await view.read(key('a')), contentOf('a'));
        assert.equal(await drain(view.range({ lt: key('b') })), 1);
        assert.equal(await drain(view.range({ limit: 1 })), 1);
        assert.equal(await drain(view.keys({})), 3);
      });
      const found = await damageOf(store);
      assert.deepEqual(
        found.map(({ code, key: where }) => [code, Buffer.from(where).toString('hex')]),
        [['STORE_VALUE_DAMAGED', '2062']],
      );
      assert.equal(alarms.length, 6);
      assert.ok(alarms.every((fields) => fields['key'] === '2062'));
    });
  }

  it('can be written over and deleted', async (t) => {
    const folder = temporaryFolder(t);
    await makeStore(folder, ['a', 'b']);
    await editRaw(folder, async (level) => {
      await level.put(key('a'), Buffer.from('noise'));
      await level.put(key('b'), Buffer.from('noise'));
    });
    const store = await open(folder);
    t.after(() => store.close());
    await store.transact('test', async (transaction) => {
      transaction.put(key('a'), contentOf('a'));
      transaction.delete(key('b'));
    });
    await inEveryView(store, async (view) => {
      assert.deepEqual(await view.read(key('a')), contentOf('a'));
      assert.equal(await drain(view.range({})), 1);
    });
  });
});

describe('a damaged large value in pieces', () => {
  const value = new SeededRandom('large').bytes(600_000);
  const sha256 = createHash('sha256').update(value).digest();
  const piece = (number: number): Uint8Array =>
    keyOf(Keyspace.large, sha256, Uint8Array.of(0, 0, 0, number));
  const headKey = keyOf(Keyspace.largeReferences, sha256);
  const rows: readonly {
    readonly why: string;
    readonly spoil: (level: ByteLevel) => Promise<void>;
  }[] = [
    { why: 'a piece is missing', spoil: (level) => level.del(piece(1)) },
    {
      why: 'a piece has a wrong checksum',
      spoil: async (level) => {
        const stored = await level.get(piece(1));
        await level.put(piece(1), flip(stored, 77));
      },
    },
    {
      why: 'a piece is another one with a good checksum',
      spoil: (level) =>
        level.put(piece(1), sealValue(piece(1), flip(value.subarray(262_144, 524_288), 77))),
    },
    {
      why: 'a piece is shorter, with a good checksum',
      spoil: (level) => level.put(piece(2), sealValue(piece(2), value.subarray(524_288, -1))),
    },
    {
      why: 'a piece is longer, with a good checksum',
      spoil: (level) => {
        const longer = Buffer.concat([value.subarray(524_288), Buffer.of(0)]);
        return level.put(piece(2), sealValue(piece(2), longer));
      },
    },
    {
      why: 'its length is another, with a good checksum',
      spoil: (level) =>
        level.put(
          headKey,
          sealValue(headKey, Buffer.from(`${'00'.repeat(7)}01${'00'.repeat(8)}`, 'hex')),
        ),
    },
    { why: 'its head is noise', spoil: (level) => level.put(headKey, Buffer.from('noise')) },
  ];
  for (const { why, spoil } of rows) {
    it(`is found: ${why}`, async (t) => {
      const folder = temporaryFolder(t);
      const store = await open(folder);
      // A load leaves pieces.
      const load = await store.beginLoad();
      await load.putLarge(value);
      await load.commit('test', async () => undefined);
      await store.close();
      await editRaw(folder, spoil);
      const spoiled = await open(folder);
      t.after(() => spoiled.close());
      await inEveryView(spoiled, (view) => assert.rejects(view.readLarge(sha256), damaged));
      const found = await damageOf(spoiled);
      assert.ok(found.length > 0);
      for (const { code, key: where } of found) {
        assert.equal(code, 'STORE_VALUE_DAMAGED');
        assert.ok(where[0] === Keyspace.large || where[0] === Keyspace.largeReferences);
      }
    });
  }
});

describe('looking for damage', () => {
  it('finds pieces that no value has', async (t) => {
    const folder = temporaryFolder(t);
    await makeStore(folder, ['a']);
    const piece = keyOf(Keyspace.large, new Uint8Array(32), new Uint8Array(4));
    await editRaw(folder, (level) => level.put(piece, sealValue(piece, Uint8Array.of(1))));
    const store = await open(folder);
    t.after(() => store.close());
    const [found, ...others] = await damageOf(store);
    assert.deepEqual(Buffer.from(found?.key ?? []), Buffer.from(piece.subarray(0, 33)));
    assert.deepEqual(others, []);
  });

  it('goes on behind what it finds, and names all of it', async (t) => {
    const folder = temporaryFolder(t);
    const names = Array.from({ length: 1_000 }, (_, at) => `name ${String(at).padStart(4, '0')}`);
    await makeStore(folder, names);
    const spoiled = names.filter((_, at) => at % 100 === 7);
    await editRaw(folder, async (level) => {
      for (const name of spoiled) {
        await level.put(key(name), Buffer.from('noise'));
      }
    });
    const store = await open(folder);
    t.after(() => store.close());
    const found = await damageOf(store);
    assert.deepEqual(
      found.map(({ key: where }) => Buffer.from(where.subarray(1)).toString()),
      spoiled,
    );
  });
});

describe('bits flipped in the files', () => {
  const names = Array.from({ length: 40 }, (_, at) => `name ${at}`);

  it('of a table are found before anything is read', async (t) => {
    const good = join(temporaryFolder(t), 'good');
    await makeStore(good, names);
    // LevelDB turns its log into a table when it is opened again.
    await editRaw(good, async () => undefined);
    const found = await flipBits(t, good, /\.ldb$/);
    assert.equal(found.refused, ROUNDS, JSON.stringify(found));
  });

  it('of the log drop the rows behind them, which the journal puts back', async (t) => {
    const folder = temporaryFolder(t);
    const store = await open(join(folder, 'store'));
    await store.transact('test', async (transaction) => {
      for (const name of names) {
        transaction.put(key(name), contentOf(name));
      }
    });
    // As a power cut leaves it: a store that was closed has nothing in its log.
    cpSync(join(folder, 'store'), join(folder, 'good'), { recursive: true });
    await store.close();
    const found = await flipBits(t, join(folder, 'good'), /\.log$/);
    assert.equal(found.fine, ROUNDS * names.length);
    assert.ok(found.alarms > ROUNDS / 2, `${found.alarms}`);
  });

  const ROUNDS = 60;

  async function flipBits(t: TestContext, good: string, pattern: RegExp) {
    const [file] = readdirSync(join(good, 'level')).filter((name) => pattern.test(name));
    assert.ok(file !== undefined);
    const bytes = readFileSync(join(good, 'level', file));
    const random = new SeededRandom(pattern.source);
    const found = { fine: 0, refused: 0, absent: 0, alarms: 0 };
    const log: Log = {
      ...silentLog,
      warn: (message) => {
        found.alarms += message.includes('in its log') ? 1 : 0;
      },
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      const folder = join(temporaryFolder(t), 'flipped');
      cpSync(good, folder, { recursive: true });
      writeFileSync(join(folder, 'level', file), flip(bytes, random.below(bytes.length * 8)));
      for (const outcome of await readAll(folder, log)) {
        found[outcome] += 1;
      }
    }
    return found;
  }

  async function readAll(folder: string, log: Log): Promise<('fine' | 'refused' | 'absent')[]> {
    let store: Store;
    try {
      store = await open(folder, log);
    } catch (error) {
      assert.ok(isCertdirError(error), `${error}`);
      return ['refused'];
    }
    try {
      const snapshot = store.snapshot();
      return await Promise.all(names.map((name) => readOne(snapshot, name)));
    } finally {
      await store.close();
    }
  }

  async function readOne(view: ReadView, name: string): Promise<'fine' | 'refused' | 'absent'> {
    try {
      const value = await view.read(key(name));
      assert.deepEqual(value ?? contentOf(name), contentOf(name));
      return value === undefined ? 'absent' : 'fine';
    } catch (error) {
      assert.ok(isCertdirError(error), `${error}`);
      return 'refused';
    }
  }
});

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}
