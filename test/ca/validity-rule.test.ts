import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseCivilDay } from '../../src/ca/policy/civil-time.ts';
import {
  endOfRuleMs,
  latestEndOfRuleMs,
  type ValidityFacts,
  type ValidityRule,
  validitySchema,
} from '../../src/ca/policy/validity-rule.ts';

const JST = 9 * 3_600_000;
const day = (text: string) => parseCivilDay(text) ?? assert.fail(text);
const beyondIssuer = 'shorten';

/** jlis-auth 6.3.2.2 */
const birthday: ValidityRule = {
  untilBirthday: { nth: 5, nthWhenRenewed: 6, renewalMonths: 3 },
  notBeyond: 'cardExpiry',
  beyondIssuer,
};

function end(rule: ValidityRule, from: string, facts: ValidityFacts = {}): string {
  const endMs = endOfRuleMs(rule, Date.parse(from), { ...facts, offsetMs: JST });
  assert.ok(endMs <= latestEndOfRuleMs(rule, Date.parse(from), JST), 'within the latest end');
  return new Date(endMs).toISOString().slice(0, 19);
}

describe('the end of a certificate', () => {
  const years: readonly {
    readonly why: string;
    readonly rule: ValidityRule;
    readonly from: string;
    readonly to: string;
  }[] = [
    {
      why: 'is that of the day before the anniversary (mic-ops 7.1.2: three years)',
      rule: { years: 3, beyondIssuer },
      from: '2001-03-31T15:00:00Z',
      to: '2004-03-31T14:59:59',
    },
    {
      why: 'is the same for one that begins a second before the next day',
      rule: { years: 3, beyondIssuer },
      from: '2001-04-01T14:59:59Z',
      to: '2004-03-31T14:59:59',
    },
    {
      why: 'is that of MPHPT_CA.cer (mic-ops 7.1.1: ten years)',
      rule: { years: 10, beyondIssuer },
      from: '2002-03-14T07:50:26Z',
      to: '2012-03-13T14:59:59',
    },
    {
      why: 'is to the second where it ends exactly, with minutes (secom-gid: 10 years and 30 minutes)',
      rule: { years: 10, minutes: 30, ends: 'exactly', beyondIssuer },
      from: '2024-02-29T01:02:03Z',
      to: '2034-03-01T01:32:03',
    },
  ];
  for (const { why, rule, from, to } of years) {
    it(why, () => assert.equal(end(rule, from), to));
  }

  const rows: readonly {
    readonly why: string;
    readonly from: string;
    readonly born: string;
    readonly card?: string;
    readonly renewedEnd?: string;
    readonly to: string;
  }[] = [
    {
      why: 'the fifth birthday after the day of issue, this year’s counted',
      from: '2026-01-10T03:00:00Z',
      born: '1990-01-11',
      to: '2030-01-11T14:59:59',
    },
    {
      why: 'not counted: the birthday on the day of issue',
      from: '2026-01-11T03:00:00Z',
      born: '1990-01-11',
      to: '2031-01-11T14:59:59',
    },
    {
      why: 'the day of issue in Japan, not in UTC',
      from: '2026-01-10T15:00:00Z',
      born: '1990-01-11',
      to: '2031-01-11T14:59:59',
    },
    {
      why: 'a birthday on 29 February, which is the 28th in other years',
      from: '2026-01-10T03:00:00Z',
      born: '2004-02-29',
      to: '2030-02-28T14:59:59',
    },
    {
      why: 'and the 29th in leap years',
      from: '2023-03-01T03:00:00Z',
      born: '2004-02-29',
      to: '2028-02-29T14:59:59',
    },
    {
      why: 'the last day of the card when that is earlier',
      from: '2026-01-10T03:00:00Z',
      born: '1990-01-11',
      card: '2030-01-10',
      to: '2030-01-10T14:59:59',
    },
    {
      why: 'the sixth when the renewed one ends in less than three months',
      from: '2026-01-12T03:00:00Z',
      born: '1990-04-11',
      renewedEnd: '2026-04-11T14:59:59Z',
      to: '2031-04-11T14:59:59',
    },
    {
      why: 'the fifth when it ends in three months to the day',
      from: '2026-01-11T03:00:00Z',
      born: '1990-04-11',
      renewedEnd: '2026-04-11T14:59:59Z',
      to: '2030-04-11T14:59:59',
    },
    {
      why: 'three months from 30 November are the end of February',
      from: '2026-11-30T03:00:00Z',
      born: '1990-02-27',
      renewedEnd: '2027-02-27T14:59:59Z',
      to: '2032-02-27T14:59:59',
    },
  ];
  for (const { why, from, born, card = '2099-12-31', renewedEnd, to } of rows) {
    it(`until a birthday (jlis-auth 6.3.2.2): ${why}`, () => {
      const facts = {
        birthDate: day(born),
        cardExpiry: day(card),
        renewedEndMs: renewedEnd === undefined ? undefined : Date.parse(renewedEnd),
      };
      assert.equal(end(birthday, from, facts), to);
    });
  }

  it('is refused for a birthday to come and for a card that has ended', () => {
    const from = Date.parse('2026-01-10T03:00:00Z');
    const refused = { code: 'CA_ATTRIBUTE_INVALID' };
    const facts = { birthDate: day('1990-01-01'), cardExpiry: day('2030-01-01'), offsetMs: JST };
    assert.throws(
      () => endOfRuleMs(birthday, from, { ...facts, birthDate: day('2026-01-11') }),
      refused,
    );
    assert.throws(
      () => endOfRuleMs(birthday, from, { ...facts, cardExpiry: day('2026-01-09') }),
      refused,
    );
  });
});

describe('a rule of validity', () => {
  const wrong: readonly (readonly [why: string, rule: Record<string, unknown>])[] = [
    ['neither years nor a birthday', {}],
    ['both', { years: 3, untilBirthday: { nth: 5, nthWhenRenewed: 6, renewalMonths: 3 } }],
    ['minutes to the end of a day', { years: 3, minutes: 30 }],
    [
      'a birthday to the second',
      { untilBirthday: { nth: 5, nthWhenRenewed: 6, renewalMonths: 3 }, ends: 'exactly' },
    ],
    ['another thing that it must not go beyond', { years: 3, notBeyond: 'school' }],
  ];
  for (const [why, rule] of wrong) {
    it(`is refused: ${why}`, () => {
      assert.equal(validitySchema.safeParse({ ...rule, beyondIssuer }).success, false);
    });
  }
});

describe('a civil day', () => {
  it('is one of the calendar', () => {
    for (const text of ['2024-02-29', '2026-12-31', '1900-02-28']) {
      assert.notEqual(parseCivilDay(text), undefined, text);
    }
    for (const text of [
      '2023-02-29',
      '1900-02-29',
      '2026-04-31',
      '2026-13-01',
      '2026-1-1',
      '2026-01-00',
      '',
    ]) {
      assert.equal(parseCivilDay(text), undefined, text);
    }
  });
});
