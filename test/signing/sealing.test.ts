/**
 * Sealing at rest, and the derivation from a passphrase against the vector of its RFC.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import {
  authenticate,
  deriveWrappingKey,
  isAuthentic,
  newScryptParameters,
  seal,
  unseal,
} from '../../src/signing/software/sealing.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const key = new Uint8Array(32).fill(7);
const context = encodeUtf8('label, type, purposes');
const secret = encodeUtf8('a private key');

describe('seal', () => {
  const text = seal(key, { bytes: secret, context }, new SeededRandom(1));

  it('opens with the same key and context', () => {
    assert.deepEqual(unseal(key, { text, context }), Buffer.from(secret));
  });

  it('uses a fresh nonce each time', () => {
    const random = new SeededRandom(2);
    const sealed = [1, 2].map(() => seal(key, { bytes: secret, context }, random));
    assert.notEqual(sealed[0], sealed[1]);
  });

  it('does not open with another key', () => {
    assert.equal(unseal(new Uint8Array(32).fill(8), { text, context }), undefined);
  });

  it('does not open in another context', () => {
    assert.equal(unseal(key, { text, context: encodeUtf8('another') }), undefined);
    assert.equal(unseal(key, { text, context: new Uint8Array() }), undefined);
  });

  it('does not open when any bit of nonce, ciphertext or tag was changed', () => {
    const bytes = Buffer.from(text, 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(unseal(key, { text: changed.toString('base64'), context }), undefined);
    }
  });

  it('does not open when it was cut', () => {
    const bytes = Buffer.from(text, 'base64');
    for (let length = 0; length < bytes.length; length += 1) {
      const cut = bytes.subarray(0, length).toString('base64');
      assert.equal(unseal(key, { text: cut, context }), undefined);
    }
  });
});

describe('authenticate', () => {
  const tag = authenticate(key, context);

  it('accepts its own tag and no other', () => {
    assert.ok(isAuthentic(key, context, tag));
    assert.ok(!isAuthentic(key, encodeUtf8('another'), tag));
    assert.ok(!isAuthentic(new Uint8Array(32), context, tag));
    assert.ok(!isAuthentic(key, context, ''));
    assert.ok(!isAuthentic(key, context, tag.slice(4)));
  });
});

describe('deriveWrappingKey', () => {
  it('RFC 7914 §12: pleaseletmein, N 16384, r 8, p 1', async () => {
    const salt = Buffer.from('SodiumChloride').toString('base64');
    const derived = await deriveWrappingKey(encodeUtf8('pleaseletmein'), {
      cost: 16384,
      blockSize: 8,
      parallelization: 1,
      salt,
    });
    assert.equal(
      derived.toString('hex'),
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2',
    );
  });

  it('derives with the largest memory of a new token', async () => {
    const parameters = newScryptParameters(2 ** 17, new SeededRandom(3));
    assert.equal((await deriveWrappingKey(secret, parameters)).length, 32);
  });
});
