import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { SeenBefore } from '../../src/core/seen-before.ts';

const request = (number: number): string => `c\u0004\u0004c=JP ${number}`;

describe('what was seen before', () => {
  it('is known from the second time on', () => {
    const seen = new SeenBefore(65_536);
    assert.equal(seen.note(request(1)), false);
    assert.equal(seen.note(request(1)), true);
    assert.equal(seen.note(request(2)), false);
    assert.equal(seen.note(''), false, 'even nothing is a text of its own');
  });

  it('is mostly told from what was not, and is not forgotten by a few others', () => {
    const seen = new SeenBefore(65_536);
    const count = 10_000;
    let mistaken = 0;
    for (let number = 0; number < count; number += 1) {
      mistaken += seen.note(request(number)) ? 1 : 0;
    }
    let known = 0;
    for (let number = count - 1; number >= 0; number -= 1) {
      known += seen.note(request(number)) ? 1 : 0;
    }
    assert.ok(mistaken <= 2, `${mistaken} mistaken`);
    assert.ok(known > 0.8 * count, `${known} known`);
  });

  it('has room for so many only', () => {
    const seen = new SeenBefore(65_536);
    seen.note('first');
    for (let number = 0; number < 1_000_000; number += 1) {
      seen.note(request(number));
    }
    assert.equal(seen.note('first'), false);
  });
});
