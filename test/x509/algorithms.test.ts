import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  encodeBitString,
  encodeInteger,
  encodeNull,
  encodeOid,
  encodeSequence,
} from '../../src/asn1/der-writer.ts';
import { formatHex } from '../../src/core/bytes.ts';
import {
  encodeSignatureAlgorithm,
  parseForeignSignatureAlgorithm,
  parseSignatureAlgorithm,
  parseSubjectPublicKeyInfo,
  readPublicKeyBits,
} from '../../src/x509/algorithms.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { rsaSpki, sampleKey } from '../support/x509-samples.ts';

const refusal = (code: string): { name: string; code: string } => ({ name: 'X509Error', code });
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

describe('AlgorithmIdentifier', () => {
  // The bytes of OpenSSL 3.0 in certificates made with -sigopt and the digests named.
  const rows = [
    {
      algorithm: { scheme: 'rsa-pkcs1', digest: 'sha256' },
      der: '300d06092a864886f70d01010b0500',
    },
    {
      algorithm: { scheme: 'rsa-pkcs1', digest: 'sha384' },
      der: '300d06092a864886f70d01010c0500',
    },
    {
      algorithm: { scheme: 'rsa-pkcs1', digest: 'sha512' },
      der: '300d06092a864886f70d01010d0500',
    },
    { algorithm: { scheme: 'ecdsa', digest: 'sha256' }, der: '300a06082a8648ce3d040302' },
    { algorithm: { scheme: 'ecdsa', digest: 'sha384' }, der: '300a06082a8648ce3d040303' },
    { algorithm: { scheme: 'ecdsa', digest: 'sha512' }, der: '300a06082a8648ce3d040304' },
    {
      algorithm: { scheme: 'rsa-pss', digest: 'sha256' },
      der:
        '304106092a864886f70d01010a3034a00f300d06096086480165030402010500' +
        'a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120',
    },
    {
      algorithm: { scheme: 'rsa-pss', digest: 'sha384' },
      der:
        '304106092a864886f70d01010a3034a00f300d06096086480165030402020500' +
        'a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130',
    },
    {
      algorithm: { scheme: 'rsa-pss', digest: 'sha512' },
      der:
        '304106092a864886f70d01010a3034a00f300d06096086480165030402030500' +
        'a11c301a06092a864886f70d010108300d06096086480165030402030500a203020140',
    },
  ] as const;
  for (const { algorithm, der } of rows) {
    it(`${algorithm.scheme} with ${algorithm.digest}`, () => {
      assert.equal(formatHex(encodeSignatureAlgorithm(algorithm)), der);
      assert.deepEqual(parseSignatureAlgorithm(hex(der)), algorithm);
    });
  }

  it('RFC 4055 §5: RSA without its NULL is read', () => {
    const der = encodeSequence(encodeOid(Oid.sha256WithRsa));
    assert.deepEqual(parseSignatureAlgorithm(der), { scheme: 'rsa-pkcs1', digest: 'sha256' });
  });

  it('RFC 4055 §2.1: PSS with digests without their NULL is read', () => {
    const der = hex(
      '303d06092a864886f70d01010a3030a00d300b0609608648016503040201' +
        'a11a301806092a864886f70d010108300b0609608648016503040201a203020120',
    );
    assert.deepEqual(parseSignatureAlgorithm(der), { scheme: 'rsa-pss', digest: 'sha256' });
  });

  it('SHA-1 is read from others and refused otherwise', () => {
    const der = encodeSequence(encodeOid(Oid.sha1WithRsa), encodeNull());
    const sha1 = { scheme: 'rsa-pkcs1', digest: 'sha1' };
    assert.deepEqual(parseForeignSignatureAlgorithm(der), sha1);
    assert.throws(() => parseSignatureAlgorithm(der), refusal('X509_ALGORITHM'));
  });

  const refused = [
    { why: 'MD5', der: '300d06092a864886f70d0101040500' },
    { why: 'Ed25519', der: '300506032b6570' },
    { why: 'ECDSA with a NULL (RFC 5758 §3.2)', der: '300c06082a8648ce3d0403020500' },
    { why: 'RSA with other parameters', der: '300e06092a864886f70d01010b020100' },
    { why: 'PSS with its defaults, which are SHA-1', der: '300d06092a864886f70d01010a3000' },
    {
      why: 'PSS with a salt of another length',
      der:
        '304106092a864886f70d01010a3034a00f300d06096086480165030402010500' +
        'a11c301a06092a864886f70d010108300d06096086480165030402010500a203020114',
    },
    {
      why: 'PSS whose mask has another digest',
      der:
        '304106092a864886f70d01010a3034a00f300d06096086480165030402010500' +
        'a11c301a06092a864886f70d010108300d06096086480165030402020500a203020120',
    },
    { why: 'octets behind it', der: '300a06082a8648ce3d04030200' },
    { why: 'nothing', der: '' },
  ];
  for (const { why, der } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseForeignSignatureAlgorithm(hex(der)), refusal('X509_ALGORITHM'));
    });
  }
});

describe('SubjectPublicKeyInfo', () => {
  it('an RSA key', () => {
    const { spki, privateKey } = sampleKey('rsa-2048');
    const key = parseSubjectPublicKeyInfo(spki);
    assert.ok(key.kind === 'rsa');
    const n = Buffer.from(privateKey.export({ format: 'jwk' }).n ?? '', 'base64url');
    assert.equal(key.modulus, BigInt(`0x${n.toString('hex')}`));
    assert.equal(key.publicExponent, 65537n);
    assert.equal(key.modulusBits, 2048);
  });

  for (const { modulus, bits } of [
    { modulus: 1n, bits: 1 },
    { modulus: 2n ** 2047n - 1n, bits: 2047 },
    { modulus: 2n ** 2047n, bits: 2048 },
    { modulus: 2n ** 2048n - 1n, bits: 2048 },
    { modulus: 2n ** 2048n, bits: 2049 },
  ]) {
    it(`a modulus of ${bits} bits`, () => {
      const key = parseSubjectPublicKeyInfo(rsaSpki(modulus, 65537n));
      assert.equal(key.kind === 'rsa' && key.modulusBits, bits);
    });
  }

  for (const [type, curve] of [
    ['p256', 'P-256'],
    ['p384', 'P-384'],
  ] as const) {
    it(`a key on ${curve}`, () => {
      const { spki } = sampleKey(type);
      const key = parseSubjectPublicKeyInfo(spki);
      assert.ok(key.kind === 'ec');
      assert.equal(key.curve, curve);
      assert.deepEqual(key.point, readPublicKeyBits(spki));
      assert.deepEqual(key.point, spki.subarray(spki.length - key.point.length));
    });
  }

  it('another curve is named', () => {
    const key = parseSubjectPublicKeyInfo(sampleKey('p521').spki);
    assert.deepEqual(key, { kind: 'other', oid: '1.3.132.0.35' });
  });

  it('another key type is named', () => {
    const ed25519 = hex(`302a300506032b6570032100${'11'.repeat(32)}`);
    assert.deepEqual(parseSubjectPublicKeyInfo(ed25519), { kind: 'other', oid: '1.3.101.112' });
  });

  const good = rsaSpki(15n, 3n);
  const rsa = encodeOid(Oid.rsaEncryption);
  const ec = encodeOid(Oid.ecPublicKey);
  const key = encodeSequence(encodeInteger(15), encodeInteger(3));
  const refused = [
    { why: 'nothing', der: new Uint8Array(0) },
    { why: 'a negative modulus', der: rsaSpki(-15n, 3n) },
    { why: 'a modulus of zero', der: rsaSpki(0n, 3n) },
    { why: 'an exponent of zero', der: rsaSpki(15n, 0n) },
    {
      why: 'RSA without its NULL',
      der: encodeSequence(encodeSequence(rsa), encodeBitString(key)),
    },
    {
      why: 'something behind the exponent',
      der: encodeSequence(
        encodeSequence(rsa, encodeNull()),
        encodeBitString(encodeSequence(encodeInteger(15), encodeInteger(3), encodeInteger(5))),
      ),
    },
    {
      why: 'a key that is not a whole number of octets',
      der: encodeSequence(
        encodeSequence(ec, encodeOid(Oid.curveP256)),
        encodeBitString(Uint8Array.of(8), 3),
      ),
    },
    {
      why: 'explicit EC parameters',
      der: encodeSequence(encodeSequence(ec, encodeSequence()), encodeBitString(key)),
    },
    {
      why: 'EC without parameters',
      der: encodeSequence(encodeSequence(ec), encodeBitString(key)),
    },
    { why: 'octets behind it', der: Uint8Array.of(...good, 0) },
  ];
  it('takes the key that the refused ones differ from', () => {
    assert.equal(parseSubjectPublicKeyInfo(good).kind, 'rsa');
  });
  for (const { why, der } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseSubjectPublicKeyInfo(der), refusal('X509_PUBLIC_KEY'));
    });
  }
});
