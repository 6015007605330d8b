import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formatHex } from '../../src/core/bytes.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import {
  buildNameConstraints,
  type NameConstraints,
  parseNameConstraints,
} from '../../src/x509/name-constraints.ts';

const refusal = { name: 'X509Error', code: 'X509_EXTENSION' };
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const host: GeneralName = { kind: 'dnsName', text: 'a.b' };
const hostHex = '8203612e62';
const net: GeneralName = { kind: 'ipAddress', bytes: hex('0a000000ff000000') };

describe('nameConstraints, RFC 5280 §4.2.1.10', () => {
  const rows: readonly (readonly [why: string, NameConstraints, value: string])[] = [
    ['permitted', { permitted: [{ base: host }] }, `3009a0073005${hostHex}`],
    ['excluded', { excluded: [{ base: host }] }, `3009a1073005${hostHex}`],
    [
      'both, an address with its mask',
      { permitted: [{ base: host }], excluded: [{ base: net }] },
      `3017a0073005${hostHex}a10c300a87080a000000ff000000`,
    ],
    [
      'levels, which X.509 allows',
      { permitted: [{ base: host, minimum: 1, maximum: 128 }] },
      `3010a00e300c${hostHex}80010181020080`,
    ],
    [
      'two subtrees',
      { permitted: [{ base: host }, { base: host }] },
      `3010a00e3005${hostHex}3005${hostHex}`,
    ],
  ];
  for (const [why, constraints, value] of rows) {
    it(why, () => {
      const built = buildNameConstraints(constraints);
      assert.equal(formatHex(built.value), value);
      assert.equal(built.critical, true);
      assert.equal(built.oid, '2.5.29.30');
      assert.deepEqual(parseNameConstraints(built.value), constraints);
    });
  }

  it('reads a minimum that is spelt out', () => {
    assert.deepEqual(parseNameConstraints(hex(`300ca00a3008${hostHex}800100`)), {
      permitted: [{ base: host, minimum: 0 }],
    });
  });

  const malformed: readonly (readonly [why: string, value: string])[] = [
    ['nothing said', '3000'],
    ['an empty list', '3002a000'],
    ['a subtree without base', '3004a0023000'],
    ['the lists in the other order', `3012a1073005${hostHex}a0073005${hostHex}`],
    ['a negative minimum', `300ca00a3008${hostHex}8001ff`],
    ['something behind', `300ba0073005${hostHex}0500`],
    ['no sequence', '0500'],
    ['no bytes', ''],
  ];
  for (const [why, value] of malformed) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseNameConstraints(hex(value)), refusal);
    });
  }

  it('does not write what says nothing', () => {
    assert.throws(() => buildNameConstraints({}), refusal);
    assert.throws(() => buildNameConstraints({ permitted: [] }), refusal);
  });
});
