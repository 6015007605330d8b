/**
 * Calendar days in the policy's time zone. Japan has had one offset and no summer time since 1951,
 * so a fixed offset is exact here and needs no time zone data of the machine.
 *
 * @module
 */

/** An instant's day, as the zone's calendar has it. */
export interface CivilDay {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
}

/** The day on which `atMs` falls where clocks are `offsetMs` ahead of UTC. */
export function civilDayOf(atMs: number, offsetMs: number): CivilDay {
  const local = new Date(atMs + offsetMs);
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
  };
}

/** `YYYYMMDD`. */
export function formatCivilDay({ year, month, day }: CivilDay): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(year).padStart(4, '0')}${two(month)}${two(day)}`;
}

/** Midnight at which the day begins, in epoch milliseconds. A day past the month's end runs over. */
export function startOfDayMs({ year, month, day }: CivilDay, offsetMs: number): number {
  return Date.UTC(year, month - 1, day) - offsetMs;
}

/**
 * The last second of a period of whole years counted from the day of `fromMs`, that day included
 * (Civil Code art. 143): the day before the anniversary, 23:59:59. From 29 February it is 28
 * February, because the anniversary falls on 1 March.
 *
 * @returns Epoch milliseconds of a whole second.
 */
export function endOfYearsMs(fromMs: number, years: number, offsetMs: number): number {
  const day = civilDayOf(fromMs, offsetMs);
  return startOfDayMs({ ...day, year: day.year + years }, offsetMs) - 1000;
}

/** The last second of a day, in epoch milliseconds. */
export function endOfDayMs(day: CivilDay, offsetMs: number): number {
  return startOfDayMs({ ...day, day: day.day + 1 }, offsetMs) - 1000;
}

/** The same time of the day so many years later; from 29 February on 1 March where there is no such day. */
export function sameTimeAfterYearsMs(fromMs: number, years: number, offsetMs: number): number {
  const day = civilDayOf(fromMs, offsetMs);
  const timeOfDayMs = fromMs - startOfDayMs(day, offsetMs);
  return startOfDayMs({ ...day, year: day.year + years }, offsetMs) + timeOfDayMs;
}

/** The day so many months later, or the last of the month where it has no such day (Civil Code art. 143 (2)). */
export function addMonths({ year, month, day }: CivilDay, months: number): CivilDay {
  const index = year * 12 + month - 1 + months;
  const target = { year: Math.floor(index / 12), month: (index % 12) + 1 };
  const last = new Date(Date.UTC(target.year, target.month, 0)).getUTCDate();
  return { ...target, day: Math.min(day, last) };
}

/** Less than 0 when `left` comes first. */
export function compareCivilDays(left: CivilDay, right: CivilDay): number {
  return left.year - right.year || left.month - right.month || left.day - right.day;
}

/** Reads `YYYY-MM-DD`; undefined for what is no day of the calendar, which is the Gregorian one. */
export function parseCivilDay(text: string): CivilDay | undefined {
  const [, year, month, day] = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text) ?? [];
  const read = { year: Number(year), month: Number(month), day: Number(day) };
  const isDay =
    read.year >= 1600 &&
    read.month >= 1 &&
    read.month <= 12 &&
    read.day >= 1 &&
    addMonths({ ...read, day: 31 }, 0).day >= read.day;
  return isDay ? read : undefined;
}
