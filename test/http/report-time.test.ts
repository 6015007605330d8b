import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseTime, parseTimeOrDayEnd } from '../../src/http/report-time.ts';

const JST_MS = 9 * 3_600_000;

describe('a time that people write', () => {
  const times = [
    { text: '2026-01-05', atMs: Date.UTC(2026, 0, 5) },
    { text: '2028-02-29', atMs: Date.UTC(2028, 1, 29) },
    { text: '2026-01-05T09:00+09:00', atMs: Date.UTC(2026, 0, 5) },
    { text: '2026-01-05T00:00:01Z', atMs: Date.UTC(2026, 0, 5, 0, 0, 1) },
    { text: '2026-01-05T00:00:01.250Z', atMs: Date.UTC(2026, 0, 5, 0, 0, 1, 250) },
  ];
  for (const { text, atMs } of times) {
    it(`is ${text}`, () => assert.equal(parseTime(text), atMs));
  }

  const refused = [
    ...['', '5', '2026', '2026-01', '2026-13-01', '2026-02-30', '2026-02-30T00:00Z', '5 Jan 2026'],
    ...['2026-01-05T09:00', '2026-01-05T25:00Z', '2026-01-05 09:00Z', '+2026-01-05', '2026-01-05Z'],
  ];
  for (const text of refused) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.equal(parseTime(text), undefined);
      assert.equal(parseTimeOrDayEnd(text, JST_MS), undefined);
    });
  }

  it('may be a day, at its end by the clock that days go by', () => {
    assert.equal(parseTimeOrDayEnd('2026-01-05', JST_MS), Date.UTC(2026, 0, 5, 15) - 1);
    assert.equal(parseTimeOrDayEnd('2026-01-05T00:00Z', JST_MS), Date.UTC(2026, 0, 5));
  });
});
