/**
 * How long certificates of a profile live, as a policy writes it (R-CERT 1): so many years, to the end of their last
 * day or to the second; until a birthday of the subscriber; never past the card that holds them, nor past the issuer.
 *
 * Not here: what the issuer's own end does to it (`profile.ts`).
 *
 * @module
 */

import assert from 'node:assert/strict';

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import { CaError } from '../errors.ts';
import {
  addMonths,
  type CivilDay,
  civilDayOf,
  compareCivilDays,
  endOfDayMs,
  endOfYearsMs,
  sameTimeAfterYearsMs,
} from './civil-time.ts';

/** Until which birthday (jlis-auth 6.3.2.2). */
export interface BirthdayRule {
  /** The first is the one after the day of issue. */
  readonly nth: number;
  /** For one that replaces a certificate which ends in less than `renewalMonths`. */
  readonly nthWhenRenewed: number;
  readonly renewalMonths: number;
}

export interface ValidityRule {
  /** This or `untilBirthday`. */
  readonly years?: number | undefined;
  /** Beside the years, where it `ends: exactly`. */
  readonly minutes?: number | undefined;
  readonly untilBirthday?: BirthdayRule | undefined;
  /** The last day of the card, which the request names. */
  readonly notBeyond?: 'cardExpiry' | undefined;
  /**
   * `day-end`: counted from the day of issue, that day included; ends 23:59:59 in the policy's time zone. `exactly`: at the
   * time of the day at which it began. `day-end` when left out; a birthday is always counted to its end.
   */
  readonly ends?: 'day-end' | 'exactly' | undefined;
  /** When that lies beyond the issuer's own end: end with the issuer, or refuse. */
  readonly beyondIssuer: 'shorten' | 'refuse';
}

/** What of a request such rules look at. */
export interface ValidityFacts {
  readonly birthDate?: CivilDay | undefined;
  readonly cardExpiry?: CivilDay | undefined;
  /** notAfter of the certificate that this one replaces. */
  readonly renewedEndMs?: number | undefined;
}

const years = z.int().min(1).max(30);

export const validitySchema: z.ZodType<ValidityRule> = strictObject({
  years: years.optional(),
  minutes: z.int().min(1).max(525_600).optional(),
  untilBirthday: strictObject({
    nth: years,
    nthWhenRenewed: years,
    renewalMonths: z.int().min(0).max(24),
  }).optional(),
  notBeyond: z.literal('cardExpiry').optional(),
  ends: z.enum(['day-end', 'exactly']).default('day-end'),
  beyondIssuer: z.enum(['shorten', 'refuse']),
}).superRefine((rule, context) => {
  const problem = (path: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [path], message });
  };
  if ((rule.years === undefined) === (rule.untilBirthday === undefined)) {
    problem('years', 'years or untilBirthday, one of the two');
  }
  if (rule.minutes !== undefined && rule.ends !== 'exactly') {
    problem('minutes', 'stands beside years where validity ends: exactly');
  }
  if (rule.untilBirthday !== undefined && rule.ends === 'exactly') {
    problem('ends', 'a birthday is counted to the end of the day');
  }
});

/**
 * The end of a certificate that begins now, without regard to its issuer.
 *
 * @throws {CaError} `CA_ATTRIBUTE_INVALID` for a birthday to come, or a card that has ended.
 */
export function endOfRuleMs(
  rule: ValidityRule,
  fromMs: number,
  { offsetMs, ...facts }: ValidityFacts & { readonly offsetMs: number },
): number {
  const endMs =
    rule.untilBirthday === undefined
      ? endOfPeriodMs(rule, fromMs, offsetMs)
      : endOfBirthdayMs(rule.untilBirthday, fromMs, { offsetMs, ...facts });
  if (rule.notBeyond === undefined) {
    return endMs;
  }
  assert(facts.cardExpiry !== undefined, 'the request names the last day of the card');
  const cardEndMs = endOfDayMs(facts.cardExpiry, offsetMs);
  if (cardEndMs <= fromMs) {
    throw new CaError('CA_ATTRIBUTE_INVALID', 'cardExpiry is past; the card has to be a valid one');
  }
  return Math.min(endMs, cardEndMs);
}

/** The latest end that a certificate issued at an instant can have by its rule. */
export function latestEndOfRuleMs(rule: ValidityRule, fromMs: number, offsetMs: number): number {
  const { untilBirthday } = rule;
  if (untilBirthday === undefined) {
    return endOfPeriodMs(rule, fromMs, offsetMs);
  }
  const day = civilDayOf(fromMs, offsetMs);
  const nth = Math.max(untilBirthday.nth, untilBirthday.nthWhenRenewed);
  return endOfDayMs({ ...day, year: day.year + nth }, offsetMs);
}

/** Whole years that cover the longest certificate of a rule. */
export function yearsCovering({ years: whole = 0, minutes, untilBirthday }: ValidityRule): number {
  if (untilBirthday !== undefined) {
    // The birthday itself is the day after so many years.
    return Math.max(untilBirthday.nth, untilBirthday.nthWhenRenewed) + 1;
  }
  return minutes === undefined ? whole : whole + 1;
}

/** For people: `3 years`. */
export function formatValidityRule({ years: whole, minutes, untilBirthday }: ValidityRule): string {
  if (untilBirthday !== undefined) {
    return `the time until birthday ${untilBirthday.nth}`;
  }
  return `${whole} years${minutes === undefined ? '' : ` and ${minutes} minutes`}`;
}

function endOfPeriodMs(
  { years: whole = 0, minutes = 0, ends = 'day-end' }: ValidityRule,
  fromMs: number,
  offsetMs: number,
): number {
  return ends === 'day-end'
    ? endOfYearsMs(fromMs, whole, offsetMs)
    : sameTimeAfterYearsMs(fromMs, whole, offsetMs) + minutes * 60_000;
}

function endOfBirthdayMs(
  { nth, nthWhenRenewed, renewalMonths }: BirthdayRule,
  fromMs: number,
  { birthDate, renewedEndMs, offsetMs }: ValidityFacts & { readonly offsetMs: number },
): number {
  assert(birthDate !== undefined, 'the request names the date of birth');
  const today = civilDayOf(fromMs, offsetMs);
  if (compareCivilDays(birthDate, today) > 0) {
    throw new CaError('CA_ATTRIBUTE_INVALID', 'birthDate lies in the future');
  }
  // Less than so many months are left when as many from today lead past the last day.
  const isRenewal =
    renewedEndMs !== undefined &&
    compareCivilDays(addMonths(today, renewalMonths), civilDayOf(renewedEndMs, offsetMs)) > 0;
  const isAhead = compareCivilDays(birthdayIn(today.year, birthDate), today) > 0;
  const first = isAhead ? today.year : today.year + 1;
  const count = isRenewal ? nthWhenRenewed : nth;
  return endOfDayMs(birthdayIn(first + count - 1, birthDate), offsetMs);
}

/**
 * Of those born on 29 February it is 28 February in other years: a choice, since the statements do not say; a year of
 * life ends with that day by the act on the calculation of age (年齢計算ニ関する法律).
 */
function birthdayIn(year: number, { month, day }: CivilDay): CivilDay {
  return addMonths({ year, month: 1, day }, month - 1);
}
