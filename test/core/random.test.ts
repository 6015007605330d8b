import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { RandomPool, randomUuid, SystemRandom } from '../../src/core/random.ts';
import { SeededRandom } from '../support/seeded-random.ts';

describe('RandomPool', () => {
  it('hands out what its source gives, in order and each part once', () => {
    const pool = new RandomPool(new SeededRandom(3));
    const whole = new SeededRandom(3).bytes(4096);
    const parts = Array.from({ length: 256 }, () => pool.bytes(16));
    assert.deepEqual(Buffer.concat(parts), Buffer.from(whole));
    assert.equal(new Set(parts.map((part) => Buffer.from(part).toString('hex'))).size, 256);
  });

  it('gives more than it keeps at once', () => {
    assert.equal(new RandomPool(new SeededRandom(3)).bytes(5000).length, 5000);
  });
});

describe('randomUuid', () => {
  it('RFC 9562 §5.4: is a version 4 UUID, another each time', () => {
    const pool = new RandomPool(new SystemRandom());
    const uuids = Array.from({ length: 1000 }, () => randomUuid(pool));
    for (const uuid of uuids) {
      assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    assert.equal(new Set(uuids).size, 1000);
  });
});
