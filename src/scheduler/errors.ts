/**
 * What the scheduler itself refuses or notices; what a job throws passes through as it is.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type SchedulerErrorCode =
  /** There is no job of that name. */
  | 'SCHEDULER_JOB_UNKNOWN'
  /** There is a job of that name already. */
  | 'SCHEDULER_JOB_EXISTS'
  /** A job ended without an error and is due all the same. */
  | 'SCHEDULER_JOB_STILL_DUE'
  /** The scheduler is closed; the run that was asked for did not happen. */
  | 'SCHEDULER_CLOSED'
  /** The cron pattern of a ticker cannot be read. */
  | 'SCHEDULER_PATTERN';

export class SchedulerError extends CertdirError<SchedulerErrorCode> {}
