import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { Level } from 'level';
import { SystemClock } from '../../src/core/clock.ts';
import type { Log, LogFields } from '../../src/core/log.ts';
import { silentLog } from '../../src/core/log.ts';
import { Journal, NEW_CHAIN } from '../../src/store/journal/journal.ts';
import { makeFolder } from '../../src/store/journal/journal-file.ts';
import type { RecordDraft } from '../../src/store/journal/journal-record.ts';
import { encodeRows } from '../../src/store/journal/journal-rows.ts';
import { findJournalEnd, readJournal } from '../../src/store/journal/journal-scan.ts';
import { rebuildIndex, rebuildJournal } from '../../src/store/level/store-rebuild.ts';
import { sealValue } from '../../src/store/level/value-checksum.ts';
import { ControlledJournal } from '../support/controlled-journal.ts';
import {
  act,
  checkActs,
  countWholeActs,
  findAllDamage,
  openActStore,
} from '../support/numbered-acts.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const segments = (folder: string): string[] => readdirSync(join(folder, 'journal')).sort();

/** A log that keeps what it is told. */
function keepingLog(): { readonly log: Log; readonly told: [string, LogFields][] } {
  const told: [string, LogFields][] = [];
  const note = (message: string, fields: LogFields = {}): void => void told.push([message, fields]);
  return { log: { ...silentLog, info: note, warn: note, error: note }, told };
}

async function makeActs(folder: string, count: number, segmentBytes?: number): Promise<void> {
  const store = await openActStore(folder, segmentBytes === undefined ? {} : { segmentBytes });
  for (let at = 0; at < count; at += 1) {
    await act(store);
  }
  await store.close();
}

describe('the journal', () => {
  it('begins a segment when one is full, named by its first record, and goes on in the last', async (t) => {
    const folder = temporaryFolder(t);
    await makeActs(folder, 12, 10_000);
    const names = segments(folder);
    assert.ok(names.length >= 3, names.join());
    assert.equal(names[0], '0000000000000001.journal');
    const journal = join(folder, 'journal');
    const records: number[] = [];
    const firsts: number[] = [];
    for await (const { header, offset } of readJournal(journal, undefined)) {
      records.push(header.sequence);
      if (offset === 128) {
        firsts.push(header.sequence);
      }
    }
    assert.deepEqual(
      records,
      records.map((_, at) => at + 1),
      'no number is left out',
    );
    assert.deepEqual(
      names.map((name) => Number.parseInt(name, 10)),
      firsts,
    );
    await makeActs(folder, 1);
    assert.deepEqual(segments(folder), names);
    assert.equal(await checkActs(folder), 13);
  });

  it('is not replayed after the store was closed, and is after it was not', async (t) => {
    const folder = temporaryFolder(t);
    const { log, told } = keepingLog();
    const live = join(folder, 'live');
    await makeActs(live, 3);
    const store = await openActStore(live, { log });
    await act(store);
    const image = join(folder, 'image');
    cpSync(live, image, { recursive: true });
    await store.close();
    assert.equal(told.length, 0);
    for (let time = 0; time < 2; time += 1) {
      const again = await openActStore(image, { log });
      assert.equal(await countWholeActs(again), 4);
      await again.close();
    }
    assert.deepEqual(
      told.map(([, fields]) => fields['groups']),
      [1],
      'once, and its one group',
    );
  });

  it('is replayed whatever part of it the index has already', async (t) => {
    const folder = temporaryFolder(t);
    const live = join(folder, 'live');
    const store = await openActStore(live);
    for (let at = 0; at < 5; at += 1) {
      await act(store);
    }
    await store.transact('test', async (transaction) =>
      transaction.put(Buffer.from('\x21x'), Buffer.from('1')),
    );
    await store.transact('test', async (transaction) => transaction.delete(Buffer.from('\x21x')));
    const image = join(folder, 'image');
    cpSync(live, image, { recursive: true });
    await store.close();
    // LevelDB's log lost from some place on, or all of it.
    const [logName = ''] = readdirSync(join(image, 'level')).filter((name) =>
      name.endsWith('.log'),
    );
    writeFileSync(join(image, 'level', logName), '');
    assert.equal(await checkActs(image), 5);
  });

  it('keeps a group of any size as a whole', async (t) => {
    const folder = temporaryFolder(t);
    const store = await openActStore(folder);
    const value = new Uint8Array(300_000).fill(5);
    await store.transact('test', async (transaction) => {
      for (let at = 0; at < 12; at += 1) {
        transaction.put(Buffer.from(`\x20${at}`), value);
      }
    });
    await store.close();
    const parts: string[] = [];
    for await (const { header } of readJournal(join(folder, 'journal'), undefined)) {
      parts.push(`${header.sequence} of ${header.groupStart}${header.isGroupEnd ? ' end' : ''}`);
    }
    assert.equal(parts.length, 12);
    assert.deepEqual(parts.slice(-2), ['11 of 1', '12 of 1 end']);
  });

  it('takes back a group whose source fails, and goes on', async (t) => {
    const folder = join(temporaryFolder(t), 'journal');
    await makeFolder(folder);
    const storeId = new Uint8Array(16).fill(3);
    const files = new ControlledJournal();
    const journal = new Journal({
      ...{ folder, storeId, clock: new SystemClock(), segment: undefined, openFile: files.open },
      ...{ end: NEW_CHAIN, chainHash: NEW_CHAIN.hash },
    });
    const rows = [[Buffer.from('\x20k'), new Uint8Array(700_000)]] as const;
    await journal.append(rows);
    async function* failing(): AsyncGenerator<RecordDraft> {
      for (let at = 0; at < 4; at += 1) {
        yield* encodeRows(rows);
      }
      throw new Error('no more');
    }
    await assert.rejects(journal.appendRecords(failing()), { message: 'no more' });
    await journal.append(rows);
    await journal.close();
    const found = await findJournalEnd(folder, undefined);
    assert.equal(found?.end.sequence, 2);
    assert.equal(found.torn, undefined);
  });

  it('takes nothing more after a failure', async (t) => {
    const folder = join(temporaryFolder(t), 'journal');
    await makeFolder(folder);
    const files = new ControlledJournal();
    const journal = new Journal({
      ...{ folder, storeId: new Uint8Array(16), clock: new SystemClock(), segment: undefined },
      ...{ end: NEW_CHAIN, chainHash: NEW_CHAIN.hash, openFile: files.open },
    });
    files.failAfter(0, 'torn');
    await assert.rejects(journal.append([[Buffer.from('\x20k'), null]]), /No space left/);
    await assert.rejects(journal.append([[Buffer.from('\x20k'), null]]), /No space left/);
    assert.deepEqual(files.steps, ['append']);
    await journal.close();
  });
});

describe('a store from before the journal', () => {
  /** Makes what the format before left behind. */
  async function makeOldStore(folder: string): Promise<void> {
    await makeActs(folder, 4);
    rmSync(join(folder, 'journal'), { recursive: true });
    writeFileSync(join(folder, 'FORMAT'), 'certdir-store 1\n');
    const level = new Level<Uint8Array, Uint8Array>(join(folder, 'level'), {
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    await level.open();
    const format = Buffer.from('\x01format');
    await level.clear({ gte: Buffer.from('\x01'), lt: Buffer.from('\x02') });
    await level.put(format, sealValue(format, Buffer.from('certdir-store 1')));
    await level.close();
  }

  it('is given one that has everything', async (t) => {
    const folder = temporaryFolder(t);
    await makeOldStore(folder);
    assert.equal(await checkActs(folder), 4);
    rmSync(join(folder, 'level'), { recursive: true });
    await rebuild(folder, rebuildIndex);
    assert.equal(await checkActs(folder), 4);
  });

  it('is given one anew when that was interrupted', async (t) => {
    const folder = temporaryFolder(t);
    await makeOldStore(folder);
    const copy = join(temporaryFolder(t), 'copy');
    cpSync(folder, copy, { recursive: true });
    assert.equal(await checkActs(copy), 4);
    cpSync(join(copy, 'journal'), join(folder, 'journal'), { recursive: true });
    assert.equal(await checkActs(folder), 4);
  });

  it('is refused beside a journal that has gone on', async (t) => {
    const folder = temporaryFolder(t);
    await makeOldStore(folder);
    const other = temporaryFolder(t);
    await makeActs(other, 2);
    cpSync(join(other, 'journal'), join(folder, 'journal'), { recursive: true });
    await assert.rejects(openActStore(folder), { code: 'STORE_JOURNAL_FOREIGN' });
  });
});

const rebuild = (
  folder: string,
  half: typeof rebuildIndex,
  acceptsLoss = false,
): ReturnType<typeof rebuildIndex> =>
  half({ folder, clock: new SystemClock(), acceptsLoss, onRecords: () => undefined });

describe('rebuilding', () => {
  async function setUp(t: TestContext): Promise<string> {
    const folder = temporaryFolder(t);
    await makeActs(folder, 12, 10_000);
    return folder;
  }

  it('makes a lost index from the journal', async (t) => {
    const folder = await setUp(t);
    rmSync(join(folder, 'level'), { recursive: true });
    rmSync(join(folder, 'FORMAT'));
    await assert.rejects(openActStore(folder), { code: 'STORE_DAMAGED' });
    await rebuild(folder, rebuildIndex);
    assert.equal(await checkActs(folder), 12);
    assert.deepEqual(readdirSync(folder).sort(), ['FORMAT', 'journal', 'level']);
  });

  it('puts back rows that the index has lost, which a deep check finds', async (t) => {
    const folder = await setUp(t);
    const level = new Level<Uint8Array, Uint8Array>(join(folder, 'level'), {
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    await level.open();
    const [first, second] = await level.keys({ gte: Buffer.from('\x20l') }).all();
    assert.ok(first !== undefined && second !== undefined);
    await level.del(first);
    await level.put(second, sealValue(second, Buffer.from('another')));
    await level.put(Buffer.from('\x20more'), sealValue(Buffer.from('\x20more'), Buffer.from('x')));
    await level.close();
    const store = await openActStore(folder);
    const found = await findAllDamage(store);
    await store.close();
    assert.equal(found.length, 3, found.join('\n'));
    await rebuild(folder, rebuildIndex);
    assert.equal(await checkActs(folder), 12);
  });

  it('is refused while the store is open', async (t) => {
    const folder = await setUp(t);
    const store = await openActStore(folder);
    await assert.rejects(rebuild(folder, rebuildIndex), { code: 'STORE_LOCKED' });
    await assert.rejects(rebuild(folder, rebuildJournal), { code: 'STORE_LOCKED' });
    await store.close();
  });

  it('does not make an index from a journal that has less than the present one', async (t) => {
    const folder = await setUp(t);
    rmSync(join(folder, 'journal', segments(folder).at(-1) ?? ''));
    await assert.rejects(rebuild(folder, rebuildIndex), { code: 'STORE_JOURNAL_BEHIND' });
    await assert.rejects(openActStore(folder), { code: 'STORE_JOURNAL_BEHIND' });
    await rebuild(folder, rebuildIndex, true);
    const store = await openActStore(folder);
    assert.ok((await countWholeActs(store)) < 12);
    await store.close();
  });

  it('makes a damaged journal anew from a whole index, and keeps the old one', async (t) => {
    const folder = await setUp(t);
    const last = join(folder, 'journal', segments(folder).at(-1) ?? '');
    writeFileSync(last, Buffer.alloc(500, 7));
    await assert.rejects(openActStore(folder), { code: 'STORE_JOURNAL_DAMAGED' });
    const { keptFolder } = await rebuild(folder, rebuildJournal);
    assert.ok(keptFolder !== undefined && existsSync(keptFolder));
    assert.equal(await checkActs(folder), 12);
    await makeActs(folder, 1);
    assert.equal(await checkActs(folder), 13);
  });

  it('makes no journal from an index that may lack something', async (t) => {
    const folder = temporaryFolder(t);
    const live = join(folder, 'live');
    const store = await openActStore(live);
    await act(store);
    const image = join(folder, 'image');
    cpSync(live, image, { recursive: true });
    await store.close();
    await assert.rejects(rebuild(image, rebuildJournal), { code: 'STORE_INDEX_BEHIND' });
    await rebuild(image, rebuildJournal, true);
    assert.equal(await checkActs(image), 1);
  });
});
