/**
 * What the server does by itself so that records are kept, on a data folder and a clock of its own.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { readArchiveStatus } from '../../src/app/archive-status.ts';
import type { CaInstance } from '../../src/app/ca-instance.ts';
import { openInstance } from '../../src/app/instance.ts';
import { InstanceOperations } from '../../src/app/instance-operations.ts';
import { archiveJobs, keepingJobs } from '../../src/app/keeping-jobs.ts';
import { publishDirectly } from '../../src/app/publication-job.ts';
import type { AuditRecord } from '../../src/audit/audit-log.ts';
import { ClosingStack } from '../../src/core/closing-stack.ts';
import { silentLog } from '../../src/core/log.ts';
import type { LocalOperations } from '../../src/http/local-operations.ts';
import type { Job, JobAlarm } from '../../src/scheduler/job.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import { makeDataFolder } from '../support/data-folder.ts';
import { ManualTicker } from '../support/manual-ticker.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Bed {
  readonly instance: CaInstance;
  readonly operations: LocalOperations;
  readonly clock: SimulatedClock;
  readonly folder: string;
  job(name: string): Job;
  records(kind: string): Promise<readonly AuditRecord[]>;
  close(): Promise<void>;
}

async function open(t: TestContext): Promise<Bed> {
  const folder = temporaryFolder(t);
  const data = join(folder, 'data');
  mkdirSync(data);
  await makeDataFolder(data);
  const yaml = join(data, 'certdir.yaml');
  writeFileSync(join(folder, 'passphrase'), 'a passphrase of backups', { mode: 0o600 });
  writeFileSync(
    yaml,
    JSON.stringify({
      ...JSON.parse(readFileSync(yaml, 'utf8')),
      backup: { folder: '../backups', passphraseFile: '../passphrase' },
      archive: { folder: '../archive' },
    }),
  );
  return await reopen(t, folder, new SimulatedClock(Date.now()));
}

async function reopen(t: TestContext, folder: string, clock: SimulatedClock): Promise<Bed> {
  const closing = new ClosingStack();
  t.after(() => closing.close());
  const data = join(folder, 'data');
  const opened = await openInstance({ folder: data, log: silentLog, clock }, closing);
  const [instance] = opened.cas;
  const setting = { publishLists: publishDirectly, jobs: undefined };
  const operations = new InstanceOperations(opened, setting).of(instance);
  const jobs = [
    ...keepingJobs(instance),
    ...archiveJobs(instance, (month, origin) => operations.archive.exportAs(month, origin)),
  ];
  return {
    ...{ instance, operations, clock, folder },
    job: (name) => {
      const found = jobs.find((one) => one.name === name);
      assert.ok(found);
      return found;
    },
    records: (kind) => instance.auditing.trail.list({ kind }, 100),
    close: () => closing.close(),
  };
}

const run = (job: Job): Promise<void> => job.run(new AbortController().signal);

/** The first instant of the next month in Japan. */
function nextMonthMs(nowMs: number): number {
  const local = new Date(nowMs + 9 * HOUR_MS);
  return Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + 1) - 9 * HOUR_MS;
}

describe('backups by the schedule (gunma 4-11-6)', () => {
  it('are due at once, then a day after the last, also after a restart', async (t) => {
    const bed = await open(t);
    assert.equal(await bed.job('backup').nextDueMs(), 0);
    const madeMs = bed.clock.nowMs();
    await run(bed.job('backup'));
    assert.equal(await bed.job('backup').nextDueMs(), madeMs + DAY_MS);
    const [made] = await bed.records('backup.create');
    assert.deepEqual(made?.origin, { channel: 'scheduler', actor: 'certdir' });
    assert.equal(made?.details?.['isEncrypted'], true);
    await bed.close();
    const again = await reopen(t, bed.folder, bed.clock);
    assert.equal(await again.job('backup').nextDueMs(), madeMs + DAY_MS);
    bed.clock.setWallClock(madeMs - DAY_MS);
    assert.equal(await again.job('backup').nextDueMs(), 0, 'the last is from the future');
  });

  it('that fail are tried again, and an alarm after three', async (t) => {
    const bed = await open(t);
    // Where the folder should be, a file is.
    writeFileSync(join(bed.folder, 'backups'), '');
    const alarms: JobAlarm[] = [];
    const ticker = new ManualTicker();
    const scheduler = new Scheduler({
      ...{ ticker, clock: bed.clock, log: silentLog },
      onAlarm: (alarm) => alarms.push(alarm),
    });
    t.after(() => scheduler.close());
    scheduler.add(bed.job('backup'));
    for (const failures of [1, 2, 3]) {
      await assert.rejects(scheduler.trigger('backup'));
      assert.equal(scheduler.status()[0]?.failures, failures);
    }
    assert.deepEqual(
      alarms.map(({ kind }) => kind),
      ['failing'],
    );
    rmSync(join(bed.folder, 'backups'));
    await scheduler.trigger('backup');
    await scheduler.pause();
    assert.equal(scheduler.status()[0]?.failures, 0);
    assert.equal(alarms.at(-1)?.kind, 'recovered');
  });
});

describe('the archive by the schedule (gunma 4-12-2-3)', () => {
  it('is due when the month is over, and catches up with every month', async (t) => {
    const bed = await open(t);
    const job = bed.job('archive export');
    const firstMs = nextMonthMs(bed.clock.nowMs());
    assert.equal(await job.nextDueMs(), firstMs);
    const secondMs = nextMonthMs(firstMs);
    bed.clock.setWallClock(secondMs + 1);
    assert.equal(await job.nextDueMs(), firstMs);
    await run(job);
    assert.equal(await job.nextDueMs(), nextMonthMs(secondMs + 1));
    assert.equal(readdirSync(join(bed.folder, 'archive')).length, 2);
    const written = await bed.records('archive.written');
    const signed = await bed.records('archive.sign');
    assert.equal(written.length, 2);
    assert.deepEqual(
      written.map(({ subject, after }) => [subject, after]),
      signed.map(({ subject, after }) => [subject, after]),
    );
  });

  it('takes up what an interrupted run has left, and refuses what is no whole month', async (t) => {
    const bed = await open(t);
    const job = bed.job('archive export');
    const placeOf = (atMs: number): string => {
      const month = new Date(atMs + 9 * HOUR_MS).toISOString().slice(0, 7);
      return join(bed.folder, 'archive', `gunma-${month}`);
    };
    const draft = `${placeOf(bed.clock.nowMs())}.unfinished`;
    mkdirSync(draft, { recursive: true });
    writeFileSync(join(draft, 'half'), '');
    bed.clock.setWallClock(nextMonthMs(bed.clock.nowMs()));
    await run(job);
    assert.equal(existsSync(draft), false);
    mkdirSync(placeOf(bed.clock.nowMs()));
    bed.clock.setWallClock(nextMonthMs(bed.clock.nowMs()));
    await assert.rejects(run(job), { code: 'VERIFIER_MISSING' });
  });
});

describe('the archive’s status', () => {
  it('counts what is held, and what is past its time without removing it', async (t) => {
    const { instance, clock } = await open(t);
    const before = await readArchiveStatus(instance);
    const held = (kind: string, of = before): (typeof before.held)[number] => {
      const found = of.held.find((one) => one.kind === kind);
      assert.ok(found);
      return found;
    };
    assert.equal(held('certificates').held, 1);
    assert.equal(held('lists').held, 37);
    assert.ok(held('auditRecords').held > 37);
    assert.equal(held('accessJournal').held, 1);
    for (const { pastRetention, removable } of before.held) {
      assert.deepEqual([pastRetention, removable], [0, 0]);
    }
    clock.setWallClock(clock.nowMs() + 10 * 366 * DAY_MS);
    const after = await readArchiveStatus(instance);
    assert.equal(held('lists', after).pastRetention, 37);
    assert.equal(held('certificates', after).pastRetention, 0, 'kept for 13 years');
    const records = held('auditRecords', after);
    assert.equal(records.pastRetention, records.held);
    assert.equal(records.removable, 0, 'not reviewed');
    assert.deepEqual(
      after.held.map(({ held: count }) => count),
      before.held.map(({ held: count }) => count),
    );
    assert.ok(after.overdue.some(({ matter }) => matter === 'auditReview'));
  });
});
