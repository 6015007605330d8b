import assert from 'node:assert/strict';
import { constants, sign } from 'node:crypto';
import { describe, it } from 'node:test';

import { DerReader } from '../../src/asn1/der-reader.ts';
import { encodeBitString, encodeSequence } from '../../src/asn1/der-writer.ts';
import { concatBytes, encodeUtf8 } from '../../src/core/bytes.ts';
import { readPublicKeyBits, type SignatureAlgorithmLike } from '../../src/x509/algorithms.ts';
import {
  importPublicKey,
  importVerifyingKey,
  verifyBeside,
  verifySignature,
} from '../../src/x509/verify-signature.ts';
import { sampleKey, signSample } from '../support/x509-samples.ts';

const message = encodeUtf8('what was signed');
const keyFor = (scheme: SignatureAlgorithmLike['scheme']): ReturnType<typeof sampleKey> =>
  sampleKey(scheme === 'ecdsa' ? 'p384' : 'rsa-2048');

/** What both ways of verifying say, which must be the same. */
async function verifyBoth(
  signed: Parameters<typeof verifySignature>[0] & { readonly message: Uint8Array },
): Promise<boolean> {
  const isRight = verifySignature(signed);
  assert.equal(await verifyBeside(importVerifyingKey(signed.spki), signed), isRight);
  return isRight;
}

describe('verifySignature and verifyBeside', () => {
  for (const scheme of ['rsa-pkcs1', 'rsa-pss', 'ecdsa'] as const) {
    for (const digest of ['sha256', 'sha384', 'sha512'] as const) {
      const algorithm = { scheme, digest };
      const { spki } = keyFor(scheme);
      const signature = signSample(keyFor(scheme), message, algorithm);

      it(`${scheme} with ${digest}`, async () => {
        assert.ok(await verifyBoth({ spki, algorithm, message, signature }));
        const pieces = [message.subarray(0, 4), new Uint8Array(0), message.subarray(4)];
        assert.ok(verifySignature({ spki, algorithm, message: pieces, signature }));
      });

      it(`${scheme} with ${digest}: refuses what is wrong`, async () => {
        const changed = Uint8Array.from(signature);
        const last = changed.length - 1;
        changed[last] = (changed[last] ?? 0) ^ 1;
        const wrong = [
          { message: encodeUtf8('what was not signed') },
          { signature: changed },
          { signature: signature.subarray(0, -1) },
          { signature: Uint8Array.of(...signature, 0) },
          { signature: new Uint8Array(0) },
          { signature: new Uint8Array(signature.length) },
          { algorithm: { scheme, digest: digest === 'sha256' ? 'sha384' : 'sha256' } as const },
          { spki: sampleKey(scheme === 'ecdsa' ? 'p384' : 'rsa-2048', 'other').spki },
          { spki: keyFor(scheme === 'ecdsa' ? 'rsa-pkcs1' : 'ecdsa').spki },
        ];
        for (const change of wrong) {
          assert.equal(await verifyBoth({ spki, algorithm, message, signature, ...change }), false);
        }
      });
    }
  }

  it('PKCS#1 v1.5 and PSS are not taken for each other', async () => {
    const key = sampleKey('rsa-2048');
    const digest = 'sha256';
    for (const [signed, read] of [
      ['rsa-pkcs1', 'rsa-pss'],
      ['rsa-pss', 'rsa-pkcs1'],
    ] as const) {
      const signature = signSample(key, message, { scheme: signed, digest });
      const algorithm = { scheme: read, digest } as const;
      assert.equal(await verifyBoth({ spki: key.spki, algorithm, message, signature }), false);
    }
  });

  it('an RSA signature is not taken for an ECDSA one', async () => {
    const key = sampleKey('rsa-2048');
    const signature = signSample(key, message, { scheme: 'rsa-pkcs1', digest: 'sha256' });
    const algorithm = { scheme: 'ecdsa', digest: 'sha256' } as const;
    assert.equal(await verifyBoth({ spki: key.spki, algorithm, message, signature }), false);
  });

  it('PSS with a salt of another length than the digest is refused', async () => {
    const { spki, privateKey } = sampleKey('rsa-2048');
    const algorithm = { scheme: 'rsa-pss', digest: 'sha256' } as const;
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    for (const saltLength of [0, 20, 31, 32, 33]) {
      const signature = sign('sha256', message, { key: privateKey, padding, saltLength });
      const isRight = await verifyBoth({ spki, algorithm, message, signature });
      assert.equal(isRight, saltLength === 32);
    }
  });

  it('a key of another kind is an error', () => {
    const { spki } = sampleKey('p521');
    const algorithm = { scheme: 'ecdsa', digest: 'sha512' } as const;
    const signature = new Uint8Array(10);
    assert.throws(() => verifySignature({ spki, algorithm, message, signature }), {
      name: 'X509Error',
      code: 'X509_PUBLIC_KEY',
    });
  });

  it('a key whose point is compressed verifies the same', async () => {
    const key = sampleKey('p256');
    const algorithm = { scheme: 'ecdsa', digest: 'sha256' } as const;
    const signature = signSample(key, message, algorithm);
    const point = readPublicKeyBits(key.spki);
    const isOdd = ((point.at(-1) ?? 0) & 1) === 1;
    const compressed = concatBytes(Uint8Array.of(isOdd ? 3 : 2), point.subarray(1, 33));
    const identifier = new DerReader(key.spki).readConstructed().readElement().raw;
    const spki = encodeSequence(identifier, encodeBitString(compressed));
    assert.ok(await verifyBoth({ spki, algorithm, message, signature }));
  });

  it('a point that is not on its curve is an error', () => {
    const spki = Uint8Array.from(sampleKey('p256').spki);
    const last = spki.length - 1;
    spki[last] = (spki[last] ?? 0) ^ 1;
    assert.throws(() => importPublicKey(spki), { name: 'X509Error', code: 'X509_PUBLIC_KEY' });
  });
});
