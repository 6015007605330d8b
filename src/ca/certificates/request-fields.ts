/**
 * What a request gives beside its key and the subject's attributes: texts for the places of the profile's templates,
 * names of the DNS, days that the validity hangs on. Each is checked by itself, so that all that is wrong can be told.
 *
 * @module
 */

import { isPrintableText } from '../../asn1/strings.ts';
import { CaError } from '../errors.ts';
import {
  type CivilDay,
  civilDayOf,
  compareCivilDays,
  parseCivilDay,
} from '../policy/civil-time.ts';
import type { FieldDefinition } from '../policy/profile-definition.ts';

/** More would make a certificate that servers do not send gladly. */
const MAX_DNS_NAMES = 100;

/** Letters, digits and hyphens in labels of 1 to 63 (RFC 5890 §2.3.1); two labels at least. */
const dnsNamePattern =
  /^(?=.{4,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/i;

/**
 * One text.
 *
 * @param as Whether it is written as PrintableString, or has to be a name of the DNS.
 * @throws {CaError} `CA_ATTRIBUTE_INVALID`
 */
export function checkField(
  name: string,
  value: string,
  as: {
    readonly rule: FieldDefinition;
    readonly isPrintable: boolean;
    readonly isDnsName: boolean;
  },
): void {
  const { minCharacters, maxCharacters, pattern, hint } = as.rule;
  const count = [...value].length;
  if (count < minCharacters || count > maxCharacters) {
    throw invalid(`${name} has ${count} characters; it has ${minCharacters} to ${maxCharacters}`);
  }
  if (value !== value.trim() || /[\p{Cc}\p{Surrogate}]/u.test(value)) {
    throw invalid(`${name} has spaces around it, or characters that cannot be seen`);
  }
  if (as.isPrintable && !isPrintableText(value)) {
    const allowed = "letters and digits of ASCII, space and ' ( ) + , - . / : = ?";
    throw invalid(`${name} is written as PrintableString, which has ${allowed}`);
  }
  if (as.isDnsName) {
    checkDnsName(name, value);
  }
  if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`, 'u').test(value)) {
    throw invalid(`${name} is not ${hint ?? `as the profile wants it: ${pattern}`}`);
  }
}

/**
 * Names of the DNS for subjectAltName.
 *
 * @throws {CaError} `CA_ATTRIBUTE_INVALID`
 */
export function checkDnsNames(names: readonly string[]): void {
  if (names.length === 0 || names.length > MAX_DNS_NAMES) {
    throw invalid(`dnsNames has ${names.length} names; it has 1 to ${MAX_DNS_NAMES}`);
  }
  for (const name of names) {
    checkDnsName('dnsNames', name);
  }
  if (new Set(names.map((name) => name.toLowerCase())).size !== names.length) {
    throw invalid('dnsNames has a name twice');
  }
}

function checkDnsName(field: string, name: string): void {
  if (!dnsNamePattern.test(name)) {
    const shown = name.slice(0, 60);
    throw invalid(
      `${field}: "${shown}" is no full name of the DNS, e.g. www.soumu.go.jp (no wildcard, no dot at the end; ` +
        'names in other scripts as xn--…)',
    );
  }
}

/**
 * A day of the calendar.
 *
 * @throws {CaError} `CA_ATTRIBUTE_INVALID`
 */
export function readDay(field: string, text: string): CivilDay {
  const day = parseCivilDay(text);
  if (day === undefined) {
    throw invalid(`${field} is a day as YYYY-MM-DD`);
  }
  return day;
}

/** What today says of days. */
export interface Today {
  readonly nowMs: number;
  readonly utcOffsetMs: number;
}

/** @throws {CaError} `CA_ATTRIBUTE_INVALID` for a birthday to come. */
export function checkBirthDate(day: CivilDay, { nowMs, utcOffsetMs }: Today): void {
  if (compareCivilDays(day, civilDayOf(nowMs, utcOffsetMs)) > 0) {
    throw invalid('birthDate lies in the future');
  }
}

/** @throws {CaError} `CA_ATTRIBUTE_INVALID` for a card that has ended. */
export function checkCardExpiry(day: CivilDay, { nowMs, utcOffsetMs }: Today): void {
  if (compareCivilDays(day, civilDayOf(nowMs, utcOffsetMs)) < 0) {
    throw invalid('cardExpiry is past; the card has to be a valid one');
  }
}

function invalid(message: string): CaError {
  return new CaError('CA_ATTRIBUTE_INVALID', message);
}
