import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formatHex } from '../../src/core/bytes.ts';
import {
  buildPrivateKeyUsagePeriod,
  type PrivateKeyUsagePeriod,
  parsePrivateKeyUsagePeriod,
} from '../../src/x509/private-key-usage-period.ts';

const refusal = { name: 'X509Error', code: 'X509_EXTENSION' };
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const notBeforeMs = Date.UTC(2026, 0, 31);
const notAfterMs = Date.UTC(2027, 0, 31, 23, 59, 59);
const before = '800f32303236303133313030303030305a';
const after = '810f32303237303133313233353935395a';

describe('privateKeyUsagePeriod, RFC 3280 §4.2.1.4', () => {
  const rows: readonly (readonly [why: string, PrivateKeyUsagePeriod, value: string])[] = [
    ['both ends', { notBeforeMs, notAfterMs }, `3022${before}${after}`],
    ['the beginning', { notBeforeMs }, `3011${before}`],
    ['the end', { notAfterMs }, `3011${after}`],
  ];
  for (const [why, period, value] of rows) {
    it(why, () => {
      const built = buildPrivateKeyUsagePeriod(period);
      assert.equal(formatHex(built.value), value);
      assert.equal(built.critical, false);
      assert.equal(built.oid, '2.5.29.16');
      assert.deepEqual(parsePrivateKeyUsagePeriod(built.value), period);
    });
  }

  const malformed: readonly (readonly [why: string, value: string])[] = [
    ['no end', '3000'],
    ['the ends in the other order', `3022${after}${before}`],
    ['a universal tag', `3011${before.replace('800f', '180f')}`],
    ['30 February', `3011${before.replace('30313331', '30323330')}`],
    ['something behind', `3013${before}0500`],
    ['no bytes', ''],
  ];
  for (const [why, value] of malformed) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parsePrivateKeyUsagePeriod(hex(value)), refusal);
    });
  }

  it('does not write what says nothing, or a year of five digits', () => {
    assert.throws(() => buildPrivateKeyUsagePeriod({}), refusal);
    assert.throws(() => buildPrivateKeyUsagePeriod({ notAfterMs: Date.UTC(10_000, 0) }), refusal);
  });
});
