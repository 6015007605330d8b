import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { compareBytes, encodeUtf8, equalBytes, prefixEnd } from '../../src/core/bytes.ts';
import { createRdn, Dn, formatRdn, parseRdn } from '../../src/directory/names/dn.ts';
import { shippedSchema as schema, shippedType } from '../support/shipped-schema.ts';

const parse = (text: string): Dn => Dn.parse(text, schema);

function firstValue(text: string): string {
  const value = parse(text).rdn?.pairs[0]?.value;
  return Buffer.from(value ?? []).toString('utf8');
}

describe('RFC 4514 §3: values', () => {
  const rows: readonly { readonly text: string; readonly value: string }[] = [
    { text: 'cn=a', value: 'a' },
    { text: 'cn=a\\+b', value: 'a+b' },
    { text: 'cn=a\\,b', value: 'a,b' },
    { text: 'cn=a\\2Cb', value: 'a,b' },
    { text: 'cn=a\\2cb', value: 'a,b' },
    { text: 'cn=\\"a\\"', value: '"a"' },
    { text: 'cn=a\\\\b', value: 'a\\b' },
    { text: 'cn=a\\5Cb', value: 'a\\b' },
    { text: 'cn=\\#a', value: '#a' },
    { text: 'cn=a#b', value: 'a#b' },
    { text: 'cn=a=b', value: 'a=b' },
    { text: 'cn=\\ a\\ ', value: ' a ' },
    { text: 'cn=  a  ', value: 'a' },
    { text: 'cn=a\\20 ', value: 'a ' },
    { text: 'cn=Lu\\C4\\8Di\\C4\\87', value: 'Lučić' },
    { text: 'cn=前橋市', value: '前橋市' },
    { text: 'cn=\\E5\\89\\8D橋市', value: '前橋市' },
    { text: 'cn=#0403666f6f', value: 'foo' },
    { text: 'cn=#0403666F6F ', value: 'foo' },
    { text: 'cn=#0C03666f6f', value: 'foo' },
    { text: 'cn=#1303666f6f', value: 'foo' },
    { text: 'cn=#1e060066006f006f', value: 'foo' },
    { text: 'cn=#1c04000020ac', value: '€' },
    { text: 'cn=#1401e9', value: 'é' },
    { text: 'cn=#048103666f6f', value: 'foo' },
  ];
  for (const { text, value } of rows) {
    it(`${text} is ${JSON.stringify(value)}`, () => {
      assert.equal(firstValue(text), value);
    });
  }
});

describe('names that are the same', () => {
  const rows: readonly (readonly [why: string, left: string, right: string])[] = [
    ['case of value and type', 'CN=Foo,O=Bar', 'cn=foo,o=bar'],
    ['long and short type names', 'commonName=a,organizationName=b', 'cn=a,o=b'],
    ['numeric OID', '2.5.4.3=a', 'cn=a'],
    ['spaces around separators', ' cn = a , o = b ', 'cn=a,o=b'],
    ['spaces within a value', 'cn=a  b', 'cn=A b'],
    ['escaped spaces at the ends', 'cn=\\ a\\ ', 'cn=a'],
    ['escape forms', 'cn=a\\2Cb', 'cn=a\\,b'],
    ['hexadecimal form', 'cn=#0c0461206220', 'cn=a b'],
    ['hexadecimal form of other string types', 'cn=#1e0400610062', 'cn=#04026162'],
    ['order of a multi-valued name', 'cn=a+sn=b,o=c', 'sn=b+cn=a,o=c'],
    ['fullwidth letters (RFC 4518 §2.3)', 'cn=ＡＢＣ', 'cn=abc'],
    ['ideographic space', 'cn=山田　太郎', 'cn=山田 太郎'],
    ['controls map to nothing', 'cn=a\\00b', 'cn=ab'],
    ['soft hyphen maps to nothing', 'cn=a\u00adb', 'cn=ab'],
    ['composed and decomposed', 'cn=\u00e9', 'cn=e\u0301'],
    ['sharp s', 'cn=straße', 'cn=STRASSE'],
  ];
  for (const [why, left, right] of rows) {
    it(`${why}: ${left} and ${right}`, () => {
      assert.ok(parse(left).equals(parse(right)));
      assert.deepEqual(parse(left).key, parse(right).key);
    });
  }
});

describe('names that differ', () => {
  const rows: readonly (readonly [left: string, right: string])[] = [
    ['cn=a\\+b', 'cn=a'],
    ['cn=a+sn=b', 'cn=a\\+sn\\=b'],
    ['cn=a+sn=b', 'cn=a2.5.4.4=b'],
    ['cn=a+sn=b', 'sn=b'],
    ['cn=a+sn=b', 'cn=a'],
    ['cn=a+sn=b', 'cn=a+sn=c'],
    ['cn=a+sn=b', 'cn=c+sn=b'],
    ['cn=a+sn=b', 'cn=b+sn=a'],
    ['cn=a,o=b', 'cn=a\\,o\\=b'],
    ['cn=a,o=b', 'o=b,cn=a'],
    ['cn=ab', 'cn=a b'],
    ['cn=a', 'sn=a'],
    ['cn=a', 'name=a'],
    ['cn=a', 'cn=a,o=b'],
    ['cn=i', 'cn=\u0131'],
  ];
  for (const [left, right] of rows) {
    it(`${left} is not ${right}`, () => {
      assert.ok(!parse(left).equals(parse(right)));
    });
  }

  it('values with 0x00 keep apart from the end marks', () => {
    const uid = (octets: number[]): Uint8Array =>
      createRdn([{ type: shippedType('userPassword'), value: Uint8Array.from(octets) }], schema)
        .key;
    const keys = [[0], [0, 0], [0, 1], [0, 0xff], [0, 2], [0, 1, 0]].map(uid);
    assert.equal(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size, keys.length);
  });
});

describe('what is no name', () => {
  const rows: readonly (readonly [why: string, text: string])[] = [
    ['something behind a # value', 'cn=#0403666f6f foo'],
    ['something behind a # value, escaped', 'cn=#0403666f6f\\+a'],
    ['# with an odd number of digits', 'cn=#0403666f6'],
    ['# with nothing', 'cn=#'],
    ['# with a length that is not there', 'cn=#0404666f6f'],
    ['# with bytes behind the value', 'cn=#0403666f6f00'],
    ['# with an indefinite length', 'cn=#24800403666f6f0000'],
    ['# with a constructed string', 'cn=#24050403666f6f'],
    ['# with a sequence', 'cn=#3003020101'],
    ['# with a surrogate in BMPString', 'cn=#1e02d800'],
    ['# with invalid UTF-8', 'cn=#0c01ff'],
    ['one type twice', 'cn=a+cn=b'],
    ['one type twice under two names', 'cn=a+2.5.4.3=b'],
    ['no "="', 'cn'],
    ['no type', '=a'],
    ['no value', 'cn='],
    ['a value of spaces that do not count', 'cn=   '],
    ['an empty relative name', 'cn=a,,o=b'],
    ['a comma at the end', 'cn=a,'],
    ['a comma at the start', ',cn=a'],
    ['a plus at the end', 'cn=a+'],
    ['LDAPv2 separator', 'cn=a;o=b'],
    ['LDAPv2 quotes', 'cn="a"'],
    ['unescaped <', 'cn=a<b'],
    ['unescaped >', 'cn=a>b'],
    ['unescaped NUL', 'cn=a\0b'],
    ['a backslash at the end', 'cn=a\\'],
    ['a backslash before a letter', 'cn=a\\gb'],
    ['half a pair', 'cn=a\\2'],
    ['an unknown type', 'nonsense=a'],
    ['a type with an option', 'cn;lang-en=a'],
    ['the OID. prefix', 'OID.2.5.4.3=a'],
    ['the oid. prefix', 'oid.2.5.4.3=a'],
    ['an OID with a leading zero', '2.5.04.3=a'],
    ['a type with a tab behind it', 'cn\t=a'],
    ['prototype names', '__proto__=a'],
    ['prototype names', 'constructor=a'],
    ['invalid UTF-8 from escapes', 'cn=\\ff'],
    ['a lone surrogate', 'cn=\ud800'],
    ['a lone surrogate where octets are taken', 'userPassword=\ud800'],
    ['a value that is not of its syntax', 'c=JPN'],
    ['a type without equality rule', 'telexNumber=1$2$3'],
    ['private use characters (RFC 4518 §2.4)', 'cn=\ue000'],
  ];
  for (const [why, text] of rows) {
    it(`${why}: ${JSON.stringify(text)}`, () => {
      assert.throws(() => parse(text), { name: 'DirectoryError', code: 'DIRECTORY_DN_SYNTAX' });
    });
  }

  const limits: readonly (readonly [why: string, good: string, bad: string])[] = [
    ['64 relative names', many('cn=a', ',', 64), many('cn=a', ',', 65)],
    ['16384 characters', `cn=${'a'.repeat(16_381)}`, `cn=${'a'.repeat(16_382)}`],
    ['3 names, each a value of the one before', 'seeAlso=owner=cn=a', 'seeAlso=owner=member=cn=a'],
    [
      '8 values in a relative name',
      'cn=a+sn=a+o=a+ou=a+l=a+st=a+title=a+uid=a',
      'cn=a+sn=a+o=a+ou=a+l=a+st=a+title=a+uid=a+givenName=a',
    ],
  ];
  for (const [why, good, bad] of limits) {
    it(`at most ${why}`, () => {
      assert.ok(parse(good).depth >= 1);
      assert.throws(() => parse(bad), { code: 'DIRECTORY_DN_SYNTAX' });
    });
  }
});

describe('names within names (reliability LDAP row 12)', () => {
  it('as deep as a name is long are refused at once', () => {
    const text = 'member='.repeat(2300);
    const start = performance.now();
    assert.throws(() => parse(text), { code: 'DIRECTORY_DN_SYNTAX' });
    assert.ok(performance.now() - start < 1000, 'not twice as long for each');
  });

  it('leave no trace after they were refused', () => {
    for (let round = 0; round < 10; round += 1) {
      assert.throws(() => parse('seeAlso=owner=member=cn=a'), { code: 'DIRECTORY_DN_SYNTAX' });
      assert.ok(parse('seeAlso=owner=CN=a').equals(parse('seeAlso=owner=cn=A')));
    }
  });
});

function many(part: string, separator: string, count: number): string {
  return Array.from({ length: count }, () => part).join(separator);
}

describe('the tree of names', () => {
  const base = parse('ou=CRL,o=JPKI,c=JP');

  it('the empty name is the root', () => {
    assert.equal(parse(''), Dn.root);
    assert.equal(parse('  '), Dn.root);
    assert.equal(Dn.root.depth, 0);
    assert.equal(Dn.root.key.length, 0);
    assert.equal(Dn.root.parent(), undefined);
    assert.equal(Dn.root.format(), '');
    assert.ok(base.isWithin(Dn.root));
  });

  it('parent and child undo each other', () => {
    const child = base.child(parseRdn('cn=Maebashi-shi CRLDP', schema));
    assert.equal(child.text, 'cn=Maebashi-shi CRLDP,ou=CRL,o=JPKI,c=JP');
    assert.ok(child.equals(parse(child.text)));
    assert.ok(child.parent()?.equals(base));
    assert.equal(child.parent()?.text, base.text);
    assert.equal(parse('c=JP').parent(), Dn.root);
    assert.ok(Dn.of(child.rdns).equals(child));
  });

  it('a subtree is a range of keys', () => {
    const end = prefixEnd(base.key);
    const isInRange = (dn: Dn): boolean =>
      compareBytes(dn.key, base.key) >= 0 && end !== undefined && compareBytes(dn.key, end) < 0;
    const inside = [
      'ou=CRL,o=JPKI,c=JP',
      'cn=a,ou=CRL,o=JPKI,c=JP',
      'cn=\\00,cn=a,OU=crl,O=jpki,C=jp',
    ];
    const outside = [
      'o=JPKI,c=JP',
      'ou=CRL2,o=JPKI,c=JP',
      'ou=CR,o=JPKI,c=JP',
      'ou=CRL+cn=a,o=JPKI,c=JP',
      'ou=CRL\\2C,o=JPKI,c=JP',
      'ou=CRL,o=JPKI2,c=JP',
    ].map(parse);
    for (const dn of inside.map(parse)) {
      assert.ok(isInRange(dn) && dn.isWithin(base), dn.text);
    }
    for (const dn of outside) {
      assert.ok(!isInRange(dn) && !dn.isWithin(base), dn.text);
    }
  });
});

describe('values with 0x00', () => {
  it('are not below their siblings', () => {
    const type = shippedType('userPassword');
    const names = [[], [0], [0, 1], [0, 1, 0x32], [0, 0xff], [0, 2], [0, 0, 1]].map((octets) =>
      Dn.of([createRdn([{ type, value: Uint8Array.from(octets) }], schema)]),
    );
    for (const [index, name] of names.entries()) {
      for (const [other, otherName] of names.entries()) {
        assert.equal(name.isWithin(otherName), index === other);
      }
    }
  });
});

describe('format', () => {
  const rows: readonly (readonly [text: string, formatted: string])[] = [
    ['CommonName = a  b , O=c', 'cn=a  b,o=c'],
    ['cn=\\20\\ a\\20', 'cn=\\  a\\ '],
    ['cn=\\ \\20', 'cn=\\ \\ '],
    ['cn=a\\23', 'cn=a#'],
    ['cn=\\23a', 'cn=\\#a'],
    ['cn=a\\0a', 'cn=a\\0a'],
    ['cn=a\\2c\\2b\\22\\5c\\3c\\3e\\3b\\3d', 'cn=a\\,\\+\\"\\\\\\<\\>\\;='],
    ['cn=#0403666f6f', 'cn=foo'],
    ['sn=b+cn=a', 'sn=b+cn=a'],
  ];
  for (const [text, formatted] of rows) {
    it(`${text} becomes ${formatted}`, () => {
      assert.equal(parse(text).format(), formatted);
      assert.ok(parse(formatted).equals(parse(text)));
    });
  }

  it('octets that are not UTF-8 are written in hexadecimal', () => {
    const type = shippedType('userPassword');
    const rdn = createRdn([{ type, value: Uint8Array.of(0xff, 0x41) }], schema);
    assert.equal(formatRdn(rdn), 'userPassword=\\ff\\41');
    assert.ok(equalBytes(parseRdn(formatRdn(rdn), schema).key, rdn.key));
  });

  it('text stays as it was written', () => {
    assert.equal(parse('CN = a , o=b').text, 'CN = a , o=b');
    assert.equal(
      parse('CN = a\\ , o=b').child(parseRdn(' SN=x ', schema)).text,
      'SN=x,CN = a\\ , o=b',
    );
  });
});

describe('one relative name', () => {
  it('refuses more than one', () => {
    assert.throws(() => parseRdn('cn=a,o=b', schema), { code: 'DIRECTORY_DN_SYNTAX' });
    assert.throws(() => parseRdn('', schema), { code: 'DIRECTORY_DN_SYNTAX' });
  });

  it('cannot be made of nothing', () => {
    assert.throws(() => createRdn([], schema), { code: 'DIRECTORY_DN_SYNTAX' });
  });

  it('is made from values', () => {
    const type = shippedType('cn');
    const rdn = createRdn([{ type, value: encodeUtf8('a,b') }], schema);
    assert.equal(rdn.text, 'cn=a\\,b');
  });
});
