import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { syntaxes } from '../../src/directory/schema/syntax.ts';
import { SyntaxOid } from '../../src/directory/schema/syntax-oid.ts';
import { shippedSchema } from '../support/shipped-schema.ts';
import {
  caCertificateFiles,
  crlFiles,
  readFixture,
  sampleCertificate,
  sampleKey,
} from '../support/x509-samples.ts';

function problem(oid: string, value: string | Uint8Array): string | undefined {
  const syntax = syntaxes.get(oid);
  assert.ok(syntax, oid);
  return syntax.problem(typeof value === 'string' ? encodeUtf8(value) : value, shippedSchema);
}

const notUtf8 = Uint8Array.of(0x41, 0xff);

interface Row {
  readonly oid: string;
  readonly good: readonly (string | Uint8Array)[];
  readonly bad: readonly (string | Uint8Array)[];
}

/** RFC 4517 §3.3. */
const rows: Readonly<Record<string, Row>> = {
  'Attribute Type Description': {
    oid: SyntaxOid.attributeTypeDescription,
    good: ["( 1.2.3 NAME 'a' )"],
    bad: ['', '1.2.3', '( a )', notUtf8],
  },
  'Bit String': {
    oid: SyntaxOid.bitString,
    good: ["''B", "'0101'B"],
    bad: ['', '0101', "'0102'B", "'01'b", "'01'B "],
  },
  Boolean: { oid: SyntaxOid.boolean, good: ['TRUE', 'FALSE'], bad: ['', 'true', 'TRUE ', '1'] },
  'Country String': {
    oid: SyntaxOid.countryString,
    good: ['JP', 'jp', '1+'],
    bad: ['', 'J', 'JPN', 'J_', 'é'],
  },
  DN: {
    oid: SyntaxOid.distinguishedName,
    good: ['', 'cn=a,o=b', 'CN = a'],
    bad: ['a', 'cn=', 'nonsense=a', 'cn=#04', notUtf8],
  },
  'Delivery Method': {
    oid: SyntaxOid.deliveryMethod,
    good: ['any', 'mhs $ physical', 'g3fax$ia5'],
    bad: ['', 'owl', 'any $', 'any physical'],
  },
  'Directory String': {
    oid: SyntaxOid.directoryString,
    good: ['a', ' ', '前橋市', '\0'],
    bad: ['', notUtf8, Uint8Array.of(0xc0, 0x80), Uint8Array.of(0xed, 0xa0, 0x80)],
  },
  'DIT Structure Rule Description': {
    oid: SyntaxOid.ditStructureRuleDescription,
    good: ['( 2 FORM 1.2.3 )'],
    bad: ['', '( a )', '2'],
  },
  'Enhanced Guide': {
    oid: SyntaxOid.enhancedGuide,
    good: ['person#(sn$EQ)#oneLevel', 'person # sn$APPROX&(!cn$SUBSTR|?true) # wholeSubtree'],
    bad: ['person#(sn$EQ)', 'person#sn$EQ#everywhere', '#sn$EQ#oneLevel', 'person##oneLevel'],
  },
  'Facsimile Telephone Number': {
    oid: SyntaxOid.facsimileTelephoneNumber,
    good: ['+81 27 223 1111', '+81 27$twoDimensional$b4Length'],
    bad: ['', '+81$', '+81$threeDimensional', '電話'],
  },
  'Generalized Time': {
    oid: SyntaxOid.generalizedTime,
    good: ['20260131235959Z', '2026013123Z', '202601312359+0900', '20260131235959.5Z'],
    bad: ['', '20260131', '20260230000000Z', '20260131235959', '260131235959Z', '20260131240000Z'],
  },
  Guide: {
    oid: SyntaxOid.guide,
    good: ['sn$EQ', 'person#sn$EQ|cn$GE', '(sn$LE)', '!(?false)'],
    bad: [
      '',
      '()',
      'sn',
      'sn$XX',
      '(sn$EQ',
      'sn$EQ)',
      'sn$EQ&',
      '&sn$EQ',
      'sn$EQ(cn$EQ)',
      'sn$EQ$EQ',
    ],
  },
  'IA5 String': { oid: SyntaxOid.ia5String, good: ['', 'a@b', '\0'], bad: ['é', notUtf8] },
  INTEGER: {
    oid: SyntaxOid.integer,
    good: ['0', '1', '-1', '123456789012345678901234567890'],
    bad: ['', '-', '-0', '01', '+1', '1.0', ' 1', '1 ', '１'],
  },
  'Name And Optional UID': {
    oid: SyntaxOid.nameAndOptionalUid,
    good: ['cn=a', "cn=a#'0101'B", "#'0101'B"],
    bad: ["cn=a#'02'B,", 'a', "a#'0101'B"],
  },
  'Numeric String': {
    oid: SyntaxOid.numericString,
    good: ['1', '1 2', ' '],
    bad: ['', 'a', '1-2'],
  },
  OID: {
    oid: SyntaxOid.objectIdentifier,
    good: ['1.2.3', 'cn', 'not-known'],
    bad: ['', '1', '1.02', '1.2.', 'a_b', '1a', '-a'],
  },
  'Octet String': { oid: SyntaxOid.octetString, good: ['', 'a', notUtf8], bad: [] },
  Fax: { oid: SyntaxOid.fax, good: ['', notUtf8], bad: [] },
  JPEG: { oid: SyntaxOid.jpeg, good: ['', notUtf8], bad: [] },
  'Other Mailbox': {
    oid: SyntaxOid.otherMailbox,
    good: ['compuserve$12345,6', 'a$', 'a$b$c'],
    bad: ['', 'a', '$a', 'a_b$c', 'a$前', notUtf8],
  },
  'UTC Time': {
    oid: SyntaxOid.utcTime,
    good: ['260131235959Z', '2601312359Z', '260131235959+0900', '2601312359', '260131235959'],
    bad: ['', '260230235959Z', '26013123Z', '20260131235959Z', '260131235959.5Z', notUtf8],
  },
  'Postal Address': {
    oid: SyntaxOid.postalAddress,
    good: ['大手町1-1-1$前橋市', '\\241,000,000 Sweepstakes$PO Box 1', 'a\\5Cb'],
    bad: ['', 'a$', '$a', 'a$$b', 'a\\b', 'a\\', notUtf8],
  },
  'Printable String': {
    oid: SyntaxOid.printableString,
    good: ['a', "A-Z 0'9()+,./:=?"],
    bad: ['', 'a_b', 'a@b', 'é'],
  },
  'Subtree Specification': {
    oid: SyntaxOid.subtreeSpecification,
    good: ['{}', '{ base "ou=a" }', '{ specificExclusions { chopBefore:"a" } }'],
    bad: ['', '{', '{{}'],
  },
  'Telephone Number': {
    oid: SyntaxOid.telephoneNumber,
    good: ['+81 27 223 1111'],
    bad: ['', '電話', '1_2'],
  },
  'Teletex Terminal Identifier': {
    oid: SyntaxOid.teletexTerminalIdentifier,
    good: ['a', 'a$graphic:b', Uint8Array.of(0x61, 0x24, ...encodeUtf8('misc:'), 0xff)],
    bad: ['', 'a$other:b', 'a$', Uint8Array.of(0xff)],
  },
  'Telex Number': {
    oid: SyntaxOid.telexNumber,
    good: ['12345$jp$a'],
    bad: ['', '12345$jp', '12345$jp$', '1$2$3$4'],
  },
  UUID: {
    oid: SyntaxOid.uuid,
    good: ['7620cae1-3635-466f-9e88-1717592cf220', '7620CAE1-3635-466F-9E88-1717592CF220'],
    bad: ['', '7620cae13635466f9e881717592cf220', '7620cae1-3635-466f-9e88-1717592cf22g'],
  },
  'Change Sequence Number': {
    oid: SyntaxOid.changeSequenceNumber,
    good: ['20260131235959.123456Z#000000#000#000000'],
    bad: ['', '20260131235959Z#000000#000#000000', '20260131235959.123456Z#0#000#000000'],
  },
  'X.509 Certificate Exact Assertion': {
    oid: SyntaxOid.certificateExactAssertion,
    good: [],
    bad: ['1$cn=a'],
  },
};

for (const [description, { oid, good, bad }] of Object.entries(rows)) {
  describe(description, () => {
    it('has its OID', () => {
      assert.equal(syntaxes.get(oid)?.description, description);
    });
    for (const value of good) {
      it(`takes ${format(value)}`, () => {
        assert.equal(problem(oid, value), undefined);
      });
    }
    for (const value of bad) {
      it(`refuses ${format(value)}`, () => {
        assert.equal(typeof problem(oid, value), 'string');
      });
    }
  });
}

function format(value: string | Uint8Array): string {
  return typeof value === 'string'
    ? JSON.stringify(value)
    : `0x${Buffer.from(value).toString('hex')}`;
}

describe('long values', () => {
  const long = 'a'.repeat(16 * 1024 * 1024);

  it('are refused before a pattern is put on them', () => {
    for (const { oid } of syntaxes.values()) {
      // Of the processor, not of the clock: others may be at work on this machine.
      const before = process.cpuUsage();
      const isTaken = problem(oid, long) === undefined;
      const mayBeLong =
        oid === SyntaxOid.octetString ||
        oid === SyntaxOid.fax ||
        oid === SyntaxOid.jpeg ||
        oid === SyntaxOid.ia5String ||
        oid === SyntaxOid.directoryString;
      assert.equal(isTaken, mayBeLong, oid);
      const { user, system } = process.cpuUsage(before);
      assert.ok((user + system) / 1e3 < 1000, oid);
    }
  });
});

describe('certificate syntaxes (RFC 4523 §2)', () => {
  const certificate = readFixture(`ca-certs/${caCertificateFiles[0]}`);
  const list = readFixture(`crls/${crlFiles[0]}`);
  const pair = Buffer.concat([header(0x30, sized(0xa0, certificate)), sized(0xa0, certificate)]);
  const algorithm = Buffer.from('300f300d06092a864886f70d01010b0500', 'hex');

  it('take the DER of what they say', () => {
    assert.equal(problem(SyntaxOid.certificate, certificate), undefined);
    assert.equal(problem(SyntaxOid.certificate, sampleCertificate(sampleKey('p256'))), undefined);
    assert.equal(problem(SyntaxOid.certificateList, list), undefined);
    assert.equal(problem(SyntaxOid.certificatePair, pair), undefined);
    assert.equal(problem(SyntaxOid.supportedAlgorithm, algorithm), undefined);
  });

  const certificateSyntaxes = [
    SyntaxOid.certificate,
    SyntaxOid.certificateList,
    SyntaxOid.certificatePair,
    SyntaxOid.supportedAlgorithm,
  ];
  const garbage: readonly (readonly [why: string, value: Uint8Array])[] = [
    ['nothing', new Uint8Array(0)],
    ['text', encodeUtf8('certificate')],
    ['an empty sequence', Uint8Array.of(0x30, 0)],
    ['an empty pair of sequences', Uint8Array.of(0x30, 2, 0x30, 0)],
    ['a length that is not there', Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff)],
    ['an indefinite length', Uint8Array.of(0x30, 0x80, 0, 0)],
    ['a PEM file', encodeUtf8('-----BEGIN CERTIFICATE-----\n')],
  ];
  for (const oid of certificateSyntaxes) {
    for (const [why, value] of garbage) {
      it(`${syntaxes.get(oid)?.description} refuses ${why}`, () => {
        assert.equal(typeof problem(oid, value), 'string');
      });
    }
  }

  it('refuse each other, a cut end and a byte more', () => {
    const values = new Map<string, Uint8Array>([
      [SyntaxOid.certificate, certificate],
      [SyntaxOid.certificateList, list],
      [SyntaxOid.certificatePair, pair],
      [SyntaxOid.supportedAlgorithm, algorithm],
    ]);
    for (const oid of certificateSyntaxes) {
      for (const [other, value] of values) {
        assert.equal(problem(oid, value) === undefined, oid === other, `${oid} ${other}`);
      }
      const value = values.get(oid) ?? new Uint8Array(0);
      assert.equal(typeof problem(oid, value.subarray(0, -1)), 'string');
      assert.equal(typeof problem(oid, Buffer.concat([value, Uint8Array.of(0)])), 'string');
    }
  });

  it('need ;binary, the others do not', () => {
    for (const { oid, requiresBinary, isText } of syntaxes.values()) {
      const isCertificate = certificateSyntaxes.some((each) => each === oid);
      assert.equal(requiresBinary, isCertificate, oid);
      assert.ok(!(isCertificate && isText), oid);
    }
  });
});

/** A DER element with a two-octet length. */
function sized(tag: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([header(tag, content), content]);
}

function header(tag: number, content: Uint8Array): Uint8Array {
  return Uint8Array.of(tag, 0x82, content.length >> 8, content.length & 0xff);
}
