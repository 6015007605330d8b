/**
 * Requests that people have agreed on and that were interrupted while they were carried out, by an end of the program or a token
 * that was away, go on by themselves.
 *
 * @module
 */

import type { Job } from '../scheduler/job.ts';
import type { CaInstance } from './ca-instance.ts';

export function requestsJob({
  authority,
  clock,
  log,
}: Pick<CaInstance, 'clock' | 'log'> & {
  readonly authority: {
    readonly requests: Pick<CaInstance['authority']['requests'], 'interrupted' | 'resume'>;
  };
}): Job {
  const { requests } = authority;
  return {
    name: 'carry out interrupted requests',
    nextDueMs: async () => (requests.interrupted.length === 0 ? undefined : clock.nowMs()),
    run: async () => {
      log.warn('requests that were interrupted go on', {
        requests: requests.interrupted.join(' '),
      });
      await requests.resume();
    },
  };
}
