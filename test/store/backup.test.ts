import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { silentLog } from '../../src/core/log.ts';
import {
  type RestoredPoint,
  type RestorePoint,
  restoreBackup,
  restoreFiles,
  verifyBackup,
} from '../../src/store/backup/backup-reading.ts';
import { type BackupReport, createBackup } from '../../src/store/backup/store-backup.ts';
import { readJournal } from '../../src/store/journal/journal-scan.ts';
import type { Store, Transaction } from '../../src/store/store.ts';
import { act, checkActs, openActStore } from '../support/numbered-acts.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const START_MS = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

class Bed {
  readonly folder: string;
  readonly backups: string;
  readonly live: string;
  readonly clock = new SimulatedClock(START_MS);
  readonly random = new SeededRandom('backup');
  store: Store | undefined;

  constructor(t: TestContext) {
    this.folder = temporaryFolder(t);
    this.backups = join(this.folder, 'backups');
    this.live = join(this.folder, 'live');
    t.after(() => this.store?.close());
  }

  async act(count: number): Promise<void> {
    this.store ??= await openActStore(this.live, { clock: this.clock, segmentBytes: 20_000 });
    for (let at = 0; at < count; at += 1) {
      await act(this.store);
    }
  }

  async backUp(passphrase?: string): Promise<BackupReport> {
    assert.ok(this.store !== undefined);
    const { clock, random, backups: folder } = this;
    const setting = join(this.folder, 'certdir.yaml');
    writeFileSync(setting, 'formatVersion: 1\n');
    return createBackup({
      ...{ folder, clock, random, passphrase, onSegment: () => undefined },
      journal: await this.store.sealJournal(),
      files: [{ name: 'certdir.yaml', path: setting }],
    });
  }

  verify(passphrase?: string): ReturnType<typeof verifyBackup> {
    return verifyBackup({ folder: this.backups, passphrase, onFile: () => undefined });
  }

  /** @returns the acts in the restored store. */
  async restore(to: RestorePoint = { kind: 'end' }, passphrase?: string): Promise<number> {
    const storeFolder = join(this.folder, 'restored');
    rmSync(storeFolder, { recursive: true, force: true });
    await this.restoreTo(storeFolder, to, passphrase);
    return checkActs(storeFolder);
  }

  restoreTo(
    storeFolder: string,
    to: RestorePoint,
    passphrase?: string,
    mark: (transaction: Transaction) => Promise<void> = async () => undefined,
  ): Promise<RestoredPoint> {
    return restoreBackup({
      ...{ folder: this.backups, passphrase, storeFolder, to, clock: this.clock, log: silentLog },
      onFile: () => undefined,
      mark,
    });
  }
}

const segmentsOf = (folder: string): string[] => readdirSync(join(folder, 'segments')).sort();

describe('backups', () => {
  it('have everything that was acknowledged, and are made while the store is in use', async (t) => {
    const bed = new Bed(t);
    await bed.act(30);
    const acting = bed.act(30);
    const { manifest } = await bed.backUp();
    await acting;
    assert.equal((await bed.verify()).isChainVerified, true);
    const restored = await bed.restore();
    assert.ok(restored >= 30 && restored <= 60, `${restored}`);
    assert.equal(manifest.isEncrypted, false);
    await bed.backUp();
    assert.equal(await bed.restore(), 60);
  });

  it('copy each segment once', async (t) => {
    const bed = new Bed(t);
    await bed.act(30);
    const first = await bed.backUp();
    assert.equal(first.copiedSegments, first.manifest.segments.length);
    await bed.act(1);
    const second = await bed.backUp();
    assert.equal(second.copiedSegments, 1);
    assert.equal(second.manifest.segments.length, first.manifest.segments.length + 1);
    const third = await bed.backUp();
    assert.equal(third.copiedSegments, 0);
    assert.equal(await bed.restore(), 31);
  });

  it('put a damaged segment of the folder right', async (t) => {
    const bed = new Bed(t);
    await bed.act(20);
    await bed.backUp();
    const [name = ''] = segmentsOf(bed.backups);
    writeFileSync(join(bed.backups, 'segments', name), 'noise');
    await assert.rejects(bed.verify(), { code: 'STORE_BACKUP_DAMAGED' });
    await assert.rejects(bed.restore(), { code: 'STORE_BACKUP_DAMAGED' });
    assert.equal((await bed.backUp()).copiedSegments, 1);
    await bed.verify();
  });

  it('are restored to a record or a time', async (t) => {
    const bed = new Bed(t);
    for (let hour = 0; hour < 4; hour += 1) {
      await bed.act(10);
      await bed.clock.advance(HOUR_MS);
    }
    const { manifest } = await bed.backUp();
    assert.equal(await bed.restore({ kind: 'time', atMs: START_MS + HOUR_MS * 1.5 }), 20);
    assert.equal(await bed.restore({ kind: 'time', atMs: START_MS }), 10);
    const sequences: number[] = [];
    for await (const { header } of readJournal(join(bed.live, 'journal'), undefined)) {
      if (header.kind === 1) {
        sequences.push(header.sequence);
      }
    }
    for (const acts of [1, 7, 26, 40]) {
      assert.equal(
        await bed.restore({ kind: 'sequence', sequence: sequences[acts - 1] ?? 0 }),
        acts,
      );
    }
    const invalid = { code: 'STORE_BACKUP_INVALID' };
    await assert.rejects(bed.restore({ kind: 'time', atMs: START_MS - 1 }), invalid);
    const beyond = { kind: 'sequence', sequence: manifest.sequence + 1 } as const;
    await assert.rejects(bed.restore(beyond), invalid);
  });

  it('go on in a new epoch, and are not mixed with those from before', async (t) => {
    const bed = new Bed(t);
    await bed.act(10);
    await bed.backUp();
    const restored = join(bed.folder, 'restored');
    await bed.restoreTo(restored, { kind: 'end' }, undefined, async (transaction) =>
      transaction.put(Buffer.from('\x41mark'), Buffer.from('restored')),
    );
    const epochs: number[] = [];
    for await (const { header } of readJournal(join(restored, 'journal'), undefined)) {
      epochs.push(header.epoch);
    }
    assert.deepEqual([...new Set(epochs)], [1, 2]);
    await bed.act(5);
    await bed.backUp();
    await bed.store?.close();
    bed.store = await openActStore(restored);
    await bed.act(12);
    await assert.rejects(bed.backUp(), { code: 'STORE_BACKUP_INVALID' });
  });

  it('are not restored over a store', async (t) => {
    const bed = new Bed(t);
    await bed.act(3);
    await bed.backUp();
    const again = bed.restoreTo(bed.live, { kind: 'end' });
    await assert.rejects(again, { code: 'STORE_EXISTS' });
  });

  it('are not made of a damaged journal', async (t) => {
    const bed = new Bed(t);
    await bed.act(20);
    const [name = ''] = readdirSync(join(bed.live, 'journal')).sort();
    const path = join(bed.live, 'journal', name);
    const bytes = readFileSync(path);
    bytes[1000] = (bytes[1000] ?? 0) ^ 4;
    writeFileSync(path, bytes);
    await assert.rejects(bed.backUp(), { code: 'STORE_JOURNAL_DAMAGED' });
    assert.deepEqual(readdirSync(join(bed.backups, 'manifests')), []);
  });

  it('of a changed manifest are refused', async (t) => {
    const bed = new Bed(t);
    await bed.act(3);
    await bed.backUp();
    const folder = join(bed.backups, 'manifests');
    const [name = ''] = readdirSync(folder).filter((each) => each.endsWith('.json'));
    const text = readFileSync(join(folder, name), 'utf8');
    writeFileSync(join(folder, name), text.replace('"epoch": 1', '"epoch": 2'));
    await assert.rejects(bed.verify(), { code: 'STORE_BACKUP_DAMAGED' });
  });

  it('bring the other files back', async (t) => {
    const bed = new Bed(t);
    await bed.act(1);
    await bed.backUp('a passphrase');
    const target = join(bed.folder, 'back.yaml');
    const reading = { folder: bed.backups, passphrase: 'a passphrase' };
    await restoreFiles(reading, (name) => (name === 'certdir.yaml' ? target : undefined));
    assert.equal(readFileSync(target, 'utf8'), 'formatVersion: 1\n');
  });
});

describe('encrypted backups', () => {
  it('show nothing, and are restored with the passphrase', async (t) => {
    const bed = new Bed(t);
    await bed.act(12);
    await bed.backUp('a passphrase');
    await bed.act(3);
    const { copiedSegments } = await bed.backUp('a passphrase');
    assert.ok(copiedSegments >= 1 && copiedSegments <= 2);
    const key = Buffer.from('count');
    for (const name of segmentsOf(bed.backups)) {
      assert.equal(readFileSync(join(bed.backups, 'segments', name)).indexOf(key), -1);
    }
    assert.equal((await bed.verify()).isChainVerified, false);
    assert.equal((await bed.verify('a passphrase')).isChainVerified, true);
    assert.equal(await bed.restore({ kind: 'end' }, 'a passphrase'), 15);
  });

  it('are refused without the passphrase, or with another', async (t) => {
    const bed = new Bed(t);
    await bed.act(2);
    await bed.backUp('a passphrase');
    const refused = { code: 'STORE_BACKUP_PASSPHRASE' };
    await assert.rejects(bed.backUp(), refused);
    await assert.rejects(bed.backUp('another'), refused);
    await assert.rejects(bed.verify('another'), refused);
    await assert.rejects(bed.restore({ kind: 'end' }), refused);
    await assert.rejects(bed.restore({ kind: 'end' }, 'another'), refused);
    assert.equal(existsSync(join(bed.folder, 'restored')), false);
  });

  it('do not begin where there are others', async (t) => {
    const bed = new Bed(t);
    await bed.act(2);
    await bed.backUp();
    await assert.rejects(bed.backUp('a passphrase'), { code: 'STORE_BACKUP_PASSPHRASE' });
  });

  it('do not take one file for another', async (t) => {
    const bed = new Bed(t);
    await bed.act(30);
    await bed.backUp('a passphrase');
    const [first = '', second = ''] = segmentsOf(bed.backups).map((name) =>
      join(bed.backups, 'segments', name),
    );
    const [left, right] = [readFileSync(first), readFileSync(second)];
    writeFileSync(first, right);
    writeFileSync(second, left);
    await assert.rejects(bed.verify('a passphrase'), { code: 'STORE_BACKUP_DAMAGED' });
  });
});
