/**
 * All figures of a running server in one registry, and the places that show them: `cn=Monitor`, the metrics
 * for Prometheus, `certdir status`.
 *
 * @module
 */

import type { ClosingStack } from '../core/closing-stack.ts';
import { formatError } from '../core/errors.ts';
import { type MetricReading, MetricsRegistry } from '../core/metrics.ts';
import { openMetricsServer } from '../http/metrics-server.ts';
import type { ServerFigures } from '../http/operations.ts';
import type { JobStatus } from '../scheduler/job.ts';
import { addAuthorityMetrics } from './authority-metrics.ts';
import type { BrokenInvariants } from './broken-invariants.ts';
import { CaFigures } from './ca-figures.ts';
import type { CaInstance, InstanceParts } from './ca-instance.ts';
import { programVersion } from './instance.ts';
import { addAccessJournalMetrics, addStoreJournalMetrics } from './journal-metrics.ts';
import { addDirectoryMetrics, addLdapMetrics, type LdapFigures } from './ldap-metrics.ts';
import { monitorSource } from './monitor-entries.ts';
import type { RunningOcsp } from './ocsp.ts';
import { addOcspMetrics } from './ocsp-metrics.ts';
import { addProcessMetrics, addStoreMetrics } from './process-metrics.ts';
import { addRecordMetrics } from './record-metrics.ts';
import { addReplicationMetrics } from './replication-metrics.ts';

export interface ServiceMetricsOptions {
  readonly ldap: LdapFigures;
  readonly jobs: () => readonly JobStatus[];
  readonly cas: readonly WatchedCa[];
}

/** One of the server's CAs, and what is known of it beside its status. */
export interface WatchedCa {
  readonly ca: CaInstance;
  readonly broken: BrokenInvariants;
  /** Undefined where nobody is answered. */
  readonly ocsp: RunningOcsp | undefined;
}

/** Makes the registry and shows it below `cn=Monitor`. */
export function openServiceMetrics(
  instance: InstanceParts,
  { ldap, jobs, cas }: ServiceMetricsOptions,
  closing: ClosingStack,
): MetricsRegistry {
  const { directory, store, clock, configuration, log } = instance;
  const registry = new MetricsRegistry({
    onFailure: (name, error) =>
      log.warn('a figure cannot be read', { name, error: formatError(error) }),
  });
  const watch = addProcessMetrics(registry, { clock, version: programVersion });
  closing.push(watch, {
    name: 'watch over the event loop',
    close: async (opened) => opened.cancel(),
  });
  addStoreMetrics(registry, { store, folder: configuration.store.folder });
  addStoreJournalMetrics(registry, { store, clock });
  addReplicationMetrics(registry, { feed: instance.feed, clock });
  addAccessJournalMetrics(registry, { journal: instance.auditing.journal, clock });
  addDirectoryMetrics(registry, directory);
  addLdapMetrics(registry, ldap);
  addRecordMetrics(registry, instance, { jobs });
  const figures = new CaFigures();
  for (const { ca, broken, ocsp } of cas) {
    addAuthorityMetrics(figures.of(ca.policy.id), ca, broken);
    if (ocsp !== undefined) {
      const certificateEndsMs = (): number | undefined =>
        ca.authority.responder.current?.certificate.notAfterMs;
      const { responder } = ocsp;
      addOcspMetrics(figures.of(ca.policy.id), { responder, certificateEndsMs, clock });
    }
  }
  figures.addTo(registry);
  directory.publishMonitor(monitorSource(registry, { clock, version: programVersion }));
  return registry;
}

/** Serves the registry to Prometheus where the configuration wants it. */
export async function serveMetrics(
  { configuration, log }: InstanceParts,
  registry: MetricsRegistry,
  closing: ClosingStack,
): Promise<readonly string[]> {
  if (configuration.metrics === undefined) {
    return [];
  }
  const { address, port } = configuration.metrics;
  const server = closing.push(
    await openMetricsServer({ registry, address, port, log: log.with({ component: 'metrics' }) }),
    { name: 'metrics', close: (opened) => opened.close() },
  );
  return [server.url];
}

/** The figures that `certdir status` shows. */
export async function readServerFigures(registry: MetricsRegistry): Promise<ServerFigures> {
  const readings = await registry.read();
  const figure = (name: string): number => sumOf(readings, `certdir_${name}`);
  return {
    uptimeSeconds: figure('uptime_seconds'),
    connections: figure('ldap_connections'),
    acceptedConnections: figure('ldap_connections_accepted_total'),
    refusedConnections: figure('ldap_connections_refused_total'),
    requests: figure('ldap_operations_initiated_total'),
    pendingRequests: figure('ldap_pending_operations'),
    unsentBytes: figure('ldap_unsent_bytes'),
    answerCacheHits: figure('ldap_answer_cache_hits_total'),
    answerCacheMisses: figure('ldap_answer_cache_misses_total'),
    waitingPasswords: figure('password_hashes_waiting'),
    residentBytes: figure('memory_resident_bytes'),
    storeBytes: figure('store_disk_bytes'),
    ocsp: readings.some(({ definition }) => definition.name === 'certdir_ocsp_answers_total')
      ? {
          answers: figure('ocsp_answers_total'),
          cached: figure('ocsp_answers_cached_total'),
          refused: figure('ocsp_refusals_total'),
          pending: figure('ocsp_pending_answers'),
        }
      : null,
  };
}

function sumOf(readings: readonly MetricReading[], name: string): number {
  const samples = readings.find(({ definition }) => definition.name === name)?.samples ?? [];
  return samples.reduce((sum, { value }) => sum + value, 0);
}
