import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { delay, SystemClock } from '../../src/core/clock.ts';
import { randomUuid } from '../../src/core/random.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

describe('SimulatedClock', () => {
  it('fires timers in order of their due time, and not before', async () => {
    const clock = new SimulatedClock(1_000);
    const fired: string[] = [];
    clock.schedule(20, () => fired.push(`b at ${clock.nowMs()}`));
    clock.schedule(10, () => fired.push(`a at ${clock.nowMs()}`));
    const cancelled = clock.schedule(5, () => fired.push('never'));
    cancelled.cancel();
    await clock.advance(9);
    assert.deepEqual(fired, []);
    await clock.advance(11);
    assert.deepEqual(fired, ['a at 1010', 'b at 1020']);
  });

  it('runs work that waits on a delay', async () => {
    const clock = new SimulatedClock();
    let done = false;
    const waiting = delay(clock, 86_400_000).then(() => {
      done = true;
    });
    await clock.advance(86_399_999);
    assert.equal(done, false);
    await clock.advance(1);
    assert.equal(done, true);
    await waiting;
  });
});

describe('SystemClock', () => {
  it('fires a timer that was not cancelled', async () => {
    const clock = new SystemClock();
    const keepAlive = setInterval(() => undefined, 1_000);
    await delay(clock, 0);
    clearInterval(keepAlive);
    assert.ok(clock.nowMs() > Date.UTC(2020));
  });
});

describe('randomUuid', () => {
  it('is a version 4 UUID of the RFC 9562 variant', () => {
    const uuid = randomUuid(new SeededRandom(1));
    assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
