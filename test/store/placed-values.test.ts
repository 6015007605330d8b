/**
 * Large values that stand in the journal: read, checked, moved, copied, rebuilt; and torn or failed while they are written.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  cpSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { silentLog } from '../../src/core/log.ts';
import { restoreBackup, verifyBackup } from '../../src/store/backup/backup-reading.ts';
import { createBackup } from '../../src/store/backup/store-backup.ts';
import { JournalFeed } from '../../src/store/journal/journal-feed.ts';
import { LARGE_PIECE_BYTES } from '../../src/store/journal/large-record.ts';
import { Keyspace, keyOf } from '../../src/store/keyspace.ts';
import { type LevelStoreOptions, openLevelStore } from '../../src/store/level/level-store.ts';
import { rebuildIndex, rebuildJournal } from '../../src/store/level/store-rebuild.ts';
import { StandbyFollower } from '../../src/store/standby/standby-follower.ts';
import type { Snapshot, Store, StoreDamage } from '../../src/store/store.ts';
import { ControlledJournal, journalFaults } from '../support/controlled-journal.ts';
import { FeedSource } from '../support/feed-source.ts';
import { editLevel } from '../support/level-editing.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const clock = new SimulatedClock(Date.UTC(2026, 0, 1));
const VALUE = new SeededRandom('placed').bytes(2 * LARGE_PIECE_BYTES + 12_345);
const SHA256 = new Uint8Array(createHash('sha256').update(VALUE).digest());
const SMALL_KEY = Buffer.from('\x20small');
const damaged = { code: 'STORE_VALUE_DAMAGED' };

class Bed {
  readonly folder: string;
  readonly #t: TestContext;
  #store: Store | undefined;

  constructor(t: TestContext) {
    this.#t = t;
    this.folder = join(temporaryFolder(t), 'store');
    t.after(() => this.close());
  }

  /** With the value, and a row behind it. */
  static async filled(t: TestContext): Promise<Bed> {
    const bed = new Bed(t);
    await bed.put(VALUE);
    await bed.act();
    return bed;
  }

  async open(options: Partial<LevelStoreOptions> = {}): Promise<Store> {
    const order = { folder: this.folder, clock, log: silentLog };
    this.#store ??= await openLevelStore({ ...order, ...options });
    return this.#store;
  }

  async close(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await store?.close();
  }

  async put(value: Uint8Array, options: Partial<LevelStoreOptions> = {}): Promise<void> {
    const store = await this.open(options);
    await store.transact('put', async (transaction) => {
      await transaction.putLarge(Uint8Array.from(value));
    });
  }

  async act(): Promise<void> {
    const store = await this.open();
    await store.transact('act', async (transaction) => transaction.put(SMALL_KEY, SMALL_KEY));
  }

  /** What a store that was closed and opened again reads: nothing of it is in memory. */
  async reread(): Promise<Uint8Array | undefined> {
    await this.close();
    return await this.reading((snapshot) => snapshot.readLarge(SHA256));
  }

  async reading<T>(read: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    const snapshot = (await this.open()).snapshot();
    return await read(snapshot).finally(() => snapshot.close());
  }

  /** Of values and journal, the deep comparison included. */
  async damage(): Promise<readonly StoreDamage[]> {
    return await this.reading(async (snapshot) => {
      const found: StoreDamage[] = [];
      const check = { isDeep: true, onProgress: () => undefined };
      for await (const damage of snapshot.findDamage()) {
        found.push(damage);
      }
      for await (const damage of snapshot.findJournalDamage(check)) {
        found.push(damage);
      }
      return found;
    });
  }

  get journal(): string {
    return join(this.folder, 'journal');
  }

  segments(): readonly string[] {
    return readdirSync(this.journal).sort();
  }

  /** Changes a bit in the middle of the value, in the first segment. */
  spoil(): void {
    const path = join(this.journal, this.segments()[0] ?? '');
    const bytes = readFileSync(path);
    const at = bytes.indexOf(VALUE.subarray(1_500_000, 1_500_032));
    assert.ok(at > 0, 'it stands there, as it is');
    writeFileSync(path, bytes.fill((bytes[at] ?? 0) ^ 1, at, at + 1));
  }

  copy(): Bed {
    const other = new Bed(this.#t);
    cpSync(this.folder, other.folder, { recursive: true });
    return other;
  }
}

async function piecesOf(bed: Bed): Promise<Uint8Array> {
  return await bed.reading(async (snapshot) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of snapshot.largePieces(SHA256)) {
      pieces.push(Uint8Array.from(piece));
    }
    return new Uint8Array(Buffer.concat(pieces));
  });
}

const keepNothing = { keepMs: 0, keepUntilBackedUp: false, standbysHave: undefined };

describe('a large value in the journal', () => {
  it('is written once, and read whole or in pieces', async (t) => {
    const bed = await Bed.filled(t);
    await bed.close();
    const bytes = bed
      .segments()
      .reduce((sum, name) => sum + statSync(join(bed.journal, name)).size, 0);
    assert.ok(bytes < VALUE.length + 2_000, `${bytes}`);
    const index = readdirSync(join(bed.folder, 'level'));
    const ofIndex = index.reduce(
      (sum, name) => sum + statSync(join(bed.folder, 'level', name)).size,
      0,
    );
    assert.ok(ofIndex < 20_000, `${ofIndex}`);
    assert.deepEqual(await bed.reread(), VALUE);
    assert.deepEqual(await piecesOf(bed), VALUE);
    assert.equal(await bed.reading(async (snapshot) => snapshot.largeLength(SHA256)), VALUE.length);
    assert.deepEqual(await bed.damage(), []);
  });

  it('is the array that was put to its own body, and what was written to everybody else', async (t) => {
    const bed = new Bed(t);
    const store = await bed.open();
    await store.transact('put', async (transaction) => {
      await transaction.putLarge(VALUE, { sha256: SHA256 });
      assert.equal(await transaction.readLarge(SHA256), VALUE);
      let length = 0;
      for await (const piece of transaction.largePieces(SHA256)) {
        length += piece.length;
      }
      assert.equal(length, VALUE.length);
    });
    const read = await bed.reading((snapshot) => snapshot.readLarge(SHA256));
    assert.notEqual(read, VALUE);
    assert.deepEqual(read, VALUE);
    bed.spoil();
    assert.equal(await bed.reading((snapshot) => snapshot.readLarge(SHA256)), read, 'shared');
  });

  it('is gone in the body that releases it, and can be put again', async (t) => {
    const bed = await Bed.filled(t);
    const store = await bed.open();
    await store.transact('again', async (transaction) => {
      await transaction.releaseLarge(SHA256);
      assert.equal(await transaction.readLarge(SHA256), undefined);
      await transaction.putLarge(VALUE);
      await transaction.releaseLarge(SHA256);
    });
    assert.equal(await bed.reread(), undefined);
    await bed.put(VALUE);
    assert.deepEqual(await bed.reread(), VALUE);
    assert.deepEqual(await bed.damage(), []);
  });

  it('stays whole for who has begun to read it, when it is released', async (t) => {
    const bed = await Bed.filled(t);
    await bed.close();
    const store = await bed.open();
    const snapshot = store.snapshot();
    await store.transact('release', (transaction) => transaction.releaseLarge(SHA256));
    assert.deepEqual(await snapshot.readLarge(SHA256), VALUE);
    await snapshot.close();
  });

  it('is put back into an index that has lost everything', async (t) => {
    const bed = await Bed.filled(t);
    const killed = bed.copy();
    assert.deepEqual(await killed.reread(), VALUE);
    await bed.close();
    rmSync(join(bed.folder, 'level'), { recursive: true });
    await rebuildIndex({
      folder: bed.folder,
      clock,
      acceptsLoss: false,
      onRecords: () => undefined,
    });
    assert.deepEqual(await bed.reread(), VALUE);
    assert.deepEqual(await bed.damage(), []);
  });

  it('is carried into a journal that is made anew', async (t) => {
    const bed = await Bed.filled(t);
    await bed.close();
    const order = { folder: bed.folder, clock, onRecords: () => undefined };
    await rebuildJournal({ ...order, acceptsLoss: false });
    assert.deepEqual(await bed.reread(), VALUE);
    assert.deepEqual(await bed.damage(), []);
  });

  it('is in backups and in what is restored from them', async (t) => {
    const bed = await Bed.filled(t);
    const backups = join(temporaryFolder(t), 'backups');
    const random = new SeededRandom('backup');
    const source = { folder: backups, passphrase: undefined, onFile: () => undefined };
    await createBackup({
      ...{ folder: backups, clock, random, passphrase: undefined, files: [] },
      ...{ journal: await (await bed.open()).sealJournal(), onSegment: () => undefined },
    });
    assert.ok((await verifyBackup(source)).isChainVerified);
    const restored = new Bed(t);
    await restoreBackup({
      ...{ ...source, storeFolder: restored.folder, to: { kind: 'end' }, clock, log: silentLog },
      mark: async (transaction) => transaction.put(SMALL_KEY, new Uint8Array(1)),
    });
    assert.deepEqual(await restored.reread(), VALUE);
    assert.deepEqual(await restored.damage(), []);
  });

  it('reaches a standby, at the same place', async (t) => {
    const bed = new Bed(t);
    const feed = new JournalFeed({ clock, log: silentLog, synchronous: undefined });
    await bed.put(VALUE, { feed });
    const standby = new Bed(t);
    const follower = new StandbyFollower({
      ...{ folder: standby.folder, source: new FeedSource(feed), clock, log: silentLog },
      ...{ cacheBytes: 1 << 20, writeBufferBytes: 1 << 20 },
    });
    void follower.follow();
    while (follower.status.sequence < feed.status.sequence || feed.status.sequence === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await follower.close();
    rmSync(join(standby.folder, 'STANDBY'), { force: true });
    const store = await standby.open({ role: 'inspection' });
    const snapshot = store.snapshot();
    assert.deepEqual(await snapshot.readLarge(SHA256), VALUE);
    await snapshot.close();
    const name = bed.segments()[0] ?? '';
    const [there, here] = [bed, standby].map(({ journal }) => readFileSync(join(journal, name)));
    assert.ok(there !== undefined && here !== undefined && there.equals(here));
  });

  it('is of the store from before there were places: pieces stay, and FORMAT is raised', async (t) => {
    const bed = new Bed(t);
    const store = await bed.open();
    const load = await store.beginLoad();
    await load.putLarge(VALUE);
    await load.commit('load', async () => undefined);
    await bed.close();
    const format = Buffer.from('certdir-store 2');
    writeFileSync(join(bed.folder, 'FORMAT'), `${format}\n`);
    await editLevel(bed.folder, keyOf(Keyspace.meta, Buffer.from('format')), format);
    assert.deepEqual(await bed.reread(), VALUE);
    await bed.put(Uint8Array.from(VALUE).fill(7, 0, 1));
    await bed.close();
    assert.equal(readFileSync(join(bed.folder, 'FORMAT'), 'latin1'), 'certdir-store 3\n');
    assert.deepEqual(await bed.reread(), VALUE);
    assert.deepEqual(await bed.damage(), []);
    await (await bed.open()).transact('release', async (transaction) => {
      await transaction.putLarge(VALUE);
      await transaction.releaseLarge(SHA256);
      await transaction.releaseLarge(SHA256);
    });
    assert.deepEqual(await bed.damage(), []);
  });
});

describe('a segment with a large value', () => {
  it('is retired when its values are in the index, and is read to the end by who began before', async (t) => {
    const bed = await Bed.filled(t);
    await (await bed.open()).sealJournal();
    await bed.act();
    await bed.close();
    const store = await bed.open();
    const old = store.snapshot();
    const rules = { ...keepNothing, nowMs: clock.nowMs() };
    const [copy, before] = [bed.copy(), bed.segments()];
    await copy.close();
    assert.equal((await store.journal.retire(rules)).segments.length, before.length - 1);
    assert.deepEqual(await old.readLarge(SHA256), VALUE);
    await old.close();
    assert.deepEqual(await bed.damage(), []);
    assert.deepEqual(await bed.reread(), VALUE);
    assert.deepEqual(await piecesOf(bed), VALUE);
    await bed.close();
    for (const name of before) {
      cpSync(join(copy.journal, name), join(bed.journal, name));
    }
    assert.deepEqual(await bed.damage(), [], 'with the segments put back');
    await (await bed.open()).transact('release', (transaction) => transaction.releaseLarge(SHA256));
    assert.deepEqual(await bed.damage(), []);
  });

  it('stays when a value in it cannot be read, and so does the writer', async (t) => {
    const bed = await Bed.filled(t);
    await (await bed.open()).sealJournal();
    await bed.act();
    await bed.close();
    const store = await bed.open();
    bed.spoil();
    const before = bed.segments();
    const rules = { ...keepNothing, nowMs: clock.nowMs() };
    await assert.rejects(store.journal.retire(rules), damaged);
    assert.deepEqual(bed.segments(), before);
    await bed.act();
  });
});

describe('a large value in the journal that is damaged', () => {
  it('is never given, and found by every check; the rest of the store is served', async (t) => {
    const bed = await Bed.filled(t);
    await bed.close();
    await bed.open();
    bed.spoil();
    await assert.rejects(
      bed.reading((snapshot) => snapshot.readLarge(SHA256)),
      damaged,
    );
    await assert.rejects(piecesOf(bed), damaged);
    assert.ok(await bed.reading(async (snapshot) => snapshot.read(SMALL_KEY)));
    const codes = (await bed.damage()).map(({ code }) => code);
    assert.ok(codes.includes('STORE_VALUE_DAMAGED') && codes.includes('STORE_JOURNAL_DAMAGED'));
  });

  it('is refused to be left out of a new journal, unless the loss is accepted', async (t) => {
    const bed = await Bed.filled(t);
    await bed.close();
    bed.spoil();
    const order = { folder: bed.folder, clock, onRecords: () => undefined };
    await assert.rejects(rebuildJournal({ ...order, acceptsLoss: false }), {
      code: 'STORE_INDEX_BEHIND',
    });
    await rebuildJournal({ ...order, acceptsLoss: true });
    await assert.rejects(bed.reread(), damaged);
    assert.ok(await bed.reading(async (snapshot) => snapshot.read(SMALL_KEY)));
  });

  it('is found under a name that is another value’s, though every checksum is right', async (t) => {
    const bed = new Bed(t);
    const wrong = createHash('sha256').update('another').digest();
    await (await bed.open()).transact('put', async (transaction) => {
      await transaction.putLarge(VALUE, { sha256: wrong });
    });
    await bed.close();
    await assert.rejects(
      bed.reading((snapshot) => snapshot.readLarge(wrong)),
      damaged,
    );
    const codes = (await bed.damage()).map(({ code }) => code);
    assert.deepEqual([...new Set(codes)].sort(), ['STORE_JOURNAL_DAMAGED', 'STORE_VALUE_DAMAGED']);
  });
});

describe('a large value that is not written to its end', () => {
  it('is cut away, wherever the file ends, with what was put beside it', async (t) => {
    const bed = new Bed(t);
    await bed.act();
    await bed.close();
    const name = bed.segments()[0] ?? '';
    const before = statSync(join(bed.journal, name)).size;
    // What the index had before: its own copy would say that the value was applied.
    const empty = bed.copy();
    await bed.put(VALUE);
    await bed.close();
    const whole = readFileSync(join(bed.journal, name));
    const end = before + VALUE.length;
    const cuts = [
      1,
      79,
      80,
      128,
      129,
      5_000,
      LARGE_PIECE_BYTES + 200,
      VALUE.length - 1,
      VALUE.length + 200,
    ];
    for (const cut of cuts) {
      const torn = empty.copy();
      writeFileSync(join(torn.journal, name), whole.subarray(0, before + cut));
      assert.equal(await torn.reread(), undefined, `cut at ${cut} of ${end}`);
      assert.ok(await torn.reading(async (snapshot) => snapshot.read(SMALL_KEY)));
      await torn.close();
      assert.equal(statSync(join(torn.journal, name)).size, before);
    }
  });

  it('is taken for torn where sectors were never written', async (t) => {
    const bed = new Bed(t);
    await bed.act();
    await bed.close();
    const name = bed.segments()[0] ?? '';
    const before = statSync(join(bed.journal, name)).size;
    const torn = bed.copy();
    await bed.put(VALUE);
    await bed.close();
    cpSync(join(bed.journal, name), join(torn.journal, name));
    const file = openSync(join(torn.journal, name), 'r+');
    writeSync(file, new Uint8Array(4096), 0, 4096, 1_232_896);
    assert.equal(await torn.reread(), undefined);
    await torn.close();
    truncateSync(join(bed.journal, name), before);
    assert.equal(statSync(join(torn.journal, name)).size, before);
  });

  for (const fault of journalFaults) {
    for (const after of [0, 1]) {
      it(`closes the writer and is whole or not there: ${fault}, append ${after + 1}`, async (t) => {
        const bed = new Bed(t);
        const files = new ControlledJournal();
        const store = await bed.open({ openJournalFile: files.open });
        await bed.act();
        const large = new SeededRandom('long').bytes(10 * LARGE_PIECE_BYTES);
        files.failAfter(after, fault);
        const put = store.transact('put', (transaction) => transaction.putLarge(large));
        await assert.rejects(put, { code: 'STORE_WRITE_FAILED' });
        await assert.rejects(bed.act(), { code: 'STORE_WRITER_CLOSED' });
        await bed.close();
        const sha256 = createHash('sha256').update(large).digest();
        const found = await bed.reading((snapshot) => snapshot.readLarge(sha256));
        assert.ok(found === undefined || Buffer.from(large).equals(found));
        assert.ok(await bed.reading(async (snapshot) => snapshot.read(SMALL_KEY)));
        assert.deepEqual(await bed.damage(), []);
      });
    }
  }
});
