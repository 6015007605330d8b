import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  deltaDueMs,
  deltaValidityMs,
  dueAfterMs,
  dueMs,
  isRegular,
  LAST_NEXT_UPDATE_MS,
  latenessAt,
  leastDeltaRemainingMs,
  leastRemainingMs,
  longestWaitMs,
  releaseDueMs,
  urgentDueMs,
} from '../../src/ca/policy/cadence.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { findPolicyFaults } from '../../src/ca/policy/policy-faults.ts';
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

function withCrl(changes: Partial<Policy['crl']>): Policy {
  return { ...gunma, crl: { ...gunma.crl, ...changes } };
}

describe('the cadence', () => {
  it('makes a list due 24 h after the last thisUpdate, whoever was awake', () => {
    assert.equal(dueMs('arl', { published }, gunma), thisUpdateMs + 24 * HOUR);
  });

  it('makes a list due when the first revocation that does not wait is, until it is listed', () => {
    const urgentMs = thisUpdateMs + HOUR;
    const urgent = { sequence: 3n, dueMs: urgentMs };
    assert.equal(dueMs('arl', { published, urgent }, gunma), urgentMs);
    assert.equal(dueMs('arl', { urgent }, gunma), 0);
    const listed = { ...published, sequence: 3n };
    assert.equal(dueMs('arl', { published: listed, urgent }, gunma), thisUpdateMs + 24 * HOUR);
    const late = { sequence: 3n, dueMs: thisUpdateMs + 30 * HOUR };
    assert.equal(dueMs('arl', { published, urgent: late }, gunma), thisUpdateMs + 24 * HOUR);
  });

  it('makes the first list due at once', () => {
    assert.equal(dueMs('arl', {}, gunma), 0);
  });

  it('calls a list regular from the moment when one is due after the last regular one', () => {
    const scope = { regular: { thisUpdateMs, sequence: 0n } };
    const at = (ms: number): boolean => isRegular('arl', ms, { scope, policy: gunma });
    assert.equal(at(thisUpdateMs + 24 * HOUR - 1000), false);
    assert.equal(at(thisUpdateMs + 24 * HOUR), true);
    assert.equal(isRegular('arl', thisUpdateMs, { scope: {}, policy: gunma }), true);
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

  it('has a list keep a third of its validity, or what the policy says (I7)', () => {
    assert.equal(leastRemainingMs(gunma), 24 * HOUR);
    assert.equal(leastRemainingMs(withCrl({ leastRemainingHours: 12 })), 12 * HOUR);
  });
});

describe('a cadence of 23 to 24 hours (secom 4.5.3)', () => {
  const secom = withCrl({ earliestHours: 23 });

  it('makes a list due from 23 h on, so that an hour is left for a second try', () => {
    assert.equal(dueAfterMs('crl-1', thisUpdateMs, secom), thisUpdateMs + 23 * HOUR);
  });

  it('moves to its moment of the day without ever leaving the window', () => {
    for (const timing of ['spread', { at: ['03:00'] }] as const) {
      const policy = withCrl({ earliestHours: 23, timing });
      let lastMs = thisUpdateMs + 5 * HOUR + 17_000;
      const gaps: number[] = [];
      for (let day = 0; day < 40; day += 1) {
        const nextMs = dueAfterMs('crl-1', lastMs, policy);
        gaps.push((nextMs - lastMs) / HOUR);
        lastMs = nextMs;
      }
      assert.ok(Math.min(...gaps) >= 23 && Math.max(...gaps) <= 24, String(gaps));
      assert.deepEqual(new Set(gaps.slice(24)), new Set([24]), 'settled');
    }
  });
});

describe('lists at set times of the day', () => {
  const daily = withCrl({ timing: { at: ['03:00'] } });

  it("are due at the next of them by the policy's clock", () => {
    const midnightInTokyo = Date.UTC(2026, 0, 5, 15);
    assert.equal(dueAfterMs('arl', midnightInTokyo, daily), midnightInTokyo + 3 * HOUR);
    const atThree = midnightInTokyo + 3 * HOUR;
    assert.equal(dueAfterMs('arl', atThree - 1000, daily), atThree);
    assert.equal(dueAfterMs('arl', atThree, daily), atThree + 24 * HOUR);
    const twice = withCrl({ timing: { at: ['03:00', '15:30'] } });
    assert.equal(dueAfterMs('arl', atThree, twice), atThree + 12.5 * HOUR);
  });

  const faulty: readonly { why: string; crl: Partial<Policy['crl']>; isFault: boolean }[] = [
    { why: 'times as far apart as the period', crl: { timing: { at: ['03:00'] } }, isFault: false },
    {
      why: 'times further apart than the period, over midnight',
      crl: { timing: { at: ['03:00', '10:00'] }, periodHours: 16 },
      isFault: true,
    },
    {
      why: 'times exactly as far apart over midnight',
      crl: { timing: { at: ['03:00', '11:00'] }, periodHours: 16 },
      isFault: false,
    },
    { why: 'a time twice', crl: { timing: { at: ['03:00', '03:00'] } }, isFault: true },
    {
      why: 'times nearer than the earliest',
      crl: { timing: { at: ['03:00', '15:00'] }, earliestHours: 13 },
      isFault: true,
    },
    {
      why: 'times as near as the earliest',
      crl: { timing: { at: ['03:00', '15:00'] }, earliestHours: 12 },
      isFault: false,
    },
    { why: 'an earliest that is the period', crl: { earliestHours: 24 }, isFault: true },
    { why: 'an earliest below the period', crl: { earliestHours: 23 }, isFault: false },
    { why: 'more left than a list on time has', crl: { leastRemainingHours: 48 }, isFault: true },
    { why: 'less left than that', crl: { leastRemainingHours: 47 }, isFault: false },
  ];
  for (const { why, crl, isFault } of faulty) {
    it(`${isFault ? 'refuses' : 'takes'} ${why}`, () => {
      const { municipalities: _none, ...file } = withCrl(crl);
      const policy = { ...file, municipalities: '', utcOffset: '+09:00' };
      assert.equal(findPolicyFaults(policy).length > 0, isFault);
    });
  }
});

describe('lists spread over the period', () => {
  const spread = withCrl({ timing: 'spread' });
  const ids = Array.from({ length: 1741 }, (_, index) => String(10_000 + index));

  it('have a moment of their own each, the same every day', () => {
    for (const id of ids.slice(0, 20)) {
      const first = dueAfterMs(id, thisUpdateMs, spread);
      assert.ok(first > thisUpdateMs && first <= thisUpdateMs + 24 * HOUR);
      assert.equal(dueAfterMs(id, first, spread), first + 24 * HOUR);
      assert.equal(dueAfterMs(id, first + HOUR, spread), first + 24 * HOUR, 'after one in between');
    }
  });

  it('are level: of 1,741 no hour has twice its share', () => {
    const perHour = new Array<number>(24).fill(0);
    for (const id of ids) {
      const hour = Math.floor(((dueAfterMs(id, thisUpdateMs, spread) / HOUR) % 24) + 24) % 24;
      perHour[hour] = (perHour[hour] ?? 0) + 1;
    }
    assert.ok(Math.max(...perHour) < (2 * 1741) / 24, String(perHour));
    assert.ok(Math.min(...perHour) > 1741 / 24 / 2, String(perHour));
  });
});

describe('delta lists (RFC 5280 §5.2.4)', () => {
  const policy = withCrl({ delta: { periodHours: 4, validityHours: 12 } });
  const published = { number: 5n, thisUpdateMs, nextUpdateMs: thisUpdateMs + 72 * HOUR };

  it('are due with the full list that they start from, then after their period', () => {
    const behind = { baseNumber: 3n, thisUpdateMs: thisUpdateMs - HOUR };
    assert.equal(deltaDueMs({ published }, policy), thisUpdateMs);
    assert.equal(deltaDueMs({ published, delta: behind }, policy), thisUpdateMs);
    const delta = { baseNumber: 5n, thisUpdateMs: thisUpdateMs + HOUR };
    assert.equal(deltaDueMs({ published, delta }, policy), thisUpdateMs + 5 * HOUR);
  });

  it('are never due without a full list, behind the last one, or where there are none', () => {
    const last = { ...published, nextUpdateMs: LAST_NEXT_UPDATE_MS };
    assert.equal(deltaDueMs({}, policy), Number.POSITIVE_INFINITY);
    assert.equal(deltaDueMs({ published: last }, policy), Number.POSITIVE_INFINITY);
    assert.equal(deltaDueMs({ published }, gunma), Number.POSITIVE_INFINITY);
  });

  it('have at least half of what one on time has', () => {
    assert.equal(leastDeltaRemainingMs(policy), 4 * HOUR);
    assert.equal(deltaValidityMs(policy), 12 * HOUR);
    assert.equal(deltaValidityMs(gunma), undefined);
  });
});

describe('lists at each revocation (mic 4.8, secom 4.5.3)', () => {
  const atEach = withCrl({ atEachRevocation: { coalesceSeconds: 5, alarmMinutes: 15 } });

  it('are due a few seconds after it, at once for a reason that does not wait', () => {
    assert.equal(urgentDueMs('superseded', thisUpdateMs, atEach), thisUpdateMs + 5_000);
    assert.equal(urgentDueMs('cACompromise', thisUpdateMs, atEach), thisUpdateMs);
    assert.equal(urgentDueMs('superseded', thisUpdateMs, gunma), undefined);
    assert.equal(urgentDueMs('cACompromise', thisUpdateMs, gunma), thisUpdateMs);
  });

  it('are due a few seconds after a release too, until one has served it', () => {
    assert.equal(releaseDueMs(thisUpdateMs, atEach), thisUpdateMs + 5_000);
    assert.equal(releaseDueMs(thisUpdateMs, gunma), undefined);
    const published = { thisUpdateMs, sequence: 3n };
    const urgent = { sequence: 0n, dueMs: thisUpdateMs + HOUR, withdrawn: 2 };
    assert.equal(dueMs('crl', { published, urgent }, atEach), thisUpdateMs + HOUR);
    const before = dueMs('crl', { published, urgent, servedWithdrawn: 1 }, atEach);
    assert.equal(before, thisUpdateMs + HOUR);
    const served = dueMs('crl', { published, urgent, servedWithdrawn: 2 }, atEach);
    assert.equal(served, dueMs('crl', { published }, atEach));
  });

  it('make a wait of minutes an alarm, not one of hours', () => {
    assert.equal(longestWaitMs(atEach), 15 * 60_000);
    assert.equal(longestWaitMs(gunma), 26 * HOUR);
  });

  it('do not keep lists from counting as regular once a period', () => {
    const scope = { regular: { thisUpdateMs, sequence: 0n } };
    assert.equal(isRegular('crl', thisUpdateMs + HOUR, { scope, policy: atEach }), false);
    assert.equal(isRegular('crl', thisUpdateMs + 25 * HOUR, { scope, policy: atEach }), true);
  });
});
