import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { watchEventLoop } from '../../src/core/event-loop-lag.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

describe('watchEventLoop', () => {
  it('tells how late each firing is, until it is stopped', async () => {
    const clock = new SimulatedClock();
    const lags: number[] = [];
    const watch = watchEventLoop(clock, (lagMs) => lags.push(lagMs));
    await clock.advance(59);
    assert.deepEqual(lags, [0, 0]);
    watch.cancel();
    await clock.advance(1_000);
    assert.deepEqual(lags, [0, 0]);
    assert.equal(clock.pendingTimers, 0);
  });

  it('sees what held the loop', () => {
    let nowMs = 0;
    let fire = (): void => undefined;
    const clock = {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      schedule: (_delayMs: number, onElapsed: () => void) => {
        fire = onElapsed;
        return { cancel: () => undefined };
      },
    };
    const lags: number[] = [];
    watchEventLoop(clock, (lagMs) => lags.push(lagMs));
    nowMs = 150;
    fire();
    nowMs = 160;
    fire();
    assert.deepEqual(lags, [130, 0]);
  });
});
