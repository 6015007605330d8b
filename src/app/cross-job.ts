/**
 * What the server does by itself about cross certificates: pairs of which one has ended leave the CA's entry, and a word
 * in the log, once a day, when something has to be renewed (gunma 4-9).
 *
 * @module
 */

import { formatTime } from '../http/report-time.ts';
import type { Job } from '../scheduler/job.ts';
import type { CaInstance } from './ca-instance.ts';
import { scheduleOrigin } from './publication-job.ts';

const DAY_MS = 86_400_000;
/** So near it is an error. */
const URGENT_DAYS = 30;

/** None where the policy has no peers. */
export function crossJobs({
  authority,
  clock,
  log,
}: Pick<CaInstance, 'authority' | 'clock' | 'log'>): readonly Job[] {
  const { bridge } = authority;
  let nextWordMs = 0;
  if (bridge.peers.length === 0) {
    return [];
  }
  return [
    {
      name: 'cross certificates',
      nextDueMs: async () =>
        Math.min(nextWordMs, (await bridge.dueMs()) ?? Number.POSITIVE_INFINITY),
      run: async () => {
        await bridge.dropEnded(scheduleOrigin);
        for (const { peer, needs } of await bridge.needs()) {
          for (const { case: name, why, endMs, withinDays } of needs) {
            const isUrgent = withinDays !== undefined && withinDays <= URGENT_DAYS;
            log[isUrgent ? 'error' : 'warn'](
              `a cross certificate is to be renewed: certdir cross renew ${peer}`,
              { peer, case: name, why, ends: formatTime(endMs) },
            );
          }
        }
        nextWordMs = clock.nowMs() + DAY_MS;
      },
    },
  ];
}
