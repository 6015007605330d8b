import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { loadPolicy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import {
  keepingSchema,
  keptLongEnoughBeforeMs,
  recordKinds,
  retentionOf,
} from '../../src/ca/policy/retention.ts';

const at = (text: string): number => Date.parse(text);

describe('retention', async () => {
  const { retention, keeping } = await loadPolicy(shippedPolicyFile('gunma'));

  it('has the times of gunma 4-5, 4-11-4 and 4-12-2-2', () => {
    const years = recordKinds.map((kind) => [kind, retentionOf(retention, kind).years]);
    assert.deepEqual(Object.fromEntries(years), {
      auditRecords: 1,
      certificates: 13,
      lists: 10,
      accessJournal: 10,
      provisionAccounts: 5,
    });
  });

  it('has the cadences of gunma 4-11-3, 4-11-6 and 4-12-2', () => {
    assert.deepEqual(keeping, {
      auditReviewDays: 7,
      backupHours: 24,
      monthlyExport: true,
      receiptDays: 14,
      readabilityMonths: 12,
    });
  });

  it('warns of nothing that a policy leaves out', () => {
    assert.deepEqual(keepingSchema.parse({}), { monthlyExport: false });
  });

  it('counts calendar years, leap days included', () => {
    const before = (text: string, years: number): number =>
      keptLongEnoughBeforeMs({ years }, at(text));
    assert.equal(before('2027-01-05T03:04:05Z', 1), at('2026-01-05T03:04:05Z'));
    assert.equal(before('2028-02-29T00:00:00Z', 1), at('2027-03-01T00:00:00Z'));
    assert.equal(before('2028-02-29T00:00:00Z', 4), at('2024-02-29T00:00:00Z'));
  });

  it('lets records leave the store by the weeks on line, where there are any (secom 4.8.2)', () => {
    const onLine = { years: 10, onLineWeeks: 6 };
    assert.equal(
      keptLongEnoughBeforeMs(onLine, at('2026-03-01T00:00:00Z')),
      at('2026-01-18T00:00:00Z'),
    );
  });
});
