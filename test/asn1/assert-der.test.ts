import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { assertDer } from '../../src/asn1/assert-der.ts';
import {
  encodeElement,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeSequence,
} from '../../src/asn1/der-writer.ts';

function nest(levels: number, inner: Uint8Array): Uint8Array {
  let element = inner;
  for (let level = 0; level < levels; level += 1) {
    element = encodeSequence(element);
  }
  return element;
}

describe('assertDer', () => {
  const accepted = [
    { why: 'a primitive element alone', hex: '0500' },
    { why: 'an empty SEQUENCE', hex: '3000' },
    { why: 'every universal type that is checked', hex: '300f0101ff0201050500060255040a0100' },
    { why: 'elements after a nested one', hex: '300a30030201010203010000' },
    { why: 'a context tag with any content', hex: '8003ffffff' },
    { why: 'an OCTET STRING, whatever it wraps', hex: '04023080' },
    { why: 'a BIT STRING, whatever it wraps', hex: '0303003080' },
    { why: 'a SET out of order', hex: '3106020102020101' },
    { why: 'a primitive type that is not known here', hex: '0d0101' },
  ];
  for (const { why, hex } of accepted) {
    it(`accepts ${why}`, () => {
      assertDer(Buffer.from(hex, 'hex'));
    });
  }

  const refused = [
    { why: 'nothing', hex: '', code: 'DER_TRUNCATED' },
    { why: 'a second element', hex: '05000500', code: 'DER_TRAILING' },
    { why: 'a byte after a SEQUENCE', hex: '300000', code: 'DER_TRAILING' },
    { why: 'a child beyond its parent', hex: '300730030202010300', code: 'DER_TRUNCATED' },
    { why: 'an indefinite length inside', hex: '300430800000', code: 'DER_LENGTH' },
    { why: 'a constructed OCTET STRING', hex: '2403040100', code: 'DER_TAG' },
    { why: 'a constructed OCTET STRING inside [0]', hex: 'a00524030401aa', code: 'DER_TAG' },
    { why: 'a BOOLEAN of 01', hex: '3003010101', code: 'DER_VALUE' },
    { why: 'a padded INTEGER', hex: '300402020001', code: 'DER_VALUE' },
    { why: 'a padded ENUMERATED', hex: '30040a020001', code: 'DER_VALUE' },
    { why: 'a NULL with content', hex: '3003050100', code: 'DER_VALUE' },
    { why: 'an unused bit that is set', hex: '300403020101', code: 'DER_VALUE' },
    { why: 'a padded OID', hex: '300406028037', code: 'DER_OID' },
    { why: 'an asterisk in a PrintableString', hex: '300313012a', code: 'DER_STRING' },
    { why: 'overlong UTF-8', hex: '30040c02c0af', code: 'DER_STRING' },
    {
      why: 'a UTCTime of 30 February',
      hex: '300f170d3236303233303030303030305a',
      code: 'DER_TIME',
    },
    { why: 'a GeneralizedTime of nothing', hex: '30021800', code: 'DER_TIME' },
    { why: 'trailing bytes in the last child', hex: '3003300105', code: 'DER_TRUNCATED' },
  ];
  for (const { why, hex, code } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => assertDer(Buffer.from(hex, 'hex')), { name: 'DerError', code });
    });
  }

  it('accepts 64 constructed levels and refuses one more', () => {
    assertDer(nest(64, encodeNull()));
    assertDer(nest(64, new Uint8Array()));
    const refusal = { name: 'DerError', code: 'DER_DEPTH' };
    assert.throws(() => assertDer(nest(65, encodeNull())), refusal);
    assert.throws(() => assertDer(nest(65, new Uint8Array())), refusal);
  });

  it('refuses 5,000 levels in the same way', () => {
    const refusal = { name: 'DerError', code: 'DER_DEPTH' };
    assert.throws(() => assertDer(nest(5000, encodeNull())), refusal);
  });

  it('looks at every sibling, the last of many included', () => {
    const many = Array.from({ length: 10_000 }, () => encodeInteger(5));
    assertDer(encodeSequence(...many));
    const bad = encodeElement(0x01, Uint8Array.of(1));
    assert.throws(() => assertDer(encodeSequence(...many, bad)), { code: 'DER_VALUE' });
    assertDer(encodeSequence(encodeOctetString(new Uint8Array(300)), encodeNull()));
  });
});
