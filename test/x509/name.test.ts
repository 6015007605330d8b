import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  encodeElement,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encodeSet,
  encodeUtf8String,
} from '../../src/asn1/der-writer.ts';
import { Tag } from '../../src/asn1/tags.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { parseAlternativeNames } from '../../src/x509/alternative-name.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import { buildName, formatName, nameFromText, parseName, sameName } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { caCertificateFiles, readFixture } from '../support/x509-samples.ts';

const refusal = (code: string): { name: string; code: string } => ({ name: 'X509Error', code });

/** One RDN of one pair, the value given as an element. */
const pairOf = (type: string, value: Uint8Array): Uint8Array =>
  encodeSequence(encodeOid(type), value);
const commonName = (value: Uint8Array): Uint8Array =>
  encodeSequence(encodeSet(pairOf(Oid.commonName, value)));

describe('Name of real certificates', () => {
  const subjects: Readonly<Record<(typeof caCertificateFiles)[number], string>> = {
    '00_BCA.cer': 'OU=BridgeCA,OU=Prefectural Association For JPKI,O=JPKI,C=JP',
    'APCAroot.der': 'OU=ApplicationCA,O=Japanese Government,C=JP',
    'AppCAG2.cer': 'OU=Application CA G2,O=LGPKI,C=JP',
    'JapanMinistryIAC-ApplicationCA2.der':
      'CN=ApplicationCA2 Root,OU=GPKI,O=Japanese Government,C=JP',
    'MPHPT_CA.cer': 'OU=MPHPT Certification Authority,OU=MPHPT,O=Japanese Government,C=JP',
  };

  for (const file of caCertificateFiles) {
    it(`${file}: text, and the same bytes when built again`, () => {
      const { subject, issuer } = parseCertificate(readFixture(`ca-certs/${file}`));
      assert.equal(formatName(subject), subjects[file]);
      assert.deepEqual(buildName(subject.rdns).der, subject.der);
      assert.ok(sameName(issuer, subject));
    });
  }

  it('00_BCA.cer: C is a PrintableString, the others are UTF8Strings', () => {
    const { subject } = parseCertificate(readFixture('ca-certs/00_BCA.cer'));
    const tags = subject.rdns.map((rdn) => rdn[0]?.stringTag);
    assert.deepEqual(tags, [Tag.printableString, Tag.utf8String, Tag.utf8String, Tag.utf8String]);
    assert.deepEqual(nameFromText(formatName(subject)).der, subject.der);
  });

  it('MPHPT_CA.cer: all PrintableString, which nameFromText writes when asked', () => {
    const { subject } = parseCertificate(readFixture('ca-certs/MPHPT_CA.cer'));
    const text = formatName(subject);
    assert.deepEqual(nameFromText(text, { printable: ['O', 'OU'] }).der, subject.der);
    assert.notDeepEqual(nameFromText(text).der, subject.der);
  });

  it('00_BCA.cer: the Japanese name in subjectAltName', () => {
    const { extensions } = parseCertificate(readFixture('ca-certs/00_BCA.cer'));
    const value = findExtension(extensions, Oid.subjectAltName)?.value ?? new Uint8Array(0);
    const [name] = parseAlternativeNames(value);
    assert.ok(name?.kind === 'directoryName');
    assert.equal(
      formatName(name.name),
      'OU=ブリッジ認証局,OU=都道府県協議会,O=公的個人認証サービス,C=JP',
    );
    assert.deepEqual(buildName(name.name.rdns).der, name.name.der);
  });
});

describe('nameFromText, RFC 4514 §3', () => {
  const accepted: readonly {
    readonly why: string;
    readonly text: string;
    readonly rdns: readonly (readonly (readonly [string, string])[])[];
    /** As formatName writes it, when that differs. */
    readonly canonical?: string;
  }[] = [
    { why: 'the root is empty', text: '', rdns: [] },
    {
      why: 'an escaped plus is a character: cn=a\\+b',
      text: 'cn=a\\+b',
      rdns: [[[Oid.commonName, 'a+b']]],
      canonical: 'CN=a\\+b',
    },
    {
      why: 'a bare plus joins pairs: cn=a+ou=b',
      text: 'CN=a+OU=b',
      rdns: [
        [
          [Oid.commonName, 'a'],
          [Oid.organizationalUnitName, 'b'],
        ],
      ],
    },
    {
      why: 'an escaped comma',
      text: 'O=SECOM Trust.net Co.\\, Ltd.,C=JP',
      rdns: [[[Oid.countryName, 'JP']], [[Oid.organizationName, 'SECOM Trust.net Co., Ltd.']]],
    },
    {
      why: 'a comma in hexadecimal',
      text: 'O=Co.\\2C Ltd.',
      rdns: [[[Oid.organizationName, 'Co., Ltd.']]],
      canonical: 'O=Co.\\, Ltd.',
    },
    {
      why: '#hex is the encoded value: cn=#0403666f6f, no string type',
      text: 'CN=#0403666f6f',
      rdns: [[[Oid.commonName, '#0403666f6f']]],
    },
    {
      why: '#hex of a string type is that string',
      text: 'CN=#1303666F6F',
      rdns: [[[Oid.commonName, 'foo']]],
      canonical: 'CN=foo',
    },
    {
      why: 'an escaped # at the beginning is a character',
      text: 'CN=\\#0403666f6f',
      rdns: [[[Oid.commonName, '#0403666f6f']]],
    },
    {
      why: 'a # further in needs no escape',
      text: 'CN=no #1',
      rdns: [[[Oid.commonName, 'no #1']]],
    },
    {
      why: 'spaces around separators are no part of values',
      text: ' CN = a b , C = JP ',
      rdns: [[[Oid.countryName, 'JP']], [[Oid.commonName, 'a b']]],
      canonical: 'CN=a b,C=JP',
    },
    {
      why: 'escaped outer spaces are',
      text: 'CN=\\ a\\ ',
      rdns: [[[Oid.commonName, ' a ']]],
    },
    {
      why: 'a value that ends in a backslash and a space',
      text: 'CN=a\\\\\\ ',
      rdns: [[[Oid.commonName, 'a\\ ']]],
    },
    { why: 'one space', text: 'CN=\\ ', rdns: [[[Oid.commonName, ' ']]] },
    {
      why: 'all special characters',
      text: 'CN=\\"\\+\\,\\;\\<\\>\\\\=',
      rdns: [[[Oid.commonName, '"+,;<>\\=']]],
    },
    {
      why: 'UTF-8 in escaped octets (RFC 4514 §4)',
      text: 'CN=Lu\\C4\\8Di\\C4\\87',
      rdns: [[[Oid.commonName, 'Lučić']]],
      canonical: 'CN=Lučić',
    },
    { why: 'a character beyond the BMP', text: 'CN=𠮷野家', rdns: [[[Oid.commonName, '𠮷野家']]] },
    {
      why: 'control characters are escaped when written',
      text: 'CN=a\\0D\\0Ab',
      rdns: [[[Oid.commonName, 'a\r\nb']]],
    },
    {
      why: 'a numeric OID that has a short name',
      text: '2.5.4.3=a',
      rdns: [[[Oid.commonName, 'a']]],
      canonical: 'CN=a',
    },
    {
      why: 'a numeric OID without one is written in hexadecimal (§2.4)',
      text: '1.2.3.4=a',
      rdns: [[['1.2.3.4', 'a']]],
      canonical: '1.2.3.4=#0c0161',
    },
    {
      why: 'the most specific RDN comes first in text and last in DER',
      text: 'CN=c,OU=b,C=JP',
      rdns: [
        [[Oid.countryName, 'JP']],
        [[Oid.organizationalUnitName, 'b']],
        [[Oid.commonName, 'c']],
      ],
    },
  ];
  for (const { why, text, rdns, canonical } of accepted) {
    it(why, () => {
      const name = nameFromText(text);
      const seen = name.rdns.map((rdn) => rdn.map(({ type, value }) => [type, value]));
      assert.deepEqual(seen, rdns);
      assert.equal(formatName(name), canonical ?? text);
      assert.ok(sameName(nameFromText(formatName(name)), name));
    });
  }

  const refused = [
    { why: 'an unknown type', text: 'foo=a' },
    { why: 'no type', text: '=a' },
    { why: 'no value', text: 'CN=' },
    { why: 'a value of spaces', text: 'CN=  ' },
    { why: 'no equals sign', text: 'CN' },
    { why: 'a comma at the end', text: 'CN=a,' },
    { why: 'a comma at the beginning', text: ',CN=a' },
    { why: 'a plus at the end', text: 'CN=a+' },
    { why: 'a bare semicolon', text: 'CN=a;C=JP' },
    { why: 'a bare quotation mark', text: 'CN="a"' },
    { why: 'a bare angle bracket', text: 'CN=a<b' },
    { why: 'a backslash at the end', text: 'CN=a\\' },
    { why: 'a backslash before another letter', text: 'CN=a\\zb' },
    { why: 'one hexadecimal digit', text: 'CN=a\\4' },
    { why: 'escaped octets that are no UTF-8', text: 'CN=\\C3\\28' },
    { why: 'half a surrogate pair', text: 'CN=\ud842' },
    { why: 'NUL', text: 'CN=a\0' },
    { why: '# alone', text: 'CN=#' },
    { why: '# with an odd number of digits', text: 'CN=#040' },
    { why: '# with something behind the digits', text: 'CN=#0403666f6f foo' },
    { why: '# whose element is cut', text: 'CN=#0404666f6f' },
    { why: '# with two elements', text: 'CN=#05000500' },
    { why: 'an OID with a leading zero', text: '2.5.4.03=a' },
    { why: 'an OID with a prefix', text: 'OID.2.5.4.3=a' },
  ];
  for (const { why, text } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => nameFromText(text), refusal('X509_NAME_TEXT'));
    });
  }

  it('refuses an arc that no OID has', () => {
    assert.throws(() => nameFromText('9.9=a'), refusal('X509_NAME'));
  });

  it('refuses a character that a PrintableString does not have', () => {
    assert.throws(() => nameFromText('C=日本'), refusal('X509_NAME'));
    assert.throws(() => nameFromText('CN=a@b', { printable: ['CN'] }), refusal('X509_NAME'));
  });

  it('an RDN without pairs is not built', () => {
    assert.throws(() => buildName([[]]), refusal('X509_NAME'));
  });

  it('refuses a type twice in one RDN: cn=a+cn=b', () => {
    assert.throws(() => nameFromText('cn=a+cn=b'), refusal('X509_NAME'));
  });

  it('writes DC and emailAddress as IA5String, serialNumber and dnQualifier as PrintableString', () => {
    const name = nameFromText('DC=example+emailAddress=a@b.jp,serialNumber=1,dnQualifier=x');
    const tags = new Map(name.rdns.flat().map(({ type, stringTag }) => [type, stringTag]));
    assert.equal(tags.get(Oid.domainComponent), Tag.ia5String);
    assert.equal(tags.get(Oid.emailAddress), Tag.ia5String);
    assert.equal(tags.get(Oid.serialNumber), Tag.printableString);
    assert.equal(tags.get(Oid.distinguishedNameQualifier), Tag.printableString);
  });
});

describe('parseName', () => {
  it('keeps a value of no string type as bytes', () => {
    const name = parseName(commonName(Uint8Array.of(Tag.integer, 1, 5)));
    assert.equal(formatName(name), 'CN=#020105');
    assert.deepEqual(buildName(name.rdns).der, name.der);
  });

  it('keeps a string with characters that its type lacks as bytes', () => {
    const name = parseName(commonName(encodeElement(Tag.printableString, encodeUtf8('a@b'))));
    assert.equal(formatName(name), 'CN=#1303614062');
    assert.deepEqual(buildName(name.rdns).der, name.der);
  });

  it('two pairs of one RDN are put into DER order', () => {
    const name = nameFromText('OU=b+CN=a');
    const pairs = [
      pairOf(Oid.commonName, encodeUtf8String('a')),
      pairOf(Oid.organizationalUnitName, encodeUtf8String('b')),
    ];
    assert.deepEqual(name.der, encodeSequence(encodeSet(...pairs)));
  });

  const a = pairOf(Oid.commonName, encodePrintableString('a'));
  const b = pairOf(Oid.organizationalUnitName, encodePrintableString('b'));
  const refused = [
    { why: 'an empty input', der: new Uint8Array(0) },
    { why: 'an RDN without pairs', der: encodeSequence(encodeSet()) },
    { why: 'an RDN that is not in DER order', der: encodeSequence(encodeSet(b, a)) },
    { why: 'a SEQUENCE in place of the SET', der: encodeSequence(encodeSequence(a)) },
    {
      why: 'a pair without a value',
      der: encodeSequence(encodeSet(encodeSequence(encodeOid('2.5.4.3')))),
    },
    {
      why: 'a pair of three',
      der: encodeSequence(
        encodeSet(
          encodeSequence(
            encodeOid('2.5.4.3'),
            encodePrintableString('a'),
            encodePrintableString('b'),
          ),
        ),
      ),
    },
    { why: 'octets behind it', der: Uint8Array.of(...encodeSequence(encodeSet(a)), 0) },
    {
      why: 'more than 64 RDNs',
      der: encodeSequence(...Array.from({ length: 65 }, () => encodeSet(a))),
    },
  ];
  for (const { why, der } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseName(der), refusal('X509_NAME'));
    });
  }

  it('takes 64 RDNs', () => {
    const der = encodeSequence(...Array.from({ length: 64 }, () => encodeSet(a)));
    assert.equal(parseName(der).rdns.length, 64);
  });
});

describe('sameName, RFC 5280 §7.1', () => {
  const rows: readonly {
    readonly why: string;
    readonly left: string;
    readonly right: string;
    readonly isSame: boolean;
  }[] = [
    { why: 'case', left: 'CN=Chiyoda-ku CRLDP', right: 'CN=chiyoda-KU crldp', isSame: true },
    { why: 'inner spaces', left: 'CN=a  b', right: 'CN=a b', isSame: true },
    { why: 'outer spaces', left: 'CN=\\ a\\ ', right: 'CN=a', isSame: true },
    { why: 'full-width letters (NFKC)', left: 'CN=ＪＰＫＩ', right: 'CN=jpki', isSame: true },
    { why: 'combining characters', left: 'CN=が', right: 'CN=か\u3099', isSame: true },
    { why: 'the ideographic space', left: 'CN=a\u3000b', right: 'CN=a b', isSame: true },
    { why: 'soft hyphens', left: 'CN=a\u00adb', right: 'CN=ab', isSame: true },
    { why: 'control characters', left: 'CN=a\\07b', right: 'CN=ab', isSame: true },
    { why: 'a tab and a space', left: 'CN=a\\09b', right: 'CN=a b', isSame: true },
    {
      why: 'a letter that is capital only when normalised',
      left: 'CN=ℂ',
      right: 'CN=c',
      isSame: true,
    },
    { why: 'ß and ss', left: 'CN=Straße', right: 'CN=STRASSE', isSame: true },
    { why: 'string types', left: 'C=JP,O=x', right: 'C=JP,O=#130178', isSame: true },
    { why: 'the order within an RDN', left: 'CN=a+OU=b', right: 'OU=b+CN=a', isSame: true },
    { why: 'another value', left: 'CN=a', right: 'CN=b', isSame: false },
    { why: 'another type', left: 'CN=a', right: 'OU=a', isSame: false },
    { why: 'a missing RDN', left: 'CN=a,C=JP', right: 'CN=a', isSame: false },
    { why: 'the order of RDNs', left: 'OU=a,OU=b', right: 'OU=b,OU=a', isSame: false },
    { why: 'two RDNs and one of two pairs', left: 'CN=a,OU=b', right: 'CN=a+OU=b', isSame: false },
    { why: 'an inner space and none', left: 'CN=a b', right: 'CN=ab', isSame: false },
    { why: 'kana and kanji', left: 'CN=にっぽん', right: 'CN=日本', isSame: false },
    {
      why: 'an integer and its hexadecimal text',
      left: 'CN=#020105',
      right: 'CN=\\#020105',
      isSame: false,
    },
    {
      why: 'a text that looks like a pair',
      left: 'CN=a+OU=b',
      right: 'CN=a2.5.4.11\\=b',
      isSame: false,
    },
  ];
  const marks = '\u0301\u0316'.repeat(60_000);
  it('a letter with thousands of marks, without sorting them for seconds', () => {
    const started = process.hrtime.bigint();
    assert.ok(sameName(nameFromText(`CN=a${marks}`), nameFromText(`cn=a${marks}`)));
    assert.ok(!sameName(nameFromText(`CN=a${marks}`), nameFromText(`CN=A${marks}`)));
    assert.ok(Number(process.hrtime.bigint() - started) / 1e6 < 2000);
  });

  for (const { why, left, right, isSame } of rows) {
    it(`${why}: ${isSame ? 'the same' : 'not the same'}`, () => {
      assert.equal(sameName(nameFromText(left), nameFromText(right)), isSame);
      assert.equal(sameName(nameFromText(right), nameFromText(left)), isSame);
    });
  }
});
