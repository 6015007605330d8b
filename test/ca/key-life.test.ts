/**
 * When the CA's key is renewed (gunma 4-13, 6-3-1-2; jlis 6.3.2.1; secom 4.10), and how far ahead somebody is told.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { latestEndMs, renewalDueMs, renewalWarningAt } from '../../src/ca/policy/key-life.ts';
import { gunma } from '../support/ca-test-bed.ts';

const at = (text: string): number => Date.parse(text);
/** Made on 1 October 2026 at noon in Japan; the certificate ends as ten years from that day do. */
const life = { createdMs: at('2026-10-01T12:00:00+09:00'), endMs: at('2036-09-30T23:59:59+09:00') };

function policyWith(authority: Partial<typeof gunma.keys.authority>): typeof gunma {
  return {
    ...gunma,
    keys: { ...gunma.keys, authority: { ...gunma.keys.authority, ...authority } },
  };
}

describe('the renewal of the CA’s key is due', () => {
  const rows = [
    { why: 'five years from the day it was made', authority: {}, due: '2031-09-30T23:59:59+09:00' },
    {
      why: 'after another number of years',
      authority: { renewAfterYears: 4 },
      due: '2030-09-30T23:59:59+09:00',
    },
    {
      why: 'while the longest certificate (5 years, a cross certificate) still fits (secom 4.10)',
      authority: { renewAfterYears: undefined, renewForLongest: true },
      due: '2031-09-30T00:00:00+09:00',
    },
    {
      why: 'by whichever of both comes first: the age',
      authority: { renewAfterYears: 4, renewForLongest: true },
      due: '2030-09-30T23:59:59+09:00',
    },
    {
      why: 'by whichever of both comes first: the rest',
      authority: { renewAfterYears: 8, renewForLongest: true },
      due: '2031-09-30T00:00:00+09:00',
    },
  ];
  for (const { why, authority, due } of rows) {
    it(why, () => {
      assert.equal(renewalDueMs(life, policyWith(authority)), at(due));
    });
  }

  it('so that what is issued on the last day ends within the key’s certificate', () => {
    const policy = policyWith({ renewAfterYears: undefined, renewForLongest: true });
    const lastMs = renewalDueMs(life, policy);
    assert.equal(
      latestEndMs(lastMs, { ...life, endMs: Number.MAX_SAFE_INTEGER }, policy) <= life.endMs,
      true,
    );
    assert.equal(latestEndMs(life.endMs, life, policy), life.endMs);
  });
});

describe('somebody is told of a renewal', () => {
  const due = '2031-09-30T23:59:59+09:00';
  const rows = [
    { now: '2030-09-29T23:59:59+09:00', told: undefined },
    { now: '2030-09-30T00:00:00+09:00', told: 12 },
    { now: '2031-06-29T23:59:59+09:00', told: 12 },
    { now: '2031-06-30T00:00:00+09:00', told: 3 },
    { now: '2031-08-29T23:59:59+09:00', told: 3 },
    { now: '2031-08-30T00:00:00+09:00', told: 1 },
    { now: '2031-09-30T23:59:58+09:00', told: 1 },
    { now: due, told: 'overdue' },
  ];
  for (const { now, told } of rows) {
    it(`${now}: ${told ?? 'not yet'}`, () => {
      assert.equal(renewalWarningAt(at(now), at(due), gunma), told);
    });
  }
});
