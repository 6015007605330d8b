/**
 * When lists are due: computed from the last thisUpdate, never from having been awake at a minute.
 *
 * @module
 */

import type { PublishedList, ScopeRecord } from '../records/scope-record.ts';
import type { Policy } from './policy.ts';

const HOUR_MS = 3_600_000;

type CrlPolicy = Pick<Policy, 'crl'>;

/** From one list of a scope to the next. */
export function periodMs({ crl }: CrlPolicy): number {
  return crl.periodHours * HOUR_MS;
}

/** From thisUpdate to nextUpdate. */
export function validityMs({ crl }: CrlPolicy): number {
  return crl.validityHours * HOUR_MS;
}

/**
 * When the next list of a scope is due, in epoch milliseconds: by the cadence, or since a revocation that
 * does not wait for it; 0 (at once) before the first.
 */
export function dueMs(
  { published, urgent }: Pick<ScopeRecord, 'published' | 'urgent'>,
  policy: CrlPolicy,
): number {
  const regularMs = regularDueMs({ published }, policy);
  const isUrgent = urgent !== undefined && urgent.sequence > (published?.sequence ?? 0n);
  return isUrgent ? Math.min(urgent.sinceMs, regularMs) : regularMs;
}

/** When the next list is due by the cadence alone. */
function regularDueMs(
  { published }: { readonly published?: PublishedList | undefined },
  policy: CrlPolicy,
): number {
  return published === undefined ? 0 : published.thisUpdateMs + periodMs(policy);
}

/**
 * True when a list with this thisUpdate comes out by the cadence, not in between. Only such a list
 * counts for the removal of entries (RFC 5280 §3.3).
 */
export function isRegular(
  thisUpdateMs: number,
  scope: Pick<ScopeRecord, 'published'>,
  policy: CrlPolicy,
): boolean {
  return thisUpdateMs >= regularDueMs(scope, policy);
}

/** How late a list is, as operators are told. */
export type Lateness = 'on-time' | 'warning' | 'alarm';

/** The age of the newest list against the policy's marks. */
export function latenessAt(
  nowMs: number,
  { published }: Pick<ScopeRecord, 'published'>,
  { crl }: CrlPolicy,
): Lateness {
  if (published === undefined) {
    return 'alarm';
  }
  const ageMs = nowMs - published.thisUpdateMs;
  if (ageMs >= crl.alarmAgeHours * HOUR_MS) {
    return 'alarm';
  }
  return ageMs >= crl.warningAgeHours * HOUR_MS ? 'warning' : 'on-time';
}

/** How long a revocation may wait for its list before that is worth an alarm. */
export function longestWaitMs({ crl }: CrlPolicy): number {
  return crl.warningAgeHours * HOUR_MS;
}
