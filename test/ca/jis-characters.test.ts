import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  CharacterRepertoire,
  type CharacterSet,
  charactersOf,
  formatForeignCharacter,
} from '../../src/ca/policy/jis-characters.ts';
import { jisX0208Rows, jisX0212Rows } from '../../src/ca/policy/jis-repertoire.ts';

const both: readonly CharacterSet[] = ['JIS X 0208', 'JIS X 0212'];

describe('the repertoire', () => {
  it('has the 6,879 characters of JIS X 0208', () => {
    assert.equal(charactersOf('JIS X 0208').size, 6879);
    assert.equal([...jisX0208Rows.join('')].length, 6879);
  });

  it('has the 6,067 characters of JIS X 0212', () => {
    assert.equal(charactersOf('JIS X 0212').size, 6067);
    assert.equal([...jisX0212Rows.join('')].length, 6067);
  });

  it('has no character in both', () => {
    const first = charactersOf('JIS X 0208');
    assert.deepEqual(
      [...charactersOf('JIS X 0212')].filter((character) => first.has(character)),
      [],
    );
  });

  it('has not been normalised: ANGSTROM SIGN is U+212B', () => {
    assert.ok(charactersOf('JIS X 0208').has('\u212b'));
    assert.ok(!charactersOf('JIS X 0208').has('\u00c5'));
    assert.ok(charactersOf('JIS X 0212').has('\u00c5'));
  });

  it('has only characters of the basic multilingual plane', () => {
    for (const character of [...jisX0208Rows, ...jisX0212Rows].join('')) {
      assert.ok((character.codePointAt(0) ?? 0) < 0x10000);
    }
  });
});

describe('what is allowed', () => {
  const rows: readonly {
    readonly text: string;
    readonly why: string;
    readonly sets?: readonly CharacterSet[];
    readonly foreign: readonly number[];
  }[] = [
    { why: 'kanji, kana and the ideographic space', text: '前橋　はなコ', foreign: [] },
    { why: 'a second-level kanji', text: '熙', foreign: [] },
    { why: 'full-width letters and digits', text: 'ＳＭＩＴＨ　１２', foreign: [] },
    { why: 'a kanji of JIS X 0212', text: '丂', foreign: [] },
    { why: 'the same without JIS X 0212', text: '丂', sets: ['JIS X 0208'], foreign: [0x4e02] },
    { why: 'the ladder form of high (IBM extension)', text: '髙橋', foreign: [0x9ad9] },
    { why: 'the standing form of cape (IBM extension)', text: '山﨑', foreign: [0xfa11] },
    { why: 'a kanji beyond the basic plane', text: '𠮷野', foreign: [0x20bb7] },
    { why: 'ASCII', text: 'A 1', foreign: [0x41, 0x20, 0x31] },
    { why: 'half-width kana', text: 'ﾏ', foreign: [0xff8f] },
    { why: 'a combining mark', text: 'か\u3099', foreign: [0x3099] },
    { why: 'a variation selector', text: '葛\u{e0100}', foreign: [0xe0100] },
    { why: 'a control character', text: '前\u0007橋', foreign: [7] },
    { why: 'half of a surrogate pair', text: '前\ud842', foreign: [0xd842] },
    { why: 'nothing at all', text: '', foreign: [] },
  ];
  for (const { why, text, sets, foreign } of rows) {
    it(`${why}: ${foreign.length === 0 ? 'allowed' : 'named'}`, () => {
      const found = new CharacterRepertoire(sets ?? both).foreignCharacters(text);
      assert.deepEqual(
        found.map(({ codePoint }) => codePoint),
        foreign,
      );
    });
  }

  it('counts positions in characters, not code units', () => {
    const found = new CharacterRepertoire(both).foreignCharacters('前𠮷髙');
    assert.deepEqual(
      found.map(({ position }) => position),
      [2, 3],
    );
  });
});

describe('the advice', () => {
  const advice = (text: string): string[] =>
    new CharacterRepertoire(both).foreignCharacters(text).map(formatForeignCharacter);

  it('names the code point', () => {
    assert.deepEqual(advice('髙橋'), ['U+9AD9 (髙) at character 1']);
  });

  it('names the full-width form of an ASCII character', () => {
    assert.deepEqual(advice('A'), ['U+0041 (A) at character 1; write U+FF21 (Ａ)']);
    assert.deepEqual(advice(' '), ['U+0020 ( ) at character 1; write U+3000 (　)']);
  });

  it('names what JIS X 0208 has for the minus of code page 932', () => {
    assert.deepEqual(advice('１－２'), ['U+FF0D (－) at character 2; write U+2212 (−)']);
  });

  it('never prints a control character or half of a surrogate pair', () => {
    assert.deepEqual(advice('\u001b\ud842'), ['U+001B at character 1', 'U+D842 at character 2']);
  });
});
