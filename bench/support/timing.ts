/**
 * Timing of work, in milliseconds and per second.
 *
 * @module
 */

/** Milliseconds that `work` takes. */
export async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** What some work took: on the clock, and of this process's processor time, all its threads together. */
export interface Cost {
  readonly elapsedMs: number;
  readonly cpuMs: number;
}

export async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const before = process.cpuUsage();
  const elapsedMs = await timeOf(work);
  const { user, system } = process.cpuUsage(before);
  return { elapsedMs, cpuMs: (user + system) / 1000 };
}

/** Acts per second when `work` is done with each of `items`, `inFlight` at a time. */
export async function rateOver<T>(
  items: readonly T[],
  inFlight: number,
  work: (item: T) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const caller = async (): Promise<void> => {
    for (let item = items[next]; item !== undefined; item = items[next]) {
      next += 1;
      await work(item);
    }
  };
  const elapsedMs = await timeOf(() => Promise.all(Array.from({ length: inFlight }, caller)));
  return (items.length * 1000) / elapsedMs;
}

/** Acts per second, `inFlight` at a time, for about `periodMs`. */
export async function rateFor(
  periodMs: number,
  inFlight: number,
  work: () => Promise<unknown>,
): Promise<number> {
  let count = 0;
  const endMs = performance.now() + periodMs;
  const caller = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await work();
      count += 1;
    }
  };
  const elapsedMs = await timeOf(() => Promise.all(Array.from({ length: inFlight }, caller)));
  return (count * 1000) / elapsedMs;
}

/** The middle one of an odd number of values, the upper middle one of an even number. */
export function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >>> 1] ?? Number.NaN;
}

/** Figures of several rounds by name. */
export class Rounds {
  readonly #values = new Map<string, number[]>();

  add(name: string, value: number): void {
    const values = this.#values.get(name) ?? [];
    this.#values.set(name, values);
    values.push(value);
  }

  /** The median; undefined where nothing was measured. */
  median(name: string): number | undefined {
    const values = this.#values.get(name);
    return values === undefined ? undefined : median(values);
  }

  /** The largest; undefined where nothing was measured. */
  largest(name: string): number | undefined {
    const values = this.#values.get(name);
    return values === undefined ? undefined : Math.max(...values);
  }

  /** The median of something that was measured. */
  of(name: string): number {
    return this.median(name) ?? Number.NaN;
  }
}
