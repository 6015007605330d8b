import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { forecast, type GrowthPoint, growthOf } from '../../src/ca/lists/list-growth.ts';

const DAY = 86_400_000;
const startMs = Date.UTC(2026, 0, 5);

function points(counts: readonly number[]): GrowthPoint[] {
  return counts.map((entryCount, day) => ({
    thisUpdateMs: startMs + day * DAY,
    entryCount,
    byteLength: 500 + 40 * entryCount,
  }));
}

describe('the growth of a list', () => {
  it('is the slope of the line through what came out', () => {
    assert.deepEqual(growthOf(points([10, 12, 14, 16])), { entriesPerDay: 2, bytesPerDay: 80 });
    const wavy = growthOf(points([10, 13, 13, 16]))?.entriesPerDay ?? 0;
    assert.ok(Math.abs(wavy - 1.8) < 1e-9);
    assert.equal(growthOf(points([16, 14, 12]))?.entriesPerDay, -2);
  });

  it('is not known from less than an hour', () => {
    assert.equal(growthOf([]), undefined);
    assert.equal(growthOf(points([10])), undefined);
    const close = (minutes: number): GrowthPoint[] =>
      [0, minutes].map((at) => ({
        ...{ thisUpdateMs: startMs + at * 60_000, entryCount: at, byteLength: at },
      }));
    assert.equal(growthOf(close(59)), undefined);
    assert.ok(growthOf(close(61)));
  });
});

describe('the forecast', () => {
  it('says when the line meets a size, that it is there, or that it never is', () => {
    const at = forecast(startMs, { size: 100, perDay: 10, goal: 200 });
    assert.deepEqual(at, { kind: 'at', atMs: startMs + 10 * DAY });
    assert.equal(forecast(startMs, { size: 200, perDay: 10, goal: 200 }).kind, 'reached');
    assert.equal(forecast(startMs, { size: 199, perDay: 0, goal: 200 }).kind, 'never');
    assert.equal(forecast(startMs, { size: 199, perDay: -1, goal: 200 }).kind, 'never');
  });

  it('looks a hundred years ahead and no further', () => {
    const reach = (days: number): string =>
      forecast(startMs, { size: 0, perDay: 1, goal: days }).kind;
    assert.equal(reach(36_525), 'at');
    assert.equal(reach(36_526), 'never');
  });
});
