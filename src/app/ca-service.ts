/**
 * What a server does for one of its CAs: its jobs in the schedule, lists that do not wait, lists that are read back, its
 * part of OCSP.
 *
 * @module
 */

import type { ClosingStack } from '../core/closing-stack.ts';
import type { PublishLists } from '../http/local-operations.ts';
import type { Job } from '../scheduler/job.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import { announceLists } from './auditing.ts';
import { type CaInstance, jobNameOf } from './ca-instance.ts';
import { cessationJob } from './cessation-job.ts';
import { crossJobs } from './cross-job.ts';
import { deliveryJob } from './delivery-job.ts';
import { keyJobs } from './key-generations.ts';
import { signLast } from './local-instance.ts';
import { prepareOcsp, type RunningOcsp } from './ocsp.ts';
import { deltaJob, ListPublication, scheduleOrigin } from './publication-job.ts';
import { requestsJob } from './requests-job.ts';
import { UrgentLists } from './urgent-lists.ts';

export interface RunningCa {
  readonly ca: CaInstance;
  readonly publishLists: PublishLists;
  /** Undefined where it answers nobody. */
  readonly ocsp: RunningOcsp | undefined;
}

/** Adds the CA's jobs and begins to listen for revocations that do not wait. */
export function runCa(
  ca: CaInstance,
  { scheduler, closing }: { readonly scheduler: Scheduler; readonly closing: ClosingStack },
): RunningCa {
  const publication = new ListPublication(ca);
  const ocsp = prepareOcsp(ca);
  const jobs = [
    withCheckpoint(publication.job, ca),
    ...(ca.policy.crl.delta === undefined ? [] : [withCheckpoint(deltaJob(ca), ca)]),
    ...(ocsp === undefined ? [] : [ocsp.job]),
    cessationJob(ca),
    requestsJob(ca),
    deliveryJob(ca),
    ...keyJobs(ca),
    ...crossJobs(ca),
  ];
  for (const job of jobs) {
    addJob(scheduler, ca, job);
  }
  const publishLists = publication.through((name) => scheduler.trigger(jobNameOf(ca, name)));
  const urgent = new UrgentLists(ca, (scopeIds) =>
    publishLists({ scopeIds, origin: scheduleOrigin }, () => undefined),
  );
  closing.push(urgent, { name: 'lists that do not wait', close: (lists) => lists.close() });
  return { ca, publishLists, ocsp };
}

/** Adds a job of one CA to those of the server. */
export function addJob(scheduler: Scheduler, ca: CaInstance, job: Job): void {
  scheduler.add({ ...job, name: jobNameOf(ca, job.name) });
}

/** Whatever a run has published is under a checkpoint when it ends well; otherwise within the minute. */
function withCheckpoint(job: Job, ca: CaInstance): Job {
  const run: Job['run'] = async (signal, asOfMs) => {
    try {
      await job.run(signal, asOfMs);
    } finally {
      await announceLists(ca.auditing, ca.authority);
    }
    await signLast(ca);
  };
  return { ...job, run };
}
