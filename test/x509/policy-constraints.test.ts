import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formatHex } from '../../src/core/bytes.ts';
import {
  buildInhibitAnyPolicy,
  buildPolicyConstraints,
  type PolicyConstraints,
  parseInhibitAnyPolicy,
  parsePolicyConstraints,
} from '../../src/x509/policy-constraints.ts';

const refusal = { name: 'X509Error', code: 'X509_EXTENSION' };
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

describe('policyConstraints, RFC 5280 §4.2.1.11', () => {
  const rows: readonly (readonly [PolicyConstraints, string])[] = [
    [{ requireExplicitPolicy: 0 }, '3003800100'],
    [{ inhibitPolicyMapping: 1 }, '3003810101'],
    [{ requireExplicitPolicy: 128, inhibitPolicyMapping: 0 }, '300780020080810100'],
  ];
  for (const [constraints, value] of rows) {
    it(JSON.stringify(constraints), () => {
      const built = buildPolicyConstraints(constraints);
      assert.equal(formatHex(built.value), value);
      assert.equal(built.oid, '2.5.29.36');
      assert.equal(built.critical, true);
      assert.deepEqual(parsePolicyConstraints(built.value), constraints);
    });
  }

  const malformed: readonly (readonly [why: string, value: string])[] = [
    ['nothing said', '3000'],
    ['a negative count', '30038001ff'],
    ['the counts in the other order', '3006810100800100'],
    ['a count twice', '3006800100800100'],
    ['something behind', '30038001000500'],
    ['no bytes', ''],
  ];
  for (const [why, value] of malformed) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parsePolicyConstraints(hex(value)), refusal);
    });
  }

  it('does not write what says nothing or counts wrongly', () => {
    for (const constraints of [
      {},
      { requireExplicitPolicy: -1 },
      { inhibitPolicyMapping: 0.5 },
      { inhibitPolicyMapping: Number.NaN },
    ]) {
      assert.throws(() => buildPolicyConstraints(constraints), refusal);
    }
  });
});

describe('inhibitAnyPolicy, RFC 5280 §4.2.1.14', () => {
  for (const [certificates, value] of [
    [0, '020100'],
    [127, '02017f'],
    [128, '02020080'],
  ] as const) {
    it(`${certificates} certificates`, () => {
      const built = buildInhibitAnyPolicy(certificates);
      assert.equal(formatHex(built.value), value);
      assert.equal(built.oid, '2.5.29.54');
      assert.equal(built.critical, true);
      assert.equal(parseInhibitAnyPolicy(built.value), certificates);
    });
  }

  for (const value of ['0201ff', '02020000', '0201000500', '0101ff', '']) {
    it(`refuses ${value === '' ? 'no bytes' : value}`, () => {
      assert.throws(() => parseInhibitAnyPolicy(hex(value)), refusal);
    });
  }

  it('does not write a wrong count', () => {
    for (const count of [-1, 0.5, Number.NaN]) {
      assert.throws(() => buildInhibitAnyPolicy(count), refusal);
    }
  });
});
