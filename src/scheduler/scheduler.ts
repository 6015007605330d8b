/**
 * Runs jobs when they are due: after every tick it looks at the facts of each job, so that a machine that
 * slept, a process that was down and a clock that jumped are all caught up with in the same way, by one run.
 *
 * Not here: what the jobs do (each folder brings its own) and the waiting (`node-cron-ticker.ts`).
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { SchedulerError } from './errors.ts';
import type { Job, JobAlarm, JobStatus } from './job.ts';
import { type BackOff, JobRunner } from './job-runner.ts';
import type { Ticker } from './ticker.ts';

export interface SchedulerOptions {
  readonly ticker: Ticker;
  readonly clock: Clock;
  readonly log: Log;
  /** Gets what a person must know; the log has it too. */
  readonly onAlarm?: (alarm: JobAlarm) => void;
  /** Default: 30 s doubling up to 15 min. Delays are rounded up to the next tick. */
  readonly backOff?: BackOff;
  /** Failures in a row before the first alarm; default 3. */
  readonly failuresBeforeAlarm?: number;
}

const defaultBackOff: BackOff = { firstMs: 30_000, longestMs: 900_000 };
const DEFAULT_FAILURES_BEFORE_ALARM = 3;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #runners = new Map<string, JobRunner>();
  readonly #closing = new AbortController();
  #isStarted = false;
  #isPaused = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /**
   * Adds a job; after `start` it is looked at right away.
   *
   * @throws {SchedulerError} `SCHEDULER_JOB_EXISTS`, `SCHEDULER_CLOSED`.
   */
  add(job: Job): void {
    this.#assertOpen();
    if (this.#runners.has(job.name)) {
      throw new SchedulerError('SCHEDULER_JOB_EXISTS', `there is a job ${job.name} already`);
    }
    const { clock, log, backOff = defaultBackOff } = this.#options;
    const runner = new JobRunner(job, {
      clock,
      log,
      backOff,
      failuresBeforeAlarm: this.#options.failuresBeforeAlarm ?? DEFAULT_FAILURES_BEFORE_ALARM,
      onAlarm: (alarm) => this.#raise(alarm),
      signal: this.#closing.signal,
    });
    this.#runners.set(job.name, runner);
    if (this.#isPaused) {
      void runner.pause();
    }
    if (this.#isStarted) {
      void runner.check();
    }
  }

  /** Catches up with everything that is due, and goes on. */
  start(): void {
    this.#assertOpen();
    if (this.#isStarted) {
      return;
    }
    this.#isStarted = true;
    this.#options.ticker.start(() => this.#checkAll());
    this.#checkAll();
  }

  /**
   * Runs a job at once, whether or not it is due, also before `start`. While it runs already, one more run
   * follows; calls that wait for the same run share it. A failed one is repeated like any other.
   *
   * @returns settles like that run; it may be ignored.
   * @throws {SchedulerError} `SCHEDULER_JOB_UNKNOWN`, `SCHEDULER_CLOSED` (also when it closes before the
   *   run began), or what the job threw.
   */
  trigger(name: string): Promise<void> {
    const runner = this.#runners.get(name);
    if (runner === undefined) {
      const text = `there is no job ${JSON.stringify(name)}`;
      return Promise.reject(new SchedulerError('SCHEDULER_JOB_UNKNOWN', text));
    }
    return runner.trigger();
  }

  /** Starts no job, triggered or due; resolves when those that run have ended. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await Promise.all([...this.#runners.values()].map((runner) => runner.pause()));
  }

  /** Goes on, with what was triggered or came due meanwhile. */
  resume(): void {
    this.#isPaused = false;
    for (const runner of this.#runners.values()) {
      runner.resume();
    }
    if (this.#isStarted) {
      this.#checkAll();
    }
  }

  /** In the order the jobs were added. */
  status(): readonly JobStatus[] {
    return [...this.#runners.values()].map((runner) => runner.status);
  }

  /** Starts nothing more, tells running jobs to stop where they can, and waits for them. */
  async close(): Promise<void> {
    this.#options.ticker.stop();
    this.#closing.abort();
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
  }

  #checkAll(): void {
    for (const runner of this.#runners.values()) {
      void runner.check();
    }
  }

  #raise(alarm: JobAlarm): void {
    const { log, onAlarm } = this.#options;
    switch (alarm.kind) {
      case 'failing':
        log.error('alarm: a job keeps failing', {
          job: alarm.job,
          failures: alarm.failures,
          error: formatError(alarm.error),
        });
        break;
      case 'late':
        log.error('alarm: a job is late', { job: alarm.job, lateMs: alarm.lateMs });
        break;
      case 'recovered':
        log.info('a job is well again', { job: alarm.job });
        break;
    }
    try {
      onAlarm?.(alarm);
    } catch (error) {
      log.error('an alarm could not be passed on', { error: formatError(error) });
    }
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) {
      throw new SchedulerError('SCHEDULER_CLOSED', 'the scheduler is closed');
    }
  }
}
