/**
 * Looks at every list once a minute: whether it has enough time left (I7), how old it is by the policy's marks, and whether
 * a revocation waits for it for too long (I15). Apart from the job that publishes, which may hang.
 *
 * @module
 */

import type { ListStatus } from '../ca/authority-status.ts';
import {
  deltaValidityMs,
  isLastList,
  leastDeltaRemainingMs,
  leastRemainingMs,
  longestWaitMs,
} from '../ca/policy/cadence.ts';
import type { Policy } from '../ca/policy/policy.ts';
import { formatTime } from '../http/report-time.ts';
import type { Job } from '../scheduler/job.ts';
import type { BrokenInvariant, BrokenInvariants, WatchedInvariant } from './broken-invariants.ts';
import type { CaInstance } from './ca-instance.ts';

const EVERY_MS = 60_000;
/** So far a clock is put right without anybody's notice. */
const CLOCK_TOLERANCE_MS = 60_000;

/** The invariants that are judged here. */
const judged: readonly WatchedInvariant[] = ['I7', 'I15', 'age'];

/** The job. */
export function watchListsJob(
  {
    authority,
    clock,
    policy,
  }: Pick<CaInstance, 'clock' | 'policy'> & {
    readonly authority: Pick<CaInstance['authority'], 'status'>;
  },
  broken: BrokenInvariants,
): Job {
  let nextMs = 0;
  return {
    name: 'watch lists',
    nextDueMs: async () => nextMs,
    run: async () => {
      nextMs = clock.nowMs() + EVERY_MS;
      for (const list of (await authority.status()).lists) {
        const found = judgeList(list, policy, clock.nowMs());
        for (const invariant of judged) {
          const one = found.find((finding) => finding.invariant === invariant);
          if (one === undefined) {
            broken.clear(invariant, list.scope.id);
          } else {
            broken.raise(one);
          }
        }
      }
    },
  };
}

/** What of a list's status is judged. */
export type JudgedList = Pick<ListStatus, 'published' | 'lateness' | 'oldestPendingMs'> &
  Partial<Pick<ListStatus, 'hasDelta' | 'delta'>> & { readonly scope: { readonly id: string } };

/** What is wrong with a list at a moment, whatever was published and when. */
export function judgeList(
  { scope, published, lateness, oldestPendingMs, ...deltas }: JudgedList,
  policy: Pick<Policy, 'crl'>,
  nowMs: number,
): readonly BrokenInvariant[] {
  const scopeId = scope.id;
  const found: BrokenInvariant[] = [];
  const leftMs = (published?.nextUpdateMs ?? nowMs) - nowMs;
  const ofFuture = [published, deltas.delta].find((list) => isOfFuture(list, nowMs));
  if (ofFuture !== undefined) {
    const message = `a list is valid from ${formatTime(ofFuture.thisUpdateMs)} on: the clock was ahead, or was set back`;
    found.push({ invariant: 'I7', scopeId, level: 'error', message });
  } else if (leftMs < leastRemainingMs(policy)) {
    const message =
      published === undefined
        ? 'there is no list yet'
        : `the newest list ends at ${formatTime(published.nextUpdateMs)}`;
    found.push({ invariant: 'I7', scopeId, level: 'error', message });
  } else if (isDeltaEnding({ published, ...deltas }, policy, nowMs)) {
    const message =
      deltas.delta === undefined
        ? 'there is no delta list'
        : `the delta list ends at ${formatTime(deltas.delta.nextUpdateMs)}`;
    found.push({ invariant: 'I7', scopeId, level: 'error', message });
  }
  if (lateness !== 'on-time' && published !== undefined) {
    const level = lateness === 'alarm' ? 'error' : 'warn';
    const message = `the newest list is of ${formatTime(published.thisUpdateMs)}`;
    found.push({ invariant: 'age', scopeId, level, message });
  }
  if (oldestPendingMs !== undefined && nowMs - oldestPendingMs > longestWaitMs(policy)) {
    const message = `a revocation has waited for its list since ${formatTime(oldestPendingMs)}`;
    found.push({ invariant: 'I15', scopeId, level: 'error', message });
  }
  return found;
}

/** Nobody whose clock is right takes it, and none comes after it before its time (I2). */
function isOfFuture(list: { readonly thisUpdateMs: number } | undefined, nowMs: number): boolean {
  return list !== undefined && list.thisUpdateMs > nowMs + CLOCK_TOLERANCE_MS;
}

/** One that is not there is judged as if it had come out with the full list. */
function isDeltaEnding(
  {
    published,
    delta,
    hasDelta = false,
  }: Omit<JudgedList, 'scope' | 'lateness' | 'oldestPendingMs'>,
  policy: Pick<Policy, 'crl'>,
  nowMs: number,
): boolean {
  const forMs = deltaValidityMs(policy);
  if (!hasDelta || forMs === undefined || published === undefined || isLastList(published)) {
    return false;
  }
  const endsMs = delta?.nextUpdateMs ?? published.thisUpdateMs + forMs;
  return endsMs - nowMs < leastDeltaRemainingMs(policy);
}
