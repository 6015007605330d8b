/**
 * How late the event loop is: a timer that should fire at short intervals, and by how much it fires later.
 * Whatever holds the loop for longer than the interval is seen.
 *
 * @module
 */

import type { Clock, TimerHandle } from './clock.ts';

/** Short enough to see what a client would notice. */
const INTERVAL_MS = 20;

/**
 * Watches until it is stopped.
 *
 * @param onLag Told by how many milliseconds each firing was late.
 */
export function watchEventLoop(clock: Clock, onLag: (lagMs: number) => void): TimerHandle {
  let timer: TimerHandle;
  const arm = (): void => {
    const dueMs = clock.monotonicMs() + INTERVAL_MS;
    timer = clock.schedule(INTERVAL_MS, () => {
      onLag(Math.max(0, clock.monotonicMs() - dueMs));
      arm();
    });
  };
  arm();
  return { cancel: () => timer.cancel() };
}
