import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formatProgress, formatTimeLeft, TimeLeft } from '../../src/cli/progress-bar.ts';

const lists = (done: number, total = 40): { done: number; total: number; what: string } => ({
  ...{ done, total, what: 'lists' },
});

describe('the time left', () => {
  it('is not known before something is done, nor without a total', () => {
    const left = new TimeLeft();
    assert.equal(left.leftMs(0), undefined);
    left.note(lists(0), 0);
    assert.equal(left.leftMs(5_000), undefined);
    left.note({ done: 3, total: 0, what: 'entries' }, 5_000);
    left.note({ done: 9, total: 0, what: 'entries' }, 6_000);
    assert.equal(left.leftMs(7_000), undefined);
  });

  it('goes by the pace so far, and down between steps', () => {
    const left = new TimeLeft();
    left.note(lists(0), 1_000);
    left.note(lists(4), 3_000);
    assert.equal(left.leftMs(3_000), 18_000);
    left.note(lists(10), 11_000);
    assert.equal(left.leftMs(11_000), 30_000);
    assert.equal(left.leftMs(12_000), 29_000);
  });

  it('grows with a step that takes long', () => {
    const left = new TimeLeft();
    left.note(lists(0, 2), 0);
    left.note(lists(1, 2), 1_000);
    assert.equal(left.leftMs(61_000), 60_000);
    left.note(lists(2, 2), 62_000);
    assert.equal(left.leftMs(70_000), 0);
  });

  it('does not take what was done before for its own pace', () => {
    const left = new TimeLeft();
    left.note(lists(30), 0);
    left.note(lists(31), 1_000);
    assert.equal(left.leftMs(1_000), 9_000);
  });

  it('begins anew with other work', () => {
    const left = new TimeLeft();
    left.note(lists(0), 0);
    left.note(lists(20), 100_000);
    left.note({ done: 0, total: 10, what: 'files' }, 100_000);
    assert.equal(left.leftMs(100_000), undefined);
    left.note({ done: 5, total: 10, what: 'files' }, 101_000);
    assert.equal(left.leftMs(101_000), 1_000);
  });
});

describe('the line on the terminal', () => {
  it('has the time in words', () => {
    const rows = [
      [0, '0 s left'],
      [1, '1 s left'],
      [59_000, '59 s left'],
      [59_001, '1 min 0 s left'],
      [3_599_000, '59 min 59 s left'],
      [3_600_000, '1 h 0 min left'],
      [93_900_000, '26 h 5 min left'],
    ] as const;
    for (const [leftMs, text] of rows) {
      assert.equal(formatTimeLeft(leftMs), text);
    }
  });

  it('has what is known', () => {
    const half = `${'='.repeat(20)}${'-'.repeat(20)}`;
    assert.equal(formatProgress(lists(20), 30_000), `lists [${half}] 20/40, 30 s left`);
    assert.equal(formatProgress(lists(0), undefined), `lists [${'-'.repeat(40)}] 0/40`);
    assert.equal(formatProgress(lists(41), undefined), `lists [${'='.repeat(40)}] 41/40`);
    assert.equal(formatProgress(lists(7, 0), undefined), 'lists 7');
  });
});
