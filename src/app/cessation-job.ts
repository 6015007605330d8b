/**
 * What of a cessation is to be done by itself: what a restart has interrupted, what an announced time begins, the last
 * lists when everything has ended.
 *
 * @module
 */

import type { Job } from '../scheduler/job.ts';
import type { Instance } from './instance.ts';
import { scheduleOrigin } from './publication-job.ts';

export function cessationJob({
  authority,
  log,
}: {
  readonly authority: Pick<Instance['authority'], 'cessations' | 'publish'>;
  readonly log: Instance['log'];
}): Job {
  return {
    name: 'carry out what ends the service',
    nextDueMs: async () => authority.cessations.dueMs,
    run: async (signal) => {
      log.warn('what ends a key or the service is carried out', {
        cessations: authority.cessations.list.map(({ id, phase }) => `${id} ${phase}`).join(', '),
      });
      await authority.cessations.run({
        ...{ origin: scheduleOrigin, signal },
        publish: async (scopeIds) => {
          for (const scopeId of scopeIds) {
            await authority.publish(scopeId, scheduleOrigin);
          }
        },
      });
    },
  };
}
