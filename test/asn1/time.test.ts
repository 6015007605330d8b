import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Tag } from '../../src/asn1/tags.ts';
import {
  encodeGeneralizedTime,
  encodeTime,
  parseGeneralizedTime,
  parseTime,
} from '../../src/asn1/time.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const text = (element: Uint8Array): string => Buffer.from(element.subarray(2)).toString('latin1');

const refusedTime = { name: 'DerError', code: 'DER_TIME' };
const refusedRange = { name: 'DerError', code: 'DER_TIME_RANGE' };

describe('X.509 Time, RFC 5280 §4.1.2.5', () => {
  const encoded = [
    { why: 'the first year of UTCTime', tag: 0x17, form: '500101000000Z', year: 1950 },
    { why: 'the last year of the 1900s', tag: 0x17, form: '990101000000Z', year: 1999 },
    { why: 'the first year of the 2000s', tag: 0x17, form: '000101000000Z', year: 2000 },
    { why: 'the last year of UTCTime', tag: 0x17, form: '490101000000Z', year: 2049 },
    { why: 'the first year of GeneralizedTime', tag: 0x18, form: '20500101000000Z', year: 2050 },
    { why: 'the last year of all', tag: 0x18, form: '99990101000000Z', year: 9999 },
  ];
  for (const { why, tag, form, year } of encoded) {
    it(`writes and reads ${why}`, () => {
      const atMs = Date.UTC(year, 0, 1);
      const element = encodeTime(atMs);
      assert.equal(element[0], tag);
      assert.equal(element[1], form.length);
      assert.equal(text(element), form);
      assert.equal(parseTime(tag, element.subarray(2)), atMs);
    });
  }

  it('drops a part of a second, before the epoch too', () => {
    assert.equal(text(encodeTime(Date.UTC(2026, 0, 1, 0, 0, 0, 999))), '260101000000Z');
    assert.equal(text(encodeTime(Date.UTC(1969, 11, 31, 23, 59, 58, 1))), '691231235958Z');
    assert.equal(text(encodeTime(Date.UTC(2049, 11, 31, 23, 59, 59, 999))), '491231235959Z');
  });

  it('ends with 9999-12-31T23:59:59Z, the end that means none (RFC 5280 §4.1.2.5)', () => {
    const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59);
    assert.equal(text(encodeTime(lastMs)), '99991231235959Z');
    assert.equal(parseTime(Tag.generalizedTime, bytes('99991231235959Z')), lastMs);
  });

  const outOfRange = [
    { why: 'one second before 1950', atMs: Date.UTC(1949, 11, 31, 23, 59, 59) },
    { why: 'one millisecond before 1950', atMs: Date.UTC(1950, 0, 1) - 1 },
    { why: 'the year 10000', atMs: Date.UTC(10_000, 0, 1) },
    { why: 'NaN', atMs: Number.NaN },
    { why: 'infinity', atMs: Number.POSITIVE_INFINITY },
  ];
  for (const { why, atMs } of outOfRange) {
    it(`refuses to write ${why}`, () => {
      assert.throws(() => encodeTime(atMs), refusedRange);
    });
  }

  const accepted = [
    { why: 'a leap day', form: '240229000000Z', atMs: Date.UTC(2024, 1, 29) },
    { why: 'the leap day of 2000', form: '000229000000Z', atMs: Date.UTC(2000, 1, 29) },
    { why: 'the last second of a day', form: '260131235959Z', atMs: Date.UTC(2026, 1, 1) - 1000 },
    { why: '30 April', form: '260430000000Z', atMs: Date.UTC(2026, 3, 30) },
  ];
  for (const { why, form, atMs } of accepted) {
    it(`reads ${why}`, () => {
      assert.equal(parseTime(Tag.utcTime, bytes(form)), atMs);
    });
  }

  const refused = [
    { why: '30 February', form: '260230000000Z' },
    { why: '29 February of a common year', form: '260229000000Z' },
    { why: '31 April', form: '260431000000Z' },
    { why: '31 June', form: '260631000000Z' },
    { why: '31 September', form: '260931000000Z' },
    { why: '31 November', form: '261131000000Z' },
    { why: '32 January', form: '260132000000Z' },
    { why: 'a day of 0', form: '260100000000Z' },
    { why: 'a month of 0', form: '260001000000Z' },
    { why: 'a month of 13', form: '261301000000Z' },
    { why: 'an hour of 24', form: '260101240000Z' },
    { why: 'a minute of 60', form: '260101006000Z' },
    { why: 'a leap second', form: '161231235960Z' },
    { why: 'X.690 §11.8.2: no seconds', form: '2601010000Z' },
    { why: 'X.690 §11.8.1: an offset', form: '260101000000+0900' },
    { why: 'no Z', form: '2601010000000' },
    { why: 'a small z', form: '260101000000z' },
    { why: 'a sign for a digit', form: '26010100000-Z' },
    { why: 'a space for a digit', form: '2601 1000000Z' },
    { why: 'a letter for a digit', form: '26010100000aZ' },
    { why: 'the character after 9', form: '26010100000:Z' },
    { why: 'a byte more', form: '260101000000ZZ' },
    { why: 'nothing', form: '' },
  ];
  for (const { why, form } of refused) {
    it(`refuses to read a UTCTime with ${why}`, () => {
      assert.throws(() => parseTime(Tag.utcTime, bytes(form)), refusedTime);
    });
  }

  it('refuses a GeneralizedTime for what UTCTime can say, to the second', () => {
    const lastUtc = bytes('20491231235959Z');
    assert.throws(() => parseTime(Tag.generalizedTime, lastUtc), refusedTime);
    assert.equal(parseTime(Tag.generalizedTime, bytes('20500101000000Z')), Date.UTC(2050, 0, 1));
  });

  it('refuses the content of another type', () => {
    assert.throws(() => parseTime(Tag.utf8String, bytes('260101000000Z')), {
      name: 'DerError',
      code: 'DER_TAG',
    });
  });
});

describe('GeneralizedTime on its own', () => {
  const pairs = [
    { why: 'a year that Time gives to UTCTime', form: '20260105120000Z' },
    { why: 'a year that Date.UTC takes for another', form: '00260105120000Z' },
    { why: 'the first second', form: '00000101000000Z' },
    { why: 'a leap day in the year 0', form: '00000229000000Z' },
    { why: 'a leap day of 1600', form: '16000229000000Z' },
    { why: 'the last second', form: '99991231235959Z' },
  ];
  for (const { why, form } of pairs) {
    it(`reads and writes ${why}`, () => {
      const atMs = parseGeneralizedTime(bytes(form));
      const iso = new Date(atMs).toISOString();
      assert.equal(`${iso.slice(0, 19).replaceAll(/[-:T]/g, '')}Z`, form);
      assert.equal(text(encodeGeneralizedTime(atMs)), form);
    });
  }

  const refused = [
    { why: 'a fraction', form: '20260105120000.5Z' },
    { why: 'a leap day of 1900', form: '19000229000000Z' },
    { why: 'no seconds', form: '202601051200Z' },
    { why: 'local time', form: '20260105120000' },
    { why: 'an offset', form: '20260105120000+0000' },
  ];
  for (const { why, form } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseGeneralizedTime(bytes(form)), refusedTime);
    });
  }

  it('refuses to write before the year 0, after 9999 and NaN', () => {
    const firstMs = parseGeneralizedTime(bytes('00000101000000Z'));
    for (const atMs of [firstMs - 1, Date.UTC(10_000, 0, 1), Number.NaN]) {
      assert.throws(() => encodeGeneralizedTime(atMs), refusedRange);
    }
  });
});
