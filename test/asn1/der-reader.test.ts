import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { DerReader } from '../../src/asn1/der-reader.ts';
import { encodeElement } from '../../src/asn1/der-writer.ts';
import { Tag } from '../../src/asn1/tags.ts';
import { formatHex } from '../../src/core/bytes.ts';

const reader = (hex: string): DerReader => new DerReader(Buffer.from(hex, 'hex'));
const refusal = (code: string): { name: string; code: string } => ({ name: 'DerError', code });

describe('DerReader: headers', () => {
  const lengths = [
    { length: 0, header: '0400' },
    { length: 127, header: '047f' },
    { length: 128, header: '048180' },
    { length: 255, header: '0481ff' },
    { length: 256, header: '04820100' },
    { length: 65_535, header: '0482ffff' },
    { length: 65_536, header: '0483010000' },
    { length: 16_777_215, header: '0483ffffff' },
    { length: 16_777_216, header: '048401000000' },
  ];
  for (const { length, header } of lengths) {
    it(`X.690 §10.1: reads a content of ${length} bytes, and refuses it one byte short`, () => {
      const bytes = Buffer.concat([Buffer.from(header, 'hex'), Buffer.alloc(length, 7)]);
      const whole = new DerReader(bytes);
      const element = whole.readElement();
      assert.equal(element.tag, Tag.octetString);
      assert.equal(element.raw.length, bytes.length);
      assert.equal(element.content.length, length);
      whole.expectEnd();
      const short = new DerReader(bytes.subarray(0, -1));
      assert.throws(() => short.readElement(), refusal('DER_TRUNCATED'));
    });
  }

  const refused = [
    { why: 'nothing at all', hex: '', code: 'DER_TRUNCATED' },
    { why: 'a tag alone', hex: '04', code: 'DER_TRUNCATED' },
    { why: 'a length cut short', hex: '048201', code: 'DER_TRUNCATED' },
    { why: 'no length after its count', hex: '0481', code: 'DER_TRUNCATED' },
    { why: 'a content beyond the end', hex: '0403aaaa', code: 'DER_TRUNCATED' },
    { why: '4 GiB claimed', hex: '0484ffffffff', code: 'DER_TRUNCATED' },
    { why: '2 GiB claimed', hex: '048480000000', code: 'DER_TRUNCATED' },
    { why: 'an indefinite length', hex: '30800000', code: 'DER_LENGTH' },
    { why: 'an indefinite primitive', hex: '0480aa0000', code: 'DER_LENGTH' },
    { why: 'five length bytes', hex: '04850000000001aa', code: 'DER_LENGTH' },
    { why: 'five length bytes that are needed', hex: '04850100000000', code: 'DER_LENGTH' },
    { why: 'eight length bytes', hex: '0488ffffffffffffffff', code: 'DER_LENGTH' },
    { why: 'X.690 §8.1.3.5: 127 length bytes', hex: '04ff', code: 'DER_LENGTH' },
    { why: 'a long form for 1', hex: '048101aa', code: 'DER_LENGTH' },
    { why: 'a long form for 127', hex: `04817f${'aa'.repeat(127)}`, code: 'DER_LENGTH' },
    { why: 'two bytes for 255', hex: `048200ff${'aa'.repeat(255)}`, code: 'DER_LENGTH' },
    { why: 'three bytes for 256', hex: `0483000100${'aa'.repeat(256)}`, code: 'DER_LENGTH' },
    { why: 'four bytes for 0', hex: '048400000000', code: 'DER_LENGTH' },
    { why: 'end-of-contents', hex: '0000', code: 'DER_TAG' },
    { why: 'a tag of several bytes', hex: '1f8100', code: 'DER_TAG' },
    { why: 'a context tag of several bytes', hex: 'bf1f00', code: 'DER_TAG' },
    { why: 'a constructed OCTET STRING', hex: '24030401aa', code: 'DER_TAG' },
    { why: 'a primitive SEQUENCE', hex: '1000', code: 'DER_TAG' },
  ];
  for (const { why, hex, code } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => reader(hex).readElement(), refusal(code));
      assert.throws(() => reader(hex).skip(), refusal(code));
    });
  }

  it('stays inside its range, also when more bytes lie behind', () => {
    const bytes = Buffer.from('040304020102', 'hex');
    const inner = new DerReader(bytes, 2, 5);
    assert.throws(() => inner.readElement(), refusal('DER_TRUNCATED'));
    const length = new DerReader(Buffer.from('0482000100', 'hex'), 0, 3);
    assert.throws(() => length.readElement(), refusal('DER_TRUNCATED'));
  });

  for (const [start, end] of [
    [-1, 2],
    [0, 3],
    [2, 1],
    [0.5, Number.NaN],
  ] as const) {
    it(`is not made for the range ${start} to ${end} of two bytes`, () => {
      assert.throws(() => new DerReader(new Uint8Array(2), start, end), { code: 'ERR_ASSERTION' });
    });
  }
});

describe('DerReader: walking', () => {
  it('gives views of the bytes it was given', () => {
    const bytes = Uint8Array.from(Buffer.from('30050403aabbcc', 'hex'));
    const { raw, content } = new DerReader(bytes).readElement(Tag.sequence);
    assert.equal(raw.buffer, bytes.buffer);
    assert.equal(formatHex(raw), '30050403aabbcc');
    assert.equal(content.byteOffset, 2);
    const inside = new DerReader(content);
    assert.equal(inside.readOctetString().buffer, bytes.buffer);
  });

  it('knows where it is', () => {
    const outer = reader('3006020101020102');
    assert.equal(outer.peekTag(), Tag.sequence);
    const inner = outer.readConstructed();
    assert.equal(outer.isAtEnd, true);
    assert.equal(outer.peekTag(), undefined);
    assert.equal(inner.offset, 2);
    assert.equal(inner.isAtEnd, false);
    inner.skip(Tag.integer);
    assert.equal(inner.offset, 5);
    assert.throws(() => inner.expectEnd(), refusal('DER_TRAILING'));
    assert.equal(inner.readSmallInteger(), 2);
    inner.expectEnd();
    assert.equal(inner.isAtEnd, true);
  });

  it('reads what is optional only when it is there', () => {
    const inside = reader('3003820101').readConstructed();
    assert.equal(inside.readOptional(0x80), undefined);
    assert.equal(inside.readOptional(0x81), undefined);
    assert.equal(inside.readOptional(0x82)?.content[0], 1);
    assert.equal(inside.readOptional(0x82), undefined);
    inside.expectEnd();
  });

  it('refuses an optional element that is there and broken', () => {
    assert.throws(() => reader('8005aa').readOptional(0x80), refusal('DER_TRUNCATED'));
  });

  it('does not look for a child beyond its parent', () => {
    const inside = reader('3003040301aa04').readConstructed();
    assert.throws(() => inside.readOctetString(), refusal('DER_TRUNCATED'));
  });

  it('is not asked for the elements of a primitive one', () => {
    assert.throws(() => reader('040100').readConstructed(Tag.octetString), {
      code: 'ERR_ASSERTION',
    });
  });
});

describe('DerReader: values', () => {
  const wrongTags: readonly { readonly verb: string; readonly read: (r: DerReader) => unknown }[] =
    [
      { verb: 'readElement', read: (r) => r.readElement(Tag.octetString) },
      { verb: 'readContent', read: (r) => r.readContent(Tag.octetString) },
      { verb: 'skip', read: (r) => r.skip(Tag.octetString) },
      { verb: 'readConstructed', read: (r) => r.readConstructed() },
      { verb: 'readInteger', read: (r) => r.readInteger() },
      { verb: 'readSmallInteger', read: (r) => r.readSmallInteger() },
      { verb: 'readBoolean', read: (r) => r.readBoolean() },
      { verb: 'readOid', read: (r) => r.readOid() },
      { verb: 'readOctetString', read: (r) => r.readOctetString() },
      { verb: 'readBitString', read: (r) => r.readBitString() },
      { verb: 'readNamedBits', read: (r) => r.readNamedBits() },
      { verb: 'readNull', read: (r) => r.readNull() },
      { verb: 'readTime', read: (r) => r.readTime() },
      { verb: 'readGeneralizedTime', read: (r) => r.readGeneralizedTime() },
      { verb: 'readString', read: (r) => r.readString() },
    ];
  for (const { verb, read } of wrongTags) {
    it(`${verb} refuses another tag and an end`, () => {
      assert.throws(() => read(reader('810100')), refusal('DER_TAG'));
      assert.throws(() => read(reader('')), refusal('DER_TRUNCATED'));
    });
  }

  const integers = [
    { hex: '020100', value: 0n },
    { hex: '02017f', value: 127n },
    { hex: '02020080', value: 128n },
    { hex: '0201ff', value: -1n },
    { hex: '020180', value: -128n },
    { hex: '0202ff7f', value: -129n },
    { hex: '020900ffffffffffffffff', value: 2n ** 64n - 1n },
    { hex: '02088000000000000000', value: -(2n ** 63n) },
  ];
  for (const { hex, value } of integers) {
    it(`X.690 §8.3: reads the INTEGER ${value}`, () => {
      assert.equal(reader(hex).readInteger(), value);
    });
  }

  const refusedIntegers = [
    { why: 'X.690 §8.3.1: no content', hex: '0200', code: 'DER_VALUE' },
    { why: 'X.690 §8.3.2: a needless 00', hex: '0202007f', code: 'DER_VALUE' },
    { why: 'X.690 §8.3.2: a needless ff', hex: '0202ff80', code: 'DER_VALUE' },
    { why: 'zero in two bytes', hex: '02020000', code: 'DER_VALUE' },
    { why: '4,097 bytes', hex: `02821001${'7f'.repeat(4097)}`, code: 'DER_RANGE' },
  ];
  for (const { why, hex, code } of refusedIntegers) {
    it(`refuses an INTEGER with ${why}`, () => {
      assert.throws(() => reader(hex).readInteger(), refusal(code));
      assert.throws(() => reader(hex).readSmallInteger(), refusal(code));
    });
  }

  it('reads an INTEGER of 4,096 bytes', () => {
    const value = reader(`02821000${'7f'.repeat(4096)}`).readInteger();
    assert.equal(value.toString(16), '7f'.repeat(4096));
  });

  const small = [
    { hex: '020100', value: 0 },
    { hex: '02017f', value: 127 },
    { hex: '02020080', value: 128 },
    { hex: '0203010000', value: 65_536 },
    { hex: '02047fffffff', value: 2 ** 31 - 1 },
    { hex: '02050080000000', value: undefined },
    { hex: '0201ff', value: undefined },
    { hex: '020480000000', value: undefined },
    { hex: '0205ff7fffffff', value: undefined },
  ];
  for (const { hex, value } of small) {
    it(`${value === undefined ? 'refuses' : 'reads'} ${hex} as a small integer`, () => {
      if (value === undefined) {
        assert.throws(() => reader(hex).readSmallInteger(), refusal('DER_RANGE'));
      } else {
        assert.equal(reader(hex).readSmallInteger(), value);
      }
    });
  }

  it('reads an ENUMERATED by its tag', () => {
    assert.equal(reader('0a0106').readSmallInteger(Tag.enumerated), 6);
  });

  it('X.690 §11.1: BOOLEAN is FF or 00', () => {
    assert.equal(reader('0101ff').readBoolean(), true);
    assert.equal(reader('010100').readBoolean(), false);
    assert.equal(reader('8001ff').readBoolean(0x80), true);
    for (const hex of ['010101', '0101fe', '01017f', '0100', '01020000', '0102ffff']) {
      assert.throws(() => reader(hex).readBoolean(), refusal('DER_VALUE'), hex);
    }
  });

  it('X.690 §8.8.2: NULL is empty', () => {
    reader('0500').readNull();
    assert.throws(() => reader('050100').readNull(), refusal('DER_VALUE'));
  });

  it('reads an OBJECT IDENTIFIER, two arcs in two bytes and an arc above 32 bits included', () => {
    assert.equal(reader('06028837').readOid(), '2.999');
    assert.equal(reader('06072a81808080800a').readOid(), '1.2.34359738378');
    assert.equal(reader('8803551d1f').readOid(0x88), '2.5.29.31');
    for (const hex of ['0600', '06028037', '06022a86']) {
      assert.throws(() => reader(hex).readOid(), refusal('DER_OID'), hex);
    }
  });

  const bitStrings = [
    { hex: '030100', unusedBits: 0, bytes: '' },
    { hex: '030200ff', unusedBits: 0, bytes: 'ff' },
    { hex: '03020780', unusedBits: 7, bytes: '80' },
    { hex: '0303040ff0', unusedBits: 4, bytes: '0ff0' },
    { hex: '03020700', unusedBits: 7, bytes: '00' },
  ];
  for (const { hex, unusedBits, bytes } of bitStrings) {
    it(`reads the BIT STRING ${hex}`, () => {
      const read = reader(hex).readBitString();
      assert.equal(read.unusedBits, unusedBits);
      assert.equal(formatHex(read.bytes), bytes);
    });
  }

  const refusedBitStrings = [
    { why: 'X.690 §8.6.2.1: no content', hex: '0300' },
    { why: 'X.690 §8.6.2.2: eight unused bits', hex: '03020800' },
    { why: '255 unused bits', hex: '0302ff00' },
    { why: 'X.690 §8.6.2.3: unused bits of no byte', hex: '030101' },
    { why: 'X.690 §11.2.1: an unused bit set', hex: '03020101' },
    { why: 'seven unused bits, one set', hex: '030207c0' },
  ];
  for (const { why, hex } of refusedBitStrings) {
    it(`refuses a BIT STRING with ${why}`, () => {
      assert.throws(() => reader(hex).readBitString(), refusal('DER_VALUE'));
      assert.throws(() => reader(hex).readNamedBits(), refusal('DER_VALUE'));
    });
  }

  it('reads named bits', () => {
    assert.deepEqual([...reader('03020106').readNamedBits()], [5, 6]);
    assert.deepEqual([...reader('0303070080').readNamedBits()], [8]);
    assert.deepEqual([...reader('030100').readNamedBits()], []);
    assert.deepEqual([...reader('830206c0').readNamedBits(0x83)], [0, 1]);
    assert.deepEqual([...reader(`032100${'00'.repeat(31)}01`).readNamedBits()], [255]);
  });

  it('X.690 §11.2.2: refuses named bits with zeros behind, and more than 256', () => {
    for (const hex of ['03020006', '0303000600', '03020700', '030200fe']) {
      assert.throws(() => reader(hex).readNamedBits(), refusal('DER_VALUE'), hex);
    }
    const long = `032207${'00'.repeat(32)}80`;
    assert.throws(() => reader(long).readNamedBits(), refusal('DER_RANGE'));
  });

  it('reads both arms of Time, and GeneralizedTime on its own', () => {
    const generalized = encodeElement(Tag.generalizedTime, Buffer.from('20260105000000Z'));
    const utc = encodeElement(Tag.utcTime, Buffer.from('260105000000Z'));
    assert.equal(new DerReader(utc).readTime(), Date.UTC(2026, 0, 5));
    assert.throws(() => new DerReader(generalized).readTime(), refusal('DER_TIME'));
    assert.equal(new DerReader(generalized).readGeneralizedTime(), Date.UTC(2026, 0, 5));
    const late = encodeElement(Tag.generalizedTime, Buffer.from('20510105000000Z'));
    assert.equal(new DerReader(late).readTime(), Date.UTC(2051, 0, 5));
  });

  it('refuses a UTCTime of 30 February', () => {
    const utc = encodeElement(Tag.utcTime, Buffer.from('260230000000Z'));
    assert.throws(() => new DerReader(utc).readTime(), refusal('DER_TIME'));
  });

  it('refuses a string with characters of another type', () => {
    assert.throws(() => reader('13012a').readString(), refusal('DER_STRING'));
    assert.throws(() => reader('0c01ff').readString(), refusal('DER_STRING'));
  });
});
