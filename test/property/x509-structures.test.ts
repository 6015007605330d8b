import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { concatBytes } from '../../src/core/bytes.ts';
import {
  parseForeignSignatureAlgorithm,
  parseSubjectPublicKeyInfo,
} from '../../src/x509/algorithms.ts';
import { buildSubjectAltName, parseAlternativeNames } from '../../src/x509/alternative-name.ts';
import { parseBasicConstraints } from '../../src/x509/basic-constraints.ts';
import {
  assembleSigned,
  type Certificate,
  maxSerialNumber,
  parseCertificate,
} from '../../src/x509/certificate.ts';
import {
  type CertificateList,
  encodeRevokedEntry,
  findRevokedEntry,
  parseCertificateList,
} from '../../src/x509/certificate-list.ts';
import { encodeCertificatePair, parseCertificatePair } from '../../src/x509/certificate-pair.ts';
import { parseCertificatePolicies } from '../../src/x509/certificate-policies.ts';
import { parseCrlNumber, parseReasonCode } from '../../src/x509/crl-extensions.ts';
import { type CertificationRequest, parseCertificationRequest } from '../../src/x509/csr.ts';
import {
  buildIssuingDistributionPoint,
  parseCrlDistributionPoints,
  parseIssuingDistributionPoint,
} from '../../src/x509/distribution-point.ts';
import { X509Error } from '../../src/x509/errors.ts';
import { type Extension, encodeExtensions, parseExtensions } from '../../src/x509/extensions.ts';
import { buildJpkiOtherNames } from '../../src/x509/jpki-other-name.ts';
import {
  buildAuthorityKeyIdentifier,
  parseAuthorityKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import { assessPublicKey } from '../../src/x509/key-strength.ts';
import { parseExtendedKeyUsage, parseKeyUsage } from '../../src/x509/key-usage.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { buildNameConstraints, parseNameConstraints } from '../../src/x509/name-constraints.ts';
import { decodePem, decodePemBlocks, encodePem } from '../../src/x509/pem.ts';
import {
  buildPolicyConstraints,
  parseInhibitAnyPolicy,
  parsePolicyConstraints,
} from '../../src/x509/policy-constraints.ts';
import { buildPolicyMappings, parsePolicyMappings } from '../../src/x509/policy-mappings.ts';
import {
  buildPrivateKeyUsagePeriod,
  parsePrivateKeyUsagePeriod,
} from '../../src/x509/private-key-usage-period.ts';
import { isProductOfClosePrimes } from '../../src/x509/rsa-weakness.ts';
import {
  readFixture,
  sampleCertificate,
  sampleEntries,
  sampleKey,
  sampleList,
  sampleRequest,
} from '../support/x509-samples.ts';

const seed = 20260105;

/** Runs a parser; anything but a value or an X509Error fails the property. */
function endsOnlyInOurError(run: () => void): void {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof X509Error, `${error}`);
  }
}

/** What damage, error or malice do to bytes. */
interface Blow {
  readonly kind: 'change' | 'drop' | 'repeat' | 'insert' | 'cut';
  readonly at: number;
  readonly length: number;
  readonly byte: number;
}

const damage: fc.Arbitrary<Blow> = fc.record({
  kind: fc.constantFrom('change', 'drop', 'repeat', 'insert', 'cut'),
  at: fc.nat(),
  length: fc.integer({ min: 1, max: 4 }),
  byte: fc.oneof(
    fc.constantFrom(0x00, 0x01, 0x02, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xa0, 0xff),
    fc.integer({ min: 0, max: 255 }),
  ),
});

function damaged(der: Uint8Array, blows: readonly Blow[]): Uint8Array {
  let bytes = der;
  for (const { kind, at, length, byte } of blows) {
    const position = bytes.length === 0 ? 0 : at % bytes.length;
    const before = bytes.subarray(0, position);
    const part = bytes.subarray(position, position + length);
    const behind = bytes.subarray(position + length);
    switch (kind) {
      case 'change':
        bytes = concatBytes(before, Uint8Array.of(byte), bytes.subarray(position + 1));
        break;
      case 'drop':
        bytes = concatBytes(before, behind);
        break;
      case 'repeat':
        bytes = concatBytes(before, part, part, behind);
        break;
      case 'insert':
        bytes = concatBytes(before, new Uint8Array(length).fill(byte), part, behind);
        break;
      case 'cut':
        bytes = before;
        break;
    }
  }
  return bytes;
}

const key = sampleKey('p256');
const crossName = nameFromText('CN=other');
const certificate = sampleCertificate(key, {
  issuer: crossName,
  extensions: [
    buildSubjectAltName(
      buildJpkiOtherNames({
        commonName: '群馬\u3000花子',
        dateOfBirth: '419900215',
        gender: '2',
        address: '群馬県前橋市',
        substituteCharacterOfCommonName: '00000',
        substituteCharacterOfAddress: '000000',
      }),
    ),
    buildAuthorityKeyIdentifier({
      issuer: [{ kind: 'directoryName', name: crossName }],
      serialNumber: 5n,
    }),
    buildPrivateKeyUsagePeriod({ notBeforeMs: 0, notAfterMs: Date.UTC(2030, 0) }),
    buildNameConstraints({
      permitted: [{ base: { kind: 'directoryName', name: crossName }, maximum: 2 }],
      excluded: [{ base: { kind: 'dnsName', text: 'a' } }],
    }),
    buildPolicyMappings([{ issuerDomain: '1.2.3', subjectDomain: '1.2.4' }]),
    buildPolicyConstraints({ requireExplicitPolicy: 0, inhibitPolicyMapping: 128 }),
  ],
});
const list = sampleList(key, sampleEntries(5), {
  extensions: [buildIssuingDistributionPoint({ onlyContains: 'user' })],
});

/** Reads every extension that we have a parser for. */
const extensionParsers = [
  parseNameConstraints,
  parsePolicyMappings,
  parsePolicyConstraints,
  parseInhibitAnyPolicy,
  parsePrivateKeyUsagePeriod,
  parseAlternativeNames,
  parseAuthorityKeyIdentifier,
  parseBasicConstraints,
  parseCertificatePolicies,
  parseCrlDistributionPoints,
  parseCrlNumber,
  parseExtendedKeyUsage,
  parseIssuingDistributionPoint,
  parseKeyUsage,
  parseReasonCode,
] as const;

/** What was taken apart must be the whole of what came in, each byte of it in one place. */
function isWhole(
  der: Uint8Array,
  {
    tbs,
    signatureAlgorithm,
    signature,
  }: Pick<Certificate, 'tbs' | 'signatureAlgorithm' | 'signature'>,
): void {
  assert.deepEqual(assembleSigned(tbs, signatureAlgorithm, signature), Uint8Array.from(der));
}

function checkRequest(der: Uint8Array, request: CertificationRequest): void {
  isWhole(der, { ...request, tbs: request.info });
}

function checkList(der: Uint8Array, parsed: CertificateList): void {
  isWhole(der, parsed);
  const entries = [...parsed.entries()];
  assert.equal(entries.length, parsed.entryCount);
  assert.deepEqual(
    concatBytes(...entries.map(({ raw }) => raw)),
    Uint8Array.from(parsed.entryBytes),
  );
}

const targets: readonly {
  readonly what: string;
  readonly sample: Uint8Array;
  readonly run: (der: Uint8Array) => void;
}[] = [
  {
    what: 'a certificate',
    sample: certificate,
    run: (der) => isWhole(der, parseCertificate(der)),
  },
  {
    what: 'a real certificate',
    sample: readFixture('ca-certs/00_BCA.cer'),
    run: (der) => isWhole(der, parseCertificate(der)),
  },
  {
    what: 'a CRL',
    sample: list,
    run: (der) => checkList(der, parseCertificateList(der)),
  },
  {
    what: 'a real CRL',
    sample: readFixture('crls/dhs-ca4-crl1251.crl'),
    run: (der) => checkList(der, parseCertificateList(der)),
  },
  {
    what: 'a certificate pair',
    sample: encodeCertificatePair({ issuedToThisCa: parseCertificate(certificate) }),
    run: (der) =>
      assert.deepEqual(encodeCertificatePair(parseCertificatePair(der)), Uint8Array.from(der)),
  },
  {
    what: 'a certification request',
    sample: sampleRequest(key, {
      extensionRequest: [buildSubjectAltName([{ kind: 'dnsName', text: 'a' }])],
    }),
    run: (der) => checkRequest(der, parseCertificationRequest(der)),
  },
  {
    what: 'an RSA key',
    sample: sampleKey('rsa-2048').spki,
    run: (der) => void assessPublicKey(der),
  },
  { what: 'an EC key', sample: key.spki, run: (der) => void parseSubjectPublicKeyInfo(der) },
  {
    what: 'an AlgorithmIdentifier',
    sample: parseCertificate(certificate).signatureAlgorithm,
    run: (der) => void parseForeignSignatureAlgorithm(der),
  },
];

describe('structures with damage, property', () => {
  for (const { what, sample, run } of targets) {
    it(`${what} ends whole or in our error`, () => {
      fc.assert(
        fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (blows) =>
          endsOnlyInOurError(() => run(damaged(sample, blows))),
        ),
        { seed, numRuns: 1500 },
      );
    });

    it(`any bytes in place of ${what} end in our error`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) =>
          endsOnlyInOurError(() => run(bytes)),
        ),
        { seed, numRuns: 500 },
      );
    });
  }

  it('extension values of one kind, damaged, read as every other', () => {
    const values = [
      ...parseCertificate(certificate).extensions,
      ...parseCertificateList(list).extensions,
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...values),
        fc.array(damage, { maxLength: 2 }),
        fc.constantFrom(...extensionParsers),
        ({ value }, blows, parse) => endsOnlyInOurError(() => void parse(damaged(value, blows))),
      ),
      { seed, numRuns: 5000 },
    );
  });
});

describe('extensions and entries, property', () => {
  const plain = { noNullPrototype: true } as const;
  const oids = ['2.5.29.19', '2.5.29.15', '1.2.3', '2.999.1', '1.3.6.1.4.1.311.21.4'];
  const extension: fc.Arbitrary<Extension> = fc.record(
    {
      oid: fc.constantFrom(...oids),
      critical: fc.boolean(),
      value: fc.uint8Array({ maxLength: 300 }),
    },
    plain,
  );
  const extensions = fc.uniqueArray(extension, { minLength: 1, selector: ({ oid }) => oid });

  it('a list of extensions is read as it was written', () => {
    fc.assert(
      fc.property(extensions, (written) => {
        assert.deepEqual(parseExtensions(encodeExtensions(written)), written);
      }),
      { seed, numRuns: 300 },
    );
  });

  it('entries of a CRL are read as they were written', () => {
    const entry = fc.record(
      {
        serialNumber: fc.bigInt({ min: 1n, max: maxSerialNumber }),
        revokedMs: fc.integer({ min: 0, max: 253_402_300_799 }).map((seconds) => seconds * 1000),
        reason: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 8, 9, 10),
      },
      plain,
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (written) => {
        const der = sampleList(key, concatBytes(...written.map(encodeRevokedEntry)));
        const parsed = parseCertificateList(der);
        const read = [...parsed.entries()].map(({ serialNumber, revocationMs, reason = 0 }) => ({
          serialNumber,
          revokedMs: revocationMs,
          reason,
        }));
        assert.deepEqual(read, written);
        for (const { serialNumber } of written) {
          assert.equal(findRevokedEntry(parsed, serialNumber)?.serialNumber, serialNumber);
        }
      }),
      { seed, numRuns: 100 },
    );
  });
});

describe('PEM, property', () => {
  it('bytes come back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
        assert.deepEqual(decodePem(encodePem('X509 CRL', bytes)), bytes);
      }),
      { seed, numRuns: 300 },
    );
  });

  it('any text ends in blocks or in our error', () => {
    const piece = fc.constantFrom(
      '-----BEGIN A-----',
      '-----END A-----',
      '-----BEGIN A B-----',
      '-----',
      'AAAA',
      '=',
      '\n',
      ' ',
      ':',
    );
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, (input) => endsOnlyInOurError(() => void decodePemBlocks(input))),
      { seed, numRuns: 3000 },
    );
  });
});

describe('close factors, property', () => {
  it('odd numbers less than 2^20 apart are found, whatever they are', () => {
    const base = fc.bigInt({ min: 2n ** 200n, max: 2n ** 210n });
    const distance = fc.bigInt({ min: 0n, max: 2n ** 19n });
    fc.assert(
      fc.property(base, distance, (start, half) => {
        const odd = start | 1n;
        assert.ok(isProductOfClosePrimes(odd * (odd + 2n * half)));
      }),
      { seed, numRuns: 200 },
    );
  });
});
