import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8String } from '../../src/asn1/der-writer.ts';
import { formatHex } from '../../src/core/bytes.ts';
import { buildSubjectAltName } from '../../src/x509/alternative-name.ts';
import { buildCertificatePolicies } from '../../src/x509/certificate-policies.ts';
import type { Extension } from '../../src/x509/extensions.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import { buildKeyUsage } from '../../src/x509/key-usage.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { buildNameConstraints, type NameConstraints } from '../../src/x509/name-constraints.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { buildPrivateKeyUsagePeriod } from '../../src/x509/private-key-usage-period.ts';
import { matchOutcome } from '../support/matching.ts';
import { readFixture, sampleCertificate, sampleKey, sampleTimes } from '../support/x509-samples.ts';

const key = sampleKey('p256');
const issuer = nameFromText('CN=Sample CA,O=JPKI,C=JP');
const directoryName = (text: string): GeneralName => ({
  kind: 'directoryName',
  name: nameFromText(text),
});

function certificateWith(...extensions: readonly Extension[]): Uint8Array {
  return sampleCertificate(key, { extensions: extensions.length === 0 ? [filler] : extensions });
}

/** Something that no component is about. */
const filler: Extension = { oid: '1.2.3.4', critical: false, value: Uint8Array.of(5, 0) };
const plain = certificateWith();

type Row = readonly [value: Uint8Array, assertion: string, outcome: boolean | undefined];

function check(rows: readonly Row[]): void {
  for (const [at, [value, assertion, outcome]] of rows.entries()) {
    it(`${at + 1}. ${assertion.slice(0, 90)}: ${outcome}`, () => {
      assert.equal(matchOutcome('certificateMatch', value, assertion), outcome);
    });
  }
}

/** A certificate whose extension's value is no value of it. */
function malformed(oid: string): Uint8Array {
  return certificateWith({ oid, critical: false, value: Uint8Array.of(0x30, 0) });
}

describe('certificateMatch (RFC 4523 §3.2, X.509 §11.3.2)', () => {
  describe('the whole', () => {
    check([
      [plain, '{ }', true],
      [plain, '{}', true],
      [plain, '{ serialNumber 4660, issuer rdnSequence:"CN=Sample CA,O=JPKI,C=JP" }', true],
      [plain, '{ issuer rdnSequence:"CN=Sample CA,O=JPKI,C=JP", serialNumber 4661 }', false],
      [plain, '', undefined],
      [plain, '4660$CN=Sample CA,O=JPKI,C=JP', undefined],
      [plain, '{ serialNumber 4660, serialNumber 4660 }', undefined],
      [plain, '{ serialNumber 4660 } ', true],
      [plain, '{ serialNumber 4660 } {', undefined],
      [plain, '{ version 3 }', undefined],
      [plain, '{ __proto__ 3 }', undefined],
      [plain, '{ constructor 3 }', undefined],
    ]);

    it('a value that is no certificate is invalid, whatever is asserted', () => {
      assert.throws(() => matchOutcome('certificateMatch', Uint8Array.of(0x30, 0), '{ }'), {
        code: 'DIRECTORY_INVALID_SYNTAX',
      });
    });
  });

  describe('serialNumber', () => {
    const large = sampleCertificate(key, { serialNumber: 2n ** 159n - 1n });
    check([
      [plain, '{ serialNumber 4660 }', true],
      [plain, '{ serialNumber 4659 }', false],
      [plain, '{ serialNumber -4660 }', false],
      [large, `{ serialNumber ${2n ** 159n - 1n} }`, true],
      [large, `{ serialNumber ${2n ** 159n} }`, false],
      [plain, '{ serialNumber "4660" }', undefined],
      [plain, '{ serialNumber }', undefined],
    ]);
  });

  describe('issuer and subject', () => {
    const other = sampleCertificate(key, { issuer, subject: nameFromText('CN=Taro,C=JP') });
    check([
      [other, '{ issuer rdnSequence:"cn=sample  ca, o=jpki, c=jp" }', true],
      [other, '{ issuer rdnSequence:"CN=Taro,C=JP" }', false],
      [other, '{ subject rdnSequence:"2.5.4.3=taro,c=jp" }', true],
      [other, '{ subject rdnSequence:"CN=Sample CA,O=JPKI,C=JP" }', false],
      [other, '{ subject rdnSequence:"C=JP" }', false],
      [other, '{ subject rdnSequence:"" }', false],
      [other, '{ subject "CN=Taro,C=JP" }', undefined],
      [other, '{ subject rdnSequence:"nonsense" }', undefined],
      [other, '{ issuer rdnSequence:"noSuchType=x" }', undefined],
    ]);
  });

  describe('subjectKeyIdentifier', () => {
    const value = certificateWith(buildSubjectKeyIdentifier(Uint8Array.of(0x0a, 0xb1, 0)));
    check([
      [value, "{ subjectKeyIdentifier '0AB100'H }", true],
      [value, "{ subjectKeyIdentifier '0ab100'H }", true],
      [value, "{ subjectKeyIdentifier '0AB1'H }", false],
      [value, "{ subjectKeyIdentifier ''H }", false],
      [plain, "{ subjectKeyIdentifier '0AB100'H }", false],
      [malformed(Oid.subjectKeyIdentifier), '{ serialNumber 4660 }', true],
      [value, "{ subjectKeyIdentifier '0AB10'H }", undefined],
      [value, "{ subjectKeyIdentifier '01'B }", undefined],
      [value, '{ subjectKeyIdentifier "0AB100" }', undefined],
    ]);
  });

  describe('authorityKeyIdentifier', () => {
    const keyOnly = certificateWith(
      buildAuthorityKeyIdentifier({ keyIdentifier: Uint8Array.of(1, 2) }),
    );
    const complete = certificateWith(
      buildAuthorityKeyIdentifier({
        keyIdentifier: Uint8Array.of(1, 2),
        issuer: [directoryName('CN=Root,C=JP'), { kind: 'dnsName', text: 'Root.example' }],
        serialNumber: 5n,
      }),
    );
    const byKey = "keyIdentifier '0102'H";
    const names = '{ dNSName:"root.example", directoryName:rdnSequence:"cn=root,c=jp" }';
    const byIssuer = `authorityCertIssuer ${names}, authorityCertSerialNumber 5`;
    const asserted = (text: string): string => `{ authorityKeyIdentifier { ${text} } }`;
    check([
      [keyOnly, asserted(byKey), true],
      [complete, asserted(byKey), true],
      [complete, asserted(byIssuer), true],
      [complete, asserted(`${byKey}, ${byIssuer}`), true],
      [keyOnly, asserted(''), true],
      [keyOnly, asserted("keyIdentifier '0103'H"), false],
      // Not every component asserted is there.
      [keyOnly, asserted(byIssuer), false],
      [keyOnly, asserted(`${byKey}, ${byIssuer}`), false],
      [complete, asserted(byIssuer.replace(' 5', ' 6')), false],
      [complete, asserted(byIssuer.replace('dNSName:"root.example", ', '')), false],
      [complete, asserted(byIssuer.replace('cn=root', 'cn=leaf')), false],
      [plain, asserted(byKey), false],
      [plain, asserted(''), false],
      [complete, asserted('authorityCertSerialNumber 5'), undefined],
      [complete, asserted(`authorityCertIssuer ${names}`), undefined],
      [complete, asserted('authorityCertIssuer { }, authorityCertSerialNumber 5'), undefined],
      [complete, asserted('keyIdentifier 5'), undefined],
      [complete, asserted('issuer 5'), undefined],
    ]);
  });

  describe('certificateValid', () => {
    const first = '20260105000000Z';
    const last = '20290104145959Z';
    const at = (time: string): string => `{ certificateValid ${time} }`;
    check([
      [plain, at(`generalizedTime:"${first}"`), true],
      [plain, at('generalizedTime:"20260104235959Z"'), false],
      [plain, at(`generalizedTime:"${last}"`), true],
      [plain, at('generalizedTime:"20290104150000Z"'), false],
      [plain, at('generalizedTime:"20290104145959.5Z"'), false],
      [plain, at('generalizedTime:"20260105085959+0900"'), false],
      [plain, at('generalizedTime:"20260105090000+0900"'), true],
      [plain, at('utcTime:"270101000000Z"'), true],
      [plain, at('utcTime:"2701010000Z"'), true],
      [plain, at('utcTime:"250101000000Z"'), false],
      [plain, at('utcTime:"500101000000Z"'), false],
      [plain, at('"270101000000Z"'), true],
      [plain, at('utcTime:"270230000000Z"'), undefined],
      [plain, at('utcTime:"270101000000"'), undefined],
      [plain, at('generalizedTime:""'), undefined],
      [plain, at('270101000000Z'), undefined],
    ]);
    it('rows are about the sample', () => {
      assert.equal(sampleTimes.notBeforeMs, Date.UTC(2026, 0, 5));
      assert.equal(sampleTimes.notAfterMs, Date.UTC(2029, 0, 4, 14, 59, 59));
    });
  });

  describe('privateKeyValid', () => {
    const notBeforeMs = Date.UTC(2026, 0, 5);
    const notAfterMs = Date.UTC(2027, 0, 5);
    const both = certificateWith(buildPrivateKeyUsagePeriod({ notBeforeMs, notAfterMs }));
    const from = certificateWith(buildPrivateKeyUsagePeriod({ notBeforeMs }));
    const to = certificateWith(buildPrivateKeyUsagePeriod({ notAfterMs }));
    check([
      [both, '{ privateKeyValid "20260105000000Z" }', true],
      [both, '{ privateKeyValid "20260104235959Z" }', false],
      [both, '{ privateKeyValid "20270105000000Z" }', true],
      [both, '{ privateKeyValid "20270105000001Z" }', false],
      [from, '{ privateKeyValid "20990105000000Z" }', true],
      [from, '{ privateKeyValid "20260104235959Z" }', false],
      [to, '{ privateKeyValid "20000105000000Z" }', true],
      [to, '{ privateKeyValid "20270105000001Z" }', false],
      // Without the extension any time will do.
      [plain, '{ privateKeyValid "20990105000000Z" }', true],
      [both, '{ privateKeyValid generalizedTime:"20260105000000Z" }', undefined],
      [both, '{ privateKeyValid "260105000000Z" }', undefined],
    ]);
    it('a malformed period is no period', () => {
      assert.throws(
        () =>
          matchOutcome(
            'certificateMatch',
            malformed(Oid.privateKeyUsagePeriod),
            '{ privateKeyValid "20260105000000Z" }',
          ),
        { code: 'DIRECTORY_INVALID_SYNTAX' },
      );
    });
  });

  describe('subjectPublicKeyAlgID', () => {
    const rsa = readFixture('ca-certs/00_BCA.cer');
    check([
      [plain, '{ subjectPublicKeyAlgID 1.2.840.10045.2.1 }', true],
      [plain, '{ subjectPublicKeyAlgID 1.2.840.113549.1.1.1 }', false],
      [rsa, '{ subjectPublicKeyAlgID 1.2.840.113549.1.1.1 }', true],
      [rsa, '{ subjectPublicKeyAlgID rsaEncryption }', undefined],
      [rsa, '{ subjectPublicKeyAlgID { algorithm 1.2.840.113549.1.1.1 } }', undefined],
      [rsa, '{ subjectPublicKeyAlgID 1.40.1 }', undefined],
    ]);
  });

  describe('keyUsage', () => {
    const value = certificateWith(buildKeyUsage(['keyCertSign', 'cRLSign']));
    const last = certificateWith(buildKeyUsage(['decipherOnly']));
    check([
      [value, '{ keyUsage { keyCertSign } }', true],
      [value, '{ keyUsage { cRLSign, keyCertSign } }', true],
      [value, '{ keyUsage { keyCertSign, digitalSignature } }', false],
      [value, '{ keyUsage { } }', true],
      [value, "{ keyUsage '000001'B }", true],
      [value, "{ keyUsage '0000011'B }", true],
      [value, "{ keyUsage '1000011'B }", false],
      [value, "{ keyUsage '06'H }", true],
      [value, "{ keyUsage '86'H }", false],
      [value, "{ keyUsage ''B }", true],
      [last, "{ keyUsage '000000001'B }", true],
      // A bit that has no name is set in no certificate.
      [last, "{ keyUsage '0000000001'B }", false],
      [plain, '{ keyUsage { keyCertSign } }', true],
      [value, '{ keyUsage { certSign } }', undefined],
      [value, '{ keyUsage keyCertSign }', undefined],
      [value, "{ keyUsage '2'B }", undefined],
    ]);
  });

  describe('subjectAltName', () => {
    const names: readonly (readonly [form: string, GeneralName])[] = [
      ['rfc822Name', { kind: 'rfc822Name', text: 'a@b.example' }],
      ['dNSName', { kind: 'dnsName', text: 'b.example' }],
      ['directoryName', directoryName('CN=a')],
      ['uniformResourceIdentifier', { kind: 'uri', text: 'http://b.example/' }],
      ['iPAddress', { kind: 'ipAddress', bytes: Uint8Array.of(10, 0, 0, 1) }],
      ['registeredId', { kind: 'registeredId', oid: '1.2.3' }],
      ['x400Address', { kind: 'unsupported', der: Uint8Array.of(0xa3, 0) }],
      ['ediPartyName', { kind: 'unsupported', der: Uint8Array.of(0xa5, 0) }],
    ];
    const other: GeneralName = {
      kind: 'otherName',
      type: Oid.jpkiAddress,
      value: encodeUtf8String('前橋'),
    };
    const jpki = certificateWith(buildSubjectAltName([other]));
    const rows = names.flatMap(([form, name]): Row[] => {
      const asserted = `{ subjectAltName builtinNameForm:${form} }`;
      return [
        [certificateWith(buildSubjectAltName([other, name])), asserted, true],
        [jpki, asserted, false],
        [plain, asserted, false],
      ];
    });
    check([
      ...rows,
      [jpki, `{ subjectAltName otherNameForm:${Oid.jpkiAddress} }`, true],
      [jpki, `{ subjectAltName otherNameForm:${Oid.jpkiGender} }`, false],
      [plain, `{ subjectAltName otherNameForm:${Oid.jpkiAddress} }`, false],
      [jpki, '{ subjectAltName builtinNameForm:otherName }', undefined],
      [jpki, '{ subjectAltName dNSName }', undefined],
      [jpki, '{ subjectAltName nameForm:dNSName }', undefined],
      [jpki, '{ subjectAltName otherNameForm:address }', undefined],
    ]);
  });

  describe('policy', () => {
    const value = certificateWith(buildCertificatePolicies([{ oid: '1.2.3' }, { oid: '1.2.4' }]));
    const any = certificateWith(buildCertificatePolicies([{ oid: Oid.anyPolicy }]));
    check([
      [value, '{ policy { 1.2.3 } }', true],
      [value, '{ policy { 1.2.9, 1.2.4 } }', true],
      [value, '{ policy { 1.2.9 } }', false],
      [value, `{ policy { ${Oid.anyPolicy} } }`, true],
      [any, '{ policy { 1.2.9 } }', true],
      [plain, '{ policy { 1.2.3 } }', false],
      [plain, `{ policy { ${Oid.anyPolicy} } }`, false],
      [value, '{ policy { } }', undefined],
      [value, '{ policy 1.2.3 }', undefined],
      [value, `{ policy { ${Array(64).fill('1.2.3').join(', ')} } }`, true],
      [value, `{ policy { ${Array(65).fill('1.2.3').join(', ')} } }`, undefined],
    ]);
  });

  describe('pathToName', () => {
    const constrained = (constraints: NameConstraints): Uint8Array =>
      certificateWith(buildNameConstraints(constraints));
    const jpki = { base: directoryName('O=JPKI,C=JP') };
    const permitted = constrained({ permitted: [jpki] });
    const excluded = constrained({ excluded: [jpki] });
    const both = constrained({ permitted: [{ base: directoryName('C=JP') }], excluded: [jpki] });
    const levels = constrained({ permitted: [{ ...jpki, minimum: 1, maximum: 2 }] });
    const hosts = constrained({ permitted: [{ base: { kind: 'dnsName', text: 'a.example' } }] });
    const to = (name: string): string => `{ pathToName rdnSequence:"${name}" }`;
    check([
      [permitted, to('CN=a,O=JPKI,C=JP'), true],
      [permitted, to('O=jpki,C=jp'), true],
      [permitted, to('C=JP'), false],
      [permitted, to('CN=a,O=JPKI2,C=JP'), false],
      [permitted, to('O=JPKI'), false],
      [excluded, to('CN=a,O=JPKI,C=JP'), false],
      [excluded, to('O=JPKI,C=JP'), false],
      [excluded, to('O=Other,C=JP'), true],
      [both, to('O=Other,C=JP'), true],
      [both, to('CN=a,O=JPKI,C=JP'), false],
      [both, to('C=US'), false],
      [levels, to('O=JPKI,C=JP'), false],
      [levels, to('CN=a,O=JPKI,C=JP'), true],
      [levels, to('CN=b,CN=a,O=JPKI,C=JP'), true],
      [levels, to('CN=c,CN=b,CN=a,O=JPKI,C=JP'), false],
      // Constraints on other forms, or none, let every directory name pass.
      [hosts, to('C=US'), true],
      [plain, to('C=US'), true],
      [plain, '{ pathToName "C=US" }', undefined],
    ]);
  });

  describe('nameConstraints', () => {
    const subject = nameFromText('CN=a,O=JPKI,C=JP');
    const named = (...names: readonly GeneralName[]): Uint8Array =>
      sampleCertificate(key, {
        subject,
        extensions: names.length === 0 ? [filler] : [buildSubjectAltName(names)],
      });
    const bare = named();
    const permits = (base: string): string =>
      `{ nameConstraints { permittedSubtrees { { base ${base} } } } }`;
    const excludes = (base: string): string =>
      `{ nameConstraints { excludedSubtrees { { base ${base} } } } }`;
    const host = named({ kind: 'dnsName', text: 'www.A.example' });
    const mail = named({ kind: 'rfc822Name', text: 'Taro@mail.a.example' });
    const uri = named({ kind: 'uri', text: 'ldap://u@dir.a.example:389/o=x' });
    const noHost = named({ kind: 'uri', text: 'urn:a:b' });
    const address = named({ kind: 'ipAddress', bytes: Uint8Array.of(10, 1, 2, 3) });
    const registered = named({ kind: 'registeredId', oid: '1.2.3' });
    const mailInSubject = sampleCertificate(key, {
      subject: nameFromText('emailAddress=a@b.example,C=JP'),
    });
    const net = (hex: string): string => `iPAddress:'${hex}'H`;
    check([
      [bare, permits('directoryName:rdnSequence:"O=JPKI,C=JP"'), true],
      [bare, permits('directoryName:rdnSequence:"O=Other,C=JP"'), false],
      [bare, excludes('directoryName:rdnSequence:"O=JPKI,C=JP"'), false],
      [bare, excludes('directoryName:rdnSequence:"O=Other,C=JP"'), true],
      [bare, permits('directoryName:rdnSequence:"O=JPKI,C=JP", minimum 1'), true],
      [bare, permits('directoryName:rdnSequence:"O=JPKI,C=JP", minimum 2'), false],
      [bare, permits('directoryName:rdnSequence:"C=JP", minimum 0, maximum 2'), true],
      [bare, permits('directoryName:rdnSequence:"C=JP", maximum 1'), false],
      [named(directoryName('C=US')), permits('directoryName:rdnSequence:"C=JP"'), false],
      // A form that the certificate has no name of restricts nothing.
      [bare, permits('dNSName:"a.example"'), true],
      [host, permits('dNSName:"a.example"'), true],
      [host, permits('dNSName:".a.example"'), true],
      [host, permits('dNSName:"www.a.example"'), true],
      [host, permits('dNSName:""'), true],
      [host, permits('dNSName:"w.a.example"'), false],
      [host, permits('dNSName:"ww.a.example"'), false],
      [host, excludes('dNSName:"a.example"'), false],
      [mail, permits('rfc822Name:"mail.a.example"'), true],
      [mail, permits('rfc822Name:"a.example"'), false],
      [mail, permits('rfc822Name:".a.example"'), true],
      [mail, permits('rfc822Name:"Taro@MAIL.a.example"'), true],
      [mail, permits('rfc822Name:"taro@mail.a.example"'), false],
      [mailInSubject, permits('rfc822Name:"b.example"'), true],
      [mailInSubject, excludes('rfc822Name:"b.example"'), false],
      [uri, permits('uniformResourceIdentifier:"dir.a.example"'), true],
      [uri, permits('uniformResourceIdentifier:"a.example"'), false],
      [uri, permits('uniformResourceIdentifier:".A.example"'), true],
      [uri, excludes('uniformResourceIdentifier:".a.example"'), false],
      [noHost, permits('uniformResourceIdentifier:""'), false],
      [noHost, excludes('uniformResourceIdentifier:".a.example"'), false],
      [address, permits(net('0A010000FFFF0000')), true],
      [address, permits(net('0A020000FFFF0000')), false],
      [address, permits(net('0A010200FFFFFF00')), true],
      [address, permits(net('0A010202FFFFFFFF')), false],
      [address, excludes(net('0A000000FF000000')), false],
      [address, permits(net('00'.repeat(32))), false],
      [registered, permits('registeredID:1.2.3'), true],
      [registered, permits('registeredID:1.2'), false],
      [
        host,
        '{ nameConstraints { permittedSubtrees { { base dNSName:"b.example" }, { base dNSName:"a.example" } }, excludedSubtrees { { base dNSName:"x.a.example" } } } }',
        true,
      ],
      [bare, '{ nameConstraints { } }', undefined],
      [bare, '{ nameConstraints { permittedSubtrees { } } }', undefined],
      [bare, '{ nameConstraints { permittedSubtrees { { minimum 1 } } } }', undefined],
      [bare, '{ nameConstraints { permitted { } } }', undefined],
      [bare, permits('dNSName:"a.example", minimum 1'), undefined],
      [bare, permits('directoryName:rdnSequence:"C=JP", minimum -1'), undefined],
      [bare, permits('directoryName:rdnSequence:"C=JP", levels 1'), undefined],
      [bare, permits("iPAddress:'0A010203'H"), undefined],
      [bare, permits('x400Address:"a"'), undefined],
      [bare, permits('otherName:{ type-id 1.2.3, value "a" }'), undefined],
    ]);
  });
});

describe('keys of GeneralName in assertions (RFC 3642 §4)', () => {
  const otherText: GeneralName = {
    kind: 'otherName',
    type: '1.2.3',
    value: encodeUtf8String('a"'),
  };
  const der = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
  const otherOf = (hex: string): GeneralName => ({
    kind: 'otherName',
    type: '1.2.3',
    value: der(hex),
  });
  // ediPartyName: nameAssigner [0] UTF8String "x", partyName [1] UTF8String "y".
  const edi: GeneralName = { kind: 'unsupported', der: der('a50aa0030c0178a1030c0179') };
  const ediParty: GeneralName = { kind: 'unsupported', der: der('a505a1030c0179') };
  const rows: readonly (readonly [GeneralName, string, boolean | undefined])[] = [
    [{ kind: 'rfc822Name', text: 'A@b.Example' }, 'rfc822Name:"A@B.example"', true],
    [{ kind: 'rfc822Name', text: 'A@b.Example' }, 'rfc822Name:"a@b.example"', false],
    [{ kind: 'dnsName', text: 'B.example' }, 'dNSName:"b.EXAMPLE"', true],
    [{ kind: 'dnsName', text: 'b.example' }, 'rfc822Name:"b.example"', false],
    [
      { kind: 'uri', text: 'HTTP://u@B.example/A' },
      'uniformResourceIdentifier:"http://u@b.example/A"',
      true,
    ],
    [
      { kind: 'uri', text: 'http://b.example/A' },
      'uniformResourceIdentifier:"http://b.example/a"',
      false,
    ],
    [
      { kind: 'uri', text: 'http://U@b.example/' },
      'uniformResourceIdentifier:"http://u@b.example/"',
      false,
    ],
    [{ kind: 'ipAddress', bytes: Uint8Array.of(10, 0, 0, 1) }, "iPAddress:'0A000001'H", true],
    [{ kind: 'ipAddress', bytes: Uint8Array.of(10, 0, 0, 1) }, "iPAddress:'0A000002'H", false],
    [{ kind: 'registeredId', oid: '1.2.3' }, 'registeredID:1.2.3', true],
    [{ kind: 'registeredId', oid: '1.2.3' }, 'registeredID:1.2.4', false],
    [otherText, 'otherName:{ type-id 1.2.3, value "a""" }', true],
    [otherText, 'otherName:{ value utf8String:"a""", type-id 1.2.3 }', true],
    [otherText, 'otherName:{ type-id 1.2.4, value "a""" }', false],
    [otherText, 'otherName:{ type-id 1.2.3, value "b" }', false],
    [otherOf('0500'), 'otherName:{ type-id 1.2.3, value NULL }', true],
    [otherOf('0101ff'), 'otherName:{ type-id 1.2.3, value TRUE }', true],
    [otherOf('0101ff'), 'otherName:{ type-id 1.2.3, value FALSE }', false],
    [otherOf('020105'), 'otherName:{ type-id 1.2.3, value 5 }', true],
    [otherOf('0201fb'), 'otherName:{ type-id 1.2.3, value -5 }', true],
    [otherOf('06022a03'), 'otherName:{ type-id 1.2.3, value 1.2.3 }', true],
    [otherOf('04020aff'), "otherName:{ type-id 1.2.3, value '0AFF'H }", true],
    [otherOf('0303000aff'), "otherName:{ type-id 1.2.3, value '0AFF'H }", true],
    [otherOf('03020460'), "otherName:{ type-id 1.2.3, value '0110'B }", true],
    [otherOf('03020460'), "otherName:{ type-id 1.2.3, value '6'H }", true],
    [otherOf('03020460'), "otherName:{ type-id 1.2.3, value '60'H }", false],
    [otherOf('3000'), "otherName:{ type-id 1.2.3, value '3000'H }", false],
    [edi, 'ediPartyName:{ nameAssigner "x", partyName utf8String:"y" }', true],
    [edi, 'ediPartyName:{ partyName "y" }', false],
    [ediParty, 'ediPartyName:{ partyName "y" }', true],
    [otherText, 'otherName:{ type-id 1.2.3 }', undefined],
    [otherText, 'otherName:{ type-id 1.2.3, value { a 1 } }', undefined],
    [otherText, 'otherName:{ type-id 1.2.3, value a:b:c:d:e:1 }', undefined],
    [otherText, 'otherName:{ type-id 1.2.3, value "a", x 1 }', undefined],
    [edi, 'ediPartyName:{ nameAssigner "x" }', undefined],
    [edi, 'ediPartyName:{ partyName "y", x "z" }', undefined],
    [edi, 'x400Address:"a"', undefined],
    [edi, 'dnsName:"a"', undefined],
  ];
  for (const [name, asserted, outcome] of rows) {
    it(`${name.kind}, ${asserted}: ${outcome}`, () => {
      const certificate = certificateWith(
        buildAuthorityKeyIdentifier({ issuer: [name], serialNumber: 1n }),
      );
      const assertion = `{ authorityKeyIdentifier { authorityCertIssuer { ${asserted} }, authorityCertSerialNumber 1 } }`;
      assert.equal(matchOutcome('certificateMatch', certificate, assertion), outcome);
    });
  }

  it('a hexadecimal text of 30,000 octets', () => {
    const bytes = new Uint8Array(30_000).fill(0xab);
    const certificate = certificateWith(buildSubjectKeyIdentifier(bytes));
    const assertion = `{ subjectKeyIdentifier '${formatHex(bytes)}'H }`;
    assert.equal(matchOutcome('certificateMatch', certificate, assertion), true);
  });
});
