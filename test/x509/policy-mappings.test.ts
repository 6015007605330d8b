import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formatHex } from '../../src/core/bytes.ts';
import { buildPolicyMappings, parsePolicyMappings } from '../../src/x509/policy-mappings.ts';

const refusal = { name: 'X509Error', code: 'X509_EXTENSION' };
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const one = { issuerDomain: '1.2.3', subjectDomain: '1.2.4' };
const oneHex = '300806022a0306022a04';

describe('policyMappings, RFC 5280 §4.2.1.5', () => {
  it('is written and read', () => {
    const built = buildPolicyMappings([one]);
    assert.equal(formatHex(built.value), `300a${oneHex}`);
    assert.equal(built.oid, '2.5.29.33');
    assert.equal(built.critical, true);
    assert.deepEqual(parsePolicyMappings(built.value), [one]);
  });

  it('maps one policy to several', () => {
    const mappings = [one, { issuerDomain: '1.2.3', subjectDomain: '1.2.5' }];
    assert.deepEqual(parsePolicyMappings(buildPolicyMappings(mappings, false).value), mappings);
  });

  const malformed: readonly (readonly [why: string, value: string])[] = [
    ['no mapping', '3000'],
    ['half of a mapping', '3006300406022a03'],
    ['three policies in a mapping', '300e300c06022a0306022a0406022a05'],
    ['a mapping from anyPolicy', '300c300a0604551d200006022a04'],
    ['a mapping to anyPolicy', '300c300a06022a030604551d2000'],
    ['a mapping twice', `3014${oneHex}${oneHex}`],
    ['something behind', `300a${oneHex}0500`],
    ['no bytes', ''],
  ];
  for (const [why, value] of malformed) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parsePolicyMappings(hex(value)), refusal);
    });
  }

  it('does not write what it refuses', () => {
    const any = '2.5.29.32.0';
    for (const mappings of [
      [],
      [one, one],
      [{ ...one, issuerDomain: any }],
      [{ ...one, subjectDomain: any }],
      [{ ...one, subjectDomain: 'no oid' }],
    ]) {
      assert.throws(() => buildPolicyMappings(mappings), refusal);
    }
  });
});
