import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { StoreError } from '../../src/store/errors.ts';
import { FolderSource } from '../../src/store/journal/folder-source.ts';
import { JournalFeed, type SynchronousSetting } from '../../src/store/journal/journal-feed.ts';
import type { JournalSource } from '../../src/store/journal/journal-source.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import { StandbyFollower } from '../../src/store/standby/standby-follower.ts';
import { readStandbyMark } from '../../src/store/standby/standby-marks.ts';
import {
  fenceStore,
  promoteStore,
  readStandbyPosition,
} from '../../src/store/standby/standby-promotion.ts';
import type { Store } from '../../src/store/store.ts';
import { FeedSource, STANDBY } from '../support/feed-source.ts';
import { act, checkActs, countWholeActs, openActStore } from '../support/numbered-acts.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SEGMENT_BYTES = 20_000;
const clock = new SystemClock();
const MIB = 1024 * 1024;

const unreachable = (): never => {
  throw new StoreError('STORE_FEED_UNREACHABLE', 'the connection was cut');
};

/** A primary and its standby. */
class Bed {
  readonly folder: string;
  readonly primary: string;
  readonly standby: string;
  readonly #opened: { close(): Promise<void> }[] = [];
  // A follower's own timers keep no process alive; here nothing else would.
  readonly #alive = setInterval(() => undefined, 1_000);
  feed: JournalFeed | undefined;

  constructor(t: TestContext) {
    this.folder = temporaryFolder(t);
    this.primary = join(this.folder, 'primary');
    this.standby = join(this.folder, 'standby');
    t.after(async () => {
      await this.closeAll();
      clearInterval(this.#alive);
    });
  }

  get journal(): string {
    return join(this.primary, 'journal');
  }

  async openPrimary(synchronous?: Partial<SynchronousSetting>): Promise<Store> {
    const setting = {
      standby: STANDBY,
      timeoutMs: 10_000,
      onTimeout: 'stop',
      ...synchronous,
    } as const;
    this.feed = new JournalFeed({
      ...{ clock, log: silentLog },
      synchronous: synchronous === undefined ? undefined : setting,
    });
    const store = await openActStore(this.primary, {
      ...{ segmentBytes: SEGMENT_BYTES, feed: this.feed },
    });
    this.#opened.push(store);
    return store;
  }

  get source(): FeedSource {
    assert.ok(this.feed !== undefined);
    return new FeedSource(this.feed);
  }

  follower(source: JournalSource, folder: string = this.standby): StandbyFollower {
    const follower = new StandbyFollower({
      ...{ folder, source, clock, log: silentLog, waitMs: 50 },
      ...{ cacheBytes: 8 * MIB, writeBufferBytes: MIB },
    });
    this.#opened.push(follower);
    return follower;
  }

  /** Follows until the standby has a record, then closes it. */
  async followTo(sequence: number, source: JournalSource = this.source): Promise<void> {
    const follower = this.follower(source);
    const running = follower.follow();
    running.catch(() => undefined);
    await until(() => follower.status.sequence >= sequence, running);
    await follower.close();
  }

  async closeAll(): Promise<void> {
    for (const opened of this.#opened.splice(0).reverse()) {
      await opened.close();
    }
  }
}

async function until(
  isSo: () => boolean,
  running: Promise<void> = new Promise(() => undefined),
): Promise<void> {
  const waited = (async () => {
    while (!isSo()) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  await Promise.race([waited, running]);
}

async function acts(store: Store, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) {
    await act(store);
  }
}

const sequenceOf = (bed: Bed): number => bed.feed?.status.sequence ?? 0;

function assertSameSegments(primary: string, standby: string, isPart = false): void {
  const names = readdirSync(join(standby, 'journal')).sort();
  assert.ok(names.length > 0);
  for (const name of names) {
    const [there, here] = [primary, standby].map((each) =>
      readFileSync(join(each, 'journal', name)),
    );
    assert.ok(there !== undefined && here !== undefined);
    assert.ok(here.equals(isPart ? there.subarray(0, here.length) : there), name);
  }
}

/** Of all segments. */
function journalBytes(folder: string): number {
  const names = readdirSync(join(folder, 'journal'));
  return names.reduce((sum, name) => sum + statSync(join(folder, 'journal', name)).size, 0);
}

const promoted = (folder: string): Promise<void> =>
  promoteStore({ folder, clock, log: silentLog }, async (transaction) =>
    transaction.put(Buffer.from('\x40promoted'), new Uint8Array(1)),
  );

describe('a standby that follows a primary', () => {
  it('has the same segments, the same rows, large values too, and says how far behind it is', async (t) => {
    const bed = new Bed(t);
    const store = await bed.openPrimary();
    await acts(store, 20);
    const large = new SeededRandom('large').bytes(3 * MIB);
    const sha256 = await store.transact('large', (transaction) => transaction.putLarge(large));
    const follower = bed.follower(bed.source);
    void follower.follow();
    await until(() => follower.status.sequence === sequenceOf(bed));
    await acts(store, 20);
    await until(() => follower.status.sequence === sequenceOf(bed));
    const { behind, behindMs, isConnected, problem, epoch } = follower.status;
    assert.deepEqual([behind, behindMs, isConnected, problem, epoch], [0, 0, true, null, 1]);
    await until(() => bed.feed?.status.standbys[0]?.behind === 0);
    assert.equal((await bed.feed?.measure())?.[0]?.behindBytes, 0);
    await follower.close();
    const sizeBefore = journalBytes(bed.primary);
    await acts(store, 20);
    const [measured] = (await bed.feed?.measure()) ?? [];
    assert.equal(measured?.behindBytes, journalBytes(bed.primary) - sizeBefore);
    const last = bed.follower(bed.source);
    void last.follow();
    await until(() => last.status.sequence === sequenceOf(bed));
    await bed.closeAll();
    assertSameSegments(bed.primary, bed.standby);
    const standby = await openLevelStore({
      ...{ folder: bed.standby, clock, log: silentLog, role: 'inspection' },
    });
    const snapshot = standby.snapshot();
    assert.deepEqual(await snapshot.readLarge(sha256), large);
    await snapshot.close();
    await standby.close();
  });

  it('goes on wherever it was cut off, and after it was closed', async (t) => {
    const bed = new Bed(t);
    const store = await bed.openPrimary();
    await acts(store, 12);
    // Within the head, the header, the payload, at both ends of each; then anywhere.
    const lengths = [1, 127, 128, 129, 79, 80, 81, 1, 200, 3000];
    const random = new SeededRandom('cuts');
    const source = bed.source;
    let reads = 0;
    source.onRead = (part) => {
      reads += 1;
      if (reads % 3 === 0) {
        return unreachable();
      }
      const length = lengths[reads % lengths.length] ?? 1 + random.below(5000);
      return { ...part, bytes: part.bytes.subarray(0, Math.max(length, reads)) };
    };
    let wanted = 3;
    while (wanted < sequenceOf(bed)) {
      const follower = new StandbyFollower({
        ...{ folder: bed.standby, source, clock: quick, log: silentLog, waitMs: 0 },
        ...{ cacheBytes: 8 * MIB, writeBufferBytes: MIB },
      });
      const running = follower.follow();
      await until(() => follower.status.sequence >= wanted, running);
      wanted = Math.min(sequenceOf(bed), follower.status.sequence + 4);
      await follower.close();
    }
    await bed.followTo(sequenceOf(bed));
    assertSameSegments(bed.primary, bed.standby);
  });

  it('follows a folder up to the last group, which may not be durable there', async (t) => {
    const bed = new Bed(t);
    const store = await bed.openPrimary();
    await acts(store, 30);
    const follower = bed.follower(new FolderSource(bed.journal, clock));
    void follower.follow();
    await until(() => follower.status.sequence === sequenceOf(bed) - 1);
    await acts(store, 1);
    await until(() => follower.status.sequence === sequenceOf(bed) - 1);
    await bed.closeAll();
    assertSameSegments(bed.primary, bed.standby, true);
  });
});

/** Waits for nothing for longer than a moment. */
const quick = {
  nowMs: () => clock.nowMs(),
  monotonicMs: () => clock.monotonicMs(),
  schedule: (delayMs: number, onElapsed: () => void) =>
    clock.schedule(Math.min(delayMs, 2), onElapsed),
};

describe('a standby refuses', () => {
  const refused = async (bed: Bed, source: JournalSource, code: string): Promise<void> => {
    const follower = bed.follower(source);
    await assert.rejects(follower.follow(), { code });
    await follower.close();
  };

  it('another store (STORE_FEED_FOREIGN)', async (t) => {
    const bed = new Bed(t);
    await acts(await bed.openPrimary(), 2);
    await bed.followTo(2);
    const other = join(bed.folder, 'other');
    const store = await openActStore(other);
    await acts(store, 5);
    await store.close();
    await refused(bed, new FolderSource(join(other, 'journal'), clock), 'STORE_FEED_FOREIGN');
  });

  it('another history, longer or shorter, in segment or seal (STORE_FEED_FORK)', async (t) => {
    const bed = new Bed(t);
    const store = await bed.openPrimary();
    await acts(store, 5);
    await store.close();
    const fork = join(bed.folder, 'fork');
    cpSync(bed.primary, fork, { recursive: true });
    await acts(await bed.openPrimary(), 3);
    await bed.followTo(sequenceOf(bed));
    for (const more of [1, 3, 30]) {
      const feed = new JournalFeed({ clock, log: silentLog, synchronous: undefined });
      const other = await openActStore(fork, { segmentBytes: SEGMENT_BYTES, feed });
      await acts(other, more);
      await refused(bed, new FeedSource(feed), 'STORE_FEED_FORK');
      await other.close();
    }
  });

  it('a journal that lacks what it needs next (STORE_FEED_GAP)', async (t) => {
    const bed = new Bed(t);
    const store = await bed.openPrimary();
    await acts(store, 60);
    await bed.closeAll();
    const segments = readdirSync(bed.journal).sort();
    assert.ok(segments.length > 3);
    const copy = join(bed.folder, 'copy');
    for (const missing of [0, 1]) {
      rmSync(bed.standby, { recursive: true, force: true });
      cpSync(bed.journal, copy, { recursive: true });
      rmSync(join(copy, segments[missing] ?? ''));
      await refused(bed, new FolderSource(copy, clock), 'STORE_FEED_GAP');
      await bed.closeAll();
    }
  });

  it('damage, wherever it is (STORE_FEED_DAMAGED), and goes on when it is mended', async (t) => {
    const bed = new Bed(t);
    await acts(await bed.openPrimary(), 4);
    const size = readFileSync(join(bed.journal, readdirSync(bed.journal)[0] ?? '')).length;
    for (const offset of [0, 20, 40, 64, 127, 128, 132, 140, 168, 175, 207, 209, size - 1]) {
      rmSync(bed.standby, { recursive: true, force: true });
      const source = bed.source;
      source.onRead = (part, { from }) => {
        const bytes = Uint8Array.from(part.bytes);
        if (offset >= from && offset < from + bytes.length) {
          bytes[offset - from] = (bytes[offset - from] ?? 0) ^ 1;
        }
        return { ...part, bytes };
      };
      await refused(bed, source, 'STORE_FEED_DAMAGED');
    }
    await bed.followTo(4);
    assertSameSegments(bed.primary, bed.standby);
  });

  it('a source of an earlier epoch, which stops writing (STORE_FENCED)', async (t) => {
    const bed = new Bed(t);
    const store = await bed.openPrimary();
    await acts(store, 3);
    await bed.followTo(3);
    await promoted(bed.standby);
    const marked = { storeId: '', from: 'a test', isLossless: false };
    assert.equal(await readStandbyMark(bed.standby), undefined);
    writeFileSync(join(bed.standby, 'STANDBY'), JSON.stringify(marked));
    await refused(bed, bed.source, 'STORE_FENCED');
    await assert.rejects(act(store), { code: 'STORE_FENCED' });
    assert.equal(store.isWritable, false);
    assert.equal(await countWholeActs(store), 3, 'it is read on');
    await bed.closeAll();
    await assert.rejects(openActStore(bed.primary), { code: 'STORE_FENCED' });
  });

  it('damage that a copied folder keeps, once it is not just being written', async (t) => {
    const bed = new Bed(t);
    await acts(await bed.openPrimary(), 3);
    await bed.closeAll();
    const copy = join(bed.folder, 'copy');
    mkdirSync(copy);
    const name = readdirSync(bed.journal)[0] ?? '';
    cpSync(join(bed.journal, name), join(copy, name));
    appendFileSync(join(copy, name), Buffer.alloc(200, 7));
    let aheadMs = 0;
    const jumping = { ...quick, monotonicMs: () => clock.monotonicMs() + aheadMs };
    const follower = bed.follower(new FolderSource(copy, jumping));
    const running = follower.follow();
    running.catch(() => undefined);
    await until(() => follower.status.sequence === 2, running);
    aheadMs = 6_000;
    await assert.rejects(running, { code: 'STORE_FEED_DAMAGED' });
  });
});

describe('promotion', () => {
  it('makes a standby writable, in a later epoch, and nothing else does', async (t) => {
    const bed = new Bed(t);
    await acts(await bed.openPrimary(), 6);
    await bed.followTo(6);
    await assert.rejects(openActStore(bed.standby), { code: 'STORE_STANDBY' });
    const before = await readStandbyPosition({ folder: bed.standby, clock, log: silentLog });
    assert.deepEqual([before.sequence, before.epoch], [6, 2]);
    await promoted(bed.standby);
    const gone = readStandbyPosition({ folder: bed.standby, clock, log: silentLog });
    await assert.rejects(gone, { code: 'STORE_NO_STANDBY' });
    const store = await openActStore(bed.standby);
    assert.equal(await act(store), 7);
    await store.close();
  });

  it('ends in an epoch above one that it was fenced from', async (t) => {
    const bed = new Bed(t);
    await acts(await bed.openPrimary(), 1);
    await bed.followTo(1);
    const standby = { folder: bed.standby, clock, log: silentLog };
    assert.deepEqual(await fenceStore(standby, 7), { ownEpoch: 1, isFenced: true });
    assert.equal((await readStandbyPosition(standby)).epoch, 8);
    await promoted(bed.standby);
    await (await openActStore(bed.standby)).close();
  });

  it('leaves the old primary, as its standby, to follow when it has nothing of its own', async (t) => {
    const bed = new Bed(t);
    await acts(await bed.openPrimary(), 4);
    await bed.followTo(4);
    await bed.closeAll();
    await promoted(bed.standby);
    await fenceStore({ folder: bed.primary, clock, log: silentLog }, 2);
    await assert.rejects(openActStore(bed.primary), { code: 'STORE_FENCED' });
    const feed = new JournalFeed({ clock, log: silentLog, synchronous: undefined });
    const store = await openActStore(bed.standby, { feed });
    const follower = bed.follower(new FeedSource(feed), bed.primary);
    void follower.follow();
    await until(() => follower.status.sequence === feed.status.sequence);
    assert.equal(follower.status.epoch, 2);
    await bed.closeAll();
    await store.close();
    await assert.rejects(openActStore(bed.primary), { code: 'STORE_STANDBY' });
  });
});

describe('a primary that waits for its standby', () => {
  it('acknowledges what the standby has made durable, and nothing else', async (t) => {
    const bed = new Bed(t);
    const store = await bed.openPrimary({});
    const waiting = act(store);
    let isAnswered = false;
    void waiting.then(() => {
      isAnswered = true;
    });
    const follower = bed.follower(bed.source);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(isAnswered, false);
    assert.equal(await countWholeActs(store), 0, 'nor is it read');
    void follower.follow();
    await waiting;
    assert.equal(follower.status.sequence, 1);
    assert.equal(follower.status.isLossless, true);
    await acts(store, 10);
    assert.ok(follower.status.sequence >= 11);
  });

  it('stops writing when it does not answer (STORE_STANDBY_SILENT)', async (t) => {
    const bed = new Bed(t);
    const store = await bed.openPrimary({ timeoutMs: 20 });
    await assert.rejects(act(store), { code: 'STORE_WRITE_FAILED' });
    await assert.rejects(act(store), { code: 'STORE_STANDBY_SILENT' });
    assert.equal(await countWholeActs(store), 0);
  });

  it('goes on without it where it was told to, until it has caught up', async (t) => {
    const bed = new Bed(t);
    const store = await bed.openPrimary({ timeoutMs: 20, onTimeout: 'continue' });
    await acts(store, 3);
    assert.equal(bed.feed?.status.mode, 'fallen back');
    const follower = bed.follower(bed.source);
    void follower.follow();
    await until(() => bed.feed?.status.mode === 'synchronous');
    assert.equal(follower.status.isLossless, false);
    assert.equal(await act(store), 4);
  });
});

describe('a promoted store', () => {
  it('is whole: rows, journal, and each row by the journal', async (t) => {
    const bed = new Bed(t);
    await acts(await bed.openPrimary(), 25);
    await bed.followTo(sequenceOf(bed));
    await promoteStore({ folder: bed.standby, clock, log: silentLog }, async () => undefined);
    assert.equal(await checkActs(bed.standby), 25);
  });
});
