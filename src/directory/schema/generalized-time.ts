/**
 * LDAP GeneralizedTime (RFC 4517 §3.3.13): hours are enough, fractions and offsets are allowed.
 *
 * Not here: the one form that X.509 allows; see asn1/time.ts.
 *
 * @module
 */

const shape =
  /^(\d{4})(\d{2})(\d{2})(\d{2})(?:(\d{2})(\d{2})?)?(?:[.,](\d{1,30}))?(?:Z|([+-])(\d{2})(\d{2})?)$/;

const HOUR_SECONDS = 3600;
const MINUTE_SECONDS = 60;

export interface GeneralizedTime {
  /** Milliseconds since the epoch, rounded down. */
  readonly atMs: number;
  /** UTC without the `Z` and without trailing zeros of a fraction: sorts as text, equal when equal. */
  readonly normal: string;
}

/** @returns undefined when the text is not a GeneralizedTime, or the year leaves 0000 to 9999. */
export function parseGeneralizedTime(text: string): GeneralizedTime | undefined {
  const parts = shape.exec(text);
  if (parts === null) {
    return undefined;
  }
  const [, year, month, day, hour, minute, second, fraction, sign, offsetHour, offsetMinute] =
    parts.map((part) => part ?? '');
  if (
    !isWithin(month, 1, 12) ||
    !isWithin(day, 1, 31) ||
    !isWithin(hour, 0, 23) ||
    !isWithin(minute, 0, 59) ||
    !isWithin(second, 0, 60) ||
    !isWithin(offsetHour, 0, 23) ||
    !isWithin(offsetMinute, 0, 59)
  ) {
    return undefined;
  }
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCDate() !== Number(day)) {
    return undefined;
  }
  const unit = minute === '' ? HOUR_SECONDS : second === '' ? MINUTE_SECONDS : 1;
  const { seconds, rest } = splitFraction(fraction ?? '', unit);
  const offset = Number(offsetHour) * HOUR_SECONDS + Number(offsetMinute) * MINUTE_SECONDS;
  date.setUTCHours(
    Number(hour),
    Number(minute),
    Number(second) + seconds + (sign === '-' ? offset : -offset),
  );
  const whole = date.toISOString();
  if (whole.length !== '2000-01-01T00:00:00.000Z'.length) {
    return undefined;
  }
  const digits = whole.slice(0, 19).replace(/[-:T]/g, '');
  return {
    atMs: date.getTime() + Number(rest.padEnd(3, '0').slice(0, 3)),
    normal: rest === '' ? digits : `${digits}.${rest}`,
  };
}

/** `YYYYMMDDHHMMSSZ` of an instant; a part of a second is dropped. */
export function formatGeneralizedTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
}

function isWithin(digits: string | undefined, least: number, most: number): boolean {
  return digits === '' || (Number(digits) >= least && Number(digits) <= most);
}

/** A fraction of `unit` seconds as whole seconds and the digits of what is left. */
function splitFraction(digits: string, unit: number): { seconds: number; rest: string } {
  if (digits === '') {
    return { seconds: 0, rest: '' };
  }
  const scale = 10n ** BigInt(digits.length);
  const scaled = BigInt(digits) * BigInt(unit);
  const rest = (scaled % scale).toString().padStart(digits.length, '0').replace(/0+$/, '');
  return { seconds: Number(scaled / scale), rest };
}
