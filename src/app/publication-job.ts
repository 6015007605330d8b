/**
 * The scheduled publication of lists.
 *
 * @module
 */

import type { AuditOrigin } from '../audit/audit-log.ts';
import { formatError } from '../core/errors.ts';
import type { Job } from '../scheduler/job.ts';
import type { Instance } from './instance.ts';

const HOUR_MS = 3_600_000;

/**
 * A job that publishes whatever is due, the longest overdue first. A list that cannot be published does
 * not hold up the others; the run fails at its end, so that the scheduler tries again.
 */
export function publicationJob(
  instance: Pick<Instance, 'authority' | 'clock' | 'policy' | 'log'>,
): Job {
  const { authority, clock, policy, log } = instance;
  const { periodHours, warningAgeHours, alarmAgeHours } = policy.crl;
  const origin: AuditOrigin = { channel: 'scheduler', actor: 'schedule' };
  return {
    name: 'publish lists',
    nextDueMs: async () => authority.nextDueMs(),
    run: async (signal) => {
      const failures: unknown[] = [];
      for (const scope of authority.dueScopes(clock.nowMs())) {
        if (signal.aborted) {
          break;
        }
        try {
          await authority.publish(scope, origin);
        } catch (error) {
          log.error('a list was not published', { scope, error: formatError(error) });
          failures.push(error);
        }
      }
      if (failures.length > 0) {
        throw new AggregateError(failures, `${failures.length} lists were not published`);
      }
    },
    lateAlarmsMs: [warningAgeHours, alarmAgeHours].map((age) => (age - periodHours) * HOUR_MS),
  };
}
