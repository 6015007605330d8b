/**
 * Values as OpenSSL encodes them. Each row is the argument of
 * `openssl asn1parse -genstr '…' -noout -out -` (OpenSSL 3.0) and the bytes it wrote.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertDer } from '../../src/asn1/assert-der.ts';
import { DerReader } from '../../src/asn1/der-reader.ts';
import {
  encodeBitString,
  encodeBoolean,
  encodeElement,
  encodeEnumerated,
  encodeExplicit,
  encodeIa5String,
  encodeInteger,
  encodeNamedBits,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodePrintableString,
  encodeSetOf,
  encodeTime,
  encodeUtf8String,
  retag,
} from '../../src/asn1/der-writer.ts';
import { encodeString } from '../../src/asn1/strings.ts';
import { applicationTag, contextTag, Tag } from '../../src/asn1/tags.ts';
import { formatHex } from '../../src/core/bytes.ts';

interface Row {
  readonly genstr: string;
  readonly hex: string;
  readonly ours: Uint8Array;
}

const text = (tag: number, value: string): Uint8Array =>
  encodeElement(tag, encodeString(tag, value));

const rows: readonly Row[] = [
  { genstr: 'INTEGER:0', hex: '020100', ours: encodeInteger(0) },
  { genstr: 'INTEGER:127', hex: '02017f', ours: encodeInteger(127) },
  { genstr: 'INTEGER:128', hex: '02020080', ours: encodeInteger(128) },
  { genstr: 'INTEGER:-128', hex: '020180', ours: encodeInteger(-128) },
  { genstr: 'INTEGER:-129', hex: '0202ff7f', ours: encodeInteger(-129) },
  { genstr: 'INTEGER:255', hex: '020200ff', ours: encodeInteger(255n) },
  { genstr: 'INTEGER:256', hex: '02020100', ours: encodeInteger(256n) },
  { genstr: 'INTEGER:32768', hex: '0203008000', ours: encodeInteger(32768n) },
  {
    genstr: 'INTEGER:0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF',
    hex: '021500ffffffffffffffffffffffffffffffffffffffff',
    ours: encodeInteger(2n ** 160n - 1n),
  },
  { genstr: 'ENUMERATED:10', hex: '0a010a', ours: encodeEnumerated(10) },
  { genstr: 'BOOLEAN:TRUE', hex: '0101ff', ours: encodeBoolean(true) },
  { genstr: 'BOOLEAN:FALSE', hex: '010100', ours: encodeBoolean(false) },
  { genstr: 'NULL', hex: '0500', ours: encodeNull() },
  { genstr: 'OID:2.999', hex: '06028837', ours: encodeOid('2.999') },
  { genstr: 'OID:1.2.34359738378', hex: '06072a81808080800a', ours: encodeOid('1.2.34359738378') },
  {
    genstr: 'OID:1.2.392.200149.8.5.5.1',
    hex: '060a2a83088c9b5508050501',
    ours: encodeOid('1.2.392.200149.8.5.5.1'),
  },
  {
    genstr: 'OID:2.25.329800735698586629295641978511506172918',
    hex: '06146983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776',
    ours: encodeOid('2.25.329800735698586629295641978511506172918'),
  },
  {
    genstr: 'FORMAT:HEX,OCTETSTRING:00ff',
    hex: '040200ff',
    ours: encodeOctetString(Uint8Array.of(0, 255)),
  },
  {
    genstr: 'FORMAT:HEX,BITSTRING:0680',
    hex: '0303000680',
    ours: encodeBitString(Uint8Array.of(0x06, 0x80)),
  },
  { genstr: 'FORMAT:BITLIST,BITSTRING:5,6', hex: '03020106', ours: encodeNamedBits([6, 5]) },
  { genstr: 'FORMAT:BITLIST,BITSTRING:0', hex: '03020780', ours: encodeNamedBits([0]) },
  { genstr: 'FORMAT:BITLIST,BITSTRING:8', hex: '0303070080', ours: encodeNamedBits([8]) },
  {
    genstr: 'UTCTIME:491231235959Z',
    hex: '170d3439313233313233353935395a',
    ours: encodeTime(Date.UTC(2049, 11, 31, 23, 59, 59)),
  },
  {
    genstr: 'UTCTIME:500101000000Z',
    hex: '170d3530303130313030303030305a',
    ours: encodeTime(Date.UTC(1950, 0, 1)),
  },
  {
    genstr: 'GENERALIZEDTIME:20500101000000Z',
    hex: '180f32303530303130313030303030305a',
    ours: encodeTime(Date.UTC(2050, 0, 1)),
  },
  {
    genstr: 'PRINTABLESTRING:Gunma (JP)',
    hex: '130a47756e6d6120284a5029',
    ours: encodePrintableString('Gunma (JP)'),
  },
  {
    genstr: 'IA5STRING:ca@example.jp',
    hex: '160d6361406578616d706c652e6a70',
    ours: encodeIa5String('ca@example.jp'),
  },
  {
    genstr: 'FORMAT:UTF8,UTF8String:群馬県',
    hex: '0c09e7bea4e9a6ace79c8c',
    ours: encodeUtf8String('群馬県'),
  },
  {
    genstr: 'FORMAT:UTF8,BMPSTRING:群馬県',
    hex: '1e067fa499ac770c',
    ours: text(Tag.bmpString, '群馬県'),
  },
  {
    genstr: 'FORMAT:UTF8,UNIVERSALSTRING:群馬県',
    hex: '1c0c00007fa4000099ac0000770c',
    ours: text(Tag.universalString, '群馬県'),
  },
  {
    genstr: 'FORMAT:UTF8,T61STRING:Zürich',
    hex: '14065afc72696368',
    ours: text(Tag.teletexString, 'Zürich'),
  },
  { genstr: 'NUMERICSTRING:10 20', hex: '12053130203230', ours: text(Tag.numericString, '10 20') },
  { genstr: 'VISIBLESTRING:~!', hex: '1a027e21', ours: text(Tag.visibleString, '~!') },
  { genstr: 'EXPLICIT:0,INTEGER:2', hex: 'a003020102', ours: encodeExplicit(0, encodeInteger(2)) },
  {
    genstr: 'IMPLICIT:3,OCTETSTRING:ab',
    hex: '83026162',
    ours: retag(contextTag(3, 'primitive'), encodeOctetString(Buffer.from('ab'))),
  },
  {
    genstr: 'EXPLICIT:1A,NULL',
    hex: '61020500',
    ours: encodeElement(applicationTag(1, 'constructed'), encodeNull()),
  },
];

describe('values as OpenSSL encodes them', () => {
  for (const { genstr, hex, ours } of rows) {
    it(genstr, () => {
      assert.equal(formatHex(ours), hex);
      assertDer(ours);
    });
  }

  it('SET of INTEGER 300, INTEGER 2, OCTETSTRING a, INTEGER 1, which it sorts (-genconf)', () => {
    const elements = [
      encodeInteger(300),
      encodeInteger(2),
      encodeOctetString(Buffer.from('a')),
      encodeInteger(1),
    ];
    assert.equal(formatHex(encodeSetOf(...elements)), '310d0201010201020202012c040161');
  });

  it('reads back the strings with their types', () => {
    const names = rows.filter(({ genstr }) => genstr.endsWith('群馬県'));
    assert.deepEqual(
      names.map(({ hex }) => new DerReader(Buffer.from(hex, 'hex')).readString()),
      [
        { tag: Tag.utf8String, value: '群馬県' },
        { tag: Tag.bmpString, value: '群馬県' },
        { tag: Tag.universalString, value: '群馬県' },
      ],
    );
  });
});
