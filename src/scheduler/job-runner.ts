/**
 * One job's life: runs it when it is due or wanted, never twice at a time, and again with a growing delay
 * when it fails.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { DueTime } from './due-time.ts';
import { SchedulerError } from './errors.ts';
import type { Job, JobAlarm, JobStatus } from './job.ts';
import { JobAlarms } from './job-alarms.ts';

/** Delays after the first, second, … failure in a row: doubling from `firstMs` up to `longestMs`. */
export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

export interface RunnerSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly backOff: BackOff;
  readonly failuresBeforeAlarm: number;
  readonly onAlarm: (alarm: JobAlarm) => void;
  /** Aborted when the scheduler closes. */
  readonly signal: AbortSignal;
}

interface WantedRun {
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class JobRunner {
  readonly #job: Job;
  readonly #surroundings: RunnerSurroundings;
  readonly #due: DueTime;
  readonly #alarms: JobAlarms;
  #running: Promise<void> | undefined;
  #wanted: WantedRun | undefined;
  /** A wanted run failed: it is repeated although the facts do not make it due. */
  #isOwed = false;
  #isPaused = false;
  #isChecking = false;
  #isDueUnknown = false;
  /** How many runs began. */
  #started = 0;
  #failures = 0;
  #lastError: unknown;
  #lastSuccessMs: number | undefined;
  #retryMonotonicMs = Number.NEGATIVE_INFINITY;

  constructor(job: Job, surroundings: RunnerSurroundings) {
    this.#job = job;
    this.#surroundings = surroundings;
    this.#due = new DueTime(surroundings.clock);
    const { onAlarm, failuresBeforeAlarm } = surroundings;
    this.#alarms = new JobAlarms(job, onAlarm, failuresBeforeAlarm);
  }

  get status(): JobStatus {
    return {
      name: this.#job.name,
      isRunning: this.#running !== undefined,
      failures: this.#failures,
      lastError: this.#failures === 0 ? undefined : formatError(this.#lastError),
      lastSuccessMs: this.#lastSuccessMs,
      nextDueMs: this.#due.dueMs,
    };
  }

  /** Looks whether the job is due and starts it. Resolves when that is decided, not when it has run. */
  async check(): Promise<void> {
    if (this.#isChecking || this.#surroundings.signal.aborted) {
      return;
    }
    this.#isChecking = true;
    const startedBefore = this.#started;
    try {
      const dueMs = await this.#askDue();
      if (this.#started !== startedBefore) {
        // A run began while the facts were read: what they say is old.
        return;
      }
      const lateMs = this.#due.lateness(dueMs);
      if ((lateMs !== undefined || this.#isOwed) && this.#mayStart()) {
        this.#start();
      } else if (lateMs !== undefined) {
        this.#alarms.noteLateness(lateMs);
      }
    } catch (error) {
      if (this.#mayStart()) {
        this.#noteFailure(error);
      }
    } finally {
      this.#isChecking = false;
    }
  }

  /**
   * Runs the job at once, due or not, after a failure or not; behind the run that is on its way, if there is
   * one. Calls that wait for the same run share it.
   *
   * @returns settles like the run that began after the call.
   */
  trigger(): Promise<void> {
    const wanted = this.#wanted ?? newWantedRun();
    if (this.#surroundings.signal.aborted) {
      wanted.reject(this.#closed());
    } else {
      this.#wanted = wanted;
      this.#startWanted();
    }
    return wanted.done;
  }

  /** Starts nothing more; resolves when what runs has ended. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#running;
  }

  resume(): void {
    this.#isPaused = false;
    this.#startWanted();
  }

  /** Called when the signal is aborted: resolves when what runs has ended. */
  async close(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.reject(this.#closed());
    await this.#running;
  }

  #closed(): SchedulerError {
    return new SchedulerError('SCHEDULER_CLOSED', `${this.#job.name} does not run any more`);
  }

  #mayStart(): boolean {
    const { clock, signal } = this.#surroundings;
    const isWaiting = clock.monotonicMs() < this.#retryMonotonicMs;
    return this.#running === undefined && !this.#isPaused && !isWaiting && !signal.aborted;
  }

  #startWanted(): void {
    const isFree = this.#running === undefined && !this.#isPaused;
    if (this.#wanted !== undefined && isFree && !this.#surroundings.signal.aborted) {
      this.#start();
    }
  }

  /** The facts could not be read and now they can: that alarm is over, whether or not a run is due. */
  async #askDue(): Promise<number | undefined> {
    let dueMs: number | undefined;
    try {
      dueMs = await this.#job.nextDueMs();
    } catch (error) {
      this.#isDueUnknown = true;
      throw error;
    }
    if (this.#isDueUnknown) {
      this.#isDueUnknown = false;
      this.#noteWell();
    }
    return dueMs;
  }

  #noteWell(): void {
    this.#failures = 0;
    this.#retryMonotonicMs = Number.NEGATIVE_INFINITY;
    this.#alarms.noteSuccess();
  }

  #start(): void {
    this.#started += 1;
    const wanted = this.#wanted;
    this.#wanted = undefined;
    this.#running = this.#run(wanted).finally(() => {
      this.#running = undefined;
      this.#startWanted();
    });
  }

  /** Never rejects. */
  async #run(wanted: WantedRun | undefined): Promise<void> {
    const { clock, log, signal } = this.#surroundings;
    const startedMs = clock.monotonicMs();
    try {
      await this.#job.run(signal, this.#due.asOfMs);
    } catch (error) {
      this.#isOwed ||= wanted !== undefined;
      this.#noteFailure(error);
      wanted?.reject(error);
      return;
    }
    const tookMs = Math.round(clock.monotonicMs() - startedMs);
    log.debug('job done', { job: this.#job.name, tookMs });
    this.#isOwed = false;
    this.#lastSuccessMs = clock.nowMs();
    wanted?.resolve();
    await this.#noteSuccess();
  }

  /** A run that left the job due would be repeated at every tick: that counts as a failure. */
  async #noteSuccess(): Promise<void> {
    try {
      const isDue = this.#due.lateness(await this.#askDue()) !== undefined;
      // Whoever has triggered meanwhile has a reason, and the next run deals with it.
      if (isDue && this.#wanted === undefined) {
        const text = `${this.#job.name} ended well and is still due`;
        throw new SchedulerError('SCHEDULER_JOB_STILL_DUE', text);
      }
      this.#noteWell();
    } catch (error) {
      this.#noteFailure(error);
    }
  }

  #noteFailure(error: unknown): void {
    const { clock, log, backOff } = this.#surroundings;
    const doubledMs = backOff.firstMs * 2 ** this.#failures;
    const delayMs = Math.min(doubledMs, backOff.longestMs);
    this.#failures += 1;
    this.#lastError = error;
    this.#retryMonotonicMs = clock.monotonicMs() + delayMs;
    const facts = { job: this.#job.name, failures: this.#failures, retryInMs: delayMs };
    log.error('job failed', { ...facts, error: formatError(error) });
    this.#alarms.noteFailure(this.#failures, error);
  }
}

function newWantedRun(): WantedRun {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const done = new Promise<void>((onDone, onFailed) => {
    resolve = onDone;
    reject = onFailed;
  });
  // Whoever triggers without waiting leaves the failure to the log and the retries.
  done.catch(() => undefined);
  return { done, resolve, reject };
}
