/**
 * Times in reports, and times that people write.
 *
 * @module
 */

/** RFC 3339 in UTC, to the second. */
export function formatTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

const DAY_MS = 86_400_000;
const DATE = /^\d{4}-\d\d-\d\d$/;
const DATE_TIME = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** A day as people write it, from its first millisecond on in UTC. @returns undefined for what is no day. */
function parseDay(text: string): number | undefined {
  const atMs = DATE.test(text) ? Date.parse(text) : Number.NaN;
  // Engines take 30 February for 2 March.
  return Number.isNaN(atMs) || !new Date(atMs).toISOString().startsWith(text) ? undefined : atMs;
}

/**
 * An instant as people write it: RFC 3339, seconds may be left out, or a day, which stands for its begin in UTC.
 *
 * @returns undefined for what is none.
 */
export function parseTime(text: string): number | undefined {
  const [, day] = DATE_TIME.exec(text) ?? [];
  if (day === undefined) {
    return parseDay(text);
  }
  const atMs = parseDay(day) === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(atMs) ? undefined : atMs;
}

/** The same, a day standing for its end. @param utcOffsetMs From UTC to the clock that days go by. */
export function parseTimeOrDayEnd(text: string, utcOffsetMs: number): number | undefined {
  const dayMs = parseDay(text);
  return dayMs === undefined ? parseTime(text) : dayMs + DAY_MS - 1 - utcOffsetMs;
}
