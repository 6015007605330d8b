import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { BerReader } from '../../src/asn1/ber-reader.ts';
import { BerWriter } from '../../src/asn1/ber-writer.ts';
import { encodeElement, encodeHeader } from '../../src/asn1/der-writer.ts';
import { Tag } from '../../src/asn1/tags.ts';
import { formatHex } from '../../src/core/bytes.ts';

function written(write: (writer: BerWriter) => void): string {
  const writer = new BerWriter();
  write(writer);
  return formatHex(writer.finish());
}

const refusedRange = { name: 'BerError', code: 'BER_RANGE' };

describe('BerWriter: values', () => {
  const integers = [
    { value: 0, hex: '020100' },
    { value: -1, hex: '0201ff' },
    { value: 127, hex: '02017f' },
    { value: 128, hex: '02020080' },
    { value: -128, hex: '020180' },
    { value: -129, hex: '0202ff7f' },
    { value: 32_767, hex: '02027fff' },
    { value: 32_768, hex: '0203008000' },
    { value: -32_769, hex: '0203ff7fff' },
    { value: 8_388_607, hex: '02037fffff' },
    { value: 8_388_608, hex: '020400800000' },
    { value: 2 ** 31 - 1, hex: '02047fffffff' },
    { value: -(2 ** 31), hex: '020480000000' },
  ];
  for (const { value, hex } of integers) {
    it(`writes the INTEGER ${value} without a needless byte, under any tag`, () => {
      assert.equal(
        written((writer) => writer.writeInteger(value)),
        hex,
      );
      assert.equal(
        written((writer) => writer.writeEnumerated(value)),
        `0a${hex.slice(2)}`,
      );
      assert.equal(
        written((writer) => writer.writeInteger(value, 0x80)),
        `80${hex.slice(2)}`,
      );
    });
  }

  for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN]) {
    it(`refuses the INTEGER ${value}`, () => {
      const writer = new BerWriter();
      assert.throws(() => writer.writeInteger(value), refusedRange);
      assert.throws(() => writer.writeEnumerated(value), refusedRange);
      assert.equal(writer.length, 0);
    });
  }

  it('writes the other types, with and without a tag', () => {
    const hex = written((writer) => {
      writer.writeBoolean(true);
      writer.writeBoolean(false, 0x84);
      writer.writeNull();
      writer.writeNull(0x42);
      writer.writeOctetString(Uint8Array.of(0, 255));
      writer.writeOctetString(new Uint8Array(), 0x8a);
      writer.writeUtf8('群');
      writer.writeUtf8('', 0x80);
      writer.writeRaw(Uint8Array.of(1, 1, 0xff));
    });
    assert.equal(hex, '0101ff8401000500420004' + '0200ff8a000403e7bea480000101ff');
  });
});

describe('BerWriter: constructed elements', () => {
  for (const length of [0, 127, 128, 255, 256, 65_535, 65_536, 70_000]) {
    for (const expectedLength of [0, 127, 128, 255, 256, 65_536, 16_777_216]) {
      it(`${length} bytes where ${expectedLength} were expected`, () => {
        const content = Buffer.alloc(length, 'content');
        const writer = new BerWriter();
        writer.begin(Tag.sequence, expectedLength);
        writer.writeRaw(content);
        writer.end();
        writer.writeNull();
        const expected = `${formatHex(encodeElement(Tag.sequence, content))}0500`;
        assert.equal(formatHex(writer.finish()), expected);
      });
    }
  }

  it('several inside each other', () => {
    const value = Buffer.alloc(300, 'x');
    const bytes = new BerWriter();
    bytes.begin();
    bytes.writeInteger(1);
    bytes.begin(0x64);
    bytes.begin();
    bytes.end();
    bytes.begin(0x31);
    bytes.writeOctetString(value);
    bytes.end();
    bytes.end();
    bytes.begin(0xa0);
    bytes.end();
    bytes.end();
    const set = encodeElement(0x31, encodeElement(Tag.octetString, value));
    const entry = encodeElement(0x64, encodeElement(Tag.sequence), set);
    const message = encodeElement(
      Tag.sequence,
      Buffer.from('020101', 'hex'),
      entry,
      encodeHeader(0xa0, 0),
    );
    assert.equal(formatHex(bytes.finish()), formatHex(message));
  });

  it('moves what it must when the buffer is exactly full', () => {
    for (let length = 1010; length < 1030; length += 1) {
      const writer = new BerWriter();
      writer.begin();
      writer.writeRaw(new Uint8Array(length).fill(5));
      writer.end();
      const inside = new BerReader(writer.finish()).readElement(Tag.sequence).content;
      assert.equal(inside.length, length);
      assert.equal(inside[length - 1], 5);
    }
  });

  it('is not asked to close what is not open, or to finish what is', () => {
    const writer = new BerWriter();
    assert.throws(() => writer.end(), { code: 'ERR_ASSERTION' });
    writer.begin();
    assert.throws(() => writer.finish(), { code: 'ERR_ASSERTION' });
    assert.throws(() => new BerWriter().begin(Tag.octetString), { code: 'ERR_ASSERTION' });
  });
});

describe('BerWriter: one after another', () => {
  it('gives messages that later ones do not touch', () => {
    const writer = new BerWriter();
    for (const length of [10, 2000, 100_000]) {
      writer.writeOctetString(new Uint8Array(length).fill(1));
      const first = writer.finish();
      assert.equal(writer.length, 0);
      const before = formatHex(first);
      writer.writeOctetString(new Uint8Array(length).fill(2));
      writer.finish();
      assert.equal(formatHex(first), before);
    }
  });

  it('hands a large message over instead of copying it', () => {
    const value = new Uint8Array(0x80_0000);
    const writer = new BerWriter();
    const beforeBytes = process.memoryUsage().arrayBuffers;
    writer.begin(Tag.sequence, value.length);
    writer.writeOctetString(value);
    writer.end();
    const message = writer.finish();
    const grownBytes = process.memoryUsage().arrayBuffers - beforeBytes;
    assert(grownBytes < message.length * 1.5, `${grownBytes} bytes for ${message.length}`);
  });

  it('starts anew after a reset, whatever was open', () => {
    for (const length of [10, 100_000]) {
      const writer = new BerWriter();
      writer.begin();
      writer.begin(0x63);
      writer.writeRaw(new Uint8Array(length));
      writer.reset();
      assert.equal(writer.length, 0);
      writer.writeNull();
      assert.equal(formatHex(writer.finish()), '0500');
    }
  });

  it('finishes nothing as no bytes', () => {
    assert.equal(new BerWriter().finish().length, 0);
  });
});
