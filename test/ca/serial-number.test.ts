import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeInteger } from '../../src/asn1/der-writer.ts';
import {
  drawSerialNumber,
  encodeSerialKey,
  formatSerialNumber,
  parseSerialNumber,
} from '../../src/ca/certificates/serial-number.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const fixed = (byte: number) => ({ bytes: (count: number) => new Uint8Array(count).fill(byte) });

describe('a drawn serial number', () => {
  it('is positive with 20 octets, whatever the generator gives (RFC 5280 4.1.2.2)', () => {
    for (const byte of [0x00, 0x7f, 0x80, 0xff]) {
      const number = drawSerialNumber(fixed(byte));
      assert.ok(number > 0n && number < 2n ** 159n);
      assert.equal(encodeInteger(number).length, 2 + 20);
    }
  });

  it('has at least 128 random bits: every bit but the first two takes both values', () => {
    const random = new SeededRandom('serials');
    let ones = 0n;
    let zeros = 0n;
    for (let round = 0; round < 2000; round += 1) {
      const number = drawSerialNumber(random);
      ones |= number;
      zeros |= ~number & (2n ** 158n - 1n);
    }
    assert.equal(ones, 2n ** 159n - 1n);
    assert.equal(zeros, 2n ** 158n - 1n);
  });

  it('leaves no bit with a bias that 4,000 numbers would show', () => {
    const random = new SeededRandom('bias');
    const counts = new Array<number>(158).fill(0);
    for (let round = 0; round < 4000; round += 1) {
      const bits = drawSerialNumber(random).toString(2).slice(1);
      for (const [index, bit] of [...bits].entries()) {
        counts[index] = (counts[index] ?? 0) + Number(bit);
      }
    }
    // Five standard deviations of a fair coin.
    const bound = 5 * Math.sqrt(4000 / 4);
    assert.ok(counts.every((count) => Math.abs(count - 2000) < bound));
  });
});

describe('the text of a serial number', () => {
  it('is upper-case hexadecimal of whole octets', () => {
    assert.equal(formatSerialNumber(0xabcn), '0ABC');
    assert.equal(formatSerialNumber(0x12abn), '12AB');
  });

  const accepted = [
    { why: 'upper case', text: '12AB', number: 0x12abn },
    { why: 'lower case', text: '12ab', number: 0x12abn },
    { why: 'an odd number of digits', text: 'abc', number: 0xabcn },
    { why: 'colons as OpenSSL prints them', text: '12:ab:00', number: 0x12ab00n },
    { why: 'leading zeros', text: '0001', number: 1n },
    { why: 'the largest', text: `7f${'ff'.repeat(19)}`, number: 2n ** 159n - 1n },
  ];
  for (const { why, text, number } of accepted) {
    it(`may be ${why}`, () => {
      assert.equal(parseSerialNumber(text), number);
    });
  }

  const refused = [
    { why: 'empty', text: '' },
    { why: 'zero', text: '00' },
    { why: 'negative as an INTEGER', text: `80${'00'.repeat(19)}` },
    { why: '21 octets', text: '01'.repeat(21) },
    { why: 'prefixed', text: '0x12' },
    { why: 'not hexadecimal', text: '12g4' },
    { why: 'colons in the wrong place', text: '1:2ab' },
    { why: 'spaced', text: '12 ab' },
    { why: 'negative', text: '-1' },
  ];
  for (const { why, text } of refused) {
    it(`may not be ${why}`, () => {
      assert.throws(() => parseSerialNumber(text), { code: 'CA_SERIAL_MALFORMED' });
    });
  }
});

describe('the key of a serial number', () => {
  it('has 20 octets and sorts as the number', () => {
    const numbers = [1n, 0xffn, 0x100n, 2n ** 158n, 2n ** 159n - 1n];
    const keys = numbers.map((number) => Buffer.from(encodeSerialKey(number)));
    assert.ok(keys.every((key) => key.length === 20));
    assert.deepEqual([...keys].sort(Buffer.compare), keys);
  });
});
