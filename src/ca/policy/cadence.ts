/**
 * When lists are due: computed from the last thisUpdate, never from having been awake at a minute.
 *
 * A list is due
 *
 * - by the cadence: after the policy's period (`after-last`), or at the first of its moments after the last
 *   list (`spread`: one for each scope in each period; `at`: the same for all). `earliestHours` keeps it
 *   from coming sooner: a list that stands elsewhere in the period then moves to its moment from day to day.
 * - at once, for a revocation with one of `atOnceReasons`
 * - a few seconds after a revocation or a release, where the policy publishes at each (`atEachRevocation`).
 *
 * The moment is never later than the period after the last list.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { CrlReasonName } from '../../x509/crl-extensions.ts';
import type { PublishedDelta, PublishedList, ScopeRecord } from '../records/scope-record.ts';
import type { Policy } from './policy.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What of a policy says when lists are due. */
export type CrlCadence = Pick<Policy, 'crl' | 'utcOffsetMs'>;

/** From one list of a scope to the next, at the most. */
export function periodMs({ crl }: Pick<CrlCadence, 'crl'>): number {
  return crl.periodHours * HOUR_MS;
}

/** From thisUpdate to nextUpdate. */
export function validityMs({ crl }: Pick<CrlCadence, 'crl'>): number {
  return crl.validityHours * HOUR_MS;
}

/**
 * The nextUpdate of a list that none comes after, 99991231235959Z, in epoch milliseconds: everything that it is about has
 * ended or is revoked, and its key may be destroyed.
 */
export const LAST_NEXT_UPDATE_MS: number = Date.UTC(9999, 11, 31, 23, 59, 59);

/** True for a list that none comes after. */
export function isLastList({ nextUpdateMs }: { readonly nextUpdateMs?: number }): boolean {
  return nextUpdateMs === LAST_NEXT_UPDATE_MS;
}

/** What of a scope's state says when its list is due. */
export interface ListState extends Pick<ScopeRecord, 'urgent'> {
  readonly published?: Pick<NonNullable<ScopeRecord['published']>, 'thisUpdateMs' | 'sequence'> & {
    readonly nextUpdateMs?: number;
  };
  /** Entries withdrawn of the scope that its newest list accounts for; 0 when it is not known. */
  readonly servedWithdrawn?: number;
}

/**
 * When the next list of a scope is due, in epoch milliseconds: by the cadence, or since a revocation that
 * does not wait for it; 0 (at once) before the first.
 */
export function dueMs(
  scopeId: string,
  { published, urgent, servedWithdrawn = 0 }: ListState,
  policy: CrlCadence,
): number {
  if (published === undefined) {
    return 0;
  }
  if (isLastList(published)) {
    return LAST_NEXT_UPDATE_MS;
  }
  const regularMs = dueAfterMs(scopeId, published.thisUpdateMs, policy);
  const isUrgent =
    urgent !== undefined &&
    (urgent.sequence > published.sequence || (urgent.withdrawn ?? 0) > servedWithdrawn);
  return isUrgent ? Math.min(urgent.dueMs, regularMs) : regularMs;
}

/** When the list after one of this thisUpdate is due by the cadence alone. */
export function dueAfterMs(scopeId: string, thisUpdateMs: number, policy: CrlCadence): number {
  const { crl } = policy;
  const latestMs = thisUpdateMs + periodMs(policy);
  const earliestMs = thisUpdateMs + (crl.earliestHours ?? 0) * HOUR_MS;
  if (crl.timing === 'after-last') {
    return crl.earliestHours === undefined ? latestMs : earliestMs;
  }
  const momentMs =
    crl.timing === 'spread'
      ? nextOf(thisUpdateMs, ownMomentMs(scopeId, periodMs(policy)), periodMs(policy))
      : nextTimeOfDay(thisUpdateMs, crl.timing.at, policy.utcOffsetMs);
  return Math.min(latestMs, Math.max(earliestMs, momentMs));
}

/**
 * True when a list with this thisUpdate is the one by the cadence, not one in between: a period has gone by
 * since the last such list. Only these count for the removal of entries (RFC 5280 §3.3), and they come
 * also where every revocation has its own list.
 */
export function isRegular(
  scopeId: string,
  thisUpdateMs: number,
  { scope, policy }: { readonly scope: Pick<ScopeRecord, 'regular'>; readonly policy: CrlCadence },
): boolean {
  const { regular } = scope;
  return regular === undefined || thisUpdateMs >= dueAfterMs(scopeId, regular.thisUpdateMs, policy);
}

/**
 * When the list with a revocation of this reason is due for the revocation's sake.
 *
 * @returns undefined when it waits for the cadence.
 */
export function urgentDueMs(
  reason: CrlReasonName,
  nowMs: number,
  { crl }: Pick<CrlCadence, 'crl'>,
): number | undefined {
  if (crl.atOnceReasons.includes(reason)) {
    return nowMs;
  }
  return crl.atEachRevocation === undefined
    ? undefined
    : nowMs + crl.atEachRevocation.coalesceSeconds * SECOND_MS;
}

/**
 * When the list without a hold that is released now is due for the release's sake: whoever has the certificate back waits no
 * longer than somebody whose certificate is revoked.
 *
 * @returns undefined when it waits for the cadence.
 */
export function releaseDueMs(nowMs: number, { crl }: Pick<CrlCadence, 'crl'>): number | undefined {
  return crl.atEachRevocation === undefined
    ? undefined
    : nowMs + crl.atEachRevocation.coalesceSeconds * SECOND_MS;
}

/**
 * When the next delta list of a scope is due: with each full list, since it starts from the newest one, and
 * otherwise after the policy's period; never where the policy has none, before the first full list and behind the last one.
 */
export function deltaDueMs(
  {
    published,
    delta,
  }: {
    readonly published?: Pick<PublishedList, 'number' | 'thisUpdateMs' | 'nextUpdateMs'>;
    readonly delta?: Pick<PublishedDelta, 'baseNumber' | 'thisUpdateMs'>;
  },
  { crl }: Pick<CrlCadence, 'crl'>,
): number {
  if (crl.delta === undefined || published === undefined || isLastList(published)) {
    return Number.POSITIVE_INFINITY;
  }
  return delta === undefined || delta.baseNumber < published.number
    ? published.thisUpdateMs
    : delta.thisUpdateMs + crl.delta.periodHours * HOUR_MS;
}

/** From a delta list's thisUpdate to its nextUpdate; undefined where the policy has none. */
export function deltaValidityMs({ crl }: Pick<CrlCadence, 'crl'>): number | undefined {
  return crl.delta === undefined ? undefined : crl.delta.validityHours * HOUR_MS;
}

/** What every delta list has left at any moment (I7): half of what one that is on time has. */
export function leastDeltaRemainingMs({ crl }: Pick<CrlCadence, 'crl'>): number {
  const { validityHours = 0, periodHours = 0 } = crl.delta ?? {};
  return ((validityHours - periodHours) / 2) * HOUR_MS;
}

/** How late a list is, as operators are told. */
export type Lateness = 'on-time' | 'warning' | 'alarm';

/** The age of the newest list against the policy's marks. */
export function latenessAt(
  nowMs: number,
  {
    published,
  }: {
    readonly published?:
      | { readonly thisUpdateMs: number; readonly nextUpdateMs?: number }
      | undefined;
  },
  { crl }: Pick<CrlCadence, 'crl'>,
): Lateness {
  if (published === undefined) {
    return 'alarm';
  }
  if (isLastList(published)) {
    return 'on-time';
  }
  const ageMs = nowMs - published.thisUpdateMs;
  if (ageMs >= crl.alarmAgeHours * HOUR_MS) {
    return 'alarm';
  }
  return ageMs >= crl.warningAgeHours * HOUR_MS ? 'warning' : 'on-time';
}

/** How long a revocation may wait for its list before that is worth an alarm. */
export function longestWaitMs({ crl }: Pick<CrlCadence, 'crl'>): number {
  return crl.atEachRevocation === undefined
    ? crl.warningAgeHours * HOUR_MS
    : crl.atEachRevocation.alarmMinutes * MINUTE_MS;
}

/** What every published list has left at any moment (I7). */
export function leastRemainingMs({ crl }: Pick<CrlCadence, 'crl'>): number {
  return (crl.leastRemainingHours ?? crl.validityHours / 3) * HOUR_MS;
}

/** The first moment after `afterMs` that lies `offsetMs` into a period; periods count from the epoch. */
function nextOf(afterMs: number, offsetMs: number, lengthMs: number): number {
  return offsetMs + (Math.floor((afterMs - offsetMs) / lengthMs) + 1) * lengthMs;
}

/** Where in a period a scope has its moment, in whole seconds: always the same, and evenly spread. */
function ownMomentMs(scopeId: string, lengthMs: number): number {
  const digest = createHash('sha256').update(scopeId).digest();
  return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * (lengthMs / SECOND_MS)) * SECOND_MS;
}

function nextTimeOfDay(afterMs: number, times: readonly string[], utcOffsetMs: number): number {
  const moments = times.map((text) => nextOf(afterMs, timeOfDayMs(text) - utcOffsetMs, DAY_MS));
  return Math.min(...moments);
}

/** Of `HH:MM`, since midnight. */
export function timeOfDayMs(text: string): number {
  const [hours = '0', minutes = '0'] = text.split(':');
  return Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS;
}
