/**
 * What of a cessation is to be done by itself: what a restart has interrupted, what an announced time begins, the last
 * lists when everything has ended.
 *
 * @module
 */

import type { AuditOrigin } from '../audit/audit-log.ts';
import type { Job } from '../scheduler/job.ts';
import { announceLists } from './auditing.ts';
import type { CaInstance } from './ca-instance.ts';
import { publishDirectly, scheduleOrigin } from './publication-job.ts';

type Surroundings = Pick<CaInstance, 'auditing' | 'log'> & {
  readonly authority: Pick<CaInstance['authority'], 'cessations' | 'publish' | 'status' | 'policy'>;
};

/**
 * Does everything that is to be done now. Lists come out beside those of the schedule, and wait for none of them.
 *
 * @throws whatever publishing throws; what is durable stays.
 */
export async function carryOutCessations(
  { authority, auditing }: Surroundings,
  { origin, signal }: { readonly origin: AuditOrigin; readonly signal?: AbortSignal },
): Promise<void> {
  const publishLists = publishDirectly({ authority });
  try {
    await authority.cessations.run({
      origin,
      ...(signal === undefined ? {} : { signal }),
      publish: async (scopeIds) => {
        await publishLists({ scopeIds, origin }, () => undefined);
      },
    });
  } finally {
    await announceLists(auditing, authority);
  }
}

export function cessationJob(instance: Surroundings): Job {
  const { authority, log } = instance;
  return {
    name: 'carry out what ends the service',
    nextDueMs: async () => authority.cessations.dueMs,
    run: async (signal) => {
      log.warn('what ends a key or the service is carried out', {
        cessations: authority.cessations.list.map(({ id, phase }) => `${id} ${phase}`).join(', '),
      });
      await carryOutCessations(instance, { origin: scheduleOrigin, signal });
    },
  };
}
