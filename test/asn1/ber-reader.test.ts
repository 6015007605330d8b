import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { BerReader, readBerHeader } from '../../src/asn1/ber-reader.ts';
import { Tag } from '../../src/asn1/tags.ts';
import { formatHex } from '../../src/core/bytes.ts';

const reader = (hex: string): BerReader => new BerReader(Buffer.from(hex, 'hex'));
const refusal = (code: string): { name: string; code: string } => ({ name: 'BerError', code });

const refusedHeaders = [
  { why: 'an indefinite length', hex: '3080', code: 'BER_LENGTH' },
  { why: 'an indefinite OCTET STRING', hex: '0480', code: 'BER_LENGTH' },
  { why: 'five length bytes', hex: '30850000000005', code: 'BER_LENGTH' },
  { why: 'eight length bytes', hex: '04880000000000000001', code: 'BER_LENGTH' },
  { why: '126 length bytes', hex: '04fe', code: 'BER_LENGTH' },
  { why: 'X.690 §8.1.3.5: 127 length bytes', hex: '04ff', code: 'BER_LENGTH' },
  { why: 'a length of 2^31', hex: '308480000000', code: 'BER_LENGTH' },
  { why: 'a length of 2^32 - 1', hex: '3084ffffffff', code: 'BER_LENGTH' },
  { why: 'end-of-contents', hex: '0000', code: 'BER_TAG' },
  { why: 'a constructed OCTET STRING', hex: '24030401aa', code: 'BER_TAG' },
  { why: 'a primitive SEQUENCE', hex: '1000', code: 'BER_TAG' },
  { why: 'a universal tag of several bytes', hex: '1f0100', code: 'BER_TAG' },
  { why: 'a context tag of several bytes', hex: 'bf2000', code: 'BER_TAG' },
];

describe('readBerHeader', () => {
  const read = [
    { hex: '3005', contentLength: 5, headerLength: 2 },
    { hex: '307f', contentLength: 127, headerLength: 2 },
    { hex: '308180', contentLength: 128, headerLength: 3 },
    { hex: '308105', contentLength: 5, headerLength: 3 },
    { hex: '3082ffff', contentLength: 65_535, headerLength: 4 },
    { hex: '3083010000', contentLength: 65_536, headerLength: 5 },
    { hex: '308400000000', contentLength: 0, headerLength: 6 },
    { hex: '30847fffffff', contentLength: 2 ** 31 - 1, headerLength: 6 },
  ];
  for (const { hex, contentLength, headerLength } of read) {
    it(`reads ${hex}, and waits for it at every cut`, () => {
      const bytes = Buffer.from(`aa${hex}aa`, 'hex');
      const end = bytes.length - 1;
      assert.deepEqual(readBerHeader(bytes, 1, end), { tag: 0x30, contentLength, headerLength });
      for (let cut = 1; cut < end; cut += 1) {
        assert.equal(readBerHeader(bytes, 1, cut), undefined);
      }
    });
  }

  for (const { why, hex, code } of refusedHeaders) {
    it(`refuses ${why}`, () => {
      const bytes = Buffer.from(hex, 'hex');
      assert.throws(() => readBerHeader(bytes, 0, bytes.length), refusal(code));
    });
  }

  it('refuses at the first byte that cannot become a header', () => {
    assert.throws(() => readBerHeader(Uint8Array.of(0x1f), 0, 1), refusal('BER_TAG'));
    assert.throws(() => readBerHeader(Uint8Array.of(0x30, 0x80), 0, 2), refusal('BER_LENGTH'));
    assert.throws(() => readBerHeader(Uint8Array.of(0x30, 0x85), 0, 2), refusal('BER_LENGTH'));
  });

  it('is not asked about a range outside its bytes', () => {
    for (const [offset, end] of [
      [-1, 1],
      [0, 3],
      [2, 1],
    ] as const) {
      const ask = (): unknown => readBerHeader(new Uint8Array(2), offset, end);
      assert.throws(ask, { code: 'ERR_ASSERTION' });
    }
  });
});

describe('BerReader: headers', () => {
  const lengths = [
    { why: 'minimal', header: '0403' },
    { why: 'in one more byte', header: '048103' },
    { why: 'in two more bytes', header: '04820003' },
    { why: 'in three more bytes', header: '0483000003' },
    { why: 'in four more bytes, as Windows writes it', header: '048400000003' },
  ];
  for (const { why, header } of lengths) {
    it(`takes a length ${why}, and refuses every cut`, () => {
      const hex = `${header}010203`;
      const whole = reader(hex);
      assert.equal(formatHex(whole.readOctetString()), '010203');
      whole.expectEnd();
      for (let cut = 0; cut < hex.length; cut += 2) {
        assert.throws(() => reader(hex.slice(0, cut)).readElement(), refusal('BER_TRUNCATED'));
      }
    });
  }

  const boundaries = [
    { length: 127, header: '047f' },
    { length: 128, header: '048180' },
    { length: 255, header: '0481ff' },
    { length: 256, header: '04820100' },
    { length: 65_535, header: '0482ffff' },
    { length: 65_536, header: '0483010000' },
  ];
  for (const { length, header } of boundaries) {
    it(`reads a content of ${length} bytes, and refuses it one byte short`, () => {
      const bytes = Buffer.concat([Buffer.from(header, 'hex'), Buffer.alloc(length, 7)]);
      assert.equal(new BerReader(bytes).readOctetString().length, length);
      const short = new BerReader(bytes, 0, bytes.length - 1);
      assert.throws(() => short.readOctetString(), refusal('BER_TRUNCATED'));
    });
  }

  for (const { why, hex, code } of refusedHeaders) {
    it(`refuses ${why}`, () => {
      const padded = `${hex}${'00'.repeat(16)}`;
      assert.throws(() => reader(padded).readElement(), refusal(code));
      assert.throws(() => reader(padded).skip(), refusal(code));
    });
  }

  it('the six bytes that end an ldapjs server', () => {
    assert.throws(() => reader('3084ffffffff').readConstructed(), refusal('BER_LENGTH'));
  });

  it('stays inside its range, also when more bytes lie behind', () => {
    const bytes = Buffer.from('30060403aabb0102', 'hex');
    const inner = new BerReader(bytes, 2, 6);
    assert.throws(() => inner.readOctetString(), refusal('BER_TRUNCATED'));
    const length = new BerReader(Buffer.from('0482000100', 'hex'), 0, 3);
    assert.throws(() => length.readElement(), refusal('BER_TRUNCATED'));
    const claim = new BerReader(Buffer.from('0484ffffffff', 'hex'), 0, 2);
    assert.throws(() => claim.readElement(), refusal('BER_TRUNCATED'));
    const child = reader('3003040201aaaa').readConstructed();
    assert.throws(() => child.readOctetString(), refusal('BER_TRUNCATED'));
  });

  for (const [start, end] of [
    [-1, 2],
    [0, 3],
    [2, 1],
    [Number.NaN, 1],
  ] as const) {
    it(`is not made for the range ${start} to ${end} of two bytes`, () => {
      assert.throws(() => new BerReader(new Uint8Array(2), start, end), { code: 'ERR_ASSERTION' });
    });
  }
});

describe('BerReader: walking', () => {
  it('reads a search request', () => {
    const message = reader(
      '3033020107632e040b6f3d4a504b492c633d4a500a01020a0103020100020101010100870b6f626a656374436c617373' +
        '3003040131',
    ).readConstructed();
    assert.equal(message.readInteger(), 7);
    const request = message.readConstructed(0x63);
    message.expectEnd();
    assert.equal(request.readUtf8(), 'o=JPKI,c=JP');
    assert.equal(request.readEnumerated(), 2);
    assert.equal(request.readEnumerated(), 3);
    assert.equal(request.readInteger(), 0);
    assert.equal(request.readInteger(), 1);
    assert.equal(request.readBoolean(), false);
    assert.equal(request.peekTag(), 0x87);
    assert.equal(request.readUtf8(0x87), 'objectClass');
    const attributes = request.readConstructed();
    assert.equal(attributes.readUtf8(), '1');
    assert.equal(attributes.isAtEnd, true);
    assert.equal(attributes.peekTag(), undefined);
    attributes.expectEnd();
    request.expectEnd();
  });

  it('gives views of the bytes it was given', () => {
    const bytes = Uint8Array.from(Buffer.from('0030050403aabbcc00', 'hex'));
    const outer = new BerReader(bytes, 1, 8);
    const { tag, raw, content } = outer.readElement();
    assert.equal(tag, Tag.sequence);
    assert.equal(raw.buffer, bytes.buffer);
    assert.equal(formatHex(raw), '30050403aabbcc');
    assert.equal(content.byteOffset, 3);
    assert.equal(outer.isAtEnd, true);
    const value = new BerReader(bytes, 1, 8).readConstructed().readOctetString();
    assert.equal(value.buffer, bytes.buffer);
    assert.equal(value.byteOffset, 5);
  });

  it('knows where it is', () => {
    const inner = reader('3006020101020102').readConstructed();
    assert.equal(inner.offset, 2);
    inner.skip(Tag.integer);
    assert.equal(inner.offset, 5);
    assert.throws(() => inner.expectEnd(), refusal('BER_TRAILING'));
    inner.skip();
    inner.expectEnd();
  });

  it('is not asked for what a form cannot be', () => {
    const failure = { code: 'ERR_ASSERTION' };
    assert.throws(() => reader('040100').readConstructed(Tag.octetString), failure);
    assert.throws(() => reader('300100').readOctetString(Tag.sequence), failure);
    assert.throws(() => reader('a00100').readUtf8(0xa0), failure);
  });
});

describe('BerReader: values', () => {
  const verbs: readonly { readonly verb: string; readonly read: (r: BerReader) => unknown }[] = [
    { verb: 'readElement', read: (r) => r.readElement(Tag.octetString) },
    { verb: 'skip', read: (r) => r.skip(Tag.octetString) },
    { verb: 'readConstructed', read: (r) => r.readConstructed() },
    { verb: 'readOctetString', read: (r) => r.readOctetString() },
    { verb: 'readUtf8', read: (r) => r.readUtf8() },
    { verb: 'readInteger', read: (r) => r.readInteger() },
    { verb: 'readEnumerated', read: (r) => r.readEnumerated() },
    { verb: 'readBoolean', read: (r) => r.readBoolean() },
    { verb: 'readNull', read: (r) => r.readNull() },
  ];
  for (const { verb, read } of verbs) {
    it(`${verb} refuses another tag and an end`, () => {
      assert.throws(() => read(reader('810100')), refusal('BER_TAG'));
      assert.throws(() => read(reader('')), refusal('BER_TRUNCATED'));
    });
  }

  const integers = [
    { hex: '020100', value: 0 },
    { hex: '02017f', value: 127 },
    { hex: '02020080', value: 128 },
    { hex: '0201ff', value: -1 },
    { hex: '020180', value: -128 },
    { hex: '0202ff7f', value: -129 },
    { hex: '0203010000', value: 65_536 },
    { hex: '02047fffffff', value: 2 ** 31 - 1 },
    { hex: '020480000000', value: -(2 ** 31) },
    { hex: '02840000000105', value: 5 },
  ];
  for (const { hex, value } of integers) {
    it(`reads the INTEGER ${value} from ${hex}, under any tag`, () => {
      assert.equal(reader(hex).readInteger(), value);
      assert.equal(reader(`0a${hex.slice(2)}`).readEnumerated(), value);
      assert.equal(reader(`85${hex.slice(2)}`).readInteger(0x85), value);
    });
  }

  const refusedIntegers = [
    { why: 'no content', hex: '0200', code: 'BER_VALUE' },
    { why: 'no content, bytes behind', hex: '0200ff', code: 'BER_VALUE' },
    { why: 'a needless 00', hex: '0202007f', code: 'BER_VALUE' },
    { why: 'a needless ff', hex: '0202ff80', code: 'BER_VALUE' },
    { why: '2^31', hex: '02050080000000', code: 'BER_RANGE' },
    { why: '-2^31 - 1', hex: '0205ff7fffffff', code: 'BER_RANGE' },
    { why: 'nine bytes', hex: '0209010000000000000000', code: 'BER_RANGE' },
  ];
  for (const { why, hex, code } of refusedIntegers) {
    it(`refuses an INTEGER with ${why}`, () => {
      assert.throws(() => reader(hex).readInteger(), refusal(code));
      assert.throws(() => reader(`0a${hex.slice(2)}`).readEnumerated(), refusal(code));
    });
  }

  it('RFC 4511 §5.1: BOOLEAN is FF or 00 in one byte', () => {
    assert.equal(reader('0101ff').readBoolean(), true);
    assert.equal(reader('010100').readBoolean(), false);
    assert.equal(reader('8401ff').readBoolean(0x84), true);
    for (let value = 1; value < 0xff; value += 1) {
      const bytes = Uint8Array.of(0x01, 0x01, value);
      assert.throws(() => new BerReader(bytes).readBoolean(), refusal('BER_VALUE'));
    }
    for (const hex of ['0100', '0100ff', '0102ffff', '01020000']) {
      assert.throws(() => reader(hex).readBoolean(), refusal('BER_VALUE'), hex);
    }
  });

  it('X.690 §8.2.2: within an OCTET STRING every byte but 00 is TRUE', () => {
    for (let value = 0; value <= 0xff; value += 1) {
      const bytes = Uint8Array.of(0x01, 0x01, value);
      assert.equal(new BerReader(bytes).readLooseBoolean(), value !== 0);
    }
    assert.equal(reader('840101').readLooseBoolean(0x84), true);
    for (const hex of ['0100', '0100ff', '0102ffff', '01020000', '0a01ff']) {
      assert.throws(() => reader(hex).readLooseBoolean(), { name: 'BerError' }, hex);
    }
  });

  it('NULL is empty', () => {
    reader('0500').readNull();
    reader('4200').readNull(0x42);
    assert.throws(() => reader('050100').readNull(), refusal('BER_VALUE'));
  });

  const texts = [
    '',
    'a',
    'objectClass',
    '群馬県',
    'a'.repeat(24),
    'a'.repeat(25),
    `${'a'.repeat(23)}é`,
  ];
  for (const text of texts) {
    it(`reads the text '${text}'`, () => {
      const content = Buffer.from(text);
      const bytes = Buffer.concat([Uint8Array.of(0x04, content.length), content]);
      assert.equal(new BerReader(bytes).readUtf8(), text);
    });
  }

  const refusedTexts = [
    { why: 'an overlong form', hex: '0402c0af' },
    { why: 'an encoded surrogate', hex: '0403eda080' },
    { why: 'a cut character, its rest behind the end', hex: '0402e7bea4' },
    { why: 'a lone continuation in a long text', hex: `041e${'61'.repeat(29)}80` },
  ];
  for (const { why, hex } of refusedTexts) {
    it(`refuses a text with ${why}`, () => {
      assert.throws(() => reader(hex).readUtf8(), refusal('BER_STRING'));
    });
  }
});
