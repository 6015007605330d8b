/**
 * How a list grows, from the lists that came out, and when it will have reached a size: a straight line through the last
 * weeks (least squares). Entries also leave, when their certificates have ended, so this is what comes in less
 * what goes.
 *
 * @module
 */

/** A list that came out. */
export interface GrowthPoint {
  readonly thisUpdateMs: number;
  readonly entryCount: number;
  readonly byteLength: number;
}

export interface Growth {
  readonly entriesPerDay: number;
  readonly bytesPerDay: number;
}

const DAY_MS = 86_400_000;
/** Beyond this a straight line says nothing. */
const MAX_FORECAST_DAYS = 36_525;

/** @returns undefined when the points are less than an hour apart: no line goes through one point. */
export function growthOf(points: readonly GrowthPoint[]): Growth | undefined {
  const times = points.map(({ thisUpdateMs }) => thisUpdateMs / DAY_MS);
  if (points.length < 2 || Math.max(...times) - Math.min(...times) < 1 / 24) {
    return undefined;
  }
  const slope = (values: readonly number[]): number => {
    const meanTime = mean(times);
    const meanValue = mean(values);
    let above = 0;
    let below = 0;
    for (const [index, time] of times.entries()) {
      above += (time - meanTime) * ((values[index] ?? 0) - meanValue);
      below += (time - meanTime) ** 2;
    }
    return above / below;
  };
  return {
    entriesPerDay: slope(points.map(({ entryCount }) => entryCount)),
    bytesPerDay: slope(points.map(({ byteLength }) => byteLength)),
  };
}

/** When something that is `size` now and grows by `perDay` is `goal`. */
export type Forecast =
  | { readonly kind: 'reached' }
  | { readonly kind: 'at'; readonly atMs: number }
  /** It does not grow, or not so that anyone living would see it. */
  | { readonly kind: 'never' };

export function forecast(
  nowMs: number,
  { size, perDay, goal }: { readonly size: number; readonly perDay: number; readonly goal: number },
): Forecast {
  if (size >= goal) {
    return { kind: 'reached' };
  }
  const days = perDay > 0 ? (goal - size) / perDay : Number.POSITIVE_INFINITY;
  return days <= MAX_FORECAST_DAYS
    ? { kind: 'at', atMs: nowMs + days * DAY_MS }
    : { kind: 'never' };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
