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
