/**
 * Which segments of the journal go, what keeps them, and what still works when they are gone.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { copyFileSync, cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { silentLog } from '../../src/core/log.ts';
import { putBackSegments, restoreBackup } from '../../src/store/backup/backup-reading.ts';
import { type BackupReport, createBackup } from '../../src/store/backup/store-backup.ts';
import type { KeepingRules } from '../../src/store/journal/journal-keeper.ts';
import { openLevelDatabase } from '../../src/store/level/level-database.ts';
import { rebuildIndex, rebuildJournal } from '../../src/store/level/store-rebuild.ts';
import type { Store, StoreDamage } from '../../src/store/store.ts';
import { act, checkActs, openActStore } from '../support/numbered-acts.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DAY_MS = 86_400_000;

class Bed {
  readonly folder: string;
  readonly live: string;
  readonly clock = new SimulatedClock(Date.UTC(2026, 0, 1));
  backups: string;
  store: Store | undefined;

  constructor(t: TestContext) {
    this.folder = temporaryFolder(t);
    this.live = join(this.folder, 'live');
    this.backups = join(this.folder, 'backups');
    t.after(() => this.store?.close());
  }

  static async filled(t: TestContext): Promise<Bed> {
    const bed = new Bed(t);
    await bed.act(60);
    // An index that is whole up to here, and a last segment behind it.
    await bed.reopen();
    await bed.act(1);
    assert.ok(bed.segments().length >= 4, `${bed.segments().length}`);
    return bed;
  }

  /** Nothing gets into tables from now on until the returned function is called. */
  async openWithHeldFlush(): Promise<() => void> {
    let proceed = (): void => undefined;
    let held = Promise.resolve();
    this.store = await openActStore(this.live, {
      clock: this.clock,
      openDatabase: async (...order) => {
        const database = await openLevelDatabase(...order);
        const flush = (): Promise<void> => held.then(() => database.flush());
        return { ...database, flush };
      },
    });
    held = new Promise((resolve) => {
      proceed = resolve;
    });
    return proceed;
  }

  async act(count: number): Promise<void> {
    this.store ??= await openActStore(this.live, { clock: this.clock, segmentBytes: 20_000 });
    for (let at = 0; at < count; at += 1) {
      await act(this.store);
    }
  }

  async close(): Promise<void> {
    await this.store?.close();
    this.store = undefined;
  }

  async reopen(): Promise<Store> {
    await this.close();
    await this.act(0);
    return this.open;
  }

  get open(): Store {
    assert.ok(this.store !== undefined);
    return this.store;
  }

  segments(): readonly string[] {
    return readdirSync(join(this.live, 'journal')).sort();
  }

  rules(rules: Partial<KeepingRules> = {}): KeepingRules {
    const nowMs = this.clock.nowMs();
    return { keepMs: 0, keepUntilBackedUp: false, standbysHave: undefined, nowMs, ...rules };
  }

  async retire(rules: Partial<KeepingRules> = {}): Promise<number> {
    return (await this.open.journal.retire(this.rules(rules))).segments.length;
  }

  async states(rules: Partial<KeepingRules> = {}): Promise<readonly string[]> {
    return (await this.open.journal.overview(this.rules(rules))).segments.map(({ state }) => state);
  }

  async backUp(passphrase?: string): Promise<BackupReport> {
    const setting = join(this.folder, 'certdir.yaml');
    writeFileSync(setting, 'formatVersion: 1\n');
    const journal = await this.open.sealJournal();
    const report = await createBackup({
      ...{
        folder: this.backups,
        clock: this.clock,
        random: new SeededRandom('keeper'),
        passphrase,
      },
      ...{ journal, onSegment: () => undefined },
      files: [{ name: 'certdir.yaml', path: setting }],
    });
    await this.open.journal.noteBackup(journal.end);
    return report;
  }

  async damage(isDeep: boolean): Promise<readonly StoreDamage[]> {
    const snapshot = this.open.snapshot();
    try {
      const found: StoreDamage[] = [];
      for await (const one of snapshot.findJournalDamage({ isDeep, onProgress: () => undefined })) {
        found.push(one);
      }
      return found;
    } finally {
      await snapshot.close();
    }
  }

  putBack(passphrase?: string): Promise<number> {
    const reading = { folder: this.backups, passphrase, onFile: () => undefined };
    return putBackSegments(reading, join(this.live, 'journal'));
  }

  rebuild(): ReturnType<typeof rebuildIndex> {
    const { live: folder, clock } = this;
    return rebuildIndex({ folder, clock, acceptsLoss: false, onRecords: () => undefined });
  }
}

describe('a segment of the journal stays', () => {
  it('without a rule that lets it go', async (t) => {
    const bed = await Bed.filled(t);
    const keepMs = undefined;
    assert.equal(await bed.retire({ keepMs }), 0);
    const states = await bed.states({ keepMs });
    assert.equal(states[0], 'kept');
    assert.ok(!states.includes('retirable'));
    assert.equal(states.at(-1), 'last');
  });

  it('for the days that are asked for after its seal, and goes then', async (t) => {
    const bed = await Bed.filled(t);
    await bed.clock.advance(DAY_MS - 1);
    assert.equal(await bed.retire({ keepMs: DAY_MS }), 0);
    await bed.clock.advance(1);
    // The last act may have filled a segment that the index needs until it is written.
    await bed.reopen();
    const before = bed.segments().length;
    assert.equal(await bed.retire({ keepMs: DAY_MS }), before - 1);
    assert.equal(bed.segments().length, 1);
  });

  it('while the index may need it', async (t) => {
    const bed = new Bed(t);
    const proceed = await bed.openWithHeldFlush();
    await bed.act(5);
    await bed.open.sealJournal();
    await bed.act(1);
    assert.deepEqual(await bed.states(), ['needed-by-index', 'last']);
    assert.equal(await bed.retire(), 0);
    proceed();
    await bed.reopen();
    assert.deepEqual(await bed.states(), ['retirable', 'last']);
  });

  it('until it is in a backup', async (t) => {
    const bed = await Bed.filled(t);
    const rules = { keepUntilBackedUp: true };
    assert.ok((await bed.states(rules)).includes('waits-for-backup'));
    assert.equal(await bed.retire(rules), 0);
    await bed.backUp();
    assert.ok((await bed.retire(rules)) > 0);
  });

  it('until every standby has it', async (t) => {
    const bed = await Bed.filled(t);
    const { segments } = await bed.open.journal.overview(bed.rules());
    const [first, second] = segments;
    const standbysHave = (second?.last ?? 0) - 1;
    assert.equal((await bed.states({ standbysHave }))[1], 'waits-for-standby');
    assert.equal(await bed.retire({ standbysHave }), 1);
    assert.ok(!bed.segments().includes(first?.name ?? ''));
    assert.equal(await bed.retire({ standbysHave: standbysHave + 1 }), 1);
  });

  it('while the journal is read as a whole', async (t) => {
    const bed = await Bed.filled(t);
    const release = bed.open.journal.hold();
    assert.deepEqual(await bed.open.journal.retire(bed.rules()), { segments: [], isInUse: true });
    release();
    release();
    assert.ok((await bed.retire()) > 0);
  });
});

describe('a journal whose first segments were retired', () => {
  it('opens, is checked and goes on', async (t) => {
    const bed = await Bed.filled(t);
    await bed.retire();
    assert.deepEqual(await bed.damage(false), []);
    assert.deepEqual(await bed.damage(true), []);
    await bed.reopen();
    await bed.act(30);
    assert.deepEqual(await bed.damage(true), []);
    assert.ok((await bed.retire()) >= 0);
    await bed.close();
    assert.equal(await checkActs(bed.live), 91);
  });

  it('is verified from where it was cut: a segment more is missed, and another history found', async (t) => {
    const bed = await Bed.filled(t);
    await bed.retire({ standbysHave: 25 });
    const [oldest = ''] = bed.segments();
    const path = join(bed.live, 'journal', oldest);
    const kept = join(bed.folder, 'kept');
    copyFileSync(path, kept);
    rmSync(path);
    assert.deepEqual(
      (await bed.damage(false)).map(({ code }) => code),
      ['STORE_INDEX_BEHIND'],
    );
    copyFileSync(kept, path);
    assert.deepEqual(await bed.damage(false), []);
  });

  it('goes on being backed up where its first segments are, and nowhere else', async (t) => {
    const bed = await Bed.filled(t);
    await bed.backUp();
    await bed.retire();
    await bed.act(10);
    const { manifest } = await bed.backUp();
    assert.equal(manifest.segments[0]?.path, 'segments/0000000000000001.journal');
    const storeFolder = join(bed.folder, 'restored');
    await restoreBackup({
      ...{ folder: bed.backups, passphrase: undefined, storeFolder, to: { kind: 'end' } },
      ...{ clock: bed.clock, log: silentLog, onFile: () => undefined, mark: async () => undefined },
    });
    assert.equal(await checkActs(storeFolder), 71);
    const old = bed.backups;
    bed.backups = join(bed.folder, 'new');
    await assert.rejects(bed.backUp(), { code: 'STORE_BACKUP_INVALID' });
    rmSync(bed.backups, { recursive: true });
    cpSync(old, bed.backups, { recursive: true });
    await bed.act(1);
    assert.equal((await bed.backUp()).copiedSegments, 1);
  });

  it('counts on no backup whose retired segments have changed', async (t) => {
    const bed = await Bed.filled(t);
    await bed.backUp();
    await bed.retire();
    writeFileSync(join(bed.backups, 'segments/0000000000000001.journal'), 'x');
    await bed.act(1);
    await assert.rejects(bed.backUp(), { code: 'STORE_BACKUP_DAMAGED' });
  });

  for (const passphrase of [undefined, 'a passphrase of some length']) {
    const how = passphrase === undefined ? 'a plain' : 'an encrypted';
    it(`gives an index with what ${how} backup has, and is whole then`, async (t) => {
      const bed = await Bed.filled(t);
      await bed.backUp(passphrase);
      const retired = await bed.retire();
      await bed.close();
      await assert.rejects(bed.rebuild(), { code: 'STORE_INDEX_BEHIND' });
      assert.equal(await bed.putBack(passphrase), retired);
      await bed.rebuild();
      assert.equal(await checkActs(bed.live), 61);
      await bed.reopen();
      assert.deepEqual(await bed.damage(true), []);
      assert.ok(bed.segments().includes('0000000000000001.journal'));
    });
  }

  it('takes nothing back from a backup of another store', async (t) => {
    const [bed, other] = [await Bed.filled(t), await Bed.filled(t)];
    await other.backUp();
    await bed.retire();
    bed.backups = other.backups;
    await assert.rejects(bed.putBack(), { code: 'STORE_BACKUP_INVALID' });
  });

  it('is forgotten with it: a new journal made from the index begins with record 1', async (t) => {
    const bed = await Bed.filled(t);
    await bed.retire();
    await bed.close();
    const { live: folder, clock } = bed;
    await rebuildJournal({ folder, clock, acceptsLoss: false, onRecords: () => undefined });
    await bed.reopen();
    assert.equal((await bed.open.journal.overview(bed.rules())).retired.sequence, 0);
    assert.deepEqual(await bed.damage(true), []);
  });

  it('does not mind segments that an interrupted removal has left', async (t) => {
    const bed = await Bed.filled(t);
    const names = bed.segments();
    const left = names[1] ?? '';
    copyFileSync(join(bed.live, 'journal', left), join(bed.folder, left));
    await bed.retire();
    copyFileSync(join(bed.folder, left), join(bed.live, 'journal', left));
    assert.deepEqual(await bed.damage(true), []);
    await bed.reopen();
    assert.deepEqual(await bed.damage(true), []);
    assert.equal((await bed.states())[0], 'retired');
    assert.ok((await bed.retire()) >= 1);
    assert.ok(!bed.segments().includes(left));
  });
});
