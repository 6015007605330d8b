/**
 * The values of extensions one by one. The hexadecimal texts are what OpenSSL 3.0 writes for the
 * same setting in an `-extfile`, except where a row says otherwise.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formatHex } from '../../src/core/bytes.ts';
import {
  buildIssuerAltName,
  buildSubjectAltName,
  parseAlternativeNames,
} from '../../src/x509/alternative-name.ts';
import { buildBasicConstraints, parseBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import {
  buildCertificatePolicies,
  parseCertificatePolicies,
} from '../../src/x509/certificate-policies.ts';
import {
  buildCrlNextPublish,
  buildCrlNumber,
  buildDeltaCrlIndicator,
  buildInvalidityDate,
  buildReasonCode,
  parseCrlNextPublish,
  parseCrlNumber,
  parseInvalidityDate,
  parseReasonCode,
} from '../../src/x509/crl-extensions.ts';
import type { Extension } from '../../src/x509/extensions.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
  computeKeyIdentifier,
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import {
  buildExtendedKeyUsage,
  buildKeyUsage,
  buildNetscapeCertType,
  buildOcspNoCheck,
  parseExtendedKeyUsage,
  parseKeyUsage,
  parseNetscapeCertType,
} from '../../src/x509/key-usage.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { readFixture } from '../support/x509-samples.ts';

const refusal = { name: 'X509Error', code: 'X509_EXTENSION' };
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const keyIdentifier = hex('000102030405060708090a0b0c0d0e0f10111213');

describe('extension values written, then read', () => {
  const rows: readonly {
    readonly why: string;
    readonly built: Extension;
    readonly oid: string;
    readonly isCritical: boolean;
    readonly value: string;
    readonly parsed: unknown;
    readonly parse: (value: Uint8Array) => unknown;
  }[] = [
    {
      why: 'basicConstraints CA:TRUE',
      built: buildBasicConstraints({ isCa: true }),
      oid: '2.5.29.19',
      isCritical: true,
      value: '30030101ff',
      parsed: { isCa: true },
      parse: parseBasicConstraints,
    },
    {
      why: 'basicConstraints CA:TRUE,pathlen:0',
      built: buildBasicConstraints({ isCa: true, pathLength: 0 }, false),
      oid: '2.5.29.19',
      isCritical: false,
      value: '30060101ff020100',
      parsed: { isCa: true, pathLength: 0 },
      parse: parseBasicConstraints,
    },
    {
      why: 'basicConstraints CA:FALSE',
      built: buildBasicConstraints({ isCa: false }),
      oid: '2.5.29.19',
      isCritical: true,
      value: '3000',
      parsed: { isCa: false },
      parse: parseBasicConstraints,
    },
    {
      why: 'keyUsage keyCertSign, cRLSign',
      built: buildKeyUsage(['cRLSign', 'keyCertSign']),
      oid: '2.5.29.15',
      isCritical: true,
      value: '03020106',
      parsed: new Set(['keyCertSign', 'cRLSign']),
      parse: parseKeyUsage,
    },
    {
      why: 'keyUsage digitalSignature, nonRepudiation',
      built: buildKeyUsage(['digitalSignature', 'nonRepudiation']),
      oid: '2.5.29.15',
      isCritical: true,
      value: '030206c0',
      parsed: new Set(['digitalSignature', 'nonRepudiation']),
      parse: parseKeyUsage,
    },
    {
      why: 'keyUsage decipherOnly, the ninth bit',
      built: buildKeyUsage(['decipherOnly']),
      oid: '2.5.29.15',
      isCritical: true,
      value: '0303070080',
      parsed: new Set(['decipherOnly']),
      parse: parseKeyUsage,
    },
    {
      why: 'extendedKeyUsage OCSPSigning',
      built: buildExtendedKeyUsage([Oid.ocspSigning]),
      oid: '2.5.29.37',
      isCritical: false,
      value: '300a06082b06010505070309',
      parsed: [Oid.ocspSigning],
      parse: parseExtendedKeyUsage,
    },
    {
      why: 'nsCertType sslCA, objCA',
      built: buildNetscapeCertType(['sslCa', 'objectSigningCa']),
      oid: '2.16.840.1.113730.1.1',
      isCritical: false,
      value: '03020005',
      parsed: new Set(['sslCa', 'objectSigningCa']),
      parse: parseNetscapeCertType,
    },
    {
      why: 'noCheck',
      built: buildOcspNoCheck(),
      oid: '1.3.6.1.5.5.7.48.1.5',
      isCritical: false,
      value: '0500',
      parsed: '0500',
      parse: formatHex,
    },
    {
      why: 'subjectKeyIdentifier',
      built: buildSubjectKeyIdentifier(keyIdentifier),
      oid: '2.5.29.14',
      isCritical: false,
      value: '0414000102030405060708090a0b0c0d0e0f10111213',
      parsed: keyIdentifier,
      parse: parseSubjectKeyIdentifier,
    },
    {
      why: 'authorityKeyIdentifier keyid',
      built: buildAuthorityKeyIdentifier({ keyIdentifier }),
      oid: '2.5.29.35',
      isCritical: false,
      value: '30168014000102030405060708090a0b0c0d0e0f10111213',
      parsed: { keyIdentifier },
      parse: parseAuthorityKeyIdentifier,
    },
    {
      why: 'authorityKeyIdentifier keyid, issuer and a serial number whose first bit is set',
      built: buildAuthorityKeyIdentifier({
        keyIdentifier,
        issuer: [{ kind: 'directoryName', name: nameFromText('C=JP') }],
        serialNumber: 0x80n,
      }),
      oid: '2.5.29.35',
      isCritical: false,
      value:
        '302d8014000102030405060708090a0b0c0d0e0f10111213' +
        'a111a40f300d310b3009060355040613024a50' +
        '82020080',
      parsed: {
        keyIdentifier,
        issuer: [{ kind: 'directoryName', name: nameFromText('C=JP') }],
        serialNumber: 0x80n,
      },
      parse: parseAuthorityKeyIdentifier,
    },
    {
      why: 'certificatePolicies, one with a CPS pointer',
      built: buildCertificatePolicies([
        { oid: '1.2.392.200149.8.5.1.1.10' },
        { oid: '1.2.3.4', cpsUri: 'http://example.jp/cps' },
      ]),
      oid: '2.5.29.32',
      isCritical: false,
      value:
        '303b300d060b2a83088c9b55080501010a' +
        '302a06032a03043023302106082b06010505070201' +
        '1615687474703a2f2f6578616d706c652e6a702f637073',
      parsed: [
        { oid: '1.2.392.200149.8.5.1.1.10' },
        { oid: '1.2.3.4', cpsUri: 'http://example.jp/cps' },
      ],
      parse: parseCertificatePolicies,
    },
    {
      why: 'crlNumber 127',
      built: buildCrlNumber(127n),
      oid: '2.5.29.20',
      isCritical: false,
      value: '02017f',
      parsed: 127n,
      parse: parseCrlNumber,
    },
    {
      why: 'crlNumber 128',
      built: buildCrlNumber(128n),
      oid: '2.5.29.20',
      isCritical: false,
      value: '02020080',
      parsed: 128n,
      parse: parseCrlNumber,
    },
    {
      why: 'crlNumber of 20 octets, the largest',
      built: buildCrlNumber(2n ** 159n - 1n),
      oid: '2.5.29.20',
      isCritical: false,
      value: `02147f${'ff'.repeat(19)}`,
      parsed: 2n ** 159n - 1n,
      parse: parseCrlNumber,
    },
    {
      why: 'deltaCRLIndicator (RFC 5280 §5.2.4)',
      built: buildDeltaCrlIndicator(5n),
      oid: '2.5.29.27',
      isCritical: true,
      value: '020105',
      parsed: 5n,
      parse: parseCrlNumber,
    },
    {
      why: 'reasonCode keyCompromise',
      built: buildReasonCode(1),
      oid: '2.5.29.21',
      isCritical: false,
      value: '0a0101',
      parsed: 1,
      parse: parseReasonCode,
    },
    {
      why: 'reasonCode aACompromise, the highest',
      built: buildReasonCode(10),
      oid: '2.5.29.21',
      isCritical: false,
      value: '0a010a',
      parsed: 10,
      parse: parseReasonCode,
    },
    {
      why: 'invalidityDate, a GeneralizedTime in any year (RFC 5280 §5.3.2)',
      built: buildInvalidityDate(Date.UTC(2026, 0, 5)),
      oid: '2.5.29.24',
      isCritical: false,
      value: '180f32303236303130353030303030305a',
      parsed: Date.UTC(2026, 0, 5),
      parse: parseInvalidityDate,
    },
    {
      why: 'CRL Next Publish in 2049, a UTCTime',
      built: buildCrlNextPublish(Date.UTC(2049, 11, 31, 23, 59, 59)),
      oid: '1.3.6.1.4.1.311.21.4',
      isCritical: false,
      value: '170d3439313233313233353935395a',
      parsed: Date.UTC(2049, 11, 31, 23, 59, 59),
      parse: parseCrlNextPublish,
    },
    {
      why: 'CRL Next Publish in 2050, a GeneralizedTime',
      built: buildCrlNextPublish(Date.UTC(2050, 0, 1)),
      oid: '1.3.6.1.4.1.311.21.4',
      isCritical: false,
      value: '180f32303530303130313030303030305a',
      parsed: Date.UTC(2050, 0, 1),
      parse: parseCrlNextPublish,
    },
  ];
  for (const { why, built, oid, isCritical, value, parsed, parse } of rows) {
    it(why, () => {
      assert.equal(formatHex(built.value), value);
      assert.equal(built.oid, oid);
      assert.equal(built.critical, isCritical);
      assert.deepEqual(parse(built.value), parsed);
    });
  }
});

describe('GeneralName, RFC 5280 §4.2.1.6', () => {
  const rows: readonly {
    readonly name: GeneralName;
    readonly value: string;
  }[] = [
    {
      name: { kind: 'otherName', type: '1.2.3.4', value: hex('0c0161') },
      value: '300ca00a06032a0304a0030c0161',
    },
    { name: { kind: 'rfc822Name', text: 'a@b.jp' }, value: '300881066140622e6a70' },
    { name: { kind: 'dnsName', text: 'a.jp' }, value: '30068204612e6a70' },
    {
      name: { kind: 'directoryName', name: nameFromText('C=JP') },
      value: '3011a40f300d310b3009060355040613024a50',
    },
    { name: { kind: 'uri', text: 'ldap://a' }, value: '300a86086c6461703a2f2f61' },
    { name: { kind: 'ipAddress', bytes: hex('7f000001') }, value: '300687047f000001' },
    { name: { kind: 'registeredId', oid: '1.2.3.4' }, value: '300588032a0304' },
    { name: { kind: 'unsupported', der: hex('a3020500') }, value: '3004a3020500' },
  ];
  for (const { name, value } of rows) {
    it(name.kind, () => {
      const built = buildSubjectAltName([name]);
      assert.equal(formatHex(built.value), value);
      assert.deepEqual(parseAlternativeNames(built.value), [name]);
      assert.equal(formatHex(buildIssuerAltName([name]).value), value);
    });
  }

  const unwritable: readonly { readonly why: string; readonly names: readonly GeneralName[] }[] = [
    { why: 'no name', names: [] },
    { why: 'an empty text', names: [{ kind: 'dnsName', text: '' }] },
    { why: 'a text beyond ASCII', names: [{ kind: 'uri', text: 'http://日本' }] },
    { why: 'an address of 5 octets', names: [{ kind: 'ipAddress', bytes: hex('0102030405') }] },
    { why: 'an OID that is none', names: [{ kind: 'registeredId', oid: '1' }] },
    { why: 'a type that is none', names: [{ kind: 'otherName', type: '', value: hex('0500') }] },
  ];
  for (const { why, names } of unwritable) {
    it(`does not write ${why}`, () => {
      assert.throws(() => buildSubjectAltName(names), refusal);
    });
  }

  const refused = [
    { why: 'an empty list', value: '3000' },
    { why: 'an unknown alternative', value: '30028900' },
    { why: 'a dNSName that is constructed', value: '3003a20161' },
    { why: 'a dNSName beyond ASCII', value: '30038201e9' },
    { why: 'an address of 5 octets', value: '300787050102030405' },
    { why: 'an otherName without a value', value: '3007a00506032a0304' },
    { why: 'an otherName with two values', value: '300da00b06032a0304a00405000500' },
    { why: 'an otherName with a third field', value: '300ea00c06032a0304a0030c01610500' },
    { why: 'octets behind the list', value: '30038201610500' },
  ];
  for (const { why, value } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseAlternativeNames(hex(value)), refusal);
    });
  }

  it('a directoryName that is no name', () => {
    assert.throws(() => parseAlternativeNames(hex('3004a4020500')), {
      name: 'X509Error',
      code: 'X509_NAME',
    });
  });
});

describe('extension values refused', () => {
  const unwritable = [
    {
      why: 'a path length without CA',
      run: () => buildBasicConstraints({ isCa: false, pathLength: 0 }),
    },
    {
      why: 'a negative path length',
      run: () => buildBasicConstraints({ isCa: true, pathLength: -1 }),
    },
    {
      why: 'half a path length',
      run: () => buildBasicConstraints({ isCa: true, pathLength: 0.5 }),
    },
    { why: 'no key usage', run: () => buildKeyUsage([]) },
    { why: 'no extended key usage', run: () => buildExtendedKeyUsage([]) },
    { why: 'an extended key usage that is no OID', run: () => buildExtendedKeyUsage(['ocsp']) },
    { why: 'an authority key identifier of nothing', run: () => buildAuthorityKeyIdentifier({}) },
    {
      why: 'a serial number without its issuer',
      run: () => buildAuthorityKeyIdentifier({ keyIdentifier, serialNumber: 1n }),
    },
    {
      why: 'an issuer without a serial number',
      run: () => buildAuthorityKeyIdentifier({ issuer: [{ kind: 'dnsName', text: 'a' }] }),
    },
    { why: 'no policy', run: () => buildCertificatePolicies([]) },
    {
      why: 'a policy twice',
      run: () => buildCertificatePolicies([{ oid: '1.2.3' }, { oid: '1.2.3' }]),
    },
    {
      why: 'a notice of 201 characters',
      run: () => buildCertificatePolicies([{ oid: '1.2.3', userNotice: 'x'.repeat(201) }]),
    },
    { why: 'a policy that is no OID', run: () => buildCertificatePolicies([{ oid: 'x' }]) },
    {
      why: 'a CPS pointer beyond ASCII',
      run: () => buildCertificatePolicies([{ oid: '1.2.3', cpsUri: '日本' }]),
    },
    { why: 'a negative CRL number', run: () => buildCrlNumber(-1n) },
    { why: 'a CRL number of 21 octets', run: () => buildCrlNumber(2n ** 159n) },
    { why: 'the reason unspecified', run: () => buildReasonCode(0) },
    { why: 'the unused reason 7', run: () => buildReasonCode(7) },
    { why: 'reason 11', run: () => buildReasonCode(11) },
    {
      why: 'a next publication in the year 10000',
      run: () => buildCrlNextPublish(Date.UTC(10_000, 0, 1)),
    },
  ];
  for (const { why, run } of unwritable) {
    it(`when writing: ${why}`, () => {
      assert.throws(run, refusal);
    });
  }

  const unreadable = [
    { why: 'a path length without CA', parse: parseBasicConstraints, value: '3003020100' },
    { why: 'a negative path length', parse: parseBasicConstraints, value: '30060101ff0201ff' },
    { why: 'a key usage of no bit', parse: parseKeyUsage, value: '030100' },
    { why: 'a key usage with a zero bit at its end', parse: parseKeyUsage, value: '03020506' },
    { why: 'an unknown tenth key usage', parse: parseKeyUsage, value: '0303068040' },
    { why: 'an empty extended key usage', parse: parseExtendedKeyUsage, value: '3000' },
    { why: 'an empty list of policies', parse: parseCertificatePolicies, value: '3000' },
    {
      why: 'a policy twice',
      parse: parseCertificatePolicies,
      value: '300c300406022a03300406022a03',
    },
    {
      why: 'empty policy qualifiers',
      parse: parseCertificatePolicies,
      value: '3008300606022a033000',
    },
    {
      why: 'a policy with a third field',
      parse: parseCertificatePolicies,
      value: '301c301a06022a033012301006082b060105050702011604687474700500',
    },
    {
      why: 'a policy qualifier with a third field',
      parse: parseCertificatePolicies,
      value: '301c301a06022a033014301206082b0601050507020116046874747005' + '00',
    },
    {
      why: 'an authority key identifier with a fourth field',
      parse: parseAuthorityKeyIdentifier,
      value: '30068001018301ff',
    },
    { why: 'a negative CRL number', parse: parseCrlNumber, value: '0201ff' },
    { why: 'a CRL number of 21 octets', parse: parseCrlNumber, value: `021500${'ff'.repeat(20)}` },
    { why: 'a CRL number with a needless octet', parse: parseCrlNumber, value: '02020001' },
    { why: 'reason 7', parse: parseReasonCode, value: '0a0107' },
    { why: 'reason 11', parse: parseReasonCode, value: '0a010b' },
    { why: 'a reason that is an INTEGER', parse: parseReasonCode, value: '020101' },
    {
      why: 'a next publication in another form',
      parse: parseCrlNextPublish,
      value: '180f32303236303130353030303030305a',
    },
    { why: 'octets behind a value', parse: parseSubjectKeyIdentifier, value: '04010000' },
  ];
  for (const { why, parse, value } of unreadable) {
    it(`when reading: ${why}`, () => {
      assert.throws(() => parse(hex(value)), refusal);
    });
  }
});

describe('computeKeyIdentifier, RFC 5280 §4.2.1.2 (1)', () => {
  for (const file of ['00_BCA.cer', 'MPHPT_CA.cer', 'APCAroot.der']) {
    it(`${file}: the identifier its authority computed`, () => {
      const { spki, extensions } = parseCertificate(readFixture(`ca-certs/${file}`));
      const own = extensions.find(({ oid }) => oid === Oid.subjectKeyIdentifier);
      const stated = parseSubjectKeyIdentifier(own?.value ?? new Uint8Array(0));
      assert.equal(formatHex(computeKeyIdentifier(spki)), formatHex(stated));
    });
  }
});

describe('policy qualifiers (RFC 5280 4.2.1.4)', () => {
  it('come back as they were written', () => {
    const policies = [
      { oid: '1.2.3', cpsUri: 'https://a.go.jp/cps', userNotice: '注'.repeat(200) },
      { oid: '1.2.4', userNotice: 'notice' },
      { oid: '1.2.5' },
    ];
    assert.deepEqual(parseCertificatePolicies(buildCertificatePolicies(policies).value), policies);
    // A notice without anything, and one with a text alone, from octets.
    for (const [qualifier, userNotice] of [
      ['3000', undefined],
      ['30030c0161', 'a'],
    ] as const) {
      const notice = Buffer.from(qualifier, 'hex');
      const body = Buffer.concat([Buffer.from('06082b06010505070202', 'hex'), notice]);
      const one = Buffer.concat([Buffer.from([0x30, body.length]), body]);
      const list = Buffer.concat([Buffer.from([0x30, one.length]), one]);
      const policy = Buffer.concat([Buffer.from('06022a03', 'hex'), list]);
      const value = Buffer.concat([
        Buffer.from([0x30, policy.length + 2, 0x30, policy.length]),
        policy,
      ]);
      const expected = userNotice === undefined ? {} : { userNotice };
      assert.deepEqual(parseCertificatePolicies(value), [{ oid: '1.2.3', ...expected }]);
    }
  });
});
