import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  CHECKSUM_BYTES,
  openSealedValue,
  sealValue,
} from '../../src/store/level/value-checksum.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const key = Buffer.from('key');

describe('value checksum', () => {
  for (const length of [0, 1, 3, 4, 100, 4096]) {
    it(`opens what it has sealed, ${length} bytes`, () => {
      const value = new SeededRandom(length).bytes(length);
      const sealed = sealValue(key, value);
      assert.equal(sealed.length, length + CHECKSUM_BYTES);
      assert.deepEqual(openSealedValue(key, sealed), value);
    });
  }

  it('is CRC-32 over the key and the value, started with the key’s length', () => {
    // Checked with Python: zlib.crc32(b'value', zlib.crc32(b'key', 3)).
    assert.equal(
      Buffer.from(sealValue(key, Buffer.from('value')).subarray(5)).toString('hex'),
      '48daf405',
    );
  });

  it('finds every flipped bit', () => {
    const sealed = sealValue(key, new SeededRandom('flip').bytes(60));
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const damaged = Uint8Array.from(sealed);
      damaged[bit >>> 3] = (damaged[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(openSealedValue(key, damaged), undefined, `bit ${bit}`);
    }
  });

  it('finds every cut', () => {
    const sealed = sealValue(key, new SeededRandom('cut').bytes(60));
    for (let length = 0; length < sealed.length; length += 1) {
      assert.equal(openSealedValue(key, sealed.subarray(0, length)), undefined, `at ${length}`);
    }
  });

  it('finds a value under another key, also where bytes have moved between the two', () => {
    const sealed = sealValue(Buffer.from('key1'), Buffer.from('2value'));
    assert.equal(openSealedValue(Buffer.from('key2'), sealed), undefined);
    const moved = Buffer.concat([Buffer.from('value'), sealed.subarray(-CHECKSUM_BYTES)]);
    assert.equal(openSealedValue(Buffer.from('key12'), moved), undefined);
  });
});
