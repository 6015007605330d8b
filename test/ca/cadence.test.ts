import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { dueMs, isRegular, latenessAt } from '../../src/ca/policy/cadence.ts';
import type { PublishedList } from '../../src/ca/records/scope-record.ts';
import { gunma } from '../support/ca-test-bed.ts';

const HOUR = 3_600_000;
const thisUpdateMs = Date.UTC(2026, 0, 5);
const published: PublishedList = {
  number: 1n,
  thisUpdateMs,
  nextUpdateMs: thisUpdateMs + 72 * HOUR,
  entryCount: 0,
  byteLength: 500,
  sha256: new Uint8Array(32),
  sequence: 0n,
};

describe('the cadence', () => {
  it('makes a list due 24 h after the last thisUpdate, whoever was awake', () => {
    assert.equal(dueMs({ published }, gunma), thisUpdateMs + 24 * HOUR);
  });

  it('makes a list due since the first revocation that does not wait, until it is listed', () => {
    const sinceMs = thisUpdateMs + HOUR;
    const urgent = { sequence: 3n, sinceMs };
    assert.equal(dueMs({ published, urgent }, gunma), sinceMs);
    assert.equal(dueMs({ urgent }, gunma), 0);
    const listed = { ...published, sequence: 3n };
    assert.equal(dueMs({ published: listed, urgent }, gunma), thisUpdateMs + 24 * HOUR);
    const late = { sequence: 3n, sinceMs: thisUpdateMs + 30 * HOUR };
    assert.equal(dueMs({ published, urgent: late }, gunma), thisUpdateMs + 24 * HOUR);
  });

  it('makes the first list due at once', () => {
    assert.equal(dueMs({}, gunma), 0);
  });

  it('calls a list regular from the moment it is due', () => {
    assert.equal(isRegular(thisUpdateMs + 24 * HOUR - 1000, { published }, gunma), false);
    assert.equal(isRegular(thisUpdateMs + 24 * HOUR, { published }, gunma), true);
    assert.equal(isRegular(thisUpdateMs, {}, gunma), true);
    const urgent = { sequence: 1n, sinceMs: thisUpdateMs };
    const record = { published, urgent };
    assert.equal(isRegular(thisUpdateMs + HOUR, record, gunma), false, 'one that did not wait');
  });

  const ages = [
    { hours: 24, lateness: 'on-time' },
    { hours: 26 - 1 / 3600, lateness: 'on-time' },
    { hours: 26, lateness: 'warning' },
    { hours: 36 - 1 / 3600, lateness: 'warning' },
    { hours: 36, lateness: 'alarm' },
  ];
  for (const { hours, lateness } of ages) {
    it(`tells ${lateness} at the age of ${hours.toFixed(4)} h`, () => {
      assert.equal(latenessAt(thisUpdateMs + hours * HOUR, { published }, gunma), lateness);
    });
  }

  it('tells alarm when there is no list at all', () => {
    assert.equal(latenessAt(thisUpdateMs, {}, gunma), 'alarm');
  });
});
