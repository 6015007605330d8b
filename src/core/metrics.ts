/**
 * The figures of a running program, in one registry (prom-client): whoever shows figures reads them here, so
 * that all show the same. Most are read from the part that keeps them at the moment somebody asks; durations
 * that are too many to keep are observed into histograms.
 *
 * Names follow Prometheus: a unit at the end (`_seconds`, `_bytes`), `_total` for what only grows.
 *
 * Not here: which figures there are (`app/service-metrics.ts`), who may see them (`http/metrics-server.ts`,
 * `directory/monitor-tree.ts`).
 *
 * @module
 */

import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Where a figure stands in a tree for people. */
export interface MetricPlace {
  /** From the top down; `{name}` stands for the value of the label `name`. */
  readonly path: readonly string[];
  /** What the figure is of the thing that stands there, e.g. `initiated`. */
  readonly property: string;
}

export interface MetricSample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly place: MetricPlace;
}

/** A figure that is read when somebody asks for it. */
export interface ReadableMetric extends MetricDefinition {
  /** `counter`: since the start, growing; `gauge`: now. */
  readonly kind: 'counter' | 'gauge';
  readonly read: () => Readings | Promise<Readings>;
}

/** One number, or one for each set of labels; undefined where there is none at present. */
export type Readings = number | readonly MetricSample[] | undefined;

/** Durations or sizes, observed one by one. */
export interface HistogramMetric extends MetricDefinition {
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
}

export interface Observer {
  observe(value: number): void;
}

/** A metric as it was when it was read. */
export interface MetricReading {
  readonly definition: MetricDefinition;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** Of a histogram two: its `sum` and `count`, told apart by `part`. */
  readonly samples: readonly (MetricSample & { readonly part?: 'sum' | 'count' })[];
}

export interface MetricsRegistryOptions {
  /** Told of a figure that could not be read; it is left out then, and the others are not. */
  readonly onFailure?: (name: string, error: unknown) => void;
}

export class MetricsRegistry {
  readonly #onFailure: (name: string, error: unknown) => void;
  readonly #registry = new Registry();
  readonly #definitions = new Map<
    string,
    { readonly definition: MetricDefinition; readonly kind: MetricReading['kind'] }
  >();

  constructor({ onFailure = () => undefined }: MetricsRegistryOptions = {}) {
    this.#onFailure = onFailure;
  }

  /** The media type of `expose`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Adds a figure; a name can be added once. */
  add(metric: ReadableMetric): void {
    const { name, help, labels = [], kind } = metric;
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (kind === 'counter') {
      const counter: Counter = new Counter({
        ...options,
        collect: async () => {
          const samples = await this.#samplesOf(metric);
          counter.reset();
          for (const sample of samples) {
            counter.inc({ ...sample.labels }, sample.value);
          }
        },
      });
    } else {
      const gauge: Gauge = new Gauge({
        ...options,
        collect: async () => {
          const samples = await this.#samplesOf(metric);
          gauge.reset();
          if (samples.length === 0) {
            gauge.remove({});
          }
          for (const sample of samples) {
            gauge.set({ ...sample.labels }, sample.value);
          }
        },
      });
    }
    this.#definitions.set(name, { definition: metric, kind });
  }

  /** Adds a histogram; a name can be added once. */
  addHistogram(metric: HistogramMetric): Observer {
    const { name, help, buckets } = metric;
    this.#definitions.set(name, { definition: metric, kind: 'histogram' });
    return new Histogram({ name, help, buckets: [...buckets], registers: [this.#registry] });
  }

  async #samplesOf({ name, read }: ReadableMetric): Promise<readonly MetricSample[]> {
    try {
      const readings = await read();
      return typeof readings === 'number' ? [{ value: readings }] : (readings ?? []);
    } catch (error) {
      this.#onFailure(name, error);
      return [];
    }
  }

  /** Everything in the text format of Prometheus. */
  async expose(): Promise<string> {
    return await this.#registry.metrics();
  }

  /** Everything as values, in the order in which it was added. */
  async read(): Promise<readonly MetricReading[]> {
    const metrics = await this.#registry.getMetricsAsJSON();
    const valuesByName = new Map(metrics.map(({ name, values }) => [name, values]));
    return [...this.#definitions.values()].map(({ definition, kind }) => {
      const values = valuesByName.get(definition.name) ?? [];
      return { definition, kind, samples: values.flatMap((value) => sampleOf(value, kind)) };
    });
  }
}

interface RawValue {
  readonly value: number;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly metricName?: string;
}

function sampleOf(
  { value, labels, metricName }: RawValue,
  kind: MetricReading['kind'],
): MetricReading['samples'] {
  if (kind === 'histogram') {
    const [, part] = /_(sum|count)$/.exec(metricName ?? '') ?? [];
    return part === 'sum' || part === 'count' ? [{ value, part }] : [];
  }
  const texts = Object.entries(labels).map(([name, text]) => [name, String(text)] as const);
  return [{ value, labels: Object.fromEntries(texts) }];
}
