/**
 * X.509 `Time`: the CHOICE of UTCTime and GeneralizedTime, and GeneralizedTime on its own.
 *
 * RFC 5280 §4.1.2.5 picks the arm by year, 2049 being the last UTCTime year, so every instant
 * has exactly one encoding: `Z`, with seconds, without a fraction. The reader accepts that
 * encoding and no other. A second of 60 has no place in epoch time and is refused.
 *
 * Not here: LDAP GeneralizedTime, which is looser (RFC 4517 §3.3.13).
 *
 * @module
 */

import { DerError } from './errors.ts';
import { Tag } from './tags.ts';

const FIRST_MS = Date.UTC(1950, 0, 1);
const FIRST_GENERALIZED_MS = Date.UTC(2050, 0, 1);
const END_MS = Date.UTC(10_000, 0, 1);

/** The Gregorian calendar repeats after 400 years, which are this many days. */
const CYCLE_YEARS = 400;
const CYCLE_MS = 146_097 * 86_400_000;
const YEAR_ZERO_MS = Date.UTC(CYCLE_YEARS, 0, 1) - CYCLE_MS;

const UTC_TIME_LENGTH = 13;
const GENERALIZED_TIME_LENGTH = 15;

/**
 * Encodes an instant as one complete X.509 `Time` element.
 *
 * @param atMs Milliseconds since the epoch. A part of a second is dropped, never rounded up.
 * @returns 15 bytes for a UTCTime, 17 for a GeneralizedTime.
 * @throws {DerError} `DER_TIME_RANGE` before 1950 or after 9999-12-31T23:59:59Z.
 */
export function encodeTime(atMs: number): Uint8Array {
  if (!(atMs >= FIRST_MS && atMs < END_MS)) {
    throw new DerError('DER_TIME_RANGE', 'an X.509 time lies in the years 1950 to 9999');
  }
  const text = formatInstant(atMs);
  return atMs < FIRST_GENERALIZED_MS
    ? encodeDigits(Tag.utcTime, text.slice(2))
    : encodeDigits(Tag.generalizedTime, text);
}

/**
 * Encodes an instant as one complete GeneralizedTime element, whatever its year.
 *
 * @param atMs Milliseconds since the epoch. A part of a second is dropped, never rounded up.
 * @throws {DerError} `DER_TIME_RANGE` outside the years 0000 to 9999.
 */
export function encodeGeneralizedTime(atMs: number): Uint8Array {
  if (!(atMs >= YEAR_ZERO_MS && atMs < END_MS)) {
    throw new DerError('DER_TIME_RANGE', 'a GeneralizedTime lies in the years 0000 to 9999');
  }
  return encodeDigits(Tag.generalizedTime, formatInstant(atMs));
}

/**
 * Reads the content of an X.509 `Time`.
 *
 * @param tag `Tag.utcTime` or `Tag.generalizedTime`.
 * @returns Milliseconds since the epoch.
 * @throws {DerError} `DER_TAG` for any other tag; `DER_TIME` for another form, a date that the
 * calendar does not have, or a GeneralizedTime before 2050.
 */
export function parseTime(tag: number, content: Uint8Array): number {
  if (tag === Tag.utcTime) {
    return parseUtcTime(content);
  }
  if (tag !== Tag.generalizedTime) {
    throw new DerError('DER_TAG', 'a time is a UTCTime or a GeneralizedTime');
  }
  const atMs = parseGeneralizedTime(content);
  if (atMs < FIRST_GENERALIZED_MS) {
    throw new DerError('DER_TIME', 'a year before 2050 is written as UTCTime');
  }
  return atMs;
}

/**
 * Reads the content of a GeneralizedTime `YYYYMMDDHHMMSSZ` of any year.
 *
 * @returns Milliseconds since the epoch.
 * @throws {DerError} `DER_TIME`.
 */
export function parseGeneralizedTime(content: Uint8Array): number {
  if (content.length !== GENERALIZED_TIME_LENGTH) {
    throw new DerError('DER_TIME', 'a GeneralizedTime has the form YYYYMMDDHHMMSSZ');
  }
  return parseRest(content, 4, readPair(content, 0) * 100 + readPair(content, 2));
}

function parseUtcTime(content: Uint8Array): number {
  if (content.length !== UTC_TIME_LENGTH) {
    throw new DerError('DER_TIME', 'a UTCTime has the form YYMMDDHHMMSSZ');
  }
  const year = readPair(content, 0);
  return parseRest(content, 2, year < 50 ? 2000 + year : 1900 + year);
}

/** Reads `MMDDHHMMSSZ` from `offset`, the year being known. */
function parseRest(content: Uint8Array, offset: number, year: number): number {
  const month = readPair(content, offset);
  const day = readPair(content, offset + 2);
  const hour = readPair(content, offset + 4);
  const minute = readPair(content, offset + 6);
  const second = readPair(content, offset + 8);
  const isInRange =
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysInMonth(year, month) &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 59;
  if (!isInRange || content[offset + 10] !== 0x5a) {
    throw new DerError('DER_TIME', 'a time has a part that no clock or calendar shows');
  }
  // Date.UTC takes the years 0 to 99 for the twentieth century, hence the detour.
  return Date.UTC(year + CYCLE_YEARS, month - 1, day, hour, minute, second) - CYCLE_MS;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) {
    const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
    return isLeap ? 29 : 28;
  }
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function readPair(content: Uint8Array, offset: number): number {
  return readDigit(content, offset) * 10 + readDigit(content, offset + 1);
}

function readDigit(content: Uint8Array, offset: number): number {
  const digit = (content[offset] ?? 0) - 0x30;
  if (digit < 0 || digit > 9) {
    throw new DerError('DER_TIME', `a time has no digit at byte ${offset}`);
  }
  return digit;
}

/** `YYYYMMDDHHMMSSZ` of an instant in the years 0000 to 9999. */
function formatInstant(atMs: number): string {
  const iso = new Date(atMs).toISOString();
  return `${iso.slice(0, 19).replace(/[-:T]/g, '')}Z`;
}

function encodeDigits(tag: number, text: string): Uint8Array {
  const element = new Uint8Array(2 + text.length);
  element[0] = tag;
  element[1] = text.length;
  for (let at = 0; at < text.length; at += 1) {
    element[at + 2] = text.charCodeAt(at);
  }
  return element;
}
