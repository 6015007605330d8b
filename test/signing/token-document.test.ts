/**
 * The token file as text: every changed byte is noticed before anything in it is used.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import {
  formatTokenDocument,
  newTokenDocument,
  parseTokenDocument,
  type StoredKey,
  type TokenDocument,
} from '../../src/signing/software/token-document.ts';

const key: StoredKey = {
  label: 'gunma ca 1',
  type: { kind: 'rsa', modulusBits: 2048 },
  purposes: ['certificate', 'crl'],
  createdMs: 1_700_000_000_000,
  spki: 'MIIBIjAN',
  sealed: 'c2VhbGVk',
};
const scrypt = { cost: 2 ** 17, blockSize: 8, parallelization: 1, salt: 'c2FsdHNhbHQ=' };
const sample: TokenDocument = {
  ...newTokenDocument(1_700_000_000_000, scrypt),
  wrappedKey: 'd3JhcHBlZA==',
  keys: [key, { ...key, label: 'gunma tls', type: { kind: 'ec', curve: 'P-384' } }],
  keysTag: 'dGFn',
};

/** Any JSON content under a right checksum. */
function withChecksum(content: Record<string, unknown>): Uint8Array {
  const sha256 = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return encodeUtf8(`${JSON.stringify({ ...content, sha256 }, undefined, 2)}\n`);
}

const damaged = { name: 'SigningError', code: 'SIGNING_TOKEN_DAMAGED' };

describe('parseTokenDocument', () => {
  it('reads what formatTokenDocument wrote', () => {
    assert.deepEqual(parseTokenDocument(formatTokenDocument(sample), 'token'), sample);
  });

  it('notices a change of any byte', () => {
    const bytes = formatTokenDocument(sample);
    for (let position = 0; position < bytes.length; position += 1) {
      for (const mask of [0x01, 0x20, 0x80]) {
        const changed = Uint8Array.from(bytes);
        changed[position] = (changed[position] ?? 0) ^ mask;
        assert.throws(() => parseTokenDocument(changed, 'token'), damaged, `${position} ${mask}`);
      }
    }
  });

  it('notices bytes added and bytes cut at every place', () => {
    const bytes = formatTokenDocument(sample);
    for (const extra of [' ', '\n', '\0', '{}']) {
      const longer = Buffer.concat([bytes, Buffer.from(extra)]);
      assert.throws(() => parseTokenDocument(longer, 'token'), damaged);
    }
    for (let length = 0; length < bytes.length; length += 1) {
      assert.throws(() => parseTokenDocument(bytes.subarray(0, length), 'token'), damaged);
    }
  });

  it('SIGNING_TOKEN_VERSION for an undamaged file of another version', () => {
    assert.throws(() => parseTokenDocument(withChecksum({ ...sample, version: 2 }), 'token'), {
      code: 'SIGNING_TOKEN_VERSION',
    });
  });

  const passphrase = sample.passphrase;
  const refused: readonly { readonly why: string; readonly content: Record<string, unknown> }[] = [
    { why: 'another format', content: { ...sample, format: 'something else' } },
    { why: 'a field too many', content: { ...sample, extra: 1 } },
    { why: 'a field too many in a key', content: { ...sample, keys: [{ ...key, extra: 1 }] } },
    { why: 'keys before passphrase', content: { ...Object.assign({ keys: [] }, sample) } },
    {
      why: 'a cost in quotes',
      content: { ...sample, passphrase: { ...passphrase, cost: '1024' } },
    },
    {
      why: 'a modulus in quotes',
      content: { ...sample, keys: [{ ...key, type: { kind: 'rsa', modulusBits: '2048' } }] },
    },
    { why: 'no keys field', content: { ...sample, keys: undefined } },
    { why: 'keys that are no list', content: { ...sample, keys: { 0: key } } },
    { why: 'a label twice', content: { ...sample, keys: [key, key] } },
    { why: 'an unknown purpose', content: { ...sample, keys: [{ ...key, purposes: ['all'] }] } },
    {
      why: 'an unknown key type',
      content: { ...sample, keys: [{ ...key, type: { kind: 'rsa', modulusBits: 512 } }] },
    },
    { why: 'a key that is null', content: { ...sample, keys: [null] } },
    { why: 'another kdf', content: { ...sample, passphrase: { ...passphrase, kdf: 'md5' } } },
    { why: 'cost 2^9', content: { ...sample, passphrase: { ...passphrase, cost: 2 ** 9 } } },
    { why: 'cost 2^21', content: { ...sample, passphrase: { ...passphrase, cost: 2 ** 21 } } },
    { why: 'cost 3000', content: { ...sample, passphrase: { ...passphrase, cost: 3000 } } },
    { why: 'r 4096', content: { ...sample, passphrase: { ...passphrase, blockSize: 4096 } } },
    { why: 'p 99', content: { ...sample, passphrase: { ...passphrase, parallelization: 99 } } },
  ];
  for (const { why, content } of refused) {
    it(`refuses ${why}, even under a right checksum`, () => {
      assert.throws(() => parseTokenDocument(withChecksum(content), 'token'), damaged);
    });
  }

  for (const cost of [2 ** 10, 2 ** 20]) {
    it(`takes cost ${cost}`, () => {
      const content = { ...sample, passphrase: { ...passphrase, cost } };
      assert.deepEqual(parseTokenDocument(withChecksum(content), 'token'), content);
    });
  }

  for (const text of ['', 'null', '[]', '1', '"x"', '{', '{}']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseTokenDocument(encodeUtf8(text), 'token'), damaged);
    });
  }
});
