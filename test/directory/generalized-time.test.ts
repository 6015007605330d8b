import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  formatGeneralizedTime,
  parseGeneralizedTime,
} from '../../src/directory/schema/generalized-time.ts';

describe('RFC 4517 §3.3.13 GeneralizedTime', () => {
  const rows: readonly (readonly [text: string, normal: string, atMs: number])[] = [
    ['20260131235959Z', '20260131235959', Date.UTC(2026, 0, 31, 23, 59, 59)],
    ['202601312359Z', '20260131235900', Date.UTC(2026, 0, 31, 23, 59)],
    ['2026013123Z', '20260131230000', Date.UTC(2026, 0, 31, 23)],
    ['20260131235959.5Z', '20260131235959.5', Date.UTC(2026, 0, 31, 23, 59, 59, 500)],
    ['20260131235959,500Z', '20260131235959.5', Date.UTC(2026, 0, 31, 23, 59, 59, 500)],
    ['20260131235959.0Z', '20260131235959', Date.UTC(2026, 0, 31, 23, 59, 59)],
    ['20260131235959.0009Z', '20260131235959.0009', Date.UTC(2026, 0, 31, 23, 59, 59)],
    ['202601312359.5Z', '20260131235930', Date.UTC(2026, 0, 31, 23, 59, 30)],
    ['2026013123.25Z', '20260131231500', Date.UTC(2026, 0, 31, 23, 15)],
    ['20260201085959+0900', '20260131235959', Date.UTC(2026, 0, 31, 23, 59, 59)],
    ['2026013118-0530', '20260131233000', Date.UTC(2026, 0, 31, 23, 30)],
    ['2026020108+09', '20260131230000', Date.UTC(2026, 0, 31, 23)],
    ['20261231235960Z', '20270101000000', Date.UTC(2027, 0, 1)],
    ['20240229000000Z', '20240229000000', Date.UTC(2024, 1, 29)],
    ['00000101000000Z', '00000101000000', new Date('0000-01-01T00:00:00Z').getTime()],
    ['99991231235959Z', '99991231235959', Date.UTC(9999, 11, 31, 23, 59, 59)],
  ];
  for (const [text, normal, atMs] of rows) {
    it(`${text} is ${normal}`, () => {
      assert.deepEqual(parseGeneralizedTime(text), { normal, atMs });
    });
  }

  const refused = [
    '',
    '20260131',
    '2026013123',
    '20260131235959',
    '20260131235959z',
    '20260131235959Z ',
    '20260131235959.Z',
    '20260131235959+9',
    '20260131235959+0960',
    '20260131235959+2400',
    '20260131235961Z',
    '20260131236000Z',
    '20260131240000Z',
    '20260132000000Z',
    '20260100000000Z',
    '20261301000000Z',
    '20260001000000Z',
    '20260230000000Z',
    '20250229000000Z',
    '99991231235959-0001',
    '00000101000000+0001',
    '202601312359.1234567890123456789012345678901Z',
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseGeneralizedTime(text), undefined);
    });
  }

  it('sorts as time goes', () => {
    const times = ['20260131235959Z', '20260131235959.5Z', '2026020109+0859'];
    const normals = times.map((text) => parseGeneralizedTime(text)?.normal);
    assert.deepEqual([...normals].sort(), normals);
  });

  it('is written in one form', () => {
    assert.equal(formatGeneralizedTime(Date.UTC(2026, 0, 31, 23, 59, 59, 999)), '20260131235959Z');
  });
});
