import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { findOverdue, type OverdueMatter } from '../../src/app/overdue.ts';
import type { KeepingFacts } from '../../src/audit/keeping-register.ts';
import type { Attestation, KeptCopy } from '../../src/audit/keeping-state.ts';
import type { KeepingSchedule } from '../../src/ca/policy/retention.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Japan time. */
const utcOffsetMs = 9 * HOUR_MS;
const at = (text: string): number => Date.parse(`${text}+09:00`);
const SINCE_MS = at('2026-01-05T09:00:00');

const gunma: KeepingSchedule = {
  auditReviewDays: 7,
  backupHours: 24,
  monthlyExport: true,
  receiptDays: 14,
  readabilityMonths: 12,
};
const none: KeepingFacts = {
  sinceMs: SINCE_MS,
  reviewedMs: undefined,
  auditExportedMs: undefined,
  backups: [],
  months: [],
};

const copy = (madeMs: number, attestedMs: Partial<Record<Attestation, number>> = {}): KeptCopy => ({
  sha256: '00',
  madeMs,
  attestedMs,
});

const january = (...copies: readonly KeptCopy[]): KeepingFacts => ({
  ...none,
  months: [{ month: '2026-01', copies }],
});

function isOverdue(matter: OverdueMatter, facts: KeepingFacts, nowMs: number): boolean {
  const overdue = findOverdue(facts, { keeping: gunma, utcOffsetMs }, nowMs);
  return overdue.some((one) => one.matter === matter && one.dueMs <= nowMs);
}

const FEBRUARY_MS = at('2026-02-01T00:00:00');
const within = at('2026-01-20T00:00:00');
const after = at('2026-02-01T01:00:00');

interface Row {
  readonly name: string;
  readonly matter: OverdueMatter;
  readonly facts: KeepingFacts;
  /** Overdue from here on. */
  readonly fromMs: number;
}

const rows: readonly Row[] = [
  {
    name: 'a review after the first week (gunma 4-11-3)',
    ...{ matter: 'auditReview', facts: none, fromMs: SINCE_MS + 7 * DAY_MS },
  },
  {
    name: 'a review a week after the last',
    matter: 'auditReview',
    facts: { ...none, reviewedMs: within },
    fromMs: within + 7 * DAY_MS,
  },
  {
    name: 'the first backup after a day and two hours (gunma 4-11-6)',
    ...{ matter: 'backup', facts: none, fromMs: SINCE_MS + 26 * HOUR_MS },
  },
  {
    name: 'a backup a day and two hours after the last',
    matter: 'backup',
    facts: { ...none, backups: [copy(SINCE_MS), copy(within)] },
    fromMs: within + 26 * HOUR_MS,
  },
  {
    name: 'the audit log’s export a day after the month (gunma 4-11-5)',
    ...{ matter: 'auditExport', facts: none, fromMs: FEBRUARY_MS + DAY_MS },
  },
  {
    name: 'the audit log’s export after the month of the last one',
    matter: 'auditExport',
    facts: { ...none, auditExportedMs: after },
    fromMs: at('2026-03-02T00:00:00'),
  },
  {
    name: 'a month’s archive a day after it (gunma 4-12-2-3)',
    ...{ matter: 'archiveExport', facts: none, fromMs: FEBRUARY_MS + DAY_MS },
  },
  {
    name: 'a month whose export was made before it was over',
    matter: 'archiveExport',
    facts: january(copy(FEBRUARY_MS - 1, { written: within, received: within })),
    fromMs: FEBRUARY_MS + DAY_MS,
  },
  {
    name: 'a month whose export was begun and not written',
    ...{ matter: 'archiveExport', facts: january(copy(after)), fromMs: FEBRUARY_MS + DAY_MS },
  },
  {
    name: 'the next month when one is written',
    matter: 'archiveExport',
    facts: january(copy(FEBRUARY_MS, { written: after })),
    fromMs: at('2026-03-02T00:00:00'),
  },
  {
    name: 'a receipt two weeks after the month',
    matter: 'receipt',
    facts: january(copy(after, { written: after })),
    fromMs: FEBRUARY_MS + 14 * DAY_MS,
  },
  {
    name: 'the next month’s receipt when one is there',
    matter: 'receipt',
    facts: january(copy(after, { received: after })),
    fromMs: at('2026-03-15T00:00:00'),
  },
  {
    name: 'a reading a year after the first export (gunma 4-12-2-6)',
    ...{ matter: 'readability', facts: january(copy(after)), fromMs: at('2027-02-01T01:00:00') },
  },
  {
    name: 'a reading a year after the last',
    matter: 'readability',
    facts: january(copy(after, { read: at('2026-05-05T12:00:00') })),
    fromMs: at('2027-05-05T12:00:00'),
  },
];

describe('overdue is', () => {
  for (const { name, matter, facts, fromMs } of rows) {
    it(name, () => {
      assert.equal(isOverdue(matter, facts, fromMs - 1), false);
      assert.equal(isOverdue(matter, facts, fromMs), true);
    });
  }

  it('nothing that the policy leaves out, and nothing of an empty log', () => {
    const keeping: KeepingSchedule = { monthlyExport: false };
    const laterMs = SINCE_MS + 1_000 * DAY_MS;
    assert.deepEqual(findOverdue(none, { keeping, utcOffsetMs }, laterMs), []);
    const empty = { ...none, sinceMs: undefined };
    assert.deepEqual(findOverdue(empty, { keeping: gunma, utcOffsetMs }, laterMs), []);
  });
});
