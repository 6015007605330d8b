import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { AccessEvent, AccessFacts } from '../../src/audit/access-event.ts';
import { AccessJournal, type AccessJournalOptions } from '../../src/audit/access-journal.ts';
import { readJournal } from '../../src/audit/access-recovery.ts';
import { type VerifiedAccesses, verifyAccesses } from '../../src/audit/access-verification.ts';
import {
  addToAccounts,
  type ProvisionCount,
  readAccounts,
} from '../../src/audit/provision-accounts.ts';
import { silentLog } from '../../src/core/log.ts';
import { type AuditBed, openAuditBed } from '../support/audit-bed.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MINUTE_MS = 60_000;

const facts = (change: Partial<AccessFacts> = {}): AccessFacts => ({
  method: 'ldap',
  verifier: 'cn=tax-office',
  address: '192.0.2.1',
  partition: '10201',
  subject: 'cn=Maebashi-shi CRLDP',
  attribute: 'certificateRevocationList',
  listNumber: '7',
  outcome: 'provided',
  code: '',
  ...change,
});

interface JournalBed extends AuditBed {
  readonly folder: string;
  open(options?: Partial<AccessJournalOptions>): Promise<AccessJournal>;
  /** Writes what there is and forgets the rest, as a kill does. */
  crash(journal: AccessJournal): Promise<void>;
  read(): Promise<AccessEvent[]>;
  accounts(period?: string): Promise<ProvisionCount[]>;
}

async function setUp(t: TestContext): Promise<JournalBed> {
  const bed = await openAuditBed(t);
  const folder = join(temporaryFolder(t), 'access');
  const opened: AccessJournal[] = [];
  t.after(() => Promise.all(opened.map((journal) => journal.close().catch(() => undefined))));
  return {
    ...bed,
    folder,
    open: async (options) => {
      const journal = await AccessJournal.open({
        ...{ folder, store: bed.store, audit: bed.audit, clock: bed.clock, log: silentLog },
        utcOffsetMs: 9 * 3_600_000,
        ...options,
      });
      opened.push(journal);
      return journal;
    },
    crash: async (journal) => {
      await journal.sync();
      opened.splice(opened.indexOf(journal), 1);
    },
    read: async () => {
      const events: AccessEvent[] = [];
      for await (const event of readJournal(folder)) {
        events.push(event);
      }
      return events;
    },
    accounts: (period = '20') =>
      bed.withSnapshot(async (snapshot) => {
        const counts: ProvisionCount[] = [];
        for await (const count of readAccounts(snapshot, period)) {
          counts.push(count);
        }
        return counts;
      }),
  };
}

const sum = (counts: readonly ProvisionCount[]): number =>
  counts.reduce((total, { count }) => total + count, 0);

const lastFile = (folder: string): string => join(folder, readdirSync(folder).sort().at(-1) ?? '');

describe('the access journal', () => {
  it('gives back what was added, in order and with its time, clocks set back included', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    const given = journal.prepare(facts());
    const expected: AccessEvent[] = [];
    for (let at = 0; at < 500; at += 1) {
      const own =
        at % 7 === 0 ? facts({ outcome: 'refused', code: 'withheld', address: `${at}` }) : facts();
      journal.add(at % 7 === 0 ? journal.prepare(own) : given);
      expected.push({ ...own, timeMs: bed.clock.nowMs() });
      bed.clock.setWallClock(bed.clock.nowMs() + (at % 5 === 0 ? -250 : 3_000 * (at % 3)));
    }
    await journal.sync();
    assert.deepEqual(await bed.read(), expected);
  });

  it('is on the disk half a second after an access', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    journal.add(journal.prepare(facts()));
    assert.equal((await bed.read()).length, 0);
    await bed.clock.advance(500);
    await journal.sync();
    assert.equal((await bed.read()).length, 1);
  });

  it('is sealed: digest and place in the audit log, counts in the accounts', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    const handle = journal.prepare(facts());
    for (const count of [3, 2]) {
      for (let at = 0; at < count; at += 1) {
        journal.add(handle);
      }
      await journal.seal();
    }
    await journal.seal();
    const seals = await bed.trail.list({ kind: 'access.seal' }, 10);
    assert.deepEqual(
      seals.map(({ subject, details }) => [subject, details?.['accesses']]),
      [
        ['segment 1', 3],
        ['segment 2', 2],
      ],
    );
    const bytes = readFileSync(lastFile(bed.folder));
    for (const { after, details } of seals) {
      const range = bytes.subarray(Number(details?.['from']), Number(details?.['end']));
      assert.equal(after, createHash('sha256').update(range).digest('hex'));
    }
    assert.equal(seals[1]?.details?.['end'], bytes.length);
    assert.deepEqual(await bed.accounts('2026'), [
      {
        month: '2026-01',
        verifier: 'cn=tax-office',
        partition: '10201',
        method: 'ldap',
        outcome: 'provided',
        count: 5,
      },
    ]);
  });

  it('is what the accounts say, counted once more', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    const months = [Date.UTC(2026, 0, 31, 14, 59), Date.UTC(2026, 0, 31, 15)];
    const handles = [facts(), facts({ verifier: 'cn=other' }), facts({ outcome: 'refused' })];
    const prepared = handles.map((one) => journal.prepare(one));
    for (const atMs of months) {
      bed.clock.setWallClock(atMs);
      for (const [at, handle] of prepared.entries()) {
        for (let times = 0; times <= at; times += 1) {
          journal.add(handle);
        }
      }
      await journal.seal();
    }
    const check = (): Promise<VerifiedAccesses> =>
      bed.withSnapshot((snapshot) =>
        verifyAccesses({
          ...{ folder: bed.folder, audit: bed.audit, snapshot, utcOffsetMs: 9 * 3_600_000 },
        }),
      );
    assert.deepEqual(await check(), { segments: 2, absent: 0, accounts: 6 });
    const change = (count: number): Promise<void> =>
      bed.store.transact('test', (transaction) =>
        addToAccounts(transaction, [{ ...facts(), month: '2026-02', count }]),
      );
    const differs = { code: 'AUDIT_ACCOUNTS_DIFFER' };
    await change(1);
    await assert.rejects(check(), differs, 'more than was provided');
    await change(-2);
    await assert.rejects(check(), differs, 'less than was provided');
    await change(1);
    await check();
    const invented = { ...facts({ verifier: 'cn=invented' }), month: '2026-02', count: 1 };
    await bed.store.transact('test', (transaction) => addToAccounts(transaction, [invented]));
    await assert.rejects(check(), differs, 'nobody was provided with it');
    const file = lastFile(bed.folder);
    const bytes = readFileSync(file);
    rmSync(file);
    assert.deepEqual(await check(), { segments: 0, absent: 2, accounts: 7 });
    writeFileSync(file, bytes.subarray(0, -1));
    await assert.rejects(check(), { code: 'AUDIT_JOURNAL_DAMAGED' });
  });

  it('keeps months apart, by the policy’s clock', async (t) => {
    const bed = await setUp(t);
    bed.clock.setWallClock(Date.UTC(2026, 0, 31, 14, 59, 59, 999));
    const journal = await bed.open();
    const handle = journal.prepare(facts());
    journal.add(handle);
    bed.clock.setWallClock(Date.UTC(2026, 0, 31, 15));
    journal.add(handle);
    journal.add(handle);
    await journal.seal();
    const months = (await bed.accounts()).map(({ month, count }) => [month, count]);
    assert.deepEqual(months, [
      ['2026-01', 1],
      ['2026-02', 2],
    ]);
  });

  it('is counted after a kill from what is in the files, once', async (t) => {
    const bed = await setUp(t);
    let total = 0;
    for (let round = 0; round < 4; round += 1) {
      const journal = await bed.open();
      const handle = journal.prepare(facts({ address: `${round}` }));
      for (let at = 0; at < 10; at += 1) {
        journal.add(handle);
        if (at === 4 && round % 2 === 0) {
          await journal.seal();
        }
      }
      total += 10;
      await bed.crash(journal);
    }
    await bed.open();
    assert.equal(sum(await bed.accounts()), total);
    assert.equal((await bed.read()).length, total);
    await bed.open();
    assert.equal(sum(await bed.accounts()), total);
  });

  it('loses nothing but the torn end when a write was cut at any byte', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    const handle = journal.prepare(facts());
    journal.add(handle);
    await journal.sync();
    const whole = statSync(lastFile(bed.folder)).size;
    journal.add(handle);
    journal.add(handle);
    await bed.crash(journal);
    const file = lastFile(bed.folder);
    const bytes = readFileSync(file);
    for (let end = whole; end < bytes.length; end += 1) {
      const copy = join(temporaryFolder(t), 'access');
      const other = await openAuditBed(t);
      mkdirSync(copy);
      writeFileSync(join(copy, 'access-00000001.log'), bytes.subarray(0, end));
      const { store, audit, clock } = other;
      const reopened = await AccessJournal.open({
        ...{ folder: copy, store, audit, clock, log: silentLog, utcOffsetMs: 0 },
      });
      const [record] = await other.trail.list({ kind: 'access.seal' }, 1);
      assert.deepEqual(record?.details, {
        accesses: 1,
        end: whole,
        file: 1,
        from: 25,
      });
      await reopened.close();
    }
  });

  it('says so when bytes in the middle have changed, and leaves them as they are', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    const handle = journal.prepare(facts());
    for (let at = 0; at < 3; at += 1) {
      journal.add(handle);
      await journal.sync();
    }
    await bed.crash(journal);
    const file = lastFile(bed.folder);
    const bytes = readFileSync(file);
    bytes[bytes.length - 30] = (bytes[bytes.length - 30] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    await bed.open();
    const [record] = await bed.trail.list({ kind: 'access.seal' }, 1);
    assert.ok(Number(record?.details?.['damagedBytes']) > 0);
    assert.deepEqual(readFileSync(file), bytes);
    assert.equal(sum(await bed.accounts()), Number(record?.details?.['accesses']));
  });

  it('goes on, on record, when sealed bytes are missing: a store put back without them', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    journal.add(journal.prepare(facts()));
    await journal.seal();
    await bed.crash(journal);
    truncateSync(lastFile(bed.folder), 30);
    for (let round = 0; round < 2; round += 1) {
      const again = await bed.open();
      again.add(again.prepare(facts()));
      await bed.crash(again);
    }
    await bed.open();
    assert.equal(sum(await bed.accounts()), 3);
    const losses = await bed.trail.list({ kind: 'access.loss' }, 10);
    assert.deepEqual(
      losses.map(({ subject, result }) => [subject, result]),
      [['access-00000001.log', 'failed']],
    );
  });

  it('counts again what a store that was put back has forgotten', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    const handle = journal.prepare(facts());
    journal.add(handle);
    await journal.seal();
    journal.add(handle);
    await journal.seal();
    await bed.crash(journal);
    const earlier = await openAuditBed(t);
    const { store, audit, clock } = earlier;
    const reopened = await AccessJournal.open({
      ...{ folder: bed.folder, store, audit, clock, log: silentLog, utcOffsetMs: 0 },
    });
    await reopened.close();
    const seals = await earlier.trail.list({ kind: 'access.seal' }, 10);
    assert.equal(seals.length, 2);
  });

  const takenAway = [
    { why: 'removed', take: (file: string) => rmSync(file) },
    { why: 'moved away', take: (file: string) => renameSync(file, `${file}.elsewhere`) },
    {
      why: 'replaced',
      take: (file: string): void => {
        renameSync(file, `${file}.elsewhere`);
        writeFileSync(file, 'another');
      },
    },
  ];
  for (const { why, take } of takenAway) {
    it(`goes on in another file, on record, when its own is ${why} under it`, async (t) => {
      const bed = await setUp(t);
      const journal = await bed.open();
      const handle = journal.prepare(facts());
      journal.add(handle);
      await journal.seal();
      const file = lastFile(bed.folder);
      take(file);
      journal.add(handle);
      await journal.seal();
      const losses = await bed.trail.list({ kind: 'access.loss' }, 10);
      assert.deepEqual(
        losses.map(({ result, subject }) => [result, subject]),
        [['failed', 'access-00000001.log']],
      );
      journal.add(handle);
      await journal.seal();
      assert.equal((await bed.trail.list({ kind: 'access.loss' }, 10)).length, 1);
      assert.equal(lastFile(bed.folder), join(bed.folder, 'access-00000002.log'));
      assert.equal(sum(await bed.accounts()), 3);
      rmSync(file, { force: true });
      assert.equal((await bed.read()).length, 1, 'what came later is kept');
      await bed.crash(journal);
      await bed.open();
      assert.equal((await bed.trail.list({ kind: 'access.loss' }, 10)).length, 1);
      assert.equal(sum(await bed.accounts()), 3);
    });
  }

  it('goes on in another file when one is large', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open({ maxFileBytes: 1_000 });
    const handle = journal.prepare(facts());
    for (let at = 0; at < 6; at += 1) {
      journal.add(handle);
      await journal.seal();
    }
    await bed.crash(journal);
    assert.ok(readdirSync(bed.folder).length > 1);
    await bed.open();
    assert.equal(sum(await bed.accounts()), 6);
    assert.equal((await bed.read()).length, 6);
  });

  it('goes on in the same file while no further one can be made', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open({ maxFileBytes: 1_000 });
    const handle = journal.prepare(facts());
    const inTheWay = join(bed.folder, 'access-00000002.log');
    mkdirSync(inTheWay);
    for (let at = 0; at < 6; at += 1) {
      journal.add(handle);
      await journal.seal();
    }
    rmdirSync(inTheWay);
    journal.add(handle);
    await journal.seal();
    journal.add(handle);
    await bed.crash(journal);
    assert.deepEqual(readdirSync(bed.folder), ['access-00000001.log', 'access-00000002.log']);
    await bed.open();
    assert.equal(sum(await bed.accounts()), 8);
    assert.equal((await bed.read()).length, 8);
  });

  it('keeps nothing of what was sealed for the sake of a handle that is kept', async (t) => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const bed = await setUp(t);
    const journal = await bed.open();
    const kept = journal.prepare(facts());
    journal.add(kept);
    const beside = ((): WeakRef<AccessFacts> => {
      const own = facts({ subject: 'cn=beside' });
      journal.add(journal.prepare(own));
      return new WeakRef(own);
    })();
    await journal.seal();
    await setImmediate();
    collectGarbage();
    assert.equal(beside.deref(), undefined);
    journal.add(kept);
    await journal.seal();
    assert.equal(sum(await bed.accounts()), 3);
  });

  it('is sealed early when somebody brings too many different facts', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    for (let at = 0; at < 20_001; at += 1) {
      journal.add(journal.prepare(facts({ subject: `cn=${at}` })));
    }
    await journal.sync();
    const seals = await bed.trail.list({ kind: 'access.seal' }, 10);
    assert.deepEqual(
      seals.map(({ details }) => details?.['accesses']),
      [20_000],
    );
    await journal.seal();
    assert.equal(sum(await bed.accounts()), 20_001);
  });

  it('counts every refused try, and keeps what was asked for of a thousand in a minute', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    const refuse = (count: number, verifier: string): void => {
      for (let at = 0; at < count; at += 1) {
        const change = { outcome: 'refused', code: 'insufficientAccess', verifier } as const;
        journal.add(journal.prepare(facts({ ...change, subject: `cn=${verifier}${at}` })));
      }
    };
    refuse(1_001, '');
    journal.add(journal.prepare(facts()));
    refuse(50, 'cn=tax-office');
    await journal.seal();
    refuse(3, '');
    await journal.seal();
    const events = await bed.read();
    const of = (isCoarse: boolean, verifier: string): number =>
      events.filter((event) => (event.subject === '') === isCoarse && event.verifier === verifier)
        .length;
    assert.deepEqual([of(false, ''), of(true, '')], [1_003, 1]);
    assert.deepEqual([of(false, 'cn=tax-office'), of(true, 'cn=tax-office')], [1, 50]);
    assert.equal(sum(await bed.accounts()), 1_055);
  });

  it('counts with the next seal what the store did not take', async (t) => {
    const bed = await setUp(t);
    let isRefusing = true;
    const store = {
      ...bed.store,
      snapshot: () => bed.store.snapshot(),
      transact: <T>(reason: string, body: Parameters<typeof bed.store.transact<T>>[1]) =>
        isRefusing && reason.includes('seal')
          ? Promise.reject(new Error('full'))
          : bed.store.transact(reason, body),
    } as typeof bed.store;
    isRefusing = false;
    const journal = await bed.open({ store });
    isRefusing = true;
    const handle = journal.prepare(facts());
    journal.add(handle);
    await journal.seal();
    assert.equal(journal.unsealed > 0, true);
    isRefusing = false;
    journal.add(handle);
    await journal.seal();
    assert.equal(sum(await bed.accounts()), 2);
    assert.equal(journal.unsealed, 0);
  });

  it('keeps nobody waiting while the disk takes nothing', { timeout: 20_000 }, async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    const probe = await open(lastFile(bed.folder));
    const full = t.mock.method(Object.getPrototypeOf(probe) as FileHandle, 'write', () =>
      Promise.reject(new Error('ENOSPC')),
    );
    await probe.close();
    journal.add(journal.prepare(facts()));
    await journal.seal();
    journal.add(journal.prepare(facts()));
    await journal.seal();
    assert.equal(sum(await bed.accounts()), 0);
    full.mock.restore();
    await bed.clock.advance(MINUTE_MS);
    await journal.sync();
    await journal.seal();
    assert.equal(sum(await bed.accounts()), 2);
    assert.equal((await bed.read()).length, 2);
  });

  it('leaves no record where nothing came', async (t) => {
    const bed = await setUp(t);
    const journal = await bed.open();
    await bed.clock.advance(MINUTE_MS);
    await journal.seal();
    assert.deepEqual(await bed.trail.list({}, 10), []);
  });
});
