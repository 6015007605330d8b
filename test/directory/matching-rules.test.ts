import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { compareBytes, encodeUtf8 } from '../../src/core/bytes.ts';
import { matchingRule } from '../../src/directory/schema/matching-rules.ts';
import type {
  EqualityRule,
  OrderingRule,
  SubstringRule,
} from '../../src/directory/schema/schema-model.ts';
import { BytePattern, matchesSubstrings } from '../../src/directory/schema/substring-search.ts';
import { shippedSchema as schema } from '../support/shipped-schema.ts';

function equalityRule(name: string): EqualityRule {
  const rule = matchingRule(name);
  assert.equal(rule?.kind, 'equality');
  return rule;
}

function areEqual(name: string, value: string, assertion: string): boolean {
  const rule = equalityRule(name);
  return rule.readAssertion(encodeUtf8(assertion), schema).matches(encodeUtf8(value));
}

describe('equality (RFC 4517 §4.2)', () => {
  const rows: readonly (readonly [
    rule: string,
    value: string,
    assertion: string,
    equal: boolean,
  ])[] = [
    ['objectIdentifierMatch', 'person', '2.5.6.6', true],
    ['objectIdentifierMatch', 'PERSON', 'Person', true],
    ['objectIdentifierMatch', 'person', 'organizationalPerson', false],
    ['objectIdentifierMatch', '1.2.3', '1.2.3', true],
    ['distinguishedNameMatch', 'cn=A, o=b', '2.5.4.3=a,O=B', true],
    ['distinguishedNameMatch', 'cn=a,o=b', 'cn=a', false],
    ['caseIgnoreMatch', 'Foo  Bar', ' foo bar', true],
    ['caseIgnoreMatch', 'foobar', 'foo bar', false],
    ['caseExactMatch', 'Foo  Bar', ' Foo bar', false],
    ['caseExactMatch', 'Foo  Bar', ' Foo Bar ', true],
    ['numericStringMatch', '1 2 3', '123', true],
    ['numericStringMatch', '123', '124', false],
    ['caseIgnoreListMatch', 'A  b$c', 'a b$C', true],
    ['caseIgnoreListMatch', 'a$b', 'ab', false],
    ['caseIgnoreListMatch', 'a\\24b', 'a$b', false],
    ['caseIgnoreListMatch', 'a\\24b', 'A\\24B', true],
    ['booleanMatch', 'TRUE', 'TRUE', true],
    ['booleanMatch', 'TRUE', 'FALSE', false],
    ['integerMatch', '-12', '-12', true],
    ['integerMatch', '12', '-12', false],
    ['bitStringMatch', "'01'B", "'01'B", true],
    ['bitStringMatch', "'01'B", "'010'B", false],
    ['octetStringMatch', 'a', 'A', false],
    ['octetStringMatch', ' a', ' a', true],
    ['telephoneNumberMatch', '+81 27-223-1111', '+81272231111', true],
    ['telephoneNumberMatch', '+81 27-223-1111', '+81272231112', false],
    ['uniqueMemberMatch', "cn=a#'01'B", "CN=A#'01'B", true],
    ['uniqueMemberMatch', "cn=a#'01'B", 'cn=a', false],
    ['uniqueMemberMatch', 'cn=a', 'CN = A', true],
    ['generalizedTimeMatch', '2026020108+0900', '20260131230000.0Z', true],
    ['generalizedTimeMatch', '20260131230000Z', '20260131230000.1Z', false],
    ['caseExactIA5Match', 'a@B', 'a@b', false],
    ['wordMatch', 'Maebashi-shi  CRLDP', 'SHI', true],
    ['wordMatch', 'Maebashi-shi CRLDP', 'maebashi-shi', false],
    ['wordMatch', 'Maebashi-shi CRLDP', 'maeba', false],
    ['wordMatch', '前橋 市役所', '前橋', true],
    ['wordMatch', 'a', '', false],
    ['keywordMatch', 'Maebashi-shi, CRLDP;x', 'maebashi-shi', true],
    ['keywordMatch', 'Maebashi-shi, CRLDP;x', 'X', true],
    ['keywordMatch', 'Maebashi-shi, CRLDP;x', 'shi', false],
    ['caseIgnoreIA5Match', 'a@B', 'A@b', true],
    ['objectIdentifierFirstComponentMatch', "( 2.5.6.6 NAME 'x' )", 'person', true],
    ['objectIdentifierFirstComponentMatch', "( 2.5.6.6 NAME 'x' )", '2.5.6.7', false],
    ['integerFirstComponentMatch', '( 12 FORM x )', '12', true],
    ['integerFirstComponentMatch', '( 12 FORM x )', '1', false],
    [
      'UUIDMatch',
      'ABCDEF01-0000-0000-0000-000000000000',
      'abcdef01-0000-0000-0000-000000000000',
      true,
    ],
    [
      'CSNMatch',
      '20260131235959.123456Z#00000A#000#000000',
      '20260131235959.123456Z#00000a#000#000000',
      true,
    ],
  ];
  for (const [rule, value, assertion, equal] of rows) {
    it(`${rule}: ${value} ${equal ? '=' : '≠'} ${assertion}`, () => {
      assert.equal(areEqual(rule, value, assertion), equal);
    });
  }

  const refused: readonly (readonly [rule: string, assertion: string])[] = [
    ['objectIdentifierMatch', 'nonsense'],
    ['objectIdentifierMatch', '1.02.3'],
    ['objectIdentifierMatch', '__proto__'],
    ['distinguishedNameMatch', 'nonsense'],
    ['caseIgnoreMatch', '\ue000'],
    ['booleanMatch', 'true'],
    ['integerMatch', '01'],
    ['integerMatch', ''],
    ['integerMatch', '1'.repeat(65_537)],
    ['bitStringMatch', '01'],
    ['uniqueMemberMatch', 'nonsense'],
    ['generalizedTimeMatch', '2026'],
    ['objectIdentifierFirstComponentMatch', 'nonsense'],
    ['integerFirstComponentMatch', 'x'],
    ['UUIDMatch', 'x'],
    ['CSNMatch', 'x'],
  ];
  for (const [name, assertion] of refused) {
    it(`${name} refuses ${assertion.slice(0, 20)}`, () => {
      assert.throws(() => equalityRule(name).readAssertion(encodeUtf8(assertion), schema), {
        name: 'DirectoryError',
        code: 'DIRECTORY_INVALID_SYNTAX',
      });
    });
  }

  it('octetStringMatch takes any octets', () => {
    const value = Uint8Array.of(0xff, 0);
    assert.deepEqual(equalityRule('octetStringMatch').valueKey(value, schema), value);
  });
});

describe('ordering', () => {
  const rows: readonly (readonly [rule: string, ascending: readonly string[]])[] = [
    [
      'integerOrderingMatch',
      ['-1000', '-999', '-10', '-9', '-1', '0', '1', '9', '10', '999', '1000'],
    ],
    ['caseIgnoreOrderingMatch', ['a', 'A b', 'AC', 'b', 'é', '前']],
    ['caseExactOrderingMatch', ['A', 'B', 'a']],
    ['numericStringOrderingMatch', ['1', '1 2', '2']],
    ['octetStringOrderingMatch', ['', 'A', 'AA', 'a']],
    ['generalizedTimeOrderingMatch', ['20260131230000Z', '20260131230000.1Z', '202602010801+0900']],
    [
      'UUIDOrderingMatch',
      ['00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000B'],
    ],
    [
      'CSNOrderingMatch',
      ['20260131235959.000000Z#000000#000#000000', '20260131235959.000000Z#000001#000#000000'],
    ],
  ];
  for (const [name, ascending] of rows) {
    it(name, () => {
      const rule = matchingRule(name);
      assert.equal(rule?.kind, 'ordering');
      const keys = ascending.map((value) => keyOf(rule, value));
      for (const [index, key] of keys.entries()) {
        for (const [other, otherKey] of keys.entries()) {
          assert.equal(Math.sign(compareBytes(key, otherKey)), Math.sign(index - other));
        }
      }
    });
  }
});

function keyOf(rule: OrderingRule, value: string): Uint8Array {
  return rule.valueKey(encodeUtf8(value), schema);
}

describe('substrings', () => {
  const rows: readonly (readonly [
    rule: string,
    value: string,
    pieces: string,
    matches: boolean,
  ])[] = [
    ['caseIgnoreSubstringsMatch', 'Foo Bar', 'foo*', true],
    ['caseIgnoreSubstringsMatch', 'Foo Bar', '*O B*', true],
    ['caseIgnoreSubstringsMatch', 'Foo   Bar', '*o b*', true],
    ['caseIgnoreSubstringsMatch', 'Foo Bar', '*ob*', false],
    ['caseIgnoreSubstringsMatch', 'Foo Bar', '*BAR', true],
    ['caseIgnoreSubstringsMatch', 'Foo Bar', 'foo*bar', true],
    ['caseIgnoreSubstringsMatch', 'Foo Bar', 'foo * bar', true],
    ['caseIgnoreSubstringsMatch', 'FooBar', 'foo * bar', false],
    ['caseIgnoreSubstringsMatch', '前橋市役所', '*橋市*', true],
    ['caseExactSubstringsMatch', 'Foo Bar', 'foo*', false],
    ['caseExactSubstringsMatch', 'Foo Bar', 'Foo*', true],
    ['numericStringSubstringsMatch', '12 34', '*23*', true],
    ['telephoneNumberSubstringsMatch', '+81 27-223', '*2722*', true],
    ['caseIgnoreListSubstringsMatch', 'abc$def', '*c*d*', true],
    ['caseIgnoreListSubstringsMatch', 'abc$def', '*cd*', false],
    ['caseIgnoreIA5SubstringsMatch', 'A@example.jp', '*@EXAMPLE*', true],
  ];
  for (const [name, value, pieces, matches] of rows) {
    it(`${name}: ${value} ${matches ? 'has' : 'has not'} ${pieces}`, () => {
      const rule = matchingRule(name);
      assert.equal(rule?.kind, 'substrings');
      assert.equal(hasPieces(rule, value, pieces), matches);
    });
  }
});

function hasPieces(rule: SubstringRule, value: string, text: string): boolean {
  const [initial = '', ...any] = text.split('*');
  const final = any.pop() ?? '';
  const pattern = (piece: string, place: 'initial' | 'any' | 'final'): BytePattern =>
    new BytePattern(rule.preparePiece(encodeUtf8(piece), place));
  return matchesSubstrings(rule.prepareValue(encodeUtf8(value)), {
    initial: initial === '' ? undefined : pattern(initial, 'initial'),
    any: any.map((piece) => pattern(piece, 'any')),
    final: final === '' ? undefined : pattern(final, 'final'),
  });
}

describe('looking up a rule', () => {
  it('by name in any case or OID', () => {
    assert.equal(matchingRule('CASEIGNOREMATCH'), matchingRule('2.5.13.2'));
    assert.equal(matchingRule('nonsense'), undefined);
    assert.equal(matchingRule('__proto__'), undefined);
  });
});
