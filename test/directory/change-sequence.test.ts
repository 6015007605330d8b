import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { nextChangeSequence } from '../../src/directory/changes/change-sequence.ts';

const nowMs = Date.UTC(2026, 0, 5, 1, 2, 3, 456);
const now = '20260105010203.456000Z#000000#000#000000';

describe('nextChangeSequence', () => {
  it('is the time of now at first', () => {
    assert.equal(nextChangeSequence(undefined, nowMs), now);
  });

  it('is the time of now after an earlier one', () => {
    const last = '20260105010203.455999Z#000000#000#000000';
    assert.equal(nextChangeSequence(last, nowMs), now);
  });

  it('is one microsecond on when the clock stands still', () => {
    assert.equal(nextChangeSequence(now, nowMs), '20260105010203.456001Z#000000#000#000000');
  });

  it('is one microsecond on when the clock was set back, over a full second', () => {
    const last = '20260105010203.999999Z#000000#000#000000';
    assert.equal(
      nextChangeSequence(last, nowMs - 86_400_000),
      '20260105010204.000000Z#000000#000#000000',
    );
  });

  it('sorts as text in the order it was given', () => {
    const given: string[] = [];
    for (const atMs of [nowMs, nowMs, nowMs - 5, nowMs + 1, nowMs + 1]) {
      given.push(nextChangeSequence(given.at(-1), atMs));
    }
    assert.deepEqual(given.toSorted(), given);
    assert.equal(new Set(given).size, given.length);
  });
});

describe('a last number that is none', () => {
  const rows = [
    '20990231010203.456000Z#000000#000#000000',
    '20990105010203.45600Z#000000#000#000000',
    '20990105010203.456000Z#000000#000',
    '20990105010203Z',
    '',
  ];
  for (const text of rows) {
    it(`does not count: ${JSON.stringify(text)}`, () => {
      assert.equal(nextChangeSequence(text, nowMs), nextChangeSequence(undefined, nowMs));
    });
  }
});
