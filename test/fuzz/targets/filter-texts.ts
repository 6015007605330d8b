/**
 * Filters as text (RFC 4515).
 *
 * @module
 */

import assert from 'node:assert/strict';

import { decodeUtf8, encodeUtf8 } from '../../../src/core/bytes.ts';
import { resolveFilter } from '../../../src/directory/filters/filter-resolution.ts';
import { formatFilter, parseFilter } from '../../../src/directory/filters/filter-text.ts';
import { shippedSchema as schema } from '../../support/shipped-schema.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { mutateText } from '../text-mutation.ts';

const texts = [
  '(objectClass=*)',
  '(&(objectClass=pkiCA)(|(cn=a*b*c)(!(sn~=x)))(o>=A)(c<=Z))',
  '(cn:dn:caseExactMatch:=Maebashi)',
  '(:2.5.13.2:=a)',
  '(cn;lang-ja=\\e5\\89\\8d)',
  '(cACertificate:certificateExactMatch:={ serialNumber 17, issuer rdnSequence:"c=JP" })',
  '(&)',
  '(|)',
  '(!(&))',
];

function run(input: Uint8Array): void {
  const text = decodeUtf8(input);
  if (text === undefined) {
    return;
  }
  const filter = parseFilter(text);
  assert.deepEqual(parseFilter(formatFilter(filter)), filter, 'a formatted filter is the same');
  resolveFilter(filter, schema);
}

export const filterTextsTarget: FuzzTarget = {
  name: 'filter-texts',
  seeds: texts.map(encodeUtf8),
  run,
  mutate: (random, seed) =>
    mutateText(random, seed, ['(', ')', '(&', '(|', '(!', '=*', '>=', '<=', '~=']),
};
