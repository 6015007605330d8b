import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { crc32c } from '../../src/store/journal/crc32c.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);

describe('CRC-32C', () => {
  const vectors: readonly {
    readonly of: string;
    readonly bytes: Uint8Array;
    readonly sum: number;
  }[] = [
    // RFC 3720 §B.4, whose octets are the sum's from the least significant up.
    { of: '32 zeros', bytes: new Uint8Array(32), sum: 0x8a9136aa },
    { of: '32 ones', bytes: new Uint8Array(32).fill(0xff), sum: 0x62a8ab43 },
    { of: '0 to 31', bytes: ascending, sum: 0x46dd794e },
    { of: '31 to 0', bytes: ascending.toReversed(), sum: 0x113fdb5c },
    { of: 'nothing', bytes: new Uint8Array(0), sum: 0 },
    { of: '123456789', bytes: Buffer.from('123456789'), sum: 0xe3069283 },
  ];
  for (const { of, bytes, sum } of vectors) {
    it(`of ${of}`, () => {
      assert.equal(crc32c(bytes), sum);
    });
  }

  it('is that of its definition, bit by bit, for every length and place', () => {
    const random = new SeededRandom('crc');
    for (let length = 0; length < 70; length += 1) {
      const bytes = random.bytes(length + 3).subarray(length % 4);
      assert.equal(crc32c(bytes), bitByBit(bytes));
    }
  });

  it('goes on from the sum of what comes before', () => {
    const bytes = new SeededRandom('parts').bytes(50);
    for (let at = 0; at <= bytes.length; at += 1) {
      const before = crc32c(bytes.subarray(0, at));
      assert.equal(crc32c(bytes.subarray(at), before), crc32c(bytes));
    }
  });
});

function bitByBit(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      sum = (sum & 1) === 0 ? sum >>> 1 : (sum >>> 1) ^ 0x82f63b78;
    }
  }
  return ~sum >>> 0;
}
