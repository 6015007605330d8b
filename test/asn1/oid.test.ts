import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { decodeOidContent, encodeOidContent, isOid, parseOid } from '../../src/asn1/oid.ts';
import { formatHex } from '../../src/core/bytes.ts';

const refusal = { name: 'DerError', code: 'DER_OID' };

const pairs = [
  { why: 'X.690 §8.19.4: the smallest', text: '0.0', hex: '00' },
  { why: 'the last second arc under 0', text: '0.39', hex: '27' },
  { why: 'the first second arc under 1', text: '1.0', hex: '28' },
  { why: 'the last second arc under 1', text: '1.39', hex: '4f' },
  { why: 'the first second arc under 2', text: '2.0', hex: '50' },
  { why: 'a second arc above 39 under 2', text: '2.40', hex: '78' },
  { why: 'the last first octet', text: '2.47', hex: '7f' },
  { why: 'the first two arcs in two octets', text: '2.48', hex: '8100' },
  { why: 'X.690 §8.19.5, example: two arcs, two octets', text: '2.999', hex: '8837' },
  { why: 'X.690 §8.19.5, example: 2.999.3', text: '2.999.3', hex: '883703' },
  { why: 'an arc of 127', text: '1.2.127', hex: '2a7f' },
  { why: 'an arc of 128', text: '1.2.128', hex: '2a8100' },
  { why: 'an arc of 2^31', text: '1.2.2147483648', hex: '2a8880808000' },
  { why: 'an arc of 2^32', text: '1.2.4294967296', hex: '2a9080808000' },
  { why: 'an arc above 32 bits', text: '1.2.34359738378', hex: '2a81808080800a' },
  { why: 'an arc of 2^49 - 1, seven octets', text: '1.2.562949953421311', hex: '2affffffffffff7f' },
  { why: 'an arc of 2^49, eight octets', text: '1.2.562949953421312', hex: '2a8180808080808000' },
  { why: 'an arc of 2^53 + 1', text: '1.2.9007199254740993', hex: '2a9080808080808001' },
  { why: 'an arc of fifteen nines', text: '1.2.999999999999999', hex: '2a81e3afeaa699ff7f' },
  { why: 'an arc of sixteen digits', text: '1.2.1000000000000000', hex: '2a81e3afeaa69a8000' },
  {
    why: 'X.667: an arc of 128 bits',
    text: '2.25.340282366920938463463374607431768211455',
    hex: '6983ffffffffffffffffffffffffffffffffff7f',
  },
  {
    why: 'a large second arc',
    text: '2.18446744073709551615',
    hex: '8280808080808080804f',
  },
];

describe('object identifiers', () => {
  for (const { why, text, hex } of pairs) {
    it(`has one form for ${why}`, () => {
      assert.equal(parseOid(text), text);
      assert.equal(formatHex(encodeOidContent(text)), hex);
      assert.equal(decodeOidContent(Buffer.from(hex, 'hex')), text);
    });
  }

  const refusedContents = [
    { why: 'no octets', hex: '' },
    { why: 'X.690 §8.19.2: a padded first subidentifier', hex: '8037' },
    { why: 'X.690 §8.19.2: a padded later subidentifier', hex: '2a8001' },
    { why: 'an unfinished subidentifier', hex: '2a86' },
    { why: 'nothing but an unfinished subidentifier', hex: '80' },
    { why: '257 octets', hex: '2a'.repeat(257) },
  ];
  for (const { why, hex } of refusedContents) {
    it(`refuses content of ${why}`, () => {
      assert.throws(() => decodeOidContent(Buffer.from(hex, 'hex')), refusal);
    });
  }

  const refusedTexts = [
    { why: 'an empty text', text: '' },
    { why: 'one arc', text: '2' },
    { why: 'a root above 2', text: '3.1' },
    { why: 'a root of two digits', text: '10.1' },
    { why: 'a second arc of 40 under 0', text: '0.40' },
    { why: 'a second arc of 40 under 1', text: '1.40.1' },
    { why: 'a second arc of three digits under 1', text: '1.100' },
    { why: 'a leading zero', text: '2.5.04' },
    { why: 'a leading zero in the root', text: '02.5' },
    { why: 'a zero doubled', text: '2.5.00' },
    { why: 'a trailing dot', text: '2.5.' },
    { why: 'a leading dot', text: '.2.5' },
    { why: 'an empty arc', text: '2..5' },
    { why: 'a sign', text: '2.+5' },
    { why: 'a negative arc', text: '2.-5' },
    { why: 'a space before', text: ' 2.5' },
    { why: 'a line end after', text: '2.5\n' },
    { why: 'the prefix of RFC 1779', text: 'OID.2.5.4.3' },
    { why: 'hexadecimal', text: '2.0x5' },
    { why: 'digits of another script', text: '2.５' },
    { why: 'a name', text: 'cn' },
  ];
  for (const { why, text } of refusedTexts) {
    it(`refuses ${why}`, () => {
      assert.equal(isOid(text), false);
      assert.throws(() => parseOid(text), refusal);
      assert.throws(() => encodeOidContent(text), refusal);
    });
  }

  it('takes 256 octets and not one more, in both directions', () => {
    const longest = `2.5${'.127'.repeat(255)}`;
    assert.equal(isOid(longest), true);
    assert.equal(encodeOidContent(longest).length, 256);
    assert.equal(decodeOidContent(encodeOidContent(longest)), longest);
    assert.equal(isOid(`2.5${'.1'.repeat(256)}`), false);
    assert.equal(isOid(`2.5${'.128'.repeat(128)}`), false);
  });

  it('bounds the digits of one arc', () => {
    assert.equal(isOid(`2.5.${'9'.repeat(537)}`), true);
    assert.equal(isOid(`2.5.${'9'.repeat(540)}`), false);
    assert.equal(isOid(`2.5.${'9'.repeat(1_000_000)}`), false);
  });
});
