/**
 * What comes to signing from outside: token files and replies of the signer process.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { SigningError } from '../../src/signing/errors.ts';
import { parseReply, resultReaders } from '../../src/signing/process/signer-protocol.ts';
import {
  formatTokenDocument,
  parseTokenDocument,
  type StoredKey,
  type TokenDocument,
} from '../../src/signing/software/token-document.ts';

const settings = { seed: 20260105, numRuns: 400 } as const;

const base64 = fc
  .uint8Array({ maxLength: 64 })
  .map((bytes) => Buffer.from(bytes).toString('base64'));
const plain = { noNullPrototype: true } as const;
const storedKey: fc.Arbitrary<StoredKey> = fc.record(
  {
    label: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 ._:/@+-]{0,20}$/),
    type: fc.constantFrom(
      { kind: 'rsa', modulusBits: 2048 } as const,
      { kind: 'rsa', modulusBits: 4096 } as const,
      { kind: 'ec', curve: 'P-256' } as const,
    ),
    purposes: fc.constantFrom(['crl'] as const, ['certificate', 'crl'] as const, ['tls'] as const),
    createdMs: fc.maxSafeNat(),
    spki: base64,
    sealed: base64,
  },
  plain,
);
const tokenDocument: fc.Arbitrary<TokenDocument> = fc.record(
  {
    format: fc.constant('certdir software token'),
    version: fc.constant(1),
    createdMs: fc.maxSafeNat(),
    passphrase: fc.record(
      {
        kdf: fc.constant('scrypt'),
        cost: fc.constantFrom(2 ** 10, 2 ** 17, 2 ** 20),
        blockSize: fc.constant(8),
        parallelization: fc.constant(1),
        salt: base64,
      },
      plain,
    ),
    wrappedKey: base64,
    keys: fc.uniqueArray(storedKey, { selector: (key) => key.label, maxLength: 5 }),
    keysTag: base64,
  },
  plain,
);

describe('token documents', () => {
  it('parse(format(x)) = x', () => {
    fc.assert(
      fc.property(tokenDocument, (document) => {
        assert.deepEqual(parseTokenDocument(formatTokenDocument(document), 'file'), document);
      }),
      settings,
    );
  });

  it('any replaced stretch is noticed', () => {
    fc.assert(
      fc.property(
        tokenDocument,
        fc.nat(),
        fc.uint8Array({ maxLength: 8 }),
        (document, at, patch) => {
          const bytes = formatTokenDocument(document);
          const changed = Buffer.from(bytes);
          changed.set(patch.subarray(0, bytes.length), at % Math.max(1, bytes.length - 8));
          fc.pre(Buffer.compare(changed, bytes) !== 0);
          assert.throws(() => parseTokenDocument(changed, 'file'), {
            code: 'SIGNING_TOKEN_DAMAGED',
          });
        },
      ),
      settings,
    );
  });

  it('arbitrary bytes and JSON end only in SigningError', () => {
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(input, (bytes) => {
        assert.throws(() => parseTokenDocument(bytes, 'file'), SigningError);
      }),
      settings,
    );
  });
});

describe('replies', () => {
  it('arbitrary messages are a reply or undefined, and never throw', () => {
    const message = fc.oneof(
      fc.anything(),
      fc.record({ id: fc.nat(), isOk: fc.boolean(), value: fc.anything(), code: fc.anything() }),
    );
    fc.assert(
      fc.property(message, (sent) => {
        const reply = parseReply(sent);
        assert.ok(reply === undefined || typeof reply.id === 'number');
      }),
      settings,
    );
  });

  it('arbitrary results are what they should be or undefined, and never throw', () => {
    fc.assert(
      fc.property(fc.anything({ withTypedArray: true, withBigInt: true }), (value) => {
        const read = resultReaders.sign(value);
        assert.equal(read !== undefined, value instanceof Uint8Array);
        for (const reader of Object.values(resultReaders)) {
          reader(value);
        }
      }),
      settings,
    );
  });
});
