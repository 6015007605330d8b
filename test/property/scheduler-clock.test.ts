/**
 * The scheduler under a clock that an operator or a bad time source sets at random: no stall, no burst, no
 * overlap.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { silentLog } from '../../src/core/log.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import { ManualTicker } from '../support/manual-ticker.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TICK_MS = HOUR_MS / 2;

type Step =
  | { readonly kind: 'pass'; readonly ticks: number }
  | { readonly kind: 'jump'; readonly byMs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const), ticks: fc.integer({ min: 1, max: 60 }) }),
  fc.record({
    kind: fc.constant('jump' as const),
    byMs: fc.integer({ min: -400 * 24, max: 400 * 24 }).map((hours) => hours * HOUR_MS),
  }),
);

/** Monotonic times of the runs of a 24-hour job, and how many jumps led forward. */
async function play(steps: readonly Step[]): Promise<readonly number[]> {
  const clock = new SimulatedClock();
  const ticker = new ManualTicker();
  const scheduler = new Scheduler({ ticker, clock, log: silentLog });
  const runsMs: number[] = [];
  let thisUpdateMs = clock.nowMs();
  let isRunning = false;
  scheduler.add({
    name: 'crl',
    nextDueMs: async () => thisUpdateMs + DAY_MS,
    run: async () => {
      assert.ok(!isRunning, 'overlap');
      isRunning = true;
      await Promise.resolve();
      runsMs.push(clock.monotonicMs());
      thisUpdateMs = clock.nowMs();
      isRunning = false;
    },
  });
  scheduler.start();
  // What the clock did before the facts were first read cannot be known.
  await clock.advance(0);
  for (const next of steps) {
    if (next.kind === 'jump') {
      clock.setWallClock(clock.nowMs() + next.byMs);
      continue;
    }
    for (let tick = 0; tick < next.ticks; tick += 1) {
      await clock.advance(TICK_MS);
      ticker.tick();
      await clock.advance(0);
    }
  }
  await scheduler.close();
  return [...runsMs, clock.monotonicMs()];
}

describe('a 24-hour job under a clock set at random', () => {
  it('runs at least every 24 real hours, and more often only for jumps forward', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), async (steps) => {
        const runsMs = await play(steps);
        const gapsMs = runsMs.map((runMs, index) => runMs - (runsMs[index - 1] ?? 0));
        assert.ok(Math.max(...gapsMs) <= DAY_MS + TICK_MS, `a gap of ${Math.max(...gapsMs)} ms`);
        const early = gapsMs.slice(0, -1).filter((gapMs) => gapMs < DAY_MS).length;
        const forward = steps.filter((next) => next.kind === 'jump' && next.byMs > 0).length;
        assert.ok(early <= forward, `${early} early runs after ${forward} jumps forward`);
      }),
      { seed: 20260105, numRuns: 300 },
    );
  });
});
