import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { parseSubstringAssertion } from '../../src/directory/schema/substring-assertion.ts';
import {
  BytePattern,
  matchesSubstrings,
  type SubstringPattern,
} from '../../src/directory/schema/substring-search.ts';

const bytes = encodeUtf8;

function pattern(text: string): SubstringPattern {
  const pieces = text.split('*').map((piece) => (piece === '' ? undefined : bytes(piece)));
  const [initial, ...any] = pieces;
  const final = any.pop();
  return {
    initial: initial && new BytePattern(initial),
    any: any.filter((piece) => piece !== undefined).map((piece) => new BytePattern(piece)),
    final: final && new BytePattern(final),
  };
}

describe('pieces in order and without overlap', () => {
  const rows: readonly (readonly [value: string, pattern: string, matches: boolean])[] = [
    ['abc', 'a*', true],
    ['abc', 'b*', false],
    ['abc', '*c', true],
    ['abc', '*b', false],
    ['abc', '*b*', true],
    ['abc', 'a*c', true],
    ['aba', 'ab*ba', false],
    ['abba', 'ab*ba', true],
    ['abab', '*ab*ab*', true],
    ['aba', '*ab*ba*', false],
    ['abcabc', '*abc*abc', true],
    ['abcab', '*abc*abc', false],
    ['abc', 'abc*', true],
    ['abc', 'abcd*', false],
    ['abc', '*abcd', false],
    ['abc', 'abc*c', false],
    ['', 'a*', false],
    ['cab', '*b*a*', false],
    ['aaaaaaaaaaaab', '*aaaaaaaaab', true],
    ['aaaaaaaaaaaab', '*aaaaaaaaab*', true],
    ['xaaaaaaaaay', '*aaaaaaaaa*y', true],
    ['xaaaaaaaaay', '*aaaaaaaaaa*', false],
    ['abacababacab', '*abababacab*', false],
    ['abacababacababacab', '*babacababac*', true],
  ];
  for (const [value, text, matches] of rows) {
    it(`${JSON.stringify(value)} ${matches ? 'matches' : 'does not match'} ${text}`, () => {
      assert.equal(matchesSubstrings(bytes(value), pattern(text)), matches);
    });
  }
});

describe('reliability LDAP row 19: searching is linear, up to 256 KiB', () => {
  const size = 256 * 1024;
  type Hostile = readonly [text: Uint8Array, piece: Uint8Array];
  const rows: readonly { readonly why: string; readonly of: (size: number) => Hostile }[] = [
    {
      why: 'a long run and a longer pattern of it',
      of: (bytesLong) => [run('a', bytesLong), bytes(`${'a'.repeat(bytesLong / 2)}b`)],
    },
    {
      why: 'the mismatch in front',
      of: (bytesLong) => [run('a', bytesLong), bytes(`b${'a'.repeat(bytesLong / 2)}`)],
    },
    { why: 'a short pattern', of: (bytesLong) => [run('a', bytesLong), bytes('aaaaaab')] },
    {
      why: 'a periodic pattern',
      of: (bytesLong) => [run('ab', bytesLong), bytes(`${'ab'.repeat(bytesLong / 4)}c`)],
    },
  ];
  for (const { why, of } of rows) {
    it(`with ${why}`, () => {
      const [smallText, smallPiece] = of(size / 16);
      const [text, piece] = of(size);
      const search = (): number => new BytePattern(piece).indexIn(text, 0);
      assert.equal(search(), -1);
      const smallNs = leastNs(() => new BytePattern(smallPiece).indexIn(smallText, 0));
      // Sixteen times as much: a quadratic search takes 256 times as long.
      assert.ok(leastNs(search) < 100 * smallNs);
    });
  }

  it('with many pieces', () => {
    const matches = (bytesLong: number): (() => boolean) => {
      const text = run('a', bytesLong);
      const pieces = Array.from({ length: bytesLong / 256 }, () => 'aaaaaaaab').join('*');
      const made = pattern(`*${pieces}*`);
      return () => matchesSubstrings(text, made);
    };
    const large = matches(size);
    assert.equal(large(), false);
    assert.ok(leastNs(large) < 100 * leastNs(matches(size / 16)));
  });
});

/** The shortest of some runs: what other programs took of the processor is not in it. */
function leastNs(work: () => unknown): number {
  const runs = Array.from({ length: 7 }, () => {
    const started = process.hrtime.bigint();
    work();
    return Number(process.hrtime.bigint() - started);
  });
  return Math.max(1, Math.min(...runs));
}

function run(unit: string, length: number): Uint8Array {
  return bytes(unit.repeat(length / unit.length));
}

describe('Substring Assertion (RFC 4517 §3.3.30)', () => {
  const rows: readonly (readonly [
    string,
    string | undefined,
    readonly string[],
    string | undefined,
  ])[] = [
    ['a*', 'a', [], undefined],
    ['*a', undefined, [], 'a'],
    ['*a*', undefined, ['a'], undefined],
    ['a*b*c*d', 'a', ['b', 'c'], 'd'],
    ['a\\2Ab*\\5C', 'a*b', [], '\\'],
    ['*', undefined, [], undefined],
  ];
  for (const [text, initial, any, final] of rows) {
    it(text, () => {
      const pieces = parseSubstringAssertion(text);
      assert.deepEqual(pieces, {
        ...(initial === undefined ? {} : { initial: bytes(initial) }),
        any: any.map(bytes),
        ...(final === undefined ? {} : { final: bytes(final) }),
      });
    });
  }

  for (const text of ['', 'a', 'a**b', 'a\\b*', 'a\\*', '**']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseSubstringAssertion(text), undefined);
    });
  }
});
