/**
 * Which alarms of one job are up, so that each is raised once.
 *
 * @module
 */

import type { Job, JobAlarm } from './job.ts';

export class JobAlarms {
  readonly #job: Job;
  readonly #raise: (alarm: JobAlarm) => void;
  readonly #failuresBeforeAlarm: number;
  #isFailingUp = false;
  #lateUp = 0;

  constructor(job: Job, raise: (alarm: JobAlarm) => void, failuresBeforeAlarm: number) {
    this.#job = job;
    this.#raise = raise;
    this.#failuresBeforeAlarm = failuresBeforeAlarm;
  }

  noteFailure(failures: number, error: unknown): void {
    if (failures >= this.#failuresBeforeAlarm && !this.#isFailingUp) {
      this.#isFailingUp = true;
      this.#raise({ kind: 'failing', job: this.#job.name, failures, error });
    }
  }

  noteLateness(lateMs: number): void {
    const thresholds = this.#job.lateAlarmsMs ?? [];
    while (this.#lateUp < thresholds.length) {
      const thresholdMs = thresholds[this.#lateUp] ?? 0;
      if (lateMs < thresholdMs) {
        return;
      }
      this.#lateUp += 1;
      this.#raise({ kind: 'late', job: this.#job.name, lateMs, thresholdMs });
    }
  }

  noteSuccess(): void {
    if (this.#isFailingUp || this.#lateUp > 0) {
      this.#isFailingUp = false;
      this.#lateUp = 0;
      this.#raise({ kind: 'recovered', job: this.#job.name });
    }
  }
}
