import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseDateOfBirth } from '../../src/ca/policy/era-date.ts';

const today = '20260105';

describe('a date of birth', () => {
  const accepted = [
    { why: 'the first day of Meiji', text: '1868-01-25', digits: '118680125' },
    { why: 'the last day of Meiji', text: '1912-07-29', digits: '119120729' },
    { why: 'the first day of Taisho', text: '1912-07-30', digits: '219120730' },
    { why: 'the last day of Taisho', text: '1926-12-24', digits: '219261224' },
    { why: 'the first day of Showa', text: '1926-12-25', digits: '319261225' },
    { why: 'the last day of Showa', text: '1989-01-07', digits: '319890107' },
    { why: 'the first day of Heisei', text: '1989-01-08', digits: '419890108' },
    { why: 'the last day of Heisei', text: '2019-04-30', digits: '420190430' },
    { why: 'the first day of Reiwa', text: '2019-05-01', digits: '520190501' },
    { why: 'today', text: '2026-01-05', digits: '520260105' },
    { why: 'a leap day', text: '2000-02-29', digits: '420000229' },
    { why: 'nine digits', text: '319800401', digits: '319800401' },
    { why: 'an unknown date', text: 'unknown', digits: '400000000' },
    { why: 'the digits of an unknown date', text: '400000000', digits: '400000000' },
  ];
  for (const { why, text, digits } of accepted) {
    it(`accepts ${why}`, () => {
      assert.equal(parseDateOfBirth(text, today), digits);
    });
  }

  const refused = [
    { why: 'the day before Meiji', text: '1868-01-24' },
    { why: 'tomorrow', text: '2026-01-06' },
    { why: 'tomorrow in digits', text: '520260106' },
    { why: '30 February', text: '2000-02-30' },
    { why: '29 February of a common year', text: '1900-02-29' },
    { why: 'month 13', text: '1990-13-01' },
    { why: 'month 0', text: '1990-00-10' },
    { why: 'day 0', text: '1990-01-00' },
    { why: 'the wrong era', text: '419890107' },
    { why: 'era 0', text: '019800401' },
    { why: 'era 6', text: '620200401' },
    { why: 'eight digits', text: '19800401' },
    { why: 'slashes', text: '1980/04/01' },
    { why: 'one-digit month', text: '1980-4-01' },
    { why: 'full-width digits', text: '１９８０-04-01' },
    { why: 'space before', text: ' 1980-04-01' },
    { why: 'a line end behind', text: '1980-04-01\n' },
    { why: 'nothing', text: '' },
  ];
  for (const { why, text } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseDateOfBirth(text, today), {
        name: 'CaError',
        code: 'CA_ATTRIBUTE_INVALID',
      });
    });
  }
});
