/**
 * Distinguished names as text (RFC 4514), and single relative names.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { decodeUtf8, encodeUtf8 } from '../../../src/core/bytes.ts';
import { keyOfNameText } from '../../../src/directory/certificates/name-key.ts';
import { Dn, parseRdn } from '../../../src/directory/names/dn.ts';
import { shippedSchema as schema } from '../../support/shipped-schema.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { orRefused } from '../refusals.ts';
import { mutateText } from '../text-mutation.ts';

const texts = [
  'cn=Maebashi-shi CRLDP,ou=Gunma-ken,ou=CRL Distribution Points,o=JPKI,c=JP',
  'CN = a + SN = b , O = JPKI , C = JP',
  'cn=a\\+b\\,\\\\\\"\\;\\<\\>\\ ,o=\\#x\\20',
  'cn=#0403666f6f,2.5.4.10=#0c044a504b49',
  'cn=前橋市+sn=\\E5\\89\\8D,c=JP',
  'dc=example,dc=com',
  'uid=u,telephoneNumber=+81 27,createTimestamp=20260101000000Z,member=cn\\=a\\,c\\=JP',
  'serialNumber=1+cn=a,postalAddress=a$b',
  '',
];

function run(input: Uint8Array): void {
  const text = decodeUtf8(input);
  if (text === undefined) {
    return;
  }
  orRefused(() => keyOfNameText(text, schema));
  orRefused(() => parseRdn(text, schema));
  const dn = Dn.parse(text, schema);
  const formatted = dn.format();
  // A long name may become longer than names may be when what is in it has to be escaped.
  if (formatted.length <= 16_384) {
    assert.ok(Dn.parse(formatted, schema).equals(dn), 'a formatted name is the same name');
  }
  assert.ok(dn.isWithin(dn), 'a name is within itself');
  const parent = dn.parent();
  if (parent !== undefined) {
    assert.ok(dn.isWithin(parent) && !parent.isWithin(dn), 'a name is below its parent');
  }
}

export const namesTarget: FuzzTarget = {
  name: 'names',
  seeds: texts.map(encodeUtf8),
  run,
  mutate: (random, seed) =>
    mutateText(random, seed, ['cn', 'sn', 'o', 'c', '2.5.4.3', '\\,', '#0400']),
};
