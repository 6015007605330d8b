/**
 * The figures of a server's CAs. Where there are several, each figure is one of the registry with the CA as its first
 * label, whichever CAs have it, and in the tree for people the CA's name stands above it.
 *
 * @module
 */

import type { MetricSample, MetricsRegistry, ReadableMetric } from '../core/metrics.ts';

/** Where a CA's figures are added. */
export interface Figures {
  add(metric: ReadableMetric): void;
}

interface CaFigure {
  readonly ca: string;
  readonly metric: ReadableMetric;
}

export class CaFigures {
  readonly #cas = new Set<string>();
  /** By the figure's name. */
  readonly #figures = new Map<string, CaFigure[]>();

  /** Where those of one CA are added. */
  of(ca: string): Figures {
    this.#cas.add(ca);
    return {
      add: (metric) => {
        const known = this.#figures.get(metric.name) ?? [];
        this.#figures.set(metric.name, [...known, { ca, metric }]);
      },
    };
  }

  /** Adds what was gathered. */
  addTo(registry: Figures | MetricsRegistry): void {
    for (const figures of this.#figures.values()) {
      const [first] = figures;
      if (first !== undefined) {
        registry.add(this.#joined(first.metric, figures));
      }
    }
  }

  #joined(metric: ReadableMetric, figures: readonly CaFigure[]): ReadableMetric {
    if (this.#cas.size === 1) {
      return metric;
    }
    const { labels = [], place } = metric;
    return {
      ...metric,
      labels: ['ca', ...labels],
      place: { ...place, path: ['{ca}', ...place.path] },
      read: async () => (await Promise.all(figures.map(readFigure))).flat(),
    };
  }
}

async function readFigure({ ca, metric }: CaFigure): Promise<readonly MetricSample[]> {
  const readings = await metric.read();
  const samples = typeof readings === 'number' ? [{ value: readings }] : (readings ?? []);
  return samples.map(({ labels, value }: MetricSample) => ({ labels: { ca, ...labels }, value }));
}
