/**
 * The figures of the registry as entries of `cn=Monitor`: every metric is one attribute of the entry that its
 * place names. Numbers are the registry's own; seconds are shown as microseconds, since LDAP has integers
 * alone.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import type { MetricReading, MetricSample, MetricsRegistry } from '../core/metrics.ts';
import type { MonitorEntry, MonitorSource } from '../directory/monitor-tree.ts';
import { formatGeneralizedTime } from '../directory/schema/generalized-time.ts';

/** Attribute types of `schema/monitor.ldif` by what a figure is of its thing. */
const attributeOf: Readonly<Record<string, string>> = {
  current: 'certdirMonitorCurrent',
  total: 'certdirMonitorTotal',
  limit: 'certdirMonitorLimit',
  initiated: 'certdirMonitorInitiated',
  completed: 'certdirMonitorCompleted',
  hits: 'certdirMonitorHits',
  misses: 'certdirMonitorMisses',
  bytes: 'certdirMonitorBytes',
  totalBytes: 'certdirMonitorTotalBytes',
  microseconds: 'certdirMonitorMicroseconds',
  totalMicroseconds: 'certdirMonitorTotalMicroseconds',
  state: 'certdirMonitorState',
};

const MICROSECONDS = 1_000_000;

/** What `cn=Monitor` shows. */
export function monitorSource(
  registry: MetricsRegistry,
  { clock, version }: { readonly clock: Clock; readonly version: string },
): MonitorSource {
  const startedMs = clock.nowMs();
  return async () => {
    const server: MonitorEntry = {
      path: [],
      objectClass: 'certdirMonitorServer',
      attributes: {
        certdirMonitorVersion: [`certdir ${version}`],
        certdirMonitorStarted: [formatGeneralizedTime(startedMs)],
        certdirMonitorTime: [formatGeneralizedTime(clock.nowMs())],
      },
    };
    return [server, ...monitorEntries(await registry.read())];
  };
}

/** One entry for each place. */
export function monitorEntries(readings: readonly MetricReading[]): readonly MonitorEntry[] {
  const byPlace = new Map<string, { path: readonly string[]; values: Map<string, string[]> }>();
  for (const reading of readings) {
    const { name, help, place } = reading.definition;
    for (const sample of reading.samples) {
      const path = place.path.map((part) => fill(part, sample.labels ?? {}));
      const key = JSON.stringify(path);
      const entry = byPlace.get(key) ?? { path, values: new Map() };
      byPlace.set(key, entry);
      entry.values.set(attributeFor(reading, sample), [shownValue(name, sample)]);
      append(entry.values, 'certdirMonitorMetric', name);
      append(entry.values, 'description', help);
    }
  }
  return [...byPlace.values()].map(({ path, values }) => ({
    path,
    objectClass: 'certdirMonitorFigures',
    attributes: Object.fromEntries(values),
  }));
}

type Sample = MetricReading['samples'][number];

/** A histogram is shown as its sum and its count. */
function attributeFor({ definition, kind }: MetricReading, { part }: Sample): string {
  const ofHistogram = part === 'sum' ? 'totalMicroseconds' : 'total';
  const property = kind === 'histogram' ? ofHistogram : definition.place.property;
  const attribute = attributeOf[property];
  if (attribute === undefined) {
    throw new Error(`${definition.name} is of no kind that can be shown: ${property}`);
  }
  return attribute;
}

function shownValue(name: string, { value, part }: Sample): string {
  const isDuration = part === 'sum' || (part === undefined && /_seconds(_total)?$/.test(name));
  return BigInt(Math.round(isDuration ? value * MICROSECONDS : value)).toString();
}

function append(values: Map<string, string[]>, attribute: string, text: string): void {
  const texts = values.get(attribute) ?? [];
  if (!texts.includes(text)) {
    values.set(attribute, [...texts, text]);
  }
}

function fill(part: string, labels: NonNullable<MetricSample['labels']>): string {
  return part.replace(/\{(\w+)\}/g, (_whole, name: string) => labels[name] ?? '');
}
