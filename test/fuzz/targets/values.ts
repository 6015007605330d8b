/**
 * Values of attributes: the check of every syntax and the keys and pieces of every matching rule.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { encodeUtf8, equalBytes } from '../../../src/core/bytes.ts';
import { certificateRules } from '../../../src/directory/certificates/certificate-rules.ts';
import { matchingRules } from '../../../src/directory/schema/matching-rules.ts';
import type { MatchingRule } from '../../../src/directory/schema/schema-model.ts';
import { BytePattern, matchesSubstrings } from '../../../src/directory/schema/substring-search.ts';
import { syntaxes } from '../../../src/directory/schema/syntax.ts';
import { shippedSchema as schema } from '../../support/shipped-schema.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { mutateText } from '../text-mutation.ts';

const texts = [
  ...[
    'Maebashi  shi',
    '前橋市',
    'ＡＢＣ　ｱｲｳ',
    'e\u0301\u0345ß',
    'TRUE',
    '-17',
    "'0101'B",
    '20260131235959.5+0900',
  ],
  ...[
    'cn=a,c=JP',
    "cn=a,c=JP#'01'B",
    '2.5.4.39',
    '+81 27-224-1111',
    'a$b\\24c',
    'JP',
    '123 456',
    '\u0000',
  ],
  ...[
    "( 1.2.3 NAME ( 'a' 'b' ) DESC 'x' SUP top MUST ( cn $ sn ) X-A 'y' )",
    "( 1 NAME 'a' FORM b )",
  ],
  ...[
    '550e8400-e29b-41d4-a716-446655440000',
    '20260131235959.000000Z#000000#000#000000',
    'any $ mhs',
    '1.2.3.4',
  ],
  ...[
    '{ }',
    '{ base "cn=a", minimum 1 }',
    'person#(cn$EQ)&?true#oneLevel',
    'ldap://a/b??sub?(cn=*)',
  ],
];

const rules = matchingRules.filter((rule) => !certificateRules.some((other) => other === rule));

type Check = (value: Uint8Array) => string;

/** One syntax or rule each: a server puts a value to one or two of them. */
const checks: readonly Check[] = [
  ...[...syntaxes.values()].map(
    (syntax): Check =>
      (value) =>
        `${syntax.oid} ${syntax.problem(value, schema) ?? 'fits'}`,
  ),
  ...rules.map(
    (rule): Check =>
      (value) => {
        compareWithItself(rule, value);
        return rule.name;
      },
  ),
];

/** The first octet chooses the check. */
function run(input: Uint8Array): string {
  const [choice = 0] = input;
  return checks[choice % checks.length]?.(input.subarray(1)) ?? '';
}

/** Every text meets a check that it does not fit, too. */
const seeds = checks.flatMap((_check, choice) =>
  [0, 1, 2].map((turn) => {
    const text = texts[(choice + turn * 11) % texts.length] ?? '';
    return Uint8Array.of(choice, ...encodeUtf8(text));
  }),
);

/** A value asserted is found again; pieces are cut from it and looked for. */
function compareWithItself(rule: MatchingRule, value: Uint8Array): void {
  switch (rule.kind) {
    case 'equality': {
      const key = rule.valueKey(value, schema);
      assert.ok(equalBytes(rule.valueKey(Buffer.from(value), schema), key), rule.name);
      const assertion = rule.readAssertion(value, schema);
      const { indexKey } = assertion;
      if (indexKey !== undefined && assertion.matches(value)) {
        const indexKeys = rule.indexKeys(value, schema);
        assert.ok(
          indexKeys.some((one) => equalBytes(one, indexKey)),
          `${rule.name}: what matches is found by the index`,
        );
      }
      break;
    }
    case 'ordering':
      rule.valueKey(value, schema);
      break;
    case 'substrings': {
      const prepared = rule.prepareValue(value);
      const [initial, any, final] = (['initial', 'any', 'final'] as const).map(
        (place) => new BytePattern(rule.preparePiece(value, place)),
      );
      matchesSubstrings(prepared, { initial, any: any === undefined ? [] : [any, any], final });
    }
  }
}

export const valuesTarget: FuzzTarget = {
  name: 'values',
  seeds,
  run,
  mutate: (random, seed) =>
    Uint8Array.of(
      random.below(4) === 0 ? random.below(checks.length) : (seed[0] ?? 0),
      ...mutateText(random, seed.subarray(1)),
    ),
};
