import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Turnstile } from '../../src/core/turnstile.ts';

/** Callers that take several steps after they have passed. */
function open(perTurn: number): {
  readonly passed: number[];
  readonly call: (number: number) => Promise<void>;
} {
  const turnstile = new Turnstile(perTurn);
  const passed: number[] = [];
  const call = async (number: number): Promise<void> => {
    await turnstile.pass();
    for (let step = 0; step < 50; step += 1) {
      await undefined;
    }
    passed.push(number);
  };
  return { passed, call };
}

describe('a turnstile', () => {
  for (const perTurn of [1, 2, 4]) {
    it(`lets ${perTurn} pass in each turn of the event loop, in order`, async () => {
      const { passed, call } = open(perTurn);
      const numbers = [0, 1, 2, 3, 4, 5, 6, 7];
      const all = Promise.all(numbers.map(call));
      for (let turn = 1; turn <= 8; turn += 1) {
        await nextTurn();
        // The first one is alone, and passes at once.
        assert.ok(passed.length <= 1 + turn * perTurn, `${passed.length} after turn ${turn}`);
      }
      await all;
      assert.deepEqual(passed, numbers);
    });
  }

  it('lets who is alone pass at once', async () => {
    const { passed, call } = open(1);
    let isNextTurn = false;
    setImmediate(() => {
      isNextTurn = true;
    });
    await call(0);
    assert.deepEqual([passed, isNextTurn], [[0], false]);
  });

  it('goes on when others come while it turns, and later', async () => {
    const { passed, call } = open(1);
    const first = call(0);
    const second = call(1);
    await first;
    const third = call(2);
    await Promise.all([second, third]);
    await nextTurn();
    await call(3);
    assert.deepEqual(passed, [0, 1, 2, 3]);
  });
});
