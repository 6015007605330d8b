/**
 * Months by a clock that is a fixed time from UTC.
 *
 * @module
 */

export interface MonthSpan {
  /** `YYYY-MM`. */
  readonly name: string;
  readonly fromMs: number;
  /** The first instant of the next one. */
  readonly untilMs: number;
}

/** The month in which an instant lies. */
export function monthOf(atMs: number, utcOffsetMs: number): MonthSpan {
  const local = new Date(atMs + utcOffsetMs);
  const year = local.getUTCFullYear();
  const month = local.getUTCMonth();
  return {
    name: local.toISOString().slice(0, 7),
    fromMs: Date.UTC(year, month) - utcOffsetMs,
    untilMs: Date.UTC(year, month + 1) - utcOffsetMs,
  };
}
