/**
 * Ticks by a cron pattern in simulated time.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { openNodeCronTicker } from '../../src/scheduler/node-cron-ticker.ts';
import type { Ticker } from '../../src/scheduler/ticker.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Bench {
  readonly clock: SimulatedClock;
  readonly ticker: Ticker;
  /** Wall-clock times of the ticks since the last call. */
  readonly ticks: () => readonly number[];
}

function openBench(pattern?: string, startMs?: number): Bench {
  const clock = new SimulatedClock(startMs);
  const ticker = openNodeCronTicker(clock, pattern);
  let ticksMs: number[] = [];
  ticker.start(() => ticksMs.push(clock.nowMs()));
  const ticks = (): readonly number[] => {
    const seen = ticksMs;
    ticksMs = [];
    return seen;
  };
  return { clock, ticker, ticks };
}

describe('openNodeCronTicker', () => {
  it('ticks every ten seconds by default', async () => {
    const startMs = Date.UTC(2026, 0, 5, 12, 0, 3);
    const { clock, ticks, ticker } = openBench(undefined, startMs);
    await clock.advance(40_000);
    assert.deepEqual(
      ticks(),
      [7_000, 17_000, 27_000, 37_000].map((afterMs) => startMs + afterMs),
    );
    ticker.stop();
  });

  it('ticks by a pattern of five fields at the first second', async () => {
    const startMs = Date.UTC(2026, 0, 5, 2, 59, 58);
    const { clock, ticks, ticker } = openBench('0 3 * * *', startMs);
    await clock.advance(60_000);
    assert.deepEqual(ticks(), [Date.UTC(2026, 0, 5, 3)]);
    ticker.stop();
  });

  it('stops, leaving no timer', async () => {
    const { clock, ticks, ticker } = openBench();
    await clock.advance(15_000);
    assert.ok(ticks().length > 0);
    ticker.stop();
    await clock.advance(60_000);
    assert.deepEqual(ticks(), []);
    assert.equal(clock.pendingTimers, 0);
  });

  for (const pattern of ['', 'every minute', '* * *', '61 * * * * *', '* * * * * * *']) {
    it(`SCHEDULER_PATTERN: ${JSON.stringify(pattern)}`, () => {
      assert.throws(() => openNodeCronTicker(new SimulatedClock(), pattern), {
        code: 'SCHEDULER_PATTERN',
      });
    });
  }

  const jumps = [
    { why: 'an hour back', byMs: -HOUR_MS },
    { why: 'ten years back', byMs: -3_650 * DAY_MS },
    { why: 'an hour forward', byMs: HOUR_MS },
    { why: 'fifty years forward', byMs: 18_250 * DAY_MS },
  ];
  for (const { why, byMs } of jumps) {
    it(`${why}: goes on ticking, without a burst`, async () => {
      const { clock, ticks, ticker } = openBench();
      await clock.advance(60_000);
      assert.equal(ticks().length, 6);
      clock.setWallClock(clock.nowMs() + byMs);
      await clock.advance(60_000);
      const count = ticks().length;
      assert.ok(count >= 6 && count <= 7, `${count} ticks`);
      ticker.stop();
    });
  }

  // In UTC there is no such hour, so none is skipped or doubled.
  for (const startMs of [Date.UTC(2026, 2, 29, 0), Date.UTC(2026, 9, 25, 0)]) {
    it(`ticks each hour of ${new Date(startMs).toISOString().slice(0, 10)} once`, async () => {
      const { clock, ticks, ticker } = openBench('0 0 * * * *', startMs);
      await clock.advance(4 * HOUR_MS);
      assert.deepEqual(
        ticks(),
        [1, 2, 3, 4].map((hours) => startMs + hours * HOUR_MS),
      );
      ticker.stop();
    });
  }

  it('does not go through the slots of a jump forward', async () => {
    const { clock, ticks, ticker } = openBench('0 3 * * *', Date.UTC(2026, 0, 5, 12));
    clock.setWallClock(clock.nowMs() + 10 * DAY_MS);
    await clock.advance(2_000);
    assert.deepEqual(ticks(), []);
    await clock.advance(15 * HOUR_MS);
    assert.deepEqual(ticks(), [Date.UTC(2026, 0, 16, 3)]);
    ticker.stop();
  });

  it('counts the seconds that a busy event loop missed, up to a minute, as one tick', async () => {
    const { clock, ticks, ticker } = openBench('0 * * * * *', Date.UTC(2026, 0, 5, 0, 0, 30));
    clock.setWallClock(clock.nowMs() + 45_000);
    await clock.advance(1_000);
    assert.equal(ticks().length, 1);
    clock.setWallClock(clock.nowMs() + 600_000);
    await clock.advance(1_000);
    assert.equal(ticks().length, 1);
    ticker.stop();
  });
});
