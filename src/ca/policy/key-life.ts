/**
 * How long a generation of the CA's key issues, by the policy: for so many years from when it was made, or until its
 * certificate would outlive the longest certificate that it issues by no more.
 *
 * @module
 */

import { civilDayOf, endOfYearsMs, startOfDayMs } from './civil-time.ts';
import type { Policy, PolicyFile } from './policy.ts';
import type { PolicyFault } from './template-faults.ts';
import { latestEndOfRuleMs, type ValidityRule, yearsCovering } from './validity-rule.ts';

type KeyPolicy = Pick<Policy, 'keys' | 'profiles' | 'utcOffsetMs'>;

/** What of a generation says how long it issues. */
export interface KeyLife {
  readonly createdMs: number;
  /** The end of its self-signed certificate. */
  readonly endMs: number;
}

/** Whole years that cover the longest certificate that is issued to others; 0 when there is none. */
export function longestYears({ profiles }: Pick<PolicyFile, 'profiles'>): number {
  return Math.max(0, ...issuedRules({ profiles }).map(yearsCovering));
}

function issuedRules({ profiles }: Pick<PolicyFile, 'profiles'>): readonly ValidityRule[] {
  return Object.values(profiles).flatMap(({ kind, validity }) =>
    kind === 'self-signed' || validity === undefined ? [] : [validity],
  );
}

/** By when another key has taken over, in epoch milliseconds. */
export function renewalDueMs({ createdMs, endMs }: KeyLife, policy: KeyPolicy): number {
  const { renewAfterYears, renewForLongest } = policy.keys.authority;
  const offsetMs = policy.utcOffsetMs;
  const byAge =
    renewAfterYears === undefined ? endMs : endOfYearsMs(createdMs, renewAfterYears, offsetMs);
  if (!renewForLongest) {
    return Math.min(byAge, endMs);
  }
  // A certificate of the longest kind that is issued on this day still ends with the key's, or before.
  const last = civilDayOf(endMs, offsetMs);
  const byRest = startOfDayMs({ ...last, year: last.year - longestYears(policy) }, offsetMs);
  return Math.min(byAge, byRest);
}

/** Until when a certificate may be alive that was issued at an instant; no longer than its issuer. */
export function latestEndMs(issuedMs: number, { endMs }: KeyLife, policy: KeyPolicy): number {
  const ends = issuedRules(policy).map((rule) =>
    latestEndOfRuleMs(rule, issuedMs, policy.utcOffsetMs),
  );
  // One who issues nothing has nothing that lives on.
  const startMs = startOfDayMs(civilDayOf(issuedMs, policy.utcOffsetMs), policy.utcOffsetMs);
  return Math.min(endMs, Math.max(startMs - 1000, ...ends));
}

/** Civil months before the renewal is due at which somebody is told: a year, a quarter, a month. */
const WARNING_MONTHS = [12, 3, 1] as const;

/** How near a renewal is: within so many months, or past; undefined while it is further away. */
export type RenewalWarning = (typeof WARNING_MONTHS)[number] | 'overdue';

export function renewalWarningAt(
  nowMs: number,
  dueMs: number,
  { utcOffsetMs }: Pick<Policy, 'utcOffsetMs'>,
): RenewalWarning | undefined {
  if (nowMs >= dueMs) {
    return 'overdue';
  }
  return WARNING_MONTHS.toReversed().find((months) => {
    const day = civilDayOf(dueMs, utcOffsetMs);
    return nowMs >= startOfDayMs({ ...day, month: day.month - months }, utcOffsetMs);
  });
}

/** What is wrong with the policy's words about renewal, beyond the shape of each value. */
export function renewalFaults({ keys, profiles }: PolicyFile): PolicyFault[] {
  const { renewAfterYears, renewForLongest } = keys.authority;
  const path = ['keys', 'authority', 'renewAfterYears'];
  if (renewAfterYears === undefined && !renewForLongest) {
    return [{ path, message: 'or renewForLongest says when the key is renewed' }];
  }
  const own = Object.values(profiles).find(({ kind }) => kind === 'self-signed')?.validity?.years;
  if (renewAfterYears !== undefined && own !== undefined && renewAfterYears >= own) {
    return [{ path, message: `is less than the ${own} years of the self-signed certificate` }];
  }
  const longest = longestYears({ profiles });
  if (renewForLongest && own !== undefined && longest >= own) {
    const message = `leaves no time: a certificate of ${longest} years is issued under one of ${own}`;
    return [{ path: ['keys', 'authority', 'renewForLongest'], message }];
  }
  return [];
}
