import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  compareBytes,
  concatBytes,
  decodeUtf8,
  equalBytes,
  formatHex,
  parseHex,
  prefixEnd,
} from '../../src/core/bytes.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('bytes', () => {
  it('joins, compares and prints', () => {
    assert.deepEqual(concatBytes(bytes(1), bytes(), bytes(2, 3)), bytes(1, 2, 3));
    assert.ok(compareBytes(bytes(1), bytes(1, 0)) < 0);
    assert.ok(compareBytes(bytes(0x80), bytes(0x7f)) > 0);
    assert.ok(equalBytes(bytes(1, 2), bytes(1, 2)));
    assert.ok(!equalBytes(bytes(1, 2), bytes(1, 3)));
    assert.equal(formatHex(bytes(0, 0xab)), '00ab');
  });

  it('reads hexadecimal of either case and refuses the rest', () => {
    assert.deepEqual(parseHex('00aB'), bytes(0, 0xab));
    for (const text of ['0', '0g', '0x00', ' 00']) {
      assert.equal(parseHex(text), undefined, text);
    }
  });

  it('finds the end of a prefix range', () => {
    assert.deepEqual(prefixEnd(bytes(1, 2)), bytes(1, 3));
    assert.deepEqual(prefixEnd(bytes(1, 0xff, 0xff)), bytes(2));
    assert.equal(prefixEnd(bytes(0xff, 0xff)), undefined);
    assert.equal(prefixEnd(bytes()), undefined);
  });

  it('decodes UTF-8 strictly', () => {
    assert.equal(decodeUtf8(Buffer.from('群馬')), '群馬');
    const malformed = [bytes(0xc0, 0x80), bytes(0xed, 0xa0, 0x80), bytes(0xff), bytes(0xe7)];
    for (const one of malformed) {
      assert.equal(decodeUtf8(one), undefined);
    }
  });
});
