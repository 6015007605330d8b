/**
 * Ticks by a cron pattern, read and matched by node-cron, waited for on the injected clock.
 *
 * node-cron's own waiting is not used: it counts wall-clock slots (4.6.0, `planBeat`). Measured: set back by
 * an hour, its task does not run for an hour; set forward by 30 days it blocks the event loop for 15 s
 * going through the slots it missed. Here time is looked at once a second of monotonic time, so a jump
 * in either direction costs at most one tick.
 *
 * @module
 */

import { createTask, type ScheduledTask, validateDetailed } from 'node-cron';

import type { Clock, TimerHandle } from '../core/clock.ts';
import { SchedulerError } from './errors.ts';
import type { Ticker } from './ticker.ts';

const LOOK_EVERY_MS = 1_000;
/** After a busy event loop, seconds this far back still count. */
const MAX_CAUGHT_UP_SECONDS = 60;

/**
 * Opens a ticker.
 *
 * @param pattern Five or six cron fields in UTC, seconds first when six; every ten seconds by default.
 * @throws {SchedulerError} `SCHEDULER_PATTERN`.
 */
export function openNodeCronTicker(clock: Clock, pattern: string = '*/10 * * * * *'): Ticker {
  const { valid, errors } = validateDetailed(pattern);
  if (!valid) {
    const why = errors.map((error) => `${error.field}: ${error.message}`).join('; ');
    throw new SchedulerError('SCHEDULER_PATTERN', `${JSON.stringify(pattern)}: ${why}`);
  }
  return new NodeCronTicker(clock, pattern);
}

class NodeCronTicker implements Ticker {
  readonly #clock: Clock;
  readonly #pattern: string;
  #task: ScheduledTask | undefined;
  #timer: TimerHandle | undefined;
  #lastSecond = 0;

  constructor(clock: Clock, pattern: string) {
    this.#clock = clock;
    this.#pattern = pattern;
  }

  start(onTick: () => void): void {
    this.#task = createTask(this.#pattern, () => undefined, { timezone: 'Etc/UTC' });
    this.#lastSecond = this.#currentSecond();
    this.#arm(onTick);
  }

  stop(): void {
    this.#timer?.cancel();
    void this.#task?.destroy();
    this.#task = undefined;
  }

  #arm(onTick: () => void): void {
    this.#timer = this.#clock.schedule(LOOK_EVERY_MS, () => {
      this.#arm(onTick);
      if (this.#hasMatched()) {
        onTick();
      }
    });
  }

  /** True when a second since the last look matches the pattern. */
  #hasMatched(): boolean {
    const now = this.#currentSecond();
    const first = Math.max(this.#lastSecond + 1, now - MAX_CAUGHT_UP_SECONDS + 1);
    this.#lastSecond = now;
    for (let second = first; second <= now; second += 1) {
      if (this.#task?.match(new Date(second * 1_000)) === true) {
        return true;
      }
    }
    return false;
  }

  #currentSecond(): number {
    return Math.floor(this.#clock.nowMs() / 1_000);
  }
}
