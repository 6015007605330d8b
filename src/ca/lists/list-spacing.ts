/**
 * I2: thisUpdate has whole seconds and moves on, so lists of one kind are at least a second apart.
 *
 * @module
 */

import { type Clock, delay } from '../../core/clock.ts';
import { CaError } from '../errors.ts';

/** How long to wait for the clock; beyond that it was set back. */
const MAX_WAIT_MS = 2_000;

/**
 * Waits for the clock to reach the earliest moment of the next list.
 *
 * @param why What the clock is before, e.g. `the last list of 10201 is of …`.
 * @throws {CaError} `CA_CLOCK_BACK` when that is too far away.
 */
export async function waitUntil(clock: Clock, earliestMs: number, why: string): Promise<void> {
  const restMs = (): number => earliestMs - clock.nowMs();
  // More than once, because timers do not go by the wall clock and may be early.
  for (let waitMs = restMs(); waitMs > 0; waitMs = restMs()) {
    if (waitMs > MAX_WAIT_MS) {
      throw new CaError('CA_CLOCK_BACK', `${why}, and the clock is before that; set it right`);
    }
    await delay(clock, waitMs);
  }
}
