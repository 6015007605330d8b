import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { GserReader } from '../../src/asn1/gser-reader.ts';

describe('RFC 3641', () => {
  it('§3.11 sequences', () => {
    const reader = new GserReader(' { a 1 ,b "x" } ');
    const seen: string[] = [];
    reader.readSequence((name) => {
      seen.push(`${name}=${name === 'a' ? reader.readInteger() : reader.readString()}`);
    });
    reader.expectEnd();
    assert.deepEqual(seen, ['a=1', 'b=x']);
  });

  it('§3.11 an empty sequence', () => {
    const reader = new GserReader('{}');
    reader.readSequence(() => assert.fail('nothing is there'));
    reader.expectEnd();
  });

  it('§3.3 integers of any size', () => {
    for (const text of ['0', '-1', '12345678901234567890123456789012345678901234567890']) {
      assert.equal(new GserReader(text).readInteger(), BigInt(text));
    }
  });

  it('§3.2 strings, quotes doubled', () => {
    for (const [text, value] of [
      ['""', ''],
      ['"a"', 'a'],
      ['"a""b"', 'a"b'],
      ['""""', '"'],
      ['"a\\"', 'a\\'],
      ['"前橋"', '前橋'],
    ] as const) {
      const reader = new GserReader(text);
      assert.equal(reader.readString(), value);
      reader.expectEnd();
    }
  });

  it('§3.8 object identifiers', () => {
    assert.equal(new GserReader('1.2.840.113549').readOid(), '1.2.840.113549');
  });

  it('§3.11 octet strings', () => {
    for (const [text, octets] of [
      ["''H", []],
      ["'0A1B'H", [0x0a, 0x1b]],
      [" 'ff'H", [0xff]],
    ] as const) {
      const reader = new GserReader(text);
      assert.deepEqual([...reader.readOctetString()], octets);
      reader.expectEnd();
    }
  });

  it('§3.5 bit strings, with and without names', () => {
    for (const [text, octets, count, isHexadecimal] of [
      ["''B", [], 0, false],
      ["'0110'B", [0x60], 4, false],
      ["'000000011'B", [0x01, 0x80], 9, false],
      ["''H", [], 0, true],
      ["'6'H", [0x60], 4, true],
      ["'0F1'H", [0x0f, 0x10], 12, true],
    ] as const) {
      assert.deepEqual(new GserReader(text).readBitString(), {
        bytes: Uint8Array.from(octets),
        count,
        isHexadecimal,
      });
    }
    const names = ['a', undefined, 'c-d'];
    for (const [text, numbers] of [
      ['{ }', []],
      ['{ c-d, a }', [2, 0]],
      ['{a,a}', [0]],
      ["'101'B", [0, 2]],
      ["'00001'B", [4]],
      ["'A'H", [0, 2]],
    ] as const) {
      const reader = new GserReader(text);
      assert.deepEqual([...reader.readNamedBits(names)], numbers);
      reader.expectEnd();
    }
  });

  it('§3.13 values of a SEQUENCE OF, 64 at most', () => {
    const count = (text: string): number => {
      const reader = new GserReader(text);
      let read = 0;
      reader.readElements(() => {
        reader.readInteger();
        read += 1;
      });
      reader.expectEnd();
      return read;
    };
    assert.equal(count('{}'), 0);
    assert.equal(count(' { 1 , 2 } '), 2);
    assert.equal(count(`{ ${Array(64).fill('1').join(',')} }`), 64);
    for (const text of [`{ ${Array(65).fill('1').join(',')} }`, '{ 1, }', '{ 1 2 }', '{ 1', '1']) {
      assert.throws(() => count(text), { code: 'GSER_SYNTAX' });
    }
  });

  it('an integer and an object identifier are told apart', () => {
    assert.equal(new GserReader('12').readIntegerOrOid(), 12n);
    assert.equal(new GserReader('-1').readIntegerOrOid(), -1n);
    assert.equal(new GserReader('1.2').readIntegerOrOid(), '1.2');
  });

  it('what comes next can be seen without reading it', () => {
    const reader = new GserReader('  "a"');
    assert.equal(reader.nextCharacter(), '"');
    assert.ok(reader.isNext('"a'));
    assert.ok(!reader.isNext('a'));
    assert.equal(reader.readString(), 'a');
    assert.equal(reader.nextCharacter(), '');
  });

  it('names with hyphens', () => {
    assert.equal(new GserReader('type-id 1').readIdentifier(), 'type-id');
  });
});

describe('what is not GSER', () => {
  const rows: readonly (readonly [string, (reader: GserReader) => unknown, string])[] = [
    ['an integer with a leading zero', (reader) => reader.readInteger(), '01'],
    ['minus zero', (reader) => reader.readInteger(), '-0'],
    ['a plus sign', (reader) => reader.readInteger(), '+1'],
    ['an integer of 1001 digits', (reader) => reader.readInteger(), '1'.repeat(1001)],
    ['an unquoted string', (reader) => reader.readString(), 'a'],
    ['a string without end', (reader) => reader.readString(), '"a'],
    ['a string that ends in a doubled quote', (reader) => reader.readString(), '"a""'],
    ['an OID with a leading zero', (reader) => reader.readOid(), '1.02'],
    ['an OID with a dot at the end', (reader) => reader.readOid(), '1.2.'],
    ['an OID of one arc', (reader) => reader.readOid(), '1'],
    ['an OID whose second arc is too large', (reader) => reader.readOid(), '1.40'],
    ['half an octet', (reader) => reader.readOctetString(), "'0A1'H"],
    ['an octet string in bits', (reader) => reader.readOctetString(), "'01'B"],
    ['an octet string that does not end', (reader) => reader.readOctetString(), "'0A"],
    ['an octet string without its letter', (reader) => reader.readOctetString(), "'0A'"],
    ['a bit that is neither', (reader) => reader.readBitString(), "'012'B"],
    ['a bit without that name', (reader) => reader.readNamedBits(['a']), '{ b }'],
    ['a bit by number', (reader) => reader.readNamedBits(['a']), '{ 0 }'],
    ['a name in capitals', (reader) => reader.readIdentifier(), 'Name'],
    ['a component twice', readAll, '{ a 1, a 2 }'],
    ['a comma at the end', readAll, '{ a 1, }'],
    ['no comma', readAll, '{ a 1 b 2 }'],
    ['no brace', readAll, 'a 1'],
    ['no closing brace', readAll, '{ a 1'],
    ['something behind it', (reader) => reader.expectEnd(), ' x'],
    ['a tab', (reader) => reader.expectEnd(), '\t'],
    ['nothing', (reader) => reader.readInteger(), ''],
  ];
  for (const [why, read, text] of rows) {
    it(why, () => {
      assert.throws(() => read(new GserReader(text)), { name: 'GserError', code: 'GSER_SYNTAX' });
    });
  }

  it('more than 65536 characters', () => {
    assert.ok(new GserReader(' '.repeat(65_536)));
    assert.throws(() => new GserReader(' '.repeat(65_537)), { code: 'GSER_SYNTAX' });
  });
});

function readAll(reader: GserReader): void {
  reader.readSequence(() => reader.readInteger());
}
