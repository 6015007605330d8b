import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  encodeBitString,
  encodeElement,
  encodeExplicit,
  encodeGeneralizedTime,
  encodeHeader,
  encodeInteger,
  encodeNamedBits,
  encodeNull,
  encodeOctetString,
  encodePrintableString,
  encodeSequence,
  encodeSet,
  encodeSetOf,
  retag,
} from '../../src/asn1/der-writer.ts';
import { contextTag, Tag } from '../../src/asn1/tags.ts';
import { formatHex } from '../../src/core/bytes.ts';

const refusal = (code: string): { name: string; code: string } => ({ name: 'DerError', code });

describe('DER writer: lengths, X.690 §10.1', () => {
  const headers = [
    { length: 0, hex: '0400' },
    { length: 127, hex: '047f' },
    { length: 128, hex: '048180' },
    { length: 255, hex: '0481ff' },
    { length: 256, hex: '04820100' },
    { length: 65_535, hex: '0482ffff' },
    { length: 65_536, hex: '0483010000' },
    { length: 16_777_215, hex: '0483ffffff' },
    { length: 16_777_216, hex: '048401000000' },
    { length: 2 ** 31, hex: '048480000000' },
    { length: 2 ** 32 - 1, hex: '0484ffffffff' },
  ];
  for (const { length, hex } of headers) {
    it(`${length} bytes`, () => {
      assert.equal(formatHex(encodeHeader(Tag.octetString, length)), hex);
    });
  }

  for (const length of [-1, 0.5, 2 ** 32, Number.NaN]) {
    it(`refuses ${length} bytes`, () => {
      assert.throws(() => encodeHeader(Tag.octetString, length), refusal('DER_LENGTH'));
    });
  }

  it('a whole element is its header and its content', () => {
    for (const length of [0, 127, 128, 255, 256, 65_535, 65_536]) {
      const content = new Uint8Array(length).fill(9);
      const expected = formatHex(encodeHeader(Tag.octetString, length)) + formatHex(content);
      assert.equal(formatHex(encodeOctetString(content)), expected);
      const pieces = [content.subarray(0, 1), content.subarray(1)];
      assert.equal(formatHex(encodeElement(Tag.octetString, ...pieces)), expected);
    }
  });
});

describe('DER writer: structures', () => {
  const [one, two] = [encodeInteger(1), encodeInteger(2)];

  it('keeps the order of a SEQUENCE and a SET', () => {
    assert.equal(formatHex(encodeSequence(two, one)), '3006020102020101');
    assert.equal(formatHex(encodeSet(two, one)), '3106020102020101');
    assert.equal(formatHex(encodeSequence()), '3000');
  });

  it('X.690 §11.6: sorts a SET OF by its bytes and leaves the arguments alone', () => {
    const elements = [encodeOctetString(new Uint8Array(2)), two, encodeInteger(-1), one];
    const given = [...elements];
    assert.equal(formatHex(encodeSetOf(...elements)), '310d0201010201020201ff04020000');
    assert.deepEqual(elements, given);
  });

  it('X.690 §8.14: explicit and implicit tags', () => {
    assert.equal(formatHex(encodeExplicit(0, one)), 'a003020101');
    assert.equal(formatHex(retag(contextTag(1, 'primitive'), one)), '810101');
    assert.equal(formatHex(retag(contextTag(1, 'constructed'), encodeSequence(one))), 'a103020101');
    assert.equal(formatHex(one), '020101');
  });

  it('refuses an implicit tag of the other form', () => {
    const constructed = contextTag(1, 'constructed');
    assert.throws(() => retag(constructed, one), refusal('DER_TAG'));
    const primitive = contextTag(1, 'primitive');
    assert.throws(() => retag(primitive, encodeSequence(one)), refusal('DER_TAG'));
    assert.throws(() => retag(primitive, new Uint8Array()), { code: 'ERR_ASSERTION' });
  });

  it('gives fresh memory', () => {
    const content = Uint8Array.of(1, 2, 3);
    const element = encodeOctetString(content);
    content.fill(9);
    assert.equal(formatHex(element), '0403010203');
    const nothing = encodeNull();
    nothing.fill(9);
    assert.equal(formatHex(encodeNull()), '0500');
  });
});

describe('DER writer: values', () => {
  const integers = [
    { value: -1n, hex: '0201ff' },
    { value: -32_768n, hex: '02028000' },
    { value: -32_769n, hex: '0203ff7fff' },
    { value: -(2n ** 63n), hex: '02088000000000000000' },
    { value: 2n ** 63n - 1n, hex: '02087fffffffffffffff' },
    { value: 2n ** 63n, hex: '0209008000000000000000' },
    { value: Number.MAX_SAFE_INTEGER, hex: '02071fffffffffffff' },
    { value: Number.MIN_SAFE_INTEGER, hex: '0207e0000000000001' },
    { value: -0, hex: '020100' },
  ];
  for (const { value, hex } of integers) {
    it(`X.690 §8.3.2: INTEGER ${value} as ${typeof value}`, () => {
      assert.equal(formatHex(encodeInteger(value)), hex);
    });
  }

  it('refuses a number that is not a safe integer', () => {
    for (const value of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      assert.throws(() => encodeInteger(value), refusal('DER_RANGE'));
    }
  });

  it('bounds an INTEGER at 4,096 bytes', () => {
    const bits = 8n * 4096n - 1n;
    assert.equal(encodeInteger(2n ** bits - 1n).length, 4 + 4096);
    assert.equal(encodeInteger(-(2n ** bits)).length, 4 + 4096);
    assert.throws(() => encodeInteger(2n ** bits), refusal('DER_RANGE'));
    assert.throws(() => encodeInteger(-(2n ** bits) - 1n), refusal('DER_RANGE'));
  });

  it('X.690 §11.2.1: refuses unused bits that are set, or of no byte', () => {
    assert.equal(formatHex(encodeBitString(Uint8Array.of(0x80), 7)), '03020780');
    assert.equal(formatHex(encodeBitString(new Uint8Array())), '030100');
    for (const [byte, unusedBits] of [
      [0xc0, 7],
      [0x01, 1],
      [0x00, 8],
      [0x00, -1],
      [0x00, 0.5],
    ] as const) {
      assert.throws(() => encodeBitString(Uint8Array.of(byte), unusedBits), refusal('DER_VALUE'));
    }
    assert.throws(() => encodeBitString(new Uint8Array(), 1), refusal('DER_VALUE'));
  });

  const named = [
    { bits: [], hex: '030100' },
    { bits: [7], hex: '03020001' },
    { bits: [0, 1], hex: '030206c0' },
    { bits: [1, 0, 1], hex: '030206c0' },
    { bits: [0, 8], hex: '0303078080' },
    { bits: [255], hex: `032100${'00'.repeat(31)}01` },
  ];
  for (const { bits, hex } of named) {
    it(`X.690 §11.2.2: named bits [${bits}]`, () => {
      assert.equal(formatHex(encodeNamedBits(bits)), hex);
    });
  }

  it('refuses a named bit out of range', () => {
    for (const bit of [-1, 256, 0.5, Number.NaN]) {
      assert.throws(() => encodeNamedBits([bit]), refusal('DER_RANGE'));
    }
  });

  it('refuses characters outside the string type', () => {
    assert.throws(() => encodePrintableString('群馬県'), refusal('DER_STRING'));
  });

  it('writes GeneralizedTime for any year', () => {
    const element = encodeGeneralizedTime(Date.UTC(2026, 0, 5));
    assert.equal(Buffer.from(element.subarray(2)).toString('latin1'), '20260105000000Z');
    assert.equal(element[0], Tag.generalizedTime);
  });
});
