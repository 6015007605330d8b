import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { BerReader } from '../../src/asn1/ber-reader.ts';
import type { Filter } from '../../src/directory/filters/filter.ts';
import { decodeFilter } from '../../src/ldap/filter-decoder.ts';
import { bool, equality, octets, present, tlv } from '../support/ldap-request-bytes.ts';

const decode = (bytes: Uint8Array, filterDepth = 32, filterNodes = 1024): Filter =>
  decodeFilter(new BerReader(bytes), { filterDepth, filterNodes });

const value = (text: string): Buffer => Buffer.from(text);
const a: Filter = { kind: 'present', attribute: 'a' };

/** `count` negations around `(a=*)`. */
function negations(count: number): Buffer {
  let filter = present('a');
  for (let level = 0; level < count; level += 1) {
    filter = tlv(0xa2, filter);
  }
  return filter;
}

describe('decodeFilter (RFC 4511 §4.5.1.7)', () => {
  const rows: { text: string; bytes: Uint8Array; filter: Filter }[] = [
    { text: '(a=*)', bytes: present('a'), filter: a },
    {
      text: '(a=\\00\\ff), binary',
      bytes: tlv(0xa3, octets('a'), octets(Uint8Array.of(0, 255))),
      filter: { kind: 'equality', attribute: 'a', value: Buffer.of(0, 255) },
    },
    {
      text: '(a=), an empty value',
      bytes: equality('a', ''),
      filter: { kind: 'equality', attribute: 'a', value: value('') },
    },
    {
      text: '(a>=1)',
      bytes: tlv(0xa5, octets('a'), octets('1')),
      filter: { kind: 'greaterOrEqual', attribute: 'a', value: value('1') },
    },
    {
      text: '(a<=1)',
      bytes: tlv(0xa6, octets('a'), octets('1')),
      filter: { kind: 'lessOrEqual', attribute: 'a', value: value('1') },
    },
    {
      text: '(a~=1)',
      bytes: tlv(0xa8, octets('a'), octets('1')),
      filter: { kind: 'approx', attribute: 'a', value: value('1') },
    },
    {
      text: '(a=i*x*y*f)',
      bytes: tlv(
        0xa4,
        octets('a'),
        tlv(0x30, tlv(0x80, 'i'), tlv(0x81, 'x'), tlv(0x81, 'y'), tlv(0x82, 'f')),
      ),
      filter: {
        kind: 'substrings',
        attribute: 'a',
        initial: value('i'),
        any: [value('x'), value('y')],
        final: value('f'),
      },
    },
    {
      text: '(a=*f)',
      bytes: tlv(0xa4, octets('a'), tlv(0x30, tlv(0x82, 'f'))),
      filter: { kind: 'substrings', attribute: 'a', any: [], final: value('f') },
    },
    {
      text: '(a:dn:1.2:=v)',
      bytes: tlv(
        0xa9,
        tlv(0x81, '1.2'),
        tlv(0x82, 'a'),
        tlv(0x83, 'v'),
        tlv(0x84, Uint8Array.of(0xff)),
      ),
      filter: {
        kind: 'extensible',
        rule: '1.2',
        attribute: 'a',
        value: value('v'),
        dnAttributes: true,
      },
    },
    {
      text: '(:1.2:=v)',
      bytes: tlv(0xa9, tlv(0x81, '1.2'), tlv(0x83, 'v')),
      filter: { kind: 'extensible', rule: '1.2', value: value('v'), dnAttributes: false },
    },
    {
      text: '(&(a=*)(|(!(a=*))(a=*))(a=*))',
      bytes: tlv(
        0xa0,
        present('a'),
        tlv(0xa1, tlv(0xa2, present('a')), present('a')),
        present('a'),
      ),
      filter: {
        kind: 'and',
        filters: [a, { kind: 'or', filters: [{ kind: 'not', filter: a }, a] }, a],
      },
    },
    {
      text: 'a choice that an extension may have added, as an item that is Undefined',
      bytes: tlv(0xaa, 'x'),
      filter: {
        ...{ kind: 'extensible', rule: 'unknown choice', value: value('x'), dnAttributes: false },
      },
    },
    { text: '(&), true (RFC 4526)', bytes: tlv(0xa0), filter: { kind: 'and', filters: [] } },
    { text: '(|), false (RFC 4526)', bytes: tlv(0xa1), filter: { kind: 'or', filters: [] } },
    {
      text: '(&(|)(a=*)), an empty set among others',
      bytes: tlv(0xa0, tlv(0xa1), present('a')),
      filter: { kind: 'and', filters: [{ kind: 'or', filters: [] }, a] },
    },
  ];
  for (const { text, bytes, filter } of rows) {
    it(`reads ${text}`, () => {
      assert.deepEqual(decode(bytes), filter);
    });
  }

  it('stops at the end of the filter', () => {
    const reader = new BerReader(Buffer.concat([tlv(0xa2, present('a')), bool(true)]));
    decodeFilter(reader, { filterDepth: 9, filterNodes: 9 });
    assert.equal(reader.readBoolean(), true);
  });

  const refused: { why: string; bytes: Uint8Array; error: object }[] = [
    { why: 'no filter', bytes: Buffer.alloc(0), error: { code: 'BER_TRUNCATED' } },
    { why: 'a negation of nothing', bytes: tlv(0xa2), error: { code: 'LDAP_MALFORMED' } },
    {
      why: 'a negation of two',
      bytes: tlv(0xa2, present('a'), present('a')),
      error: { code: 'LDAP_MALFORMED' },
    },
    { why: 'no choice at all', bytes: tlv(0x30, ''), error: { code: 'LDAP_FIELD' } },
    { why: 'a set in primitive form', bytes: tlv(0x80, ''), error: { code: 'LDAP_FIELD' } },
    { why: 'a tag of another class', bytes: tlv(0xca, ''), error: { code: 'LDAP_FIELD' } },
    {
      why: 'a presence in constructed form',
      bytes: tlv(0xa7, octets('a')),
      error: { code: 'LDAP_FIELD' },
    },
    {
      why: 'substrings without a piece',
      bytes: tlv(0xa4, octets('a'), tlv(0x30)),
      error: { code: 'LDAP_FIELD' },
    },
    {
      why: 'an empty piece',
      bytes: tlv(0xa4, octets('a'), tlv(0x30, tlv(0x81, ''))),
      error: { code: 'LDAP_FIELD' },
    },
    {
      why: 'an initial piece behind another',
      bytes: tlv(0xa4, octets('a'), tlv(0x30, tlv(0x81, 'x'), tlv(0x80, 'i'))),
      error: { code: 'LDAP_FIELD' },
    },
    {
      why: 'two initial pieces',
      bytes: tlv(0xa4, octets('a'), tlv(0x30, tlv(0x80, 'x'), tlv(0x80, 'i'))),
      error: { code: 'LDAP_FIELD' },
    },
    {
      why: 'a final piece before another',
      bytes: tlv(0xa4, octets('a'), tlv(0x30, tlv(0x82, 'f'), tlv(0x81, 'x'))),
      error: { code: 'LDAP_FIELD' },
    },
    {
      why: 'a piece of no kind',
      bytes: tlv(0xa4, octets('a'), tlv(0x30, tlv(0x83, 'f'))),
      error: { code: 'LDAP_FIELD' },
    },
    {
      why: 'an extensible match of neither rule nor attribute',
      bytes: tlv(0xa9, tlv(0x83, 'v')),
      error: { code: 'LDAP_FIELD' },
    },
    {
      why: 'an extensible match without value',
      bytes: tlv(0xa9, tlv(0x81, '1.2')),
      error: { code: 'BER_TRUNCATED' },
    },
    {
      why: 'dnAttributes other than FF and 00',
      bytes: tlv(0xa9, tlv(0x81, '1.2'), tlv(0x83, 'v'), tlv(0x84, Uint8Array.of(1))),
      error: { code: 'BER_VALUE' },
    },
  ];
  for (const { why, bytes, error } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => decode(bytes), error);
    });
  }
});

describe('decodeFilter within limits', () => {
  const limit = { name: 'DirectoryError', code: 'DIRECTORY_FILTER_LIMIT' };

  it('counts levels', () => {
    assert.equal(decode(negations(31)).kind, 'not');
    assert.throws(() => decode(negations(32)), limit);
  });

  it('counts sets, negations and items', () => {
    const wide = (items: number): Buffer => tlv(0xa0, Array(items).fill(present('a')));
    assert.doesNotThrow(() => decode(wide(9), 32, 10));
    assert.throws(() => decode(wide(10), 32, 10), limit);
  });

  it('counts pieces of substrings', () => {
    const pieces = (count: number): Buffer =>
      tlv(0xa4, octets('a'), tlv(0x30, Array(count).fill(tlv(0x81, 'x'))));
    assert.doesNotThrow(() => decode(pieces(9), 32, 10));
    assert.throws(() => decode(pieces(10), 32, 10), limit);
  });

  it('does not call itself: a filter of 50,000 levels meets the limit, not the stack', () => {
    assert.equal(decode(negations(5_000), 50_000, 100_000).kind, 'not');
    const levels: Buffer[] = [];
    for (let level = 0; level < 50_000; level += 1) {
      levels.push(Buffer.of(0xa2, 0x84, 0x00, 0x00, 0x00, 0x00));
    }
    const deep = Buffer.concat([...levels, present('a')]);
    for (let level = 0; level < levels.length; level += 1) {
      deep.writeUInt32BE(deep.length - (level + 1) * 6, level * 6 + 2);
    }
    assert.throws(() => decode(deep), limit);
    assert.equal(decode(deep, 100_000, 100_000).kind, 'not');
  });
});
