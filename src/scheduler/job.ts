/**
 * What the scheduler runs, and what it says when that does not go well.
 *
 * @module
 */

export interface Job {
  /** Unique, for logs, alarms and `trigger`. */
  readonly name: string;
  /**
   * When the job should run next, computed from stored facts (such as the last thisUpdate and the
   * policy's period), never from having been awake at some minute. In the past or now: due. Asked often,
   * so it must be cheap.
   *
   * @returns epoch milliseconds, or undefined when nothing is to be done.
   */
  nextDueMs(): Promise<number | undefined>;
  /**
   * Does the work. When it resolves, the facts have moved on and `nextDueMs` is in the future; a
   * rejection is retried.
   *
   * @param signal Aborted when the scheduler closes: stop at the next place where nothing is half done.
   * @param asOfMs What is due at this time is to be done. Later than the clock says where that was set back since the job's
   *   due time was first seen: what would have been due without that is not put off. Now when left out.
   */
  run(signal: AbortSignal, asOfMs?: number): Promise<void>;
  /**
   * How late a job may be before that is an alarm, in ascending order: one alarm for each, e.g. 2 h and
   * 12 h for a CRL of 24 h. None when left out.
   */
  readonly lateAlarmsMs?: readonly number[];
}

/** Something a person must know. Each is raised once, until the job has succeeded again. */
export type JobAlarm =
  /** It failed several times in a row. */
  | {
      readonly kind: 'failing';
      readonly job: string;
      readonly failures: number;
      readonly error: unknown;
    }
  /** It is due for longer than it may be: failing, hanging, paused, or never started. */
  | {
      readonly kind: 'late';
      readonly job: string;
      readonly lateMs: number;
      readonly thresholdMs: number;
    }
  /** It succeeded after an alarm. */
  | { readonly kind: 'recovered'; readonly job: string };

/** Where a job stands, for `certdir status`. */
export interface JobStatus {
  readonly name: string;
  readonly isRunning: boolean;
  /** Failures since the last success. */
  readonly failures: number;
  /** Text of the last failure, if it was not followed by a success. */
  readonly lastError: string | undefined;
  readonly lastSuccessMs: number | undefined;
  /** As last computed. */
  readonly nextDueMs: number | undefined;
}
