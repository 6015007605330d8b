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
