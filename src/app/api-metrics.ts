/**
 * The figures of the API: what became of calls, and the sessions that are open.
 *
 * @module
 */

import type { MetricsRegistry } from '../core/metrics.ts';
import { type ApiStatistics, callOutcomes } from '../http/api/call-counts.ts';

/** Adds them to the registry. */
export function addApiMetrics(registry: MetricsRegistry, statistics: () => ApiStatistics): void {
  registry.add({
    name: 'certdir_api_calls_total',
    help: 'Calls of the API and of EST, by what became of them',
    labels: ['outcome'],
    kind: 'counter',
    place: { path: ['API', 'Calls', '{outcome}'], property: 'total' },
    read: () => {
      const { calls } = statistics();
      return callOutcomes.map((outcome) => ({ labels: { outcome }, value: calls[outcome] }));
    },
  });
  registry.add({
    name: 'certdir_api_replayed_total',
    help: 'Answers that were given once more to a request sent again',
    kind: 'counter',
    place: { path: ['API', 'Replayed'], property: 'total' },
    read: () => statistics().replayed,
  });
  registry.add({
    name: 'certdir_api_sessions',
    help: 'Sessions that are open, or have not been cleared away',
    kind: 'gauge',
    place: { path: ['API', 'Sessions'], property: 'current' },
    read: () => statistics().sessions,
  });
}
