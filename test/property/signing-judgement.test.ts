/**
 * What the signer process looks at before it signs, and the files it reads: any bytes end in a judgement or in our error.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { ContentHash, gatherContent } from '../../src/signing/content.ts';
import { parseCustody } from '../../src/signing/custody/custody-document.ts';
import { SigningError } from '../../src/signing/errors.ts';
import { parseKeyRegister } from '../../src/signing/key-register.ts';
import { allCertificateKinds, assertUse } from '../../src/signing/key-use.ts';
import type { KeyDescription } from '../../src/signing/signer.ts';

const settings = { seed: 20260105, numRuns: 500 } as const;
const algorithm = { scheme: 'rsa-pkcs1', digest: 'sha256' } as const;
const key: KeyDescription = {
  label: 'k',
  type: { kind: 'rsa', modulusBits: 2048 },
  spki: new Uint8Array(8),
  purposes: ['certificate', 'crl', 'request'],
  use: { issuer: Uint8Array.of(0x30, 0), certificates: allCertificateKinds },
  createdMs: 0,
};

/** DER of any shape: elements within elements, with lengths that are sometimes wrong. */
const der: fc.Arbitrary<Uint8Array> = fc.letrec<{ element: Uint8Array; inner: Uint8Array }>(
  (tie) => ({
    element: fc
      .tuple(
        fc.constantFrom(0x30, 0x31, 0x02, 0x06, 0xa0, 0xa3, 0x17, 0x18, 0x04, 0x01, 0x81),
        fc.array(tie('inner'), { maxLength: 8 }),
        fc.integer({ min: -1, max: 1 }),
      )
      .map(([tag, parts, wrong]) => {
        const content = Buffer.concat(parts);
        return Buffer.concat([
          Buffer.of(tag, (content.length + (wrong === 1 ? 1 : 0)) & 0x7f),
          content,
        ]);
      }),
    inner: fc.oneof({ maxDepth: 5 }, fc.uint8Array({ maxLength: 12 }), tie('element')),
  }),
).element;

describe('any content', () => {
  for (const purpose of ['certificate', 'crl', 'request', 'ocsp', 'audit', 'tls'] as const) {
    it(`as ${purpose} is refused with SIGNING_USAGE_REFUSED, or is one`, () => {
      const property = fc.property(fc.oneof(der, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        const whole = { kind: 'whole', bytes } as const;
        const hash = new ContentHash('sha256');
        hash.update(bytes);
        for (const content of [whole, hash.finish()]) {
          try {
            assertUse(key, { purpose, algorithm, content });
          } catch (error) {
            assert.ok(error instanceof SigningError && error.code === 'SIGNING_USAGE_REFUSED');
          }
        }
      });
      fc.assert(property, settings);
    });
  }

  it('has one digest, however it is cut in pieces', () => {
    const property = fc.property(
      fc.array(fc.uint8Array({ maxLength: 90_000 }), { maxLength: 4 }),
      (pieces) => {
        const hash = new ContentHash('sha256');
        for (const piece of pieces) {
          hash.update(piece);
        }
        const joined = new ContentHash('sha256');
        joined.update(Buffer.concat(pieces));
        assert.deepEqual(hash.finish(), joined.finish());
        const gathered = gatherContent(pieces, algorithm);
        assert.equal(gathered.kind === 'whole', Buffer.concat(pieces).length <= 65_536);
      },
    );
    fc.assert(property, { ...settings, numRuns: 60 });
  });
});

describe('any file', () => {
  for (const [name, parse] of [
    ['key register', parseKeyRegister],
    ['custody', parseCustody],
  ] as const) {
    it(`as a ${name} ends in SIGNING_TOKEN_DAMAGED`, () => {
      const bytes = fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      );
      fc.assert(
        fc.property(bytes, (content) => {
          assert.throws(() => parse(content, 'file'), { code: 'SIGNING_TOKEN_DAMAGED' });
        }),
        settings,
      );
    });
  }
});
