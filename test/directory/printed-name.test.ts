import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Dn } from '../../src/directory/names/dn.ts';
import { parsePrintedName } from '../../src/directory/names/printed-name.ts';
import { shippedSchema } from '../support/directory-fixture.ts';

const schema = await shippedSchema();

describe('names as printed URLs have them (secom table 2.6-1)', () => {
  const read: readonly (readonly [given: string, meant: string])[] = [
    ['o=A Co., Ltd.,c=JP', 'o=A Co.\\, Ltd.,c=JP'],
    ['ou=X, o=A Co., Ltd., c=JP', 'ou=X,o=A Co.\\, Ltd.,c=JP'],
    ['o=a, b, c,c=JP', 'o=a\\, b\\, c,c=JP'],
    // As RFC 4514 has them, they are what they are.
    ['o=A Co.\\, Ltd.,c=JP', 'o=A Co.\\, Ltd.,c=JP'],
    ['o=A Co.\\2c Ltd., c=JP', 'o=A Co.\\, Ltd.,c=JP'],
    ['', ''],
  ];
  for (const [given, meant] of read) {
    it(`reads ${given} as ${meant}`, () => {
      assert.deepEqual(parsePrintedName(given, schema).key, Dn.parse(meant, schema).key);
    });
  }

  const refused = [
    ['what begins without a type', 'A Co., Ltd.,c=JP'],
    ['a type that there is not', 'o=A, nosuchtype=b,c=JP'],
    ['another fault beside the comma', 'o=A, B,c=JAPAN'],
    ['what is too long to be printed', `o=${'a,'.repeat(600)},c=JP`],
    ['quotes of RFC 1779', 'o="A, B", C,c=JP'],
  ] as const;
  for (const [why, text] of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parsePrintedName(text, schema), { code: 'DIRECTORY_DN_SYNTAX' });
    });
  }
});
