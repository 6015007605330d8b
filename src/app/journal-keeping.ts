/**
 * Keeps the store's journal within what `store.journal` of certdir.yaml asks for: after each backup, and once an
 * hour while the server runs.
 *
 * @module
 */

import { join } from 'node:path';

import type { AuditLog, AuditOrigin } from '../audit/audit-log.ts';
import {
  CONFIGURATION_FILE,
  type Configuration,
  loadConfiguration,
} from '../config/configuration.ts';
import { type Clock, SystemClock } from '../core/clock.ts';
import type { ClosingStack } from '../core/closing-stack.ts';
import type { Log } from '../core/log.ts';
import type { JournalReport } from '../http/operations.ts';
import { formatTime } from '../http/report-time.ts';
import type { Job } from '../scheduler/job.ts';
import type { JournalFeed } from '../store/journal/journal-feed.ts';
import type { JournalSegment, KeepingRules } from '../store/journal/journal-keeper.ts';
import { openLevelStore } from '../store/level/level-store.ts';
import type { Store } from '../store/store.ts';

const DAY_MS = 86_400_000;
const RETIRE_EVERY_MS = 3_600_000;

/** What the journal is kept by. */
export interface JournalSubject {
  readonly configuration: Configuration;
  readonly store: Store;
  readonly clock: Clock;
  /** Knows what standbys have, while the server gives them the journal. */
  readonly feed?: JournalFeed | undefined;
}

interface RetiringParts extends JournalSubject {
  readonly audit: AuditLog;
  readonly log: Log;
}

function rulesOf({ configuration, clock, feed }: JournalSubject): KeepingRules {
  const { keepDays, keepUntilBackedUp } = configuration.store.journal;
  return {
    keepMs: keepDays === undefined ? undefined : keepDays * DAY_MS,
    keepUntilBackedUp,
    standbysHave: standbysHave(configuration, feed),
    nowMs: clock.nowMs(),
  };
}

/** What is not known of a standby that was configured counts as missing there. */
function standbysHave(
  { replication }: Configuration,
  feed: JournalFeed | undefined,
): number | undefined {
  if (replication === undefined) {
    return undefined;
  }
  const heard = new Map(
    feed?.status.standbys.map(({ standby, sequence }) => [standby, sequence] as const),
  );
  return Math.min(...replication.clients.map((client) => heard.get(client) ?? 0));
}

/** Removes the segments that nothing needs any more, and records it. */
export async function retireSegments(parts: RetiringParts, origin: AuditOrigin): Promise<void> {
  const { configuration, store, audit, log } = parts;
  if (configuration.store.journal.keepDays === undefined) {
    return;
  }
  const { segments } = await store.journal.retire(rulesOf(parts));
  const last = segments.at(-1)?.last;
  if (last === undefined) {
    return;
  }
  log.info('segments of the journal were retired', { segments: segments.length, upTo: last });
  await store.transact('app: segments retired', (transaction) =>
    audit.append(transaction, {
      ...{ kind: 'journal.retire', result: 'done', origin, subject: 'store/journal' },
      details: { segments: segments.length, upToRecord: last },
    }),
  );
}

/** Retires segments once an hour. */
export function journalJob(parts: RetiringParts): Job {
  let dueMs = parts.clock.nowMs();
  return {
    name: 'journal retiring',
    nextDueMs: async () =>
      parts.configuration.store.journal.keepDays === undefined ? undefined : dueMs,
    run: async () => {
      await retireSegments(parts, { channel: 'system', actor: 'certdir' });
      dueMs = parts.clock.nowMs() + RETIRE_EVERY_MS;
    },
  };
}

/** The journal's segments, and what keeps each. */
export async function describeJournal(subject: JournalSubject): Promise<JournalReport> {
  const { keepDays, keepUntilBackedUp } = subject.configuration.store.journal;
  const overview = await subject.store.journal.overview(rulesOf(subject));
  return {
    keepDays: keepDays ?? null,
    keepUntilBackedUp,
    retiredUpTo: overview.retired.sequence,
    backedUpTo: overview.backedUp.sequence,
    indexWholeUpTo: overview.checkpoint.sequence,
    lastRecord: overview.applied.sequence,
    segments: overview.segments.map(describeSegment),
  };
}

function describeSegment(segment: JournalSegment): JournalReport['segments'][number] {
  const { name, first, last, bytes, createdMs, sealedMs, state } = segment;
  return {
    ...{ name, first, last: last ?? null, bytes, state },
    createdAt: formatTime(createdMs),
    sealedAt: sealedMs === undefined ? null : formatTime(sealedMs),
  };
}

/** Opens what the report is made of: the store alone. */
export async function openJournalSubject(
  { folder, log }: { readonly folder: string; readonly log: Log },
  closing: ClosingStack,
): Promise<JournalSubject> {
  const configuration = await loadConfiguration(join(folder, CONFIGURATION_FILE));
  const clock = new SystemClock();
  const { folder: storeFolder } = configuration.store;
  const store = await openLevelStore({ folder: storeFolder, clock, log, role: 'inspection' });
  closing.push(store, { name: 'store', close: (opened) => opened.close() });
  return { configuration, store, clock };
}
