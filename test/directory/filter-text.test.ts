import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { Filter } from '../../src/directory/filters/filter.ts';
import { formatFilter, parseFilter } from '../../src/directory/filters/filter-text.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(encodeUtf8(text));

/** Buffers and plain arrays are the same to us. */
function plain(filter: Filter): unknown {
  return JSON.parse(
    JSON.stringify(filter, (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    ).replace(/\{"type":"Buffer","data":\[([\d,]*)\]\}/g, (_all, list: string) =>
      JSON.stringify(Buffer.from(list.split(',').filter(Boolean).map(Number)).toString('hex')),
    ),
  );
}

const equality = (attribute: string, text: string): Filter => ({
  kind: 'equality',
  attribute,
  value: bytes(text),
});

describe('RFC 4515 §4 and §3', () => {
  const rows: readonly (readonly [text: string, filter: Filter, formatted?: string])[] = [
    ['(cn=Babs Jensen)', equality('cn', 'Babs Jensen')],
    ['(!(cn=Tim Howes))', { kind: 'not', filter: equality('cn', 'Tim Howes') }],
    [
      '(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))',
      {
        kind: 'and',
        filters: [
          equality('objectClass', 'Person'),
          {
            kind: 'or',
            filters: [
              equality('sn', 'Jensen'),
              { kind: 'substrings', attribute: 'cn', initial: bytes('Babs J'), any: [] },
            ],
          },
        ],
      },
    ],
    [
      '(o=univ*of*mich*)',
      {
        kind: 'substrings',
        attribute: 'o',
        initial: bytes('univ'),
        any: [bytes('of'), bytes('mich')],
      },
    ],
    ['(seeAlso=)', equality('seeAlso', '')],
    [
      '(cn:caseExactMatch:=Fred Flintstone)',
      {
        kind: 'extensible',
        attribute: 'cn',
        rule: 'caseExactMatch',
        value: bytes('Fred Flintstone'),
        dnAttributes: false,
      },
    ],
    [
      '(cn:=Betty Rubble)',
      { kind: 'extensible', attribute: 'cn', value: bytes('Betty Rubble'), dnAttributes: false },
    ],
    [
      '(sn:dn:2.4.6.8.10:=Barney Rubble)',
      {
        kind: 'extensible',
        attribute: 'sn',
        rule: '2.4.6.8.10',
        value: bytes('Barney Rubble'),
        dnAttributes: true,
      },
    ],
    [
      '(o:dn:=Ace Industry)',
      { kind: 'extensible', attribute: 'o', value: bytes('Ace Industry'), dnAttributes: true },
    ],
    [
      '(:1.2.3:=Wilma Flintstone)',
      { kind: 'extensible', rule: '1.2.3', value: bytes('Wilma Flintstone'), dnAttributes: false },
    ],
    [
      '(:DN:2.4.6.8.10:=Dino)',
      { kind: 'extensible', rule: '2.4.6.8.10', value: bytes('Dino'), dnAttributes: true },
      '(:dn:2.4.6.8.10:=Dino)',
    ],
    [
      '(o=Parens R Us \\28for all your parenthetical needs\\29)',
      equality('o', 'Parens R Us (for all your parenthetical needs)'),
    ],
    ['(cn=*\\2A*)', { kind: 'substrings', attribute: 'cn', any: [bytes('*')] }, '(cn=*\\2a*)'],
    ['(filename=C:\\5cMyFile)', equality('filename', 'C:\\MyFile')],
    ['(bin=\\00\\00\\00\\04)', equality('bin', '\0\0\0\u0004')],
    ['(sn=Lu\\c4\\8di\\c4\\87)', equality('sn', 'Lučić'), '(sn=Lučić)'],
    ['(sn=前橋)', equality('sn', '前橋')],
    [
      '(1.3.6.1.4.1.1466.0=\\04\\02\\48\\69)',
      equality('1.3.6.1.4.1.1466.0', '\u0004\u0002Hi'),
      '(1.3.6.1.4.1.1466.0=\\04\\02Hi)',
    ],
    ['(&)', { kind: 'and', filters: [] }],
    ['(|)', { kind: 'or', filters: [] }],
    ['(cn=*)', { kind: 'present', attribute: 'cn' }],
    ['(cn;lang-ja;binary=*)', { kind: 'present', attribute: 'cn;lang-ja;binary' }],
    ['(cn>=a)', { kind: 'greaterOrEqual', attribute: 'cn', value: bytes('a') }],
    ['(cn<=a)', { kind: 'lessOrEqual', attribute: 'cn', value: bytes('a') }],
    ['(cn~=a=b)', { kind: 'approx', attribute: 'cn', value: bytes('a=b') }],
    ['(cn=a=b)', equality('cn', 'a=b')],
    ['(cn= a )', equality('cn', ' a ')],
    ['(cn=*a)', { kind: 'substrings', attribute: 'cn', any: [], final: bytes('a') }],
    [
      '(cn=a*b*c)',
      {
        kind: 'substrings',
        attribute: 'cn',
        initial: bytes('a'),
        any: [bytes('b')],
        final: bytes('c'),
      },
    ],
    [
      '(userCertificate={ serialNumber 1, issuer rdnSequence:"O=JPKI,C=JP" })',
      equality('userCertificate', '{ serialNumber 1, issuer rdnSequence:"O=JPKI,C=JP" }'),
    ],
    ['(cn=\\ff)', { kind: 'equality', attribute: 'cn', value: Uint8Array.of(0xff) }],
  ];
  for (const [text, filter, formatted = text] of rows) {
    it(text, () => {
      assert.deepEqual(plain(parseFilter(text)), plain(filter));
      assert.equal(formatFilter(filter), formatted);
    });
  }
});

describe('what is no filter', () => {
  const rows = [
    '',
    'cn=a',
    '(cn=a',
    'cn=a)',
    '(cn=a))',
    '(cn=a)(cn=b)',
    '()',
    '(cn)',
    '(=a)',
    '(!)',
    '(!(cn=a)(cn=b))',
    '(&(cn=a)',
    '(&cn=a)',
    '( cn=a)',
    '(cn =a)',
    '(cn=a )x',
    '( & (cn=a))',
    '(cn=a(b)',
    '(cn=a)b)',
    '(cn=a**b)',
    '(cn=**)',
    '(cn>=a*)',
    '(cn~=*)',
    '(cn:=a*)',
    '(cn=a\\)',
    '(cn=a\\2)',
    '(cn=a\\zz)',
    '(cn=a\\*)',
    '(cn=a\0b)',
    '(cn=\ud800)',
    '(c_n=a)',
    '(OID.2.5.4.3=a)',
    '(cn;=a)',
    '(cn;;x=a)',
    '(:=a)',
    '(:dn:=a)',
    '(cn:dn:x:y:=a)',
    '(cn::=a)',
    '(cn:a b:=a)',
    '(-cn=a)',
    '(2.5.4.=a)',
  ];
  for (const text of rows) {
    it(JSON.stringify(text), () => {
      assert.throws(() => parseFilter(text), {
        name: 'DirectoryError',
        code: 'DIRECTORY_FILTER_SYNTAX',
      });
    });
  }
});

describe('limits', () => {
  const nested = (depth: number): string =>
    `${'(!'.repeat(depth - 1)}(cn=a)${')'.repeat(depth - 1)}`;
  const wide = (count: number): string => `(|${'(cn=a)'.repeat(count - 1)})`;
  const pieces = (count: number): string => `(cn=${'*a'.repeat(count - 1)})`;
  const limits = { maxDepth: 4, maxNodes: 10 };

  it('32 levels and 1024 parts unless said otherwise', () => {
    assert.ok(parseFilter(nested(32)));
    assert.ok(parseFilter(wide(1024)));
    assert.throws(() => parseFilter(nested(33)), { code: 'DIRECTORY_FILTER_LIMIT' });
    assert.throws(() => parseFilter(wide(1025)), { code: 'DIRECTORY_FILTER_LIMIT' });
  });

  const rows: readonly (readonly [why: string, make: (count: number) => string, most: number])[] = [
    ['levels', nested, 4],
    ['parts', wide, 10],
    ['pieces of a substring filter', pieces, 10],
  ];
  for (const [why, make, most] of rows) {
    it(`${most} ${why}`, () => {
      assert.ok(parseFilter(make(most), limits));
      assert.throws(() => parseFilter(make(most + 1), limits), { code: 'DIRECTORY_FILTER_LIMIT' });
    });
  }

  it('a million brackets end at the limit', () => {
    assert.throws(() => parseFilter('(!'.repeat(500_000)), { code: 'DIRECTORY_FILTER_LIMIT' });
    assert.throws(() => parseFilter('('.repeat(1_048_577)), { code: 'DIRECTORY_FILTER_SYNTAX' });
  });
});
