/**
 * The date of birth as JPKI certificates hold it: nine digits, the first the era (1 Meiji to 5 Reiwa),
 * the others the Gregorian date YYYYMMDD, e.g. `319800401` for 1 April of Showa 55. `400000000`
 * stands for an unknown date.
 *
 * @module
 */

import { CaError } from '../errors.ts';

/** The value for a date that the register does not know. */
const UNKNOWN_DATE = '400000000';

interface Era {
  readonly digit: string;
  readonly name: string;
  /** First day, Gregorian, `YYYYMMDD`; the last is the day before the next era's first. */
  readonly firstDay: string;
}

/** The day of a change belongs to the new era. Meiji is counted from the first day of its first year. */
const eras: readonly Era[] = [
  { digit: '1', name: 'Meiji', firstDay: '18680125' },
  { digit: '2', name: 'Taisho', firstDay: '19120730' },
  { digit: '3', name: 'Showa', firstDay: '19261225' },
  { digit: '4', name: 'Heisei', firstDay: '19890108' },
  { digit: '5', name: 'Reiwa', firstDay: '20190501' },
];

/**
 * Nine digits from what a request says.
 *
 * @param text `YYYY-MM-DD`, or the nine digits themselves, or `unknown`.
 * @param today `YYYYMMDD` in the policy's time zone; no one is born later.
 * @throws {CaError} `CA_ATTRIBUTE_INVALID` for a day that does not exist, lies before Meiji or in the
 *   future, or belongs to another era than its first digit says.
 */
export function parseDateOfBirth(text: string, today: string): string {
  if (text === UNKNOWN_DATE || text === 'unknown') {
    return UNKNOWN_DATE;
  }
  const dashed = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text);
  if (dashed !== null) {
    const [, year = '', month = '', day = ''] = dashed;
    return eraOf(`${year}${month}${day}`, text, today).digit + year + month + day;
  }
  if (!/^[0-9]{9}$/.test(text)) {
    throw invalid(text, 'it is YYYY-MM-DD, nine digits (era and YYYYMMDD), or "unknown"');
  }
  const era = eraOf(text.slice(1), text, today);
  if (era.digit !== text[0]) {
    throw invalid(text, `that day is in ${era.name}, so the first digit is ${era.digit}`);
  }
  return text;
}

function eraOf(date: string, text: string, today: string): Era {
  if (!isRealDay(date)) {
    throw invalid(text, 'there is no such day');
  }
  if (date > today) {
    throw invalid(text, 'it lies in the future');
  }
  const era = eras.findLast(({ firstDay }) => firstDay <= date);
  if (era === undefined) {
    throw invalid(text, 'it lies before the Meiji era');
  }
  return era;
}

function isRealDay(date: string): boolean {
  const year = Number(date.slice(0, 4));
  const month = Number(date.slice(4, 6));
  const day = Number(date.slice(6, 8));
  const found = new Date(Date.UTC(year, month - 1, day));
  return found.getUTCMonth() === month - 1 && found.getUTCDate() === day;
}

function invalid(text: string, why: string): CaError {
  const shown = text.length <= 12 ? `"${text}"` : `a text of ${text.length} characters`;
  return new CaError('CA_ATTRIBUTE_INVALID', `dateOfBirth: ${shown} is refused: ${why}`);
}
