import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { PUBLICATION_LANES, runInLanes } from '../../src/ca/lists/publication-run.ts';

describe('steps in lanes', () => {
  it('are all taken, a few at a time', async () => {
    const steps = Array.from({ length: 20 }, (_none, index) => index).values();
    const taken: number[] = [];
    let running = 0;
    let most = 0;
    await runInLanes<number>(
      () => steps.next().value,
      async (step) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        taken.push(step);
      },
    );
    assert.equal(most, PUBLICATION_LANES);
    assert.deepEqual(
      taken.toSorted((left, right) => left - right),
      Array.from({ length: 20 }, (_none, index) => index),
    );
  });

  it('end with the first that fails, once those under way are done', async () => {
    let next = 0;
    let done = 0;
    const run = runInLanes<number>(
      () => {
        next += 1;
        return next;
      },
      async (step) => {
        await new Promise((resolve) => setImmediate(resolve));
        done += 1;
        if (step === 3) {
          throw new Error('third');
        }
      },
    );
    await assert.rejects(run, /third/);
    assert.equal(done, next);
  });
});
