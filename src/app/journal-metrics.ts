/**
 * The figures of the two journals: the store's, and that of accesses.
 *
 * @module
 */

import type { AccessJournal } from '../audit/access-journal.ts';
import type { Clock } from '../core/clock.ts';
import type { MetricsRegistry } from '../core/metrics.ts';
import type { JournalOverview } from '../store/journal/journal-keeper.ts';
import type { Store } from '../store/store.ts';
import { recent } from './recent-value.ts';

const SECOND_MS = 1000;
const SYNC_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

/** What segments are kept for plays no part in how many there are. */
const noRules = { keepMs: undefined, keepUntilBackedUp: false, standbysHave: undefined } as const;

/** Adds those of the store's journal; how long its flushes take is among those of the store. */
export function addStoreJournalMetrics(
  registry: MetricsRegistry,
  { store, clock }: { readonly store: Store; readonly clock: Clock },
): void {
  const overview = recent(clock, () =>
    store.journal.overview({ ...noRules, nowMs: clock.nowMs() }),
  );
  const figures = [
    [
      'records',
      'Records',
      'total',
      'Records of the journal, ever',
      ({ applied }) => applied.sequence,
    ],
    [
      'segments',
      'Segments',
      'current',
      'Segments of the journal',
      ({ segments }) => segments.length,
    ],
    ['epoch', 'Epoch', 'current', 'The epoch that is written in', ({ applied }) => applied.epoch],
    ['bytes', 'Segments', 'bytes', 'Bytes of these segments', bytesOf],
    ['lag_records', 'Lag', 'current', 'Records that the next opening reads again', lagOf],
  ] as const satisfies readonly (readonly [
    string,
    string,
    string,
    string,
    (overview: JournalOverview) => number,
  ])[];
  for (const [name, title, property, help, figureOf] of figures) {
    const isCounter = name === 'records';
    registry.add({
      name: nameOf(name),
      help,
      kind: isCounter ? 'counter' : 'gauge',
      place: { path: ['Store', 'Journal', title], property },
      read: async () => figureOf(await overview()),
    });
  }
}

function nameOf(figure: string): string {
  switch (figure) {
    case 'records':
      return 'certdir_store_journal_records_total';
    case 'epoch':
      return 'certdir_store_epoch';
    default:
      return `certdir_store_journal_${figure}`;
  }
}

function bytesOf({ segments }: JournalOverview): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

function lagOf({ applied, checkpoint }: JournalOverview): number {
  return applied.sequence - checkpoint.sequence;
}

/** Adds those of the access journal. */
export function addAccessJournalMetrics(
  registry: MetricsRegistry,
  { journal, clock }: { readonly journal: AccessJournal; readonly clock: Clock },
): void {
  const counters = [
    ['records_total', 'Records', 'total', 'Accesses put on record since the start', 'accesses'],
    ['lost_total', 'Lost', 'total', 'Accesses that neither disk nor memory could take', 'lost'],
    ['written_bytes_total', 'Records', 'totalBytes', 'Bytes written and synced', 'bytes'],
    ['segments_total', 'Segments', 'total', 'Segments sealed since the start', 'sealedSegments'],
  ] as const;
  for (const [name, title, property, help, figure] of counters) {
    registry.add({
      ...{ name: `certdir_access_${name}`, help, kind: 'counter' },
      place: { path: ['Audit', 'Accesses', title], property },
      read: () => journal.statistics[figure],
    });
  }
  registry.add({
    name: 'certdir_access_unsealed',
    help: 'Accesses that are counted at the next seal',
    kind: 'gauge',
    place: { path: ['Audit', 'Accesses', 'Unsealed'], property: 'current' },
    read: () => journal.unsealed,
  });
  registry.add({
    name: 'certdir_access_seal_age_seconds',
    help: 'Time since the last seal, or since the start; 0 while there is nothing to seal',
    kind: 'gauge',
    place: { path: ['Audit', 'Accesses', 'Seal Age'], property: 'microseconds' },
    read: () => {
      const { sealedAtMonotonicMs } = journal.statistics;
      return journal.unsealed === 0 ? 0 : (clock.monotonicMs() - sealedAtMonotonicMs) / SECOND_MS;
    },
  });
  const syncs = registry.addHistogram({
    name: 'certdir_access_sync_seconds',
    help: 'How long the disk takes to make a group of accesses durable',
    place: { path: ['Audit', 'Accesses', 'Syncs'], property: 'histogram' },
    buckets: SYNC_BUCKETS,
  });
  journal.onSynced((durationMs) => syncs.observe(durationMs / SECOND_MS));
}
