/**
 * Time, injected. Nothing outside this file reads the system clock or starts a timer, so that tests
 * and simulations run on a clock of their own (`test/support/simulated-clock.ts`).
 *
 * @module
 */

/** A pending timer. */
export interface TimerHandle {
  /** Stops the timer; does nothing when it has fired already. */
  cancel(): void;
}

export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. May jump, also backwards. */
  nowMs(): number;
  /** Milliseconds from an arbitrary origin; never goes back. For durations and deadlines. */
  monotonicMs(): number;
  /**
   * Calls `onElapsed` once, `delayMs` milliseconds of monotonic time from now. A pending timer does
   * not keep the process alive.
   */
  schedule(delayMs: number, onElapsed: () => void): TimerHandle;
}

/** The longest delay a Node timer takes; longer ones are re-armed. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock. */
export class SystemClock implements Clock {
  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  schedule(delayMs: number, onElapsed: () => void): TimerHandle {
    const dueMs = this.monotonicMs() + delayMs;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const restMs = Math.max(0, dueMs - this.monotonicMs());
      const fire = restMs > MAX_TIMER_MS ? arm : onElapsed;
      timer = setTimeout(fire, Math.min(restMs, MAX_TIMER_MS));
      timer.unref();
    };
    arm();
    return { cancel: () => clearTimeout(timer) };
  }
}

/** Resolves after `delayMs` milliseconds of the clock's monotonic time. */
export function delay(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(delayMs, resolve);
  });
}
