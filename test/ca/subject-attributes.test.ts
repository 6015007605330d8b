import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  SubjectAttributeRules,
  type SubjectAttributes,
} from '../../src/ca/certificates/subject-attributes.ts';
import type { CaErrorCode } from '../../src/ca/errors.ts';
import { gunma, hanako } from '../support/ca-test-bed.ts';

const rules = new SubjectAttributeRules(gunma);
const nowMs = Date.UTC(2026, 0, 5);

describe('the attributes of a subject', () => {
  it('become the values of the six otherNames', () => {
    assert.deepEqual(rules.check(hanako, nowMs), {
      commonName: '群馬　花子',
      dateOfBirth: '419900401',
      gender: '2',
      address: '群馬県前橋市大手町一丁目１番１号',
      substituteCharacterOfCommonName: '00000',
      substituteCharacterOfAddress: '0000000000000000',
    });
  });

  it('keep the flags of substitute characters', () => {
    const checked = rules.check(
      { ...hanako, commonName: '高橋　花子', substituteCharacterOfCommonName: '10000' },
      nowMs,
    );
    assert.equal(checked.substituteCharacterOfCommonName, '10000');
  });

  it('take the date as the calendar of Japan has it', () => {
    const bornToday = { ...hanako, dateOfBirth: '2026-01-06' };
    assert.throws(() => rules.check(bornToday, Date.parse('2026-01-05T14:59:59Z')), {
      code: 'CA_ATTRIBUTE_INVALID',
    });
    const checked = rules.check(bornToday, Date.parse('2026-01-05T15:00:00Z'));
    assert.equal(checked.dateOfBirth, '520260106');
  });

  it('may have the longest name and address', () => {
    const longest = { ...hanako, commonName: '馬'.repeat(100), address: '馬'.repeat(200) };
    assert.equal(rules.check(longest, nowMs).address.length, 200);
  });

  const refused: readonly {
    readonly why: string;
    readonly change: Partial<SubjectAttributes>;
    readonly code: CaErrorCode;
    readonly names?: RegExp;
  }[] = [
    {
      why: 'a name with a character outside JIS',
      change: { commonName: '髙橋　花子' },
      code: 'CA_CHARACTER_NOT_ALLOWED',
      names: /commonName.*U\+9AD9 \(髙\) at character 1/,
    },
    {
      why: 'an address with one',
      change: { address: '前橋市𠮷岡' },
      code: 'CA_CHARACTER_NOT_ALLOWED',
      names: /address.*U\+20BB7 \(𠮷\) at character 4/,
    },
    {
      why: 'a name in ASCII',
      change: { commonName: 'Hanako' },
      code: 'CA_CHARACTER_NOT_ALLOWED',
      names: /U\+0048 \(H\).*write U\+FF28 \(Ｈ\)/,
    },
    {
      why: 'more foreign characters than are worth naming',
      change: { commonName: 'abcdefghij' },
      code: 'CA_CHARACTER_NOT_ALLOWED',
      names: /and 2 more/,
    },
    { why: 'an empty name', change: { commonName: '' }, code: 'CA_ATTRIBUTE_INVALID' },
    { why: 'an empty address', change: { address: '' }, code: 'CA_ATTRIBUTE_INVALID' },
    {
      why: 'a name one character too long',
      change: { commonName: '馬'.repeat(101) },
      code: 'CA_ATTRIBUTE_INVALID',
    },
    {
      why: 'an address one character too long',
      change: { address: '馬'.repeat(201) },
      code: 'CA_ATTRIBUTE_INVALID',
    },
    { why: 'a gender of its own', change: { gender: '4' }, code: 'CA_ATTRIBUTE_INVALID' },
    { why: 'a gender in words', change: { gender: 'female' }, code: 'CA_ATTRIBUTE_INVALID' },
    {
      why: 'a gender of Object.prototype',
      change: { gender: 'constructor' },
      code: 'CA_ATTRIBUTE_INVALID',
    },
    {
      why: 'a day that does not exist',
      change: { dateOfBirth: '1990-02-30' },
      code: 'CA_ATTRIBUTE_INVALID',
    },
    {
      why: 'a flag too few',
      change: { substituteCharacterOfCommonName: '0000' },
      code: 'CA_ATTRIBUTE_INVALID',
      names: /each of the 5 characters/,
    },
    {
      why: 'a flag too many',
      change: { substituteCharacterOfAddress: '0'.repeat(17) },
      code: 'CA_ATTRIBUTE_INVALID',
    },
    {
      why: 'a flag that is neither',
      change: { substituteCharacterOfCommonName: '20000' },
      code: 'CA_ATTRIBUTE_INVALID',
    },
  ];
  for (const { why, change, code, names } of refused) {
    it(`are refused with ${why}`, () => {
      assert.throws(
        () => rules.check({ ...hanako, ...change }, nowMs),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, code);
          assert.match(error.message, names ?? /./);
          return true;
        },
      );
    });
  }

  it('count a character beyond the basic plane as one', () => {
    const wide = { ...hanako, commonName: '馬𠮷' };
    assert.throws(() => rules.check(wide, nowMs), /at character 2/);
  });
});
