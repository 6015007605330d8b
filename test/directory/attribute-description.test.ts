import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  formatAttributeDescription,
  isSubtypeOf,
  parseAttributeDescription,
  requireAttributeDescription,
} from '../../src/directory/schema/attribute-description.ts';
import { shippedSchema, shippedType } from '../support/shipped-schema.ts';

const parse = (text: string): ReturnType<typeof parseAttributeDescription> =>
  parseAttributeDescription(text, shippedSchema);

describe('every spelling is the same type', () => {
  const rows: readonly (readonly [text: string, options: readonly string[], isBinary: boolean])[] =
    [
      ['certificateRevocationList', [], false],
      ['CERTIFICATEREVOCATIONLIST', [], false],
      ['certificateRevocationList;binary', [], true],
      ['certificateRevocationList;BINARY', [], true],
      ['certificateRevocationList;binary;binary', [], true],
      ['2.5.4.39', [], false],
      ['2.5.4.39;binary', [], true],
      ['certificateRevocationList;lang-ja', ['lang-ja'], false],
      ['certificateRevocationList;lang-JA;Lang-en-US', ['lang-en-us', 'lang-ja'], false],
      ['certificateRevocationList;lang-ja;binary;lang-ja', ['lang-ja'], true],
    ];
  for (const [text, options, isBinary] of rows) {
    it(text, () => {
      const description = parse(text);
      assert.equal(description.type, shippedType('certificateRevocationList'));
      assert.deepEqual(description.options, options);
      assert.equal(description.isBinary, isBinary);
    });
  }
});

describe('what cannot be understood has no type', () => {
  const rows = [
    '',
    ' ',
    'nonsense',
    'OID.2.5.4.39',
    'oid.2.5.4.39',
    'certificateRevocationList ',
    ' certificateRevocationList',
    '2.5.04.39',
    '02.5.4.39',
    '2.5.4.39.',
    '2.5.4.9999',
    'certificateRevocationList;',
    'certificateRevocationList;;binary',
    'certificateRevocationList;x-foo',
    'certificateRevocationList;lang-',
    'certificateRevocationList;lang',
    'certificateRevocationList;lang-abcdefghi',
    'certificateRevocationList;lang_ja',
    'certificateRevocationList;binary ',
    'cn;binary',
    '__proto__',
    'constructor',
    'toString;binary',
    'certificateRevocationLi\u017ft',
    '\u212A',
  ];
  for (const text of rows) {
    it(JSON.stringify(text), () => {
      assert.equal(parse(text).type, undefined);
      assert.throws(() => requireAttributeDescription(text, shippedSchema), {
        name: 'DirectoryError',
        code: 'DIRECTORY_UNDEFINED_TYPE',
      });
    });
  }

  it('the base stays as it was written', () => {
    assert.equal(parse('Nonsense;x-y').base, 'Nonsense');
  });
});

describe('what is shown', () => {
  it('adds ;binary to the certificate syntaxes alone (RFC 4522)', () => {
    const list = shippedType('2.5.4.39');
    assert.equal(formatAttributeDescription(list, []), 'certificateRevocationList;binary');
    assert.equal(
      formatAttributeDescription(list, ['lang-ja']),
      'certificateRevocationList;binary;lang-ja',
    );
    assert.equal(formatAttributeDescription(shippedType('commonName'), []), 'cn');
    assert.equal(formatAttributeDescription(shippedType('CN'), ['lang-ja']), 'cn;lang-ja');
  });
});

describe('subtypes (RFC 4512 §2.5.1)', () => {
  it('follow SUP to its end', () => {
    assert.ok(isSubtypeOf(shippedType('cn'), shippedType('name')));
    assert.ok(isSubtypeOf(shippedType('cn'), shippedType('cn')));
    assert.ok(!isSubtypeOf(shippedType('name'), shippedType('cn')));
    assert.ok(!isSubtypeOf(shippedType('cn'), shippedType('sn')));
  });
});
