/**
 * The figures of a warm standby: those of the machine that is followed, and those of the one that follows.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import type { MetricPlace, MetricsRegistry } from '../core/metrics.ts';
import type { JournalFeed, MeasuredProgress } from '../store/journal/journal-feed.ts';
import type { FollowerStatus } from '../store/standby/standby-follower.ts';
import { recent } from './recent-value.ts';

const SECOND_MS = 1000;

interface Figure<Source> {
  readonly name: string;
  readonly title: string;
  readonly property: string;
  readonly help: string;
  readonly read: (source: Source) => number;
}

const ofStandby: readonly Figure<MeasuredProgress>[] = [
  {
    ...{ name: 'sequence', title: 'Records', property: 'total' },
    help: 'The last record of the journal that a standby has made durable',
    read: ({ sequence }) => sequence,
  },
  {
    ...{ name: 'behind_records', title: 'Lag', property: 'current' },
    help: 'Records that a standby lacks',
    read: ({ behind }) => behind,
  },
  {
    ...{ name: 'behind_bytes', title: 'Lag', property: 'bytes' },
    help: 'Bytes of the journal that a standby lacks',
    read: ({ behindBytes }) => behindBytes,
  },
  {
    ...{ name: 'behind_seconds', title: 'Lag', property: 'microseconds' },
    help: 'How old the oldest record is that a standby lacks; 0 when it has all',
    read: ({ behindMs }) => behindMs / SECOND_MS,
  },
  {
    ...{ name: 'silent_seconds', title: 'Silence', property: 'microseconds' },
    help: 'Time since a standby was last heard of',
    read: ({ silentMs }) => silentMs / SECOND_MS,
  },
];

/** Adds what a server knows of its own part and of its standbys; without a feed it has none. */
export function addReplicationMetrics(
  registry: MetricsRegistry,
  { feed, clock }: { readonly feed: JournalFeed | undefined; readonly clock: Clock },
): void {
  addRole(registry, 'primary');
  if (feed === undefined) {
    return;
  }
  const measure = recent(clock, () => feed.measure());
  for (const { name, title, property, help, read } of ofStandby) {
    registry.add({
      ...{ name: `certdir_standby_${name}`, help, kind: 'gauge', labels: ['standby'] },
      place: { path: ['Store', 'Replication', 'Standby {standby}', title], property },
      read: async () =>
        (await measure()).map((one) => ({ labels: { standby: one.standby }, value: read(one) })),
    });
  }
  registry.add({
    name: 'certdir_replication_mode',
    help: 'Always 1; the label says whether a standby is waited for',
    ...{ kind: 'gauge', labels: ['mode'] },
    place: { path: ['Store', 'Replication', 'Mode {mode}'], property: 'state' },
    read: () => [{ labels: { mode: feed.status.mode }, value: 1 }],
  });
}

const ofFollower: readonly (Figure<FollowerStatus> & { readonly suffix?: string })[] = [
  {
    ...{ name: 'store_epoch', title: 'Epoch', property: 'current' },
    help: 'The epoch of the last record: raised by each promotion',
    read: ({ epoch }) => epoch,
  },
  {
    ...{ name: 'follower_sequence', title: 'Records', property: 'total' },
    help: 'The last record that is durable here',
    read: ({ sequence }) => sequence,
  },
  {
    ...{ name: 'follower_behind_records', title: 'Lag', property: 'current' },
    help: 'Records that the primary has and that are not here, as far as it has said',
    read: ({ behind }) => behind,
  },
  {
    ...{ name: 'follower_behind_seconds', title: 'Lag', property: 'microseconds' },
    help: 'For how long something has been missing here',
    read: ({ behindMs }) => behindMs / SECOND_MS,
  },
  {
    ...{ name: 'follower_connected', title: 'Connected', property: 'state' },
    help: '1 while the primary is followed',
    read: ({ isConnected }) => (isConnected ? 1 : 0),
  },
];

/** Adds what a standby knows of itself. */
export function addFollowerMetrics(
  registry: MetricsRegistry,
  { status, clock }: { readonly status: () => FollowerStatus; readonly clock: Clock },
): void {
  addRole(registry, 'standby');
  for (const { name, title, property, help, read } of ofFollower) {
    registry.add({
      ...{ name: `certdir_${name}`, help, kind: 'gauge', place: placeOf(title, property) },
      read: () => read(status()),
    });
  }
  registry.add({
    name: 'certdir_follower_silent_seconds',
    help: 'Time since the primary was last heard of; absent before the first time',
    ...{ kind: 'gauge', place: placeOf('Silence', 'microseconds') },
    read: () => {
      const { heardMs } = status();
      return heardMs === null ? undefined : (clock.nowMs() - heardMs) / SECOND_MS;
    },
  });
}

function placeOf(title: string, property: string): MetricPlace {
  return { path: ['Store', 'Replication', title], property };
}

function addRole(registry: MetricsRegistry, role: 'primary' | 'standby'): void {
  registry.add({
    name: 'certdir_store_role',
    help: 'Always 1; the label says what this machine is: primary or standby',
    ...{ kind: 'gauge', labels: ['role'] },
    place: { path: ['Store', 'Replication', 'Role {role}'], property: 'state' },
    read: () => [{ labels: { role }, value: 1 }],
  });
}
