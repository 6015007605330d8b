import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { civilDayOf, endOfYearsMs, formatCivilDay } from '../../src/ca/policy/civil-time.ts';

const japanMs = 9 * 3_600_000;

describe('the end of a period of years, counted from its first day', () => {
  const rows = [
    { why: 'an ordinary day', from: '2026-01-05T00:00:00Z', years: 3, end: '2029-01-04T14:59:59Z' },
    {
      why: 'the bridge CA of 2003, as its certificate has it',
      from: '2003-12-27T05:08:15Z',
      years: 10,
      end: '2013-12-26T14:59:59Z',
    },
    {
      why: 'the operations CA of 2002, as its certificate has it',
      from: '2002-03-14T07:50:26Z',
      years: 10,
      end: '2012-03-13T14:59:59Z',
    },
    {
      why: 'the last second of a day in Japan',
      from: '2026-01-05T14:59:59Z',
      years: 3,
      end: '2029-01-04T14:59:59Z',
    },
    {
      why: 'the first second of the next',
      from: '2026-01-05T15:00:00Z',
      years: 3,
      end: '2029-01-05T14:59:59Z',
    },
    { why: 'a leap day', from: '2028-02-29T03:00:00Z', years: 3, end: '2031-02-28T14:59:59Z' },
    {
      why: 'a leap day to a leap day',
      from: '2028-02-29T03:00:00Z',
      years: 4,
      end: '2032-02-28T14:59:59Z',
    },
    {
      why: 'New Year in Japan',
      from: '2025-12-31T15:00:00Z',
      years: 1,
      end: '2026-12-31T14:59:59Z',
    },
  ];
  for (const { why, from, years, end } of rows) {
    it(why, () => {
      assert.equal(
        new Date(endOfYearsMs(Date.parse(from), years, japanMs)).toISOString(),
        end.replace('Z', '.000Z'),
      );
    });
  }
});

describe('days', () => {
  it('turn at 15:00 UTC in Japan', () => {
    const before = civilDayOf(Date.parse('2026-01-05T14:59:59.999Z'), japanMs);
    const after = civilDayOf(Date.parse('2026-01-05T15:00:00Z'), japanMs);
    assert.equal(formatCivilDay(before), '20260105');
    assert.equal(formatCivilDay(after), '20260106');
  });
});
