/**
 * Signing and verifying digests against RFC 6979 and node:crypto.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { describe, it } from 'node:test';

import { formatHex } from '../../src/core/bytes.ts';
import type { Content } from '../../src/signing/content.ts';
import { openDigestVerifier } from '../../src/signing/digest-signature.ts';
import type { DigestName } from '../../src/signing/signer.ts';
import { openPrivateKey } from '../../src/signing/software/private-key.ts';
import { SeededRandom } from '../support/seeded-random.ts';

function hashOf(name: DigestName, message: string): Uint8Array {
  return createHash(name).update(message).digest();
}

/** Long content, of which the digest is left. */
function hashed(digestName: DigestName, digest: Uint8Array): Content {
  return { kind: 'hashed', digestName, digest, head: new Uint8Array(), lengthBytes: 100_000 };
}

interface Rfc6979Row {
  readonly curve: 'P-256' | 'P-384';
  readonly digest: DigestName;
  readonly message: string;
  readonly r: string;
  readonly s: string;
}

const rfc6979Keys = {
  'P-256': {
    d: 'C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721',
    x: '60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6',
    y: '7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299',
  },
  'P-384': {
    d: '6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5',
    x: 'EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13',
    y: '8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720',
  },
} as const;

// Appendices A.2.5 and A.2.6, the rows whose digest is the curve's own: with another digest the
// nonce here is still derived by the curve's digest, which is as good and not the RFC's.
const rfc6979Rows: readonly Rfc6979Row[] = [
  {
    curve: 'P-256',
    digest: 'sha256',
    message: 'sample',
    r: 'EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716',
    s: 'F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8',
  },
  {
    curve: 'P-256',
    digest: 'sha256',
    message: 'test',
    r: 'F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367',
    s: '019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083',
  },
  {
    curve: 'P-384',
    digest: 'sha384',
    message: 'sample',
    r: '94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46',
    s: '99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8',
  },
  {
    curve: 'P-384',
    digest: 'sha384',
    message: 'test',
    r: '8203B63D3C853E8D77227FB377BCF7B7B772E97892A80F36AB775D509D7A5FEB0542A7F0812998DA8F1DD3CA3CF023DB',
    s: 'DDD0760448D42D8A43AF45AF836FCE4DE8BE06B485E9B61B827C2F13173923E06A739F040649A667BF3B828246BAA5A5',
  },
];

function toBase64Url(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64url');
}

/** A DER INTEGER of an unsigned number. */
function integerHex(hex: string): string {
  const minimal = hex.replace(/^(00)+/, '');
  const body = Number.parseInt(minimal.slice(0, 2), 16) >= 0x80 ? `00${minimal}` : minimal;
  return `02${(body.length / 2).toString(16).padStart(2, '0')}${body}`;
}

describe('RFC 6979 appendix A.2', () => {
  for (const { curve, digest, message, r, s } of rfc6979Rows) {
    it(`${curve} ${digest} "${message}", as Ecdsa-Sig-Value of RFC 3279 §2.2.3`, async () => {
      const { d, x, y } = rfc6979Keys[curve];
      const jwk = {
        kty: 'EC',
        crv: curve,
        d: toBase64Url(d),
        x: toBase64Url(x),
        y: toBase64Url(y),
      };
      const pkcs8 = createPrivateKey({ key: jwk, format: 'jwk' }).export({
        format: 'der',
        type: 'pkcs8',
      });
      const key = openPrivateKey(pkcs8, new SeededRandom()) ?? assert.fail('no key');
      const algorithm = { scheme: 'ecdsa', digest } as const;
      const signature = await key.sign(algorithm, hashed(digest, hashOf(digest, message)));
      const body = `${integerHex(r)}${integerHex(s)}`.toLowerCase();
      assert.equal(formatHex(signature), `30${(body.length / 2).toString(16)}${body}`);
      const verifier = openDigestVerifier(key.spki) ?? assert.fail('no verifier');
      assert.ok(verifier.verify(algorithm, hashOf(digest, message), signature));
    });
  }
});

describe('openPrivateKey', () => {
  it('signs no more once it is forgotten', async () => {
    const pairs = [
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ];
    for (const { privateKey } of pairs) {
      const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
      const key = openPrivateKey(pkcs8, new SeededRandom()) ?? assert.fail('no key');
      const scheme = key.type.kind === 'rsa' ? 'rsa-pkcs1' : 'ecdsa';
      const contents = [
        hashed('sha256', new Uint8Array(32)),
        { kind: 'whole', bytes: new Uint8Array(8) } as const,
      ];
      for (const content of contents) {
        await key.sign({ scheme, digest: 'sha256' }, content);
      }
      key.forget();
      for (const content of contents) {
        await assert.rejects(key.sign({ scheme, digest: 'sha256' }, content), {
          code: 'SIGNING_NOT_ACTIVE',
        });
      }
    }
  });

  it('is undefined for keys certdir does not make, and for garbage', () => {
    const foreign = [
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('ed448'),
    ];
    for (const { privateKey, publicKey } of foreign) {
      const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
      assert.equal(openPrivateKey(pkcs8, new SeededRandom()), undefined);
      const spki = publicKey.export({ format: 'der', type: 'spki' });
      assert.equal(openDigestVerifier(spki), undefined);
    }
    assert.equal(openPrivateKey(Buffer.from('garbage'), new SeededRandom()), undefined);
    assert.equal(openDigestVerifier(Buffer.from('garbage')), undefined);
    assert.equal(openDigestVerifier(new Uint8Array()), undefined);
  });
});

describe('openDigestVerifier', () => {
  const message = Buffer.from('message');

  for (const curve of ['P-256', 'P-384'] as const) {
    it(`${curve}: accepts what node:crypto signed, S high or low, and no changed byte`, () => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
      const spki = publicKey.export({ format: 'der', type: 'spki' });
      const verifier = openDigestVerifier(spki) ?? assert.fail('no verifier');
      const algorithm = { scheme: 'ecdsa', digest: 'sha256' } as const;
      const digest = hashOf('sha256', 'message');
      for (let round = 0; round < 8; round += 1) {
        const signature = sign('sha256', message, privateKey);
        assert.ok(verifier.verify(algorithm, digest, signature));
        const changed = Uint8Array.from(signature);
        const position = round * 8;
        changed[position] = (changed[position] ?? 0) ^ 0x04;
        assert.ok(!verifier.verify(algorithm, digest, changed));
      }
      assert.ok(
        !verifier.verify({ ...algorithm, scheme: 'rsa-pkcs1' }, digest, new Uint8Array(64)),
      );
    });
  }

  it('RSA: refuses a scheme of EC, another length, a number not below the modulus', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    const verifier = openDigestVerifier(spki) ?? assert.fail('no verifier');
    const algorithm = { scheme: 'rsa-pkcs1', digest: 'sha256' } as const;
    const digest = hashOf('sha256', 'message');
    const signature = sign('sha256', message, privateKey);
    assert.ok(verifier.verify(algorithm, digest, signature));
    assert.ok(!verifier.verify({ ...algorithm, scheme: 'ecdsa' }, digest, signature));
    assert.ok(!verifier.verify({ ...algorithm, scheme: 'rsa-pss' }, digest, signature));
    assert.ok(!verifier.verify(algorithm, digest, signature.subarray(1)));
    assert.ok(!verifier.verify(algorithm, digest, new Uint8Array(256).fill(0xff)));
  });
});
