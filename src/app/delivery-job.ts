/**
 * Erases keys and files that were made for subscribers when their time has come (secom 6.1.1 (2), jlis 6.2.6): what is due
 * stands in the store, so that a restart in between changes nothing.
 *
 * @module
 */

import type { Job } from '../scheduler/job.ts';
import type { CaInstance } from './ca-instance.ts';

export function deliveryJob({
  authority: { delivery },
  log,
}: Pick<CaInstance, 'log'> & {
  readonly authority: Pick<CaInstance['authority'], 'delivery'>;
}): Job {
  return {
    name: 'erase keys made for subscribers',
    nextDueMs: async () => delivery.dueMs,
    run: async () => {
      const erased = await delivery.eraseDue();
      if (erased > 0) {
        log.info('keys made for subscribers were erased', { erased });
      }
    },
  };
}
