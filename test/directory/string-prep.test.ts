import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { SubstringPlace } from '../../src/directory/schema/schema-model.ts';
import {
  prepareNumericString,
  preparePiece,
  prepareString,
  prepareStringForSubstrings,
  prepareTelephoneNumber,
} from '../../src/directory/schema/string-prep.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const ignore = (value: string): string => text(prepareString(encodeUtf8(value), true));
const exact = (value: string): string => text(prepareString(encodeUtf8(value), false));

describe('RFC 4518 §2.2 map', () => {
  const rows: readonly (readonly [why: string, value: string, prepared: string])[] = [
    ['soft hyphens', 'a\u00adb\u1806c', 'abc'],
    ['grapheme joiner and variation selectors', 'a\u034f\u180b\u180d\ufe00\ufe0fb', 'ab'],
    ['object replacement character', 'a\ufffcb', 'ab'],
    ['white space controls become spaces', 'a\tb\nc\u000bd\fe\rf\u0085g', 'a b c d e f g'],
    ['other controls go', 'a\0\b\u000e\u001f\u007f\u0084\u0086\u009fb', 'ab'],
    [
      'format characters go',
      'a\u06dd\u070f\u180e\u200c\u200f\u202a\u2060\u206a\ufeff\ufff9b',
      'ab',
    ],
    ['format characters beyond the BMP go', 'a\u{1d173}\u{e0001}\u{e0020}\u{e007f}b', 'ab'],
    ['zero width space goes', 'a\u200bb', 'ab'],
    [
      'separators become spaces',
      'a\u00a0b\u1680c\u2000d\u2028e\u2029f\u202fg\u205fh\u3000i',
      'a b c d e f g h i',
    ],
    ['case folding (RFC 3454 B.2)', 'AÉΣςŒİßſ', 'aéσσœi̇sss'],
    ['sigma at the end of a word', 'ΟΔΟΣ οδος', 'οδοσ οδοσ'],
    ['dotless i is itself', 'ıI', 'ıi'],
    ['ideographs stay', '前橋市', '前橋市'],
  ];
  for (const [why, value, prepared] of rows) {
    it(why, () => {
      assert.equal(ignore(value), prepared);
    });
  }

  it('case is kept where it counts', () => {
    assert.equal(exact('AbÇ'), 'AbÇ');
  });
});

describe('RFC 4518 §2.3 normalise', () => {
  it('to Form KC', () => {
    assert.equal(ignore('ＡＢＣ１２'), 'abc12');
    assert.equal(ignore('ｶﾞ'), 'ガ');
    assert.equal(ignore('e\u0301'), 'é');
    assert.equal(ignore('㈱'), '(株)');
    assert.equal(ignore('℡'), 'tel');
    assert.equal(exact('ﬁ'), 'fi');
  });
});

describe('RFC 4518 §2.4 prohibit', () => {
  it('every character by its properties, in whatever block it is', () => {
    for (let code = 0; code <= 0xffff; code += 1) {
      const character = String.fromCharCode(code);
      const isProhibited = /[\p{Cn}\p{Co}\uFFFD]/u.test(character);
      if (isProhibited) {
        assert.throws(() => exact(`a${character}`), { code: 'DIRECTORY_INVALID_SYNTAX' });
      }
    }
  });

  const rows: readonly (readonly [why: string, value: Uint8Array])[] = [
    ['private use', encodeUtf8('\ue000')],
    ['private use beyond the BMP', encodeUtf8('\u{f0000}')],
    ['non-characters', encodeUtf8('\uffff')],
    ['unassigned', encodeUtf8('\u0378')],
    ['replacement character', encodeUtf8('\ufffd')],
    ['octets that are not UTF-8', Uint8Array.of(0xff)],
    ['surrogates in UTF-8', Uint8Array.of(0xed, 0xa0, 0x80)],
    ['overlong forms', Uint8Array.of(0xc1, 0x81)],
  ];
  for (const [why, value] of rows) {
    it(why, () => {
      for (const prepare of [
        () => prepareString(value, true),
        () => prepareString(value, false),
        () => prepareStringForSubstrings(value, true),
        () => preparePiece(value, true, 'any'),
        () => prepareNumericString(value),
        () => prepareTelephoneNumber(value),
      ]) {
        assert.throws(prepare, { name: 'DirectoryError', code: 'DIRECTORY_INVALID_SYNTAX' });
      }
    });
  }
});

describe('combining marks', () => {
  it('at most 30 in a row (UAX #15 §13)', () => {
    assert.equal(ignore(`a${'\u0301'.repeat(30)}`), `á${'\u0301'.repeat(29)}`);
    for (const marks of ['\u0301\u0316', '\uff9e\u0301', '\u0301\u00ad']) {
      assert.throws(() => ignore(`a${marks.repeat(31)}`), { code: 'DIRECTORY_INVALID_SYNTAX' });
    }
  });

  it('are not sorted for seconds', () => {
    const started = process.hrtime.bigint();
    assert.throws(() => ignore(`a${'\u0301\u0316'.repeat(65_536)}`));
    assert.ok(Number(process.hrtime.bigint() - started) / 1e6 < 500);
  });
});

describe('RFC 4518 §2.6.1 spaces', () => {
  it('at the ends go, within become one', () => {
    assert.equal(ignore('  foo   bar  '), 'foo bar');
    assert.equal(ignore('  前　　橋  '), '前 橋');
    assert.equal(ignore('   '), '');
    assert.equal(ignore('\u3000'), '');
  });

  it('before a combining mark are no spaces', () => {
    assert.equal(ignore('é  \u0301'), 'é  \u0301');
    assert.equal(ignore(' \u0301é'), ' \u0301é');
    assert.notEqual(ignore('é \u0301'), ignore('é\u0301'));
  });

  it('are found in linear time', () => {
    const spaces = ' '.repeat(256 * 1024);
    const started = process.hrtime.bigint();
    assert.equal(ignore(`é${spaces}`), 'é');
    assert.equal(ignore(`é${spaces}\u0301`), 'é  \u0301');
    assert.equal(ignore(`${spaces}é`), 'é');
    assert.ok(Number(process.hrtime.bigint() - started) / 1e6 < 1000);
  });

  it('the short and the long way agree on ASCII', () => {
    for (const value of ['', ' ', 'A', ' a  B ', 'a\tb', 'Z~!', '  '])
      assert.equal(ignore(value), ignore(`${value}\u00ad`), JSON.stringify(value));
  });

  const forSubstrings = (value: string): string =>
    text(prepareStringForSubstrings(encodeUtf8(value), true));
  it('of values that substrings are looked for in', () => {
    assert.equal(forSubstrings('foo bar  '), ' foo  bar ');
    assert.equal(forSubstrings(''), '  ');
    assert.equal(forSubstrings(' '), '  ');
  });

  const pieces: readonly (readonly [piece: string, place: SubstringPlace, prepared: string])[] = [
    ['foo bar  ', 'initial', ' foo  bar '],
    ['foo bar  ', 'any', 'foo  bar '],
    ['foo bar  ', 'final', 'foo  bar '],
    ['  \u0301x', 'any', '  \u0301x'],
    [' \u0301x', 'any', ' \u0301x'],
    ['  foo', 'initial', ' foo'],
    ['  foo', 'any', ' foo'],
    ['  foo', 'final', ' foo '],
    ['foo', 'any', 'foo'],
    ['foo', 'final', 'foo '],
    ['   ', 'initial', ' '],
    ['   ', 'any', ' '],
    ['', 'any', ' '],
  ];
  for (const [piece, place, prepared] of pieces) {
    it(`${place} piece ${JSON.stringify(piece)}`, () => {
      assert.equal(text(preparePiece(encodeUtf8(piece), true, place)), prepared);
    });
  }
});

describe('RFC 4518 §2.6.2 and §2.6.3', () => {
  it('numeric strings lose their spaces', () => {
    assert.equal(text(prepareNumericString(encodeUtf8('  123  456  '))), '123456');
    assert.equal(text(prepareNumericString(encodeUtf8('   '))), '');
  });

  it('telephone numbers lose spaces and hyphens', () => {
    const value = ' -1\u058a2\u20103\u20114\u22125\ufe636\uff0d7 -';
    assert.equal(text(prepareTelephoneNumber(encodeUtf8(value))), '1234567');
    assert.equal(text(prepareTelephoneNumber(encodeUtf8('---'))), '');
  });
});
