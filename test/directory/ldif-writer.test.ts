import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { formatLdifRecord, ldifHeader } from '../../src/directory/ldif/ldif-writer.ts';

const format = (dn: string, ...values: (string | Uint8Array)[]): string =>
  formatLdifRecord(dn, [
    {
      description: 'cn',
      values: values.map((value) => (typeof value === 'string' ? encodeUtf8(value) : value)),
    },
  ]);

describe('RFC 2849 output', () => {
  it('starts with a version', () => {
    assert.equal(ldifHeader, 'version: 1\n\n');
  });

  const rows: readonly (readonly [why: string, value: string | Uint8Array, line: string])[] = [
    ['plain text', 'a b', 'cn: a b'],
    ['nothing', '', 'cn:'],
    ['a space at the start', ' a', 'cn:: IGE='],
    ['a space at the end', 'a ', 'cn:: YSA='],
    ['a colon at the start', ':a', 'cn:: OmE='],
    ['a colon elsewhere', 'a: b', 'cn: a: b'],
    ['< at the start', '<a', 'cn:: PGE='],
    ['< elsewhere', 'a<', 'cn: a<'],
    ['# at the start', '#a', 'cn: #a'],
    ['a line feed', 'a\nb', 'cn:: YQpi'],
    ['a carriage return', 'a\rb', 'cn:: YQ1i'],
    ['NUL', 'a\0b', 'cn:: YQBi'],
    ['a tab', 'a\tb', 'cn: a\tb'],
    ['beyond ASCII', 'é', 'cn:: w6k='],
    ['octets', Uint8Array.of(0xff, 0), 'cn:: /wA='],
  ];
  for (const [why, value, line] of rows) {
    it(why, () => {
      assert.equal(format('o=x', value), `dn: o=x\n${line}\n\n`);
    });
  }

  it('puts names in base64 too', () => {
    assert.equal(format('cn=前', 'a'), 'dn:: Y2495YmN\ncn: a\n\n');
  });

  it('folds at 76 columns', () => {
    for (const length of [71, 72, 73, 146, 147, 148, 149]) {
      const lines = format('o=x', 'x'.repeat(length)).split('\n').slice(1, -2);
      assert.equal(lines.join('').replaceAll('\n', ''), lines.join(''));
      assert.equal(lines[0]?.length, Math.min(76, length + 4));
      assert.ok(lines.every((line) => line.length <= 76));
      assert.ok(lines.slice(1).every((line) => line.startsWith(' ') && line.length > 1));
      assert.ok(lines.slice(0, -1).every((line) => line.length === 76));
      assert.equal(
        lines.map((line, index) => (index === 0 ? line : line.slice(1))).join(''),
        `cn: ${'x'.repeat(length)}`,
      );
    }
  });

  it('writes every attribute and value in order', () => {
    const attributes = [
      { description: 'cn;lang-ja', values: [encodeUtf8('a'), encodeUtf8('b')] },
      { description: 'sn', values: [] },
      { description: 'ou', values: [encodeUtf8('c')] },
    ];
    assert.equal(
      formatLdifRecord('o=x', attributes),
      'dn: o=x\ncn;lang-ja: a\ncn;lang-ja: b\nou: c\n\n',
    );
  });
});
