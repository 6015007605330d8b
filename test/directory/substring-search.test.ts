import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { parseSubstringAssertion } from '../../src/directory/substring-assertion.ts';
import {
  BytePattern,
  matchesSubstrings,
  type SubstringPattern,
} from '../../src/directory/substring-search.ts';

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

describe('searching is linear', () => {
  const size = 256 * 1024;
  const hostile: readonly (readonly [why: string, text: Uint8Array, piece: Uint8Array])[] = [
    ['a long run and a longer pattern of it', run('a', size), bytes(`${'a'.repeat(size / 2)}b`)],
    ['the mismatch in front', run('a', size), bytes(`b${'a'.repeat(size / 2)}`)],
    ['a short pattern', run('a', size), bytes('aaaaaab')],
    ['a periodic pattern', run('ab', size), bytes(`${'ab'.repeat(size / 4)}c`)],
  ];
  for (const [why, text, piece] of hostile) {
    it(`with ${why}`, () => {
      const started = process.hrtime.bigint();
      assert.equal(new BytePattern(piece).indexIn(text, 0), -1);
      const tookMs = Number(process.hrtime.bigint() - started) / 1e6;
      // A quadratic search takes seconds; this one about a millisecond.
      assert.ok(tookMs < 200, `${tookMs} ms`);
    });
  }

  it('with many pieces', () => {
    const text = run('a', size);
    const pieces = Array.from({ length: 1000 }, () => 'aaaaaaaab').join('*');
    const started = process.hrtime.bigint();
    assert.equal(matchesSubstrings(text, pattern(`*${pieces}*`)), false);
    assert.ok(Number(process.hrtime.bigint() - started) / 1e6 < 200);
  });
});

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
