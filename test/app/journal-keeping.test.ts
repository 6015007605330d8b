import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { describeJournal, journalJob, retireSegments } from '../../src/app/journal-keeping.ts';
import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import { type Configuration, loadConfiguration } from '../../src/config/configuration.ts';
import { silentLog } from '../../src/core/log.ts';
import type { JournalFeed } from '../../src/store/journal/journal-feed.ts';
import { act, openActStore } from '../support/numbered-acts.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const origin = { channel: 'system', actor: 'certdir' } as const;
const CLIENTS = ['a'.repeat(64), 'b'.repeat(64)];

interface Bed {
  readonly parts: Parameters<typeof retireSegments>[0];
  readonly clock: SimulatedClock;
  states(feed?: JournalFeed): Promise<readonly string[]>;
}

async function open(t: TestContext, settings: string): Promise<Bed> {
  const folder = temporaryFolder(t);
  const file = join(folder, 'certdir.yaml');
  writeFileSync(
    file,
    'formatVersion: 1\npolicy: policy.yaml\ntoken: { kind: software, file: keys.json }\n' +
      `ldap: { listeners: [{ address: 127.0.0.1, port: 0, tls: none }] }\n${settings}`,
  );
  const configuration: Configuration = await loadConfiguration(file);
  const clock = new SimulatedClock(Date.UTC(2026, 0, 1));
  const options = { clock, segmentBytes: 20_000 };
  const before = await openActStore(configuration.store.folder, options);
  for (let at = 0; at < 40; at += 1) {
    await act(before);
  }
  await before.close();
  const store = await openActStore(configuration.store.folder, options);
  t.after(() => store.close());
  await act(store);
  const audit = openAuditLog({ clock });
  const parts = { configuration, store, audit, clock, log: silentLog };
  const states: Bed['states'] = async (feed) =>
    (await describeJournal({ ...parts, feed })).segments.map(({ state }) => state);
  return { parts, clock, states };
}

async function retirements({ store, audit }: Bed['parts']): Promise<number> {
  const snapshot = store.snapshot();
  try {
    return Number((await audit.head(snapshot)).size);
  } finally {
    await snapshot.close();
  }
}

describe('keeping the journal', () => {
  it('removes nothing without a setting, and has no job for it', async (t) => {
    const { parts, clock, states } = await open(t, '');
    await clock.advance(10_000 * DAY_MS);
    await retireSegments(parts, origin);
    assert.ok((await states()).includes('kept'));
    assert.equal(await journalJob(parts).nextDueMs(), undefined);
  });

  it('removes what is old, hourly, and puts it on record', async (t) => {
    const { parts, clock, states } = await open(
      t,
      'store: { journal: { keepDays: 2, keepUntilBackedUp: false } }\n',
    );
    const job = journalJob(parts);
    await job.run(new AbortController().signal);
    assert.equal(await retirements(parts), 0);
    assert.equal(await job.nextDueMs(), clock.nowMs() + HOUR_MS);
    await clock.advance(2 * DAY_MS);
    assert.ok((await states()).includes('retirable'));
    await job.run(new AbortController().signal);
    assert.ok(
      (await states()).length <= 2,
      'the last one, and the one before if it was just sealed',
    );
    assert.equal(await retirements(parts), 1);
    assert.ok((await describeJournal(parts)).retiredUpTo > 0);
  });

  it('waits for a backup by default', async (t) => {
    const { parts, clock, states } = await open(t, 'store: { journal: { keepDays: 1 } }\n');
    await clock.advance(DAY_MS);
    await retireSegments(parts, origin);
    assert.equal((await states())[0], 'waits-for-backup');
    await parts.store.journal.noteBackup((await parts.store.sealJournal()).end);
    await retireSegments(parts, origin);
    assert.ok(!(await states()).includes('waits-for-backup'));
  });

  it('waits for every standby that may follow, heard of or not', async (t) => {
    const { clock, states } = await open(
      t,
      'store: { journal: { keepDays: 1, keepUntilBackedUp: false } }\nreplication:\n  address: 127.0.0.1\n' +
        `  port: 0\n  certificateFile: a\n  keyFile: b\n  clients: [${CLIENTS.join(', ')}]\n`,
    );
    await clock.advance(DAY_MS);
    const feed = (...standbys: readonly string[]): JournalFeed =>
      ({
        status: { standbys: standbys.map((standby) => ({ standby, sequence: 1_000_000 })) },
      }) as unknown as JournalFeed;
    assert.equal((await states())[0], 'waits-for-standby');
    assert.equal((await states(feed(...CLIENTS.slice(1))))[0], 'waits-for-standby');
    assert.equal((await states(feed(...CLIENTS)))[0], 'retirable');
  });
});
