import assert from 'node:assert/strict';
import { checkPrimeSync, createPublicKey, generatePrimeSync } from 'node:crypto';
import { describe, it } from 'node:test';

import { encodeBitString, encodeOid, encodeSequence } from '../../src/asn1/der-writer.ts';
import { readPublicKeyBits } from '../../src/x509/algorithms.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { assessPublicKey, keyWeaknessText } from '../../src/x509/key-strength.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import {
  caCertificateFiles,
  readFixture,
  rsaSpki,
  type SampleKeyType,
  sampleKey,
} from '../support/x509-samples.ts';

/** A modulus of `bits` bits made of two primes far apart. */
function soundModulus(bits: number): bigint {
  const options = { bigint: true } as const;
  for (;;) {
    const half = bits / 2;
    const p = generatePrimeSync(half, options);
    const q = generatePrimeSync(bits - half, options);
    const modulus = p * q;
    if (modulus.toString(2).length === bits) {
      return modulus;
    }
  }
}

/** The first prime above `start`. */
function nextPrime(start: bigint): bigint {
  let candidate = start + 1n + (start & 1n);
  while (!checkPrimeSync(candidate)) {
    candidate += 2n;
  }
  return candidate;
}

/** The product of the primes up to 701, as the library of CVE-2017-15361 used for RSA-2048. */
function rocaPrimorial(): bigint {
  let product = 1n;
  for (let candidate = 2n; candidate <= 701n; candidate += 1n) {
    product *= checkPrimeSync(candidate) ? candidate : 1n;
  }
  return product;
}

function powerModulo(base: bigint, exponent: number, modulus: bigint): bigint {
  let result = 1n;
  for (let count = 0; count < exponent; count += 1) {
    result = (result * base) % modulus;
  }
  return result;
}

describe('assessPublicKey: good keys', () => {
  for (const type of ['rsa-2048', 'p256', 'p384'] as const) {
    it(type, () => {
      assert.deepEqual(assessPublicKey(sampleKey(type).spki), []);
    });
  }
  for (const file of caCertificateFiles) {
    it(`the key of ${file}`, () => {
      assert.deepEqual(assessPublicKey(parseCertificate(readFixture(`ca-certs/${file}`)).spki), []);
    });
  }
});

describe('assessPublicKey: RSA', () => {
  const modulus = soundModulus(2048);
  const two = 2n ** 1024n;

  const rows: readonly {
    readonly why: string;
    readonly modulus: bigint;
    readonly exponent?: bigint;
    readonly weaknesses: readonly string[];
  }[] = [
    { why: 'a sound modulus', modulus, weaknesses: [] },
    { why: '2047 bits', modulus: 2n ** 2047n - 9n, weaknesses: ['rsa-modulus-short'] },
    { why: '1024 bits', modulus: soundModulus(1024), weaknesses: ['rsa-modulus-short'] },
    { why: 'e = 1', modulus, exponent: 1n, weaknesses: ['rsa-exponent'] },
    { why: 'e = 3', modulus, exponent: 3n, weaknesses: ['rsa-exponent'] },
    { why: 'e = 65536', modulus, exponent: 65536n, weaknesses: ['rsa-exponent'] },
    { why: 'e = 65539', modulus, exponent: 65539n, weaknesses: ['rsa-exponent'] },
    { why: 'an even modulus', modulus: modulus + 1n, weaknesses: ['rsa-small-factor'] },
    {
      why: 'a factor of 3',
      modulus: 3n * nextPrime(2n ** 2046n),
      weaknesses: ['rsa-small-factor'],
    },
    {
      why: 'a factor of 4093, the last that is looked for',
      modulus: 4093n * nextPrime(2n ** 2036n),
      weaknesses: ['rsa-small-factor'],
    },
    { why: 'more than 8192 bits', modulus: 2n ** 8192n + 1n, weaknesses: ['rsa-modulus-long'] },
  ];
  for (const { why, modulus: n, exponent = 65537n, weaknesses } of rows) {
    it(why, () => {
      const found = assessPublicKey(rsaSpki(n, exponent));
      // A number that is no product of two primes may have further weaknesses by chance.
      assert.deepEqual(
        found.filter((weakness) => why !== '2047 bits' || weakness === 'rsa-modulus-short'),
        weaknesses,
      );
    });
  }

  const p = nextPrime(two + 12_345n);
  const close = [
    { why: 'equal primes', q: p },
    { why: 'neighbouring primes', q: nextPrime(p) },
    { why: 'primes that agree in their upper half', q: nextPrime(p + 2n ** 510n) },
    { why: 'primes that take 91 steps to find', q: nextPrime(p + 27n * 2n ** 512n) },
  ];
  for (const { why, q } of close) {
    it(why, () => {
      assert.deepEqual(assessPublicKey(rsaSpki(p * q, 65537n)), ['rsa-close-primes']);
    });
  }

  for (const { why, q } of [
    { why: 'primes that would take 112 steps', q: nextPrime(p + 30n * 2n ** 512n) },
    { why: 'primes that agree in their upper fifth', q: nextPrime(p + 2n ** 800n) },
  ]) {
    it(`${why} pass`, () => {
      assert.deepEqual(assessPublicKey(rsaSpki(p * q, 65537n)), []);
    });
  }

  it('ROCA: both primes are k * M + (65537^a mod M)', () => {
    const primorial = rocaPrimorial();
    const prime = (exponent: number): bigint => {
      const rest = powerModulo(65537n, exponent, primorial);
      let factor = two / primorial + BigInt(exponent) * 1_000_003n;
      while (!checkPrimeSync(factor * primorial + rest)) {
        factor += 1n;
      }
      return factor * primorial + rest;
    };
    const found = assessPublicKey(rsaSpki(prime(1234) * prime(987_654), 65537n));
    assert.ok(found.includes('rsa-roca'));
  });

  it('an odd modulus with e = 3 of 1024 bits has each weakness named', () => {
    const found = assessPublicKey(sampleKey('rsa-2048-e3').spki);
    assert.deepEqual(found, ['rsa-exponent']);
    assert.deepEqual(assessPublicKey(rsaSpki(15n, 3n)).slice(0, 3), [
      'rsa-modulus-short',
      'rsa-exponent',
      'rsa-small-factor',
    ]);
  });

  it('tells each weakness in words', () => {
    for (const text of Object.values(keyWeaknessText)) {
      assert.ok(text.length > 20);
    }
  });
});

describe('assessPublicKey: EC', () => {
  const curveOid = { p256: Oid.curveP256, p384: Oid.curveP384 } as const;
  const spkiOf = (type: keyof typeof curveOid, point: Uint8Array): Uint8Array =>
    encodeSequence(
      encodeSequence(encodeOid(Oid.ecPublicKey), encodeOid(curveOid[type])),
      encodeBitString(point),
    );

  for (const type of ['p256', 'p384'] as const) {
    const point = readPublicKeyBits(sampleKey(type).spki);
    const octets = (point.length - 1) / 2;
    const changed = Uint8Array.from(point);
    changed[octets] = (changed[octets] ?? 0) ^ 1;
    const rows: readonly { why: string; point: Uint8Array; weaknesses: readonly string[] }[] = [
      { why: 'the point itself', point, weaknesses: [] },
      { why: 'another x', point: changed, weaknesses: ['ec-point-not-on-curve'] },
      {
        why: 'zero',
        point: Uint8Array.of(4, ...new Uint8Array(2 * octets)),
        weaknesses: ['ec-point-not-on-curve'],
      },
      {
        why: 'coordinates beyond the field',
        point: Uint8Array.of(4, ...new Uint8Array(2 * octets).fill(0xff)),
        weaknesses: ['ec-point-not-on-curve'],
      },
      {
        why: 'the point at infinity',
        point: Uint8Array.of(0),
        weaknesses: ['ec-point-encoding'],
      },
      {
        why: 'the compressed form',
        point: Uint8Array.of(2, ...point.subarray(1, 1 + octets)),
        weaknesses: ['ec-point-encoding'],
      },
      {
        why: 'the hybrid form',
        point: Uint8Array.of(6, ...point.subarray(1)),
        weaknesses: ['ec-point-encoding'],
      },
      { why: 'an octet too few', point: point.subarray(0, -1), weaknesses: ['ec-point-encoding'] },
      { why: 'nothing', point: new Uint8Array(0), weaknesses: ['ec-point-encoding'] },
    ];
    for (const row of rows) {
      it(`${type}: ${row.why}`, () => {
        assert.deepEqual(assessPublicKey(spkiOf(type, row.point)), row.weaknesses);
      });
    }

    it(`${type}: agrees with node:crypto on the point that is not on the curve`, () => {
      const key = Buffer.from(spkiOf(type, changed));
      assert.throws(() => createPublicKey({ key, format: 'der', type: 'spki' }));
    });
  }

  it('p256: a coordinate that is not reduced, although the point is on the curve', () => {
    const prime = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
    const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
    const power = (base: bigint, exponent: bigint): bigint => {
      let result = 1n;
      for (const bit of exponent.toString(2)) {
        result = (result * result * (bit === '1' ? base : 1n)) % prime;
      }
      return result;
    };
    // The prime is 3 modulo 4, so this is a square root where there is one.
    const roots = [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n].map((x) => {
      const square = x ** 3n - 3n * x + b;
      const y = power(square % prime, (prime + 1n) / 4n);
      return { x, y, isOnCurve: (y * y - square) % prime === 0n };
    });
    const found = roots.find(({ isOnCurve }) => isOnCurve);
    assert.ok(found !== undefined);
    const spki = (x: bigint): Uint8Array => {
      const coordinates = [x, found.y].map((value) => value.toString(16).padStart(64, '0'));
      return spkiOf('p256', Buffer.from(`04${coordinates.join('')}`, 'hex'));
    };
    assert.deepEqual(assessPublicKey(spki(found.x)), []);
    assert.deepEqual(assessPublicKey(spki(found.x + prime)), ['ec-point-not-on-curve']);
  });

  const unsupported: readonly SampleKeyType[] = ['p521'];
  for (const type of unsupported) {
    it(`${type} is not supported`, () => {
      assert.deepEqual(assessPublicKey(sampleKey(type).spki), ['key-type-unsupported']);
    });
  }

  it('Ed25519 is not supported', () => {
    const spki = Buffer.from(`302a300506032b6570032100${'11'.repeat(32)}`, 'hex');
    assert.deepEqual(assessPublicKey(spki), ['key-type-unsupported']);
  });
});
