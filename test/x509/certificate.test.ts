import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Certificate as PkijsCertificate } from 'pkijs';

import {
  encodeBitString,
  encodeElement,
  encodeExplicit,
  encodeInteger,
  encodeSequence,
  encodeTime,
} from '../../src/asn1/der-writer.ts';
import { contextTag } from '../../src/asn1/tags.ts';
import { formatHex } from '../../src/core/bytes.ts';
import {
  encodeSignatureAlgorithm,
  parseForeignSignatureAlgorithm,
} from '../../src/x509/algorithms.ts';
import { buildBasicConstraints } from '../../src/x509/basic-constraints.ts';
import {
  assembleSigned,
  encodeTbsCertificate,
  maxSerialNumber,
  parseCertificate,
  readCertificateExtension,
  type TbsCertificate,
} from '../../src/x509/certificate.ts';
import { encodeExtensions } from '../../src/x509/extensions.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { verifySignature } from '../../src/x509/verify-signature.ts';
import {
  caCertificateFiles,
  readFixture,
  sampleCertificate,
  sampleKey,
  sampleTimes,
} from '../support/x509-samples.ts';

const refusal = (code: string): { name: string; code: string } => ({ name: 'X509Error', code });

describe('parseCertificate of real certificates', () => {
  const facts: Readonly<
    Record<
      (typeof caCertificateFiles)[number],
      { serial: bigint; notBefore: string; notAfter: string; digest: string }
    >
  > = {
    '00_BCA.cer': {
      serial: 1n,
      notBefore: '2003-12-27T05:08:15Z',
      notAfter: '2013-12-26T14:59:59Z',
      digest: 'sha1',
    },
    'APCAroot.der': {
      serial: 49n,
      notBefore: '2007-12-12T15:00:00Z',
      notAfter: '2017-12-12T15:00:00Z',
      digest: 'sha1',
    },
    'AppCAG2.cer': {
      serial: 49n,
      notBefore: '2006-03-31T15:00:00Z',
      notAfter: '2016-03-31T14:59:59Z',
      digest: 'sha1',
    },
    'JapanMinistryIAC-ApplicationCA2.der': {
      serial: 0x3132353337323832383238n,
      notBefore: '2013-03-12T15:00:00Z',
      notAfter: '2033-03-12T15:00:00Z',
      digest: 'sha256',
    },
    'MPHPT_CA.cer': {
      serial: 0n,
      notBefore: '2002-03-14T07:50:26Z',
      notAfter: '2012-03-13T14:59:59Z',
      digest: 'sha1',
    },
  };

  for (const file of caCertificateFiles) {
    it(`${file}: fields, parts and signature`, () => {
      const der = readFixture(`ca-certs/${file}`);
      const certificate = parseCertificate(der);
      const { serial, notBefore, notAfter, digest } = facts[file];
      assert.equal(certificate.version, 3);
      assert.equal(certificate.serialNumber, serial);
      assert.equal(certificate.notBeforeMs, Date.parse(notBefore));
      assert.equal(certificate.notAfterMs, Date.parse(notAfter));
      const { tbs, signatureAlgorithm, signature, spki } = certificate;
      assert.deepEqual(assembleSigned(tbs, signatureAlgorithm, signature), der);
      const algorithm = parseForeignSignatureAlgorithm(signatureAlgorithm);
      assert.deepEqual(algorithm, { scheme: 'rsa-pkcs1', digest });
      assert.ok(verifySignature({ spki, algorithm, message: tbs, signature }));
    });
  }
});

describe('encodeTbsCertificate, RFC 5280 §4.1', () => {
  const key = sampleKey('p256');
  const name = nameFromText('CN=a,C=JP');
  const fields: TbsCertificate = {
    serialNumber: 1n,
    algorithm: key.algorithm,
    issuer: name,
    subject: name,
    ...sampleTimes,
    spki: key.spki,
    extensions: [buildBasicConstraints({ isCa: false })],
  };

  it('what is written is read back', () => {
    const tbs = encodeTbsCertificate({ ...fields, serialNumber: maxSerialNumber });
    const der = assembleSigned(tbs, encodeSignatureAlgorithm(key.algorithm), Uint8Array.of(1));
    const read = parseCertificate(der);
    assert.equal(read.version, 3);
    assert.equal(read.serialNumber, maxSerialNumber);
    assert.deepEqual(read.issuer, name);
    assert.deepEqual(read.subject, name);
    assert.equal(read.notBeforeMs, sampleTimes.notBeforeMs);
    assert.equal(read.notAfterMs, sampleTimes.notAfterMs);
    assert.deepEqual(read.spki, key.spki);
    assert.deepEqual(read.extensions, fields.extensions);
    assert.deepEqual(read.signature, Uint8Array.of(1));
    assert.deepEqual(read.tbs, tbs);
  });

  it('pkijs reads the same', () => {
    const der = sampleCertificate(key, { serialNumber: 0x80n });
    const theirs = PkijsCertificate.fromBER(Uint8Array.from(der));
    const ours = parseCertificate(der);
    assert.equal(theirs.version, 2);
    assert.equal(formatHex(theirs.serialNumber.valueBlock.valueHexView), '0080');
    assert.deepEqual(new Uint8Array(theirs.tbsView), ours.tbs);
    assert.deepEqual(new Uint8Array(theirs.subject.valueBeforeDecode), ours.subject.der);
    assert.equal(theirs.notAfter.value.getTime(), ours.notAfterMs);
    assert.equal(theirs.extensions?.[0]?.extnID, ours.extensions[0]?.oid);
  });

  const refused = [
    { why: 'the serial number 0', change: { serialNumber: 0n }, code: 'X509_CERTIFICATE' },
    {
      why: 'a serial number of 21 octets',
      change: { serialNumber: maxSerialNumber + 1n },
      code: 'X509_CERTIFICATE',
    },
    {
      why: 'a validity that ends before it begins',
      change: { notAfterMs: sampleTimes.notBeforeMs - 1000 },
      code: 'X509_CERTIFICATE',
    },
    {
      why: 'a time before 1950',
      change: { notBeforeMs: Date.UTC(1949, 11, 31) },
      code: 'X509_CERTIFICATE',
    },
    { why: 'no time', change: { notBeforeMs: Number.NaN }, code: 'X509_CERTIFICATE' },
    { why: 'no extensions', change: { extensions: [] }, code: 'X509_EXTENSION' },
  ];
  for (const { why, change, code } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => encodeTbsCertificate({ ...fields, ...change }), refusal(code));
    });
  }
});

describe('parseCertificate refuses what RFC 5280 does not allow', () => {
  const algorithm = encodeSignatureAlgorithm({ scheme: 'ecdsa', digest: 'sha256' });
  const name = nameFromText('CN=a').der;
  const validity = encodeSequence(
    encodeTime(sampleTimes.notBeforeMs),
    encodeTime(sampleTimes.notAfterMs),
  );
  const { spki } = sampleKey('p256');
  const extensions = encodeExplicit(3, encodeExtensions([buildBasicConstraints({ isCa: false })]));
  const middle = [encodeInteger(1), algorithm, name, validity, name, spki];
  const version = (number: number): Uint8Array => encodeExplicit(0, encodeInteger(number));
  const uniqueId = encodeElement(contextTag(1, 'primitive'), Uint8Array.of(0, 1));
  const signed = (...fields: readonly Uint8Array[]): Uint8Array =>
    assembleSigned(encodeSequence(...fields), algorithm, Uint8Array.of(1));

  const accepted = [
    { why: 'version 1', der: signed(...middle), version: 1 },
    {
      why: 'version 2 with a unique identifier',
      der: signed(version(1), ...middle, uniqueId),
      version: 2,
    },
    { why: 'version 3', der: signed(version(2), ...middle, extensions), version: 3 },
    { why: 'version 3 without extensions', der: signed(version(2), ...middle), version: 3 },
  ];
  for (const row of accepted) {
    it(`takes ${row.why}`, () => {
      assert.equal(parseCertificate(row.der).version, row.version);
    });
  }

  it('reads one extension where it stands, as among all of them', () => {
    const others = [
      caCertificateFiles.map((file) => readFixture(`ca-certs/${file}`)),
      accepted.map(({ der }) => der),
    ].flat();
    for (const der of others) {
      const parsed = parseCertificate(der);
      for (const extension of parsed.extensions) {
        assert.deepEqual(readCertificateExtension(der, extension.oid), extension);
      }
      assert.equal(readCertificateExtension(der, '2.25.1'), undefined);
    }
    const withId = signed(version(2), ...middle, uniqueId, extensions);
    assert.equal(readCertificateExtension(withId, '2.5.29.19')?.oid, '2.5.29.19');
    for (const length of [0, 10, withId.length - 1]) {
      assert.throws(
        () => readCertificateExtension(withId.subarray(0, length), '2.5.29.19'),
        refusal('X509_CERTIFICATE'),
      );
    }
  });

  const whole = signed(version(2), ...middle, extensions);
  const refused = [
    { why: 'nothing', der: new Uint8Array(0) },
    {
      why: 'a validity of three times',
      der: signed(
        encodeInteger(1),
        algorithm,
        name,
        encodeSequence(...[0, 1000, 2000].map(encodeTime)),
        name,
        spki,
      ),
    },
    { why: 'version 1 spelt out', der: signed(version(0), ...middle) },
    { why: 'version 4', der: signed(version(3), ...middle) },
    { why: 'extensions in version 1', der: signed(...middle, extensions) },
    { why: 'extensions in version 2', der: signed(version(1), ...middle, extensions) },
    { why: 'a unique identifier in version 1', der: signed(...middle, uniqueId) },
    {
      why: 'something behind the extensions',
      der: signed(version(2), ...middle, extensions, encodeInteger(1)),
    },
    { why: 'octets behind the certificate', der: Uint8Array.of(...whole, 0) },
    {
      why: 'a fourth part behind the signature',
      der: encodeSequence(
        encodeSequence(version(2), ...middle, extensions),
        algorithm,
        encodeBitString(Uint8Array.of(1)),
        encodeInteger(1),
      ),
    },
    { why: 'a certificate cut short', der: whole.subarray(0, -1) },
    {
      why: 'two signature algorithms (§4.1.1.2)',
      der: assembleSigned(
        encodeSequence(version(2), ...middle, extensions),
        encodeSignatureAlgorithm({ scheme: 'ecdsa', digest: 'sha384' }),
        Uint8Array.of(1),
      ),
    },
    {
      why: 'a signature with unused bits',
      der: encodeSequence(
        encodeSequence(version(2), ...middle, extensions),
        algorithm,
        encodeBitString(Uint8Array.of(2), 1),
      ),
    },
  ];
  for (const { why, der } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseCertificate(der), refusal('X509_CERTIFICATE'));
    });
  }
});
