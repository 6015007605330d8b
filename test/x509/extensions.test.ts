import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  encodeBoolean,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../../src/asn1/der-writer.ts';
import { formatHex } from '../../src/core/bytes.ts';
import { parseBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { parseCrlDistributionPoints } from '../../src/x509/distribution-point.ts';
import {
  type Extension,
  encodeExtension,
  encodeExtensions,
  findExtension,
  parseExtensions,
} from '../../src/x509/extensions.ts';
import { parseAuthorityKeyIdentifier } from '../../src/x509/key-identifier.ts';
import { parseKeyUsage, parseNetscapeCertType } from '../../src/x509/key-usage.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { caCertificateFiles, readFixture } from '../support/x509-samples.ts';

const refusal = { name: 'X509Error', code: 'X509_EXTENSION' };

function extensionOf(file: string, oid: string): Extension {
  const { extensions } = parseCertificate(readFixture(`ca-certs/${file}`));
  const extension = findExtension(extensions, oid);
  assert.ok(extension !== undefined);
  return extension;
}

describe('extensions of real certificates', () => {
  const orders: Readonly<Record<(typeof caCertificateFiles)[number], readonly string[]>> = {
    '00_BCA.cer': [
      'keyUsage!',
      'basicConstraints!',
      'cRLDistributionPoints',
      'subjectAltName',
      'subjectKeyIdentifier',
    ],
    'APCAroot.der': ['subjectKeyIdentifier', 'keyUsage!', 'subjectAltName', 'basicConstraints!'],
    'AppCAG2.cer': [
      'subjectKeyIdentifier',
      'keyUsage!',
      'cRLDistributionPoints',
      'basicConstraints!',
      'authorityKeyIdentifier',
    ],
    'JapanMinistryIAC-ApplicationCA2.der': [
      'subjectKeyIdentifier',
      'keyUsage!',
      'subjectAltName',
      'basicConstraints!',
    ],
    'MPHPT_CA.cer': [
      'authorityKeyIdentifier',
      'subjectKeyIdentifier',
      'basicConstraints',
      'keyUsage!',
      'netscapeCertType',
    ],
  };
  const names = new Map(Object.entries(Oid).map(([name, oid]): [string, string] => [oid, name]));

  for (const file of caCertificateFiles) {
    it(`${file}: which, in which order, ! for critical, and the same bytes when encoded again`, () => {
      const { extensions, tbs } = parseCertificate(readFixture(`ca-certs/${file}`));
      const seen = extensions.map(({ oid, critical }) => `${names.get(oid)}${critical ? '!' : ''}`);
      assert.deepEqual(seen, orders[file]);
      const again = formatHex(encodeExtensions(extensions));
      assert.ok(formatHex(tbs).endsWith(again));
    });

    it(`${file}: certSign and crlSign, CA without a path length`, () => {
      const usage = parseKeyUsage(extensionOf(file, Oid.keyUsage).value);
      assert.deepEqual(usage, new Set(['keyCertSign', 'cRLSign']));
      const constraints = parseBasicConstraints(extensionOf(file, Oid.basicConstraints).value);
      assert.deepEqual(constraints, { isCa: true });
    });
  }

  it('MPHPT_CA.cer: netscape-cert-type', () => {
    const types = parseNetscapeCertType(extensionOf('MPHPT_CA.cer', Oid.netscapeCertType).value);
    assert.deepEqual(types, new Set(['sslCa', 'objectSigningCa']));
  });

  it('MPHPT_CA.cer: authorityKeyIdentifier has the key identifier alone', () => {
    const { value } = extensionOf('MPHPT_CA.cer', Oid.authorityKeyIdentifier);
    const identifier = parseAuthorityKeyIdentifier(value);
    assert.deepEqual(Object.keys(identifier), ['keyIdentifier']);
    assert.equal(
      formatHex(identifier.keyIdentifier ?? new Uint8Array(0)),
      '60c2f7a4ba00d21f77627825f066ff520021ef7a',
    );
  });

  it('00_BCA.cer: the distribution point is its own name', () => {
    const { subject } = parseCertificate(readFixture('ca-certs/00_BCA.cer'));
    const [point] = parseCrlDistributionPoints(
      extensionOf('00_BCA.cer', Oid.cRLDistributionPoints).value,
    );
    const [name] = point?.fullName ?? [];
    assert.ok(name?.kind === 'directoryName');
    assert.deepEqual(name.name.der, subject.der);
  });
});

describe('Extensions, RFC 5280 §4.1.2.9', () => {
  const noCheck: Extension = {
    oid: Oid.ocspNoCheck,
    critical: false,
    value: Uint8Array.of(5, 0),
  };

  it('critical is written when true and left out when false (X.690 §11.5)', () => {
    assert.equal(formatHex(encodeExtension(noCheck)), '300f06092b060105050730010504020500');
    assert.equal(
      formatHex(encodeExtension({ ...noCheck, critical: true })),
      '301206092b06010505073001050101ff04020500',
    );
  });

  it('a critical that is spelt out as false is read', () => {
    const spelt = encodeSequence(
      encodeOid(Oid.ocspNoCheck),
      encodeBoolean(false),
      encodeOctetString(noCheck.value),
    );
    assert.deepEqual(parseExtensions(encodeSequence(spelt)), [noCheck]);
  });

  it('an empty list is not written', () => {
    assert.throws(() => encodeExtensions([]), refusal);
  });

  it('an extension is not written twice', () => {
    assert.throws(() => encodeExtensions([noCheck, noCheck]), refusal);
  });

  it('an identifier that is none is refused', () => {
    assert.throws(() => encodeExtension({ ...noCheck, oid: '2.5.29.019' }), refusal);
  });

  const one = encodeExtension(noCheck);
  const refused = [
    { why: 'an empty list', der: encodeSequence() },
    { why: 'an extension twice', der: encodeSequence(one, one) },
    { why: 'no value', der: encodeSequence(encodeSequence(encodeOid(Oid.ocspNoCheck))) },
    {
      why: 'something behind the value',
      der: encodeSequence(
        encodeSequence(
          encodeOid(Oid.ocspNoCheck),
          encodeOctetString(noCheck.value),
          encodeBoolean(true),
        ),
      ),
    },
    { why: 'octets behind the list', der: Uint8Array.of(...encodeSequence(one), 0) },
  ];
  for (const { why, der } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseExtensions(der), refusal);
    });
  }
});
