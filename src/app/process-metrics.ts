/**
 * The figures of the process and of its store.
 *
 * @module
 */

import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

import { type Clock, SystemClock, type TimerHandle } from '../core/clock.ts';
import { watchEventLoop } from '../core/event-loop-lag.ts';
import type { MetricsRegistry } from '../core/metrics.ts';
import type { Store } from '../store/store.ts';

const SECOND_MS = 1000;
const MICROSECONDS = 1_000_000;

/** Seconds; the loop is meant to be late by less than 0.02. */
const LAG_BUCKETS = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;
const FLUSH_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
] as const;

/**
 * Adds those of the process.
 *
 * @returns what ends the watch over the event loop.
 */
export function addProcessMetrics(
  registry: MetricsRegistry,
  { clock, version }: { readonly clock: Clock; readonly version: string },
): TimerHandle {
  const startedMs = clock.monotonicMs();
  registry.add({
    name: 'certdir_info',
    help: 'Always 1; the version is a label',
    labels: ['version'],
    kind: 'gauge',
    place: { path: ['Process', 'Version {version}'], property: 'state' },
    read: () => [{ labels: { version }, value: 1 }],
  });
  registry.add({
    name: 'certdir_uptime_seconds',
    help: 'Time since the server was started',
    kind: 'gauge',
    place: { path: ['Process', 'Uptime'], property: 'microseconds' },
    read: () => (clock.monotonicMs() - startedMs) / SECOND_MS,
  });
  registry.add({
    name: 'certdir_cpu_seconds_total',
    help: 'Processor time of this process, without that of the signer',
    kind: 'counter',
    place: { path: ['Process', 'Processor Time'], property: 'totalMicroseconds' },
    read: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS;
    },
  });
  const memory = [
    ['rss', 'Resident Memory', 'resident', 'Memory of this process in RAM'],
    ['heapUsed', 'Heap', 'heap', 'Memory of live objects'],
    ['arrayBuffers', 'Buffers', 'buffers', 'Memory of byte arrays'],
  ] as const;
  for (const [kind, title, name, help] of memory) {
    registry.add({
      name: `certdir_memory_${name}_bytes`,
      help,
      kind: 'gauge',
      place: { path: ['Process', title], property: 'bytes' },
      read: () => process.memoryUsage()[kind],
    });
  }
  const lags = registry.addHistogram({
    name: 'certdir_event_loop_lag_seconds',
    help: 'By how much a timer of 20 ms fires later than it should',
    place: { path: ['Process', 'Event Loop Lag'], property: 'histogram' },
    buckets: LAG_BUCKETS,
  });
  // The loop runs in the machine's time, whatever clock the rest goes by.
  return watchEventLoop(new SystemClock(), (lagMs) => lags.observe(lagMs / SECOND_MS));
}

/** Adds those of the store. */
export function addStoreMetrics(
  registry: MetricsRegistry,
  { store, folder }: { readonly store: Store; readonly folder: string },
): void {
  const counters = [
    ['transactions', 'transactions', 'Transactions that were answered'],
    ['lostTransactions', 'lost_transactions', 'Of these, those that could not be made durable'],
  ] as const;
  for (const [counter, name, help] of counters) {
    const title = counter === 'transactions' ? 'Transactions' : 'Lost Transactions';
    registry.add({
      name: `certdir_store_${name}_total`,
      help,
      kind: 'counter',
      place: { path: ['Store', title], property: 'total' },
      read: () => store.statistics[counter],
    });
  }
  registry.add({
    name: 'certdir_store_pending_transactions',
    help: 'Transactions that wait or run',
    kind: 'gauge',
    place: { path: ['Waiters', 'Transactions'], property: 'current' },
    read: () => store.statistics.pendingTransactions,
  });
  registry.add({
    name: 'certdir_store_shared_values',
    help: 'Large values in memory, each once for all who read it',
    kind: 'gauge',
    place: { path: ['Caches', 'Large Values'], property: 'current' },
    read: () => store.statistics.sharedLargeValues,
  });
  registry.add({
    name: 'certdir_store_writable',
    help: '1 while the store takes writes; 0 after a write error, until the server is started again',
    kind: 'gauge',
    place: { path: ['Store', 'Writable'], property: 'state' },
    read: () => (store.isWritable ? 1 : 0),
  });
  registry.add({
    name: 'certdir_store_disk_bytes',
    help: 'Bytes of the files of the store',
    kind: 'gauge',
    place: { path: ['Store', 'Files'], property: 'bytes' },
    read: () => folderBytes(folder),
  });
  registry.add({
    name: 'certdir_store_disk_free_bytes',
    help: 'Bytes that are free on the disk of the store',
    kind: 'gauge',
    place: { path: ['Store', 'Free Disk'], property: 'bytes' },
    read: async () => {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
  });
  const flushes = registry.addHistogram({
    name: 'certdir_store_flush_seconds',
    help: 'How long the disk takes to make a group of transactions durable',
    place: { path: ['Store', 'Flushes'], property: 'histogram' },
    buckets: FLUSH_BUCKETS,
  });
  store.onFlushed((durationMs) => flushes.observe(durationMs / SECOND_MS));
}

async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(
    // A file of the store may go between the listing and the look.
    names.map(async (name) => (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
