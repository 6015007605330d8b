/**
 * Internationalised string preparation for matching (RFC 4518). Two strings match when their
 * prepared forms are the same.
 *
 * Two departures from the letter, neither visible to a client. The spaces of §2.6.1 are kept in a
 * shorter form where whole strings are compared: none at the ends, one between words. And the
 * repertoire is that of the running Unicode version instead of 3.2, unassigned code points refused:
 * the normal form and the case folding of an assigned character do not change any more (Unicode
 * stability policy), so keys made under one version stay right under the next.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';
import type { SubstringPlace } from './schema-model.ts';

type Range = readonly [first: number, last: number];

/** RFC 4518 §2.2: soft hyphens, joiners, variation selectors, controls. */
const mappedToNothing: readonly Range[] = [
  [0x0000, 0x0008],
  [0x000e, 0x001f],
  [0x007f, 0x0084],
  [0x0086, 0x009f],
  [0x00ad, 0x00ad],
  [0x034f, 0x034f],
  [0x06dd, 0x06dd],
  [0x070f, 0x070f],
  [0x1806, 0x1806],
  [0x180b, 0x180e],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x2063],
  [0x206a, 0x206f],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffc],
  [0x1d173, 0x1d17a],
  [0xe0001, 0xe0001],
  [0xe0020, 0xe007f],
];

const mappedToSpace: readonly Range[] = [
  [0x0009, 0x000d],
  [0x0085, 0x0085],
  [0x00a0, 0x00a0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
];

const toNothing = rangesPattern(mappedToNothing);
const toSpace = rangesPattern(mappedToSpace);
/** RFC 4518 §2.4: unassigned, private use, surrogates, U+FFFD. */
const prohibited = /[\p{Cn}\p{Co}\p{Cs}\uFFFD]/u;
/** Blocks with none of these, in which nearly all text lies: told far quicker than by properties. */
const surelyAllowed =
  /^[\u0020-\u0377\u0391-\u03A1\u03A3-\u052F\u0621-\u064A\u3000-\u303F\u3041-\u3096\u30A1-\u30FF\u4E00-\u9FFF\uAC00-\uD7A3]*$/;
/** §2.6.1: a SPACE that a combining mark follows is not a space; NUL holds its place, for no
 * mapped text has one. */
const markedSpace = / (?=\p{M})/gu;
const HELD_SPACE = '\0';
const singleSpace = / (?!\p{M})/gu;
const hyphensAndSpaces = /[ \u002D\u058A\u2010\u2011\u2212\uFE63\uFF0D](?!\p{M})/gu;

function rangesPattern(ranges: readonly Range[]): RegExp {
  const codeUnit = (codePoint: number): string => `\\u{${codePoint.toString(16)}}`;
  const parts = ranges.map(([first, last]) => `${codeUnit(first)}-${codeUnit(last)}`);
  return new RegExp(`[${parts.join('')}]`, 'gu');
}

/**
 * The form under which whole strings are equal or ordered: case ignore and case exact matching.
 *
 * @throws {DirectoryError} `DIRECTORY_INVALID_SYNTAX` for octets that are not UTF-8 or hold a
 *   prohibited character; the assertion is then Undefined (§2).
 */
export function prepareString(value: Uint8Array, foldsCase: boolean): Uint8Array {
  return (
    prepareAscii(value, foldsCase) ??
    encodeUtf8(joinWords(splitWords(prepareText(value, foldsCase)).words, ' '))
  );
}

/** The form of a value in which the pieces of a substring assertion are looked for (§2.6.1). */
export function prepareStringForSubstrings(value: Uint8Array, foldsCase: boolean): Uint8Array {
  const { words } = splitWords(prepareText(value, foldsCase));
  return encodeUtf8(words.length === 0 ? '  ' : ` ${joinWords(words, '  ')} `);
}

/** The form of one piece of a substring assertion (§2.6.1, with erratum 1757). */
export function preparePiece(
  piece: Uint8Array,
  foldsCase: boolean,
  place: SubstringPlace,
): Uint8Array {
  const { words, startsWithSpace, endsWithSpace } = splitWords(prepareText(piece, foldsCase));
  if (words.length === 0) {
    return encodeUtf8(' ');
  }
  const before = place === 'initial' || startsWithSpace ? ' ' : '';
  const after = place === 'final' || endsWithSpace ? ' ' : '';
  return encodeUtf8(`${before}${joinWords(words, '  ')}${after}`);
}

/** §2.6.2: digits without any space. */
export function prepareNumericString(value: Uint8Array): Uint8Array {
  return encodeUtf8(prepareText(value, true).replace(singleSpace, ''));
}

/** §2.6.3: a telephone number without hyphens and spaces. */
export function prepareTelephoneNumber(value: Uint8Array): Uint8Array {
  return encodeUtf8(prepareText(value, true).replace(hyphensAndSpaces, ''));
}

/** Steps 1 to 5: transcode, map, normalise, prohibit. */
function prepareText(value: Uint8Array, foldsCase: boolean): string {
  const text = decodeUtf8(value);
  if (text === undefined) {
    throw new DirectoryError('DIRECTORY_INVALID_SYNTAX', 'a value is not UTF-8 text');
  }
  const mapped = text.replace(toNothing, '').replace(toSpace, ' ');
  if (tooManyMarks.test(mapped)) {
    throw new DirectoryError('DIRECTORY_INVALID_SYNTAX', 'a letter has more than 30 marks');
  }
  // RFC 3454 B.2 is made so that folding once more after normalising changes nothing.
  const normal = foldsCase
    ? foldCase(foldCase(mapped).normalize('NFKC')).normalize('NFKC')
    : mapped.normalize('NFKC');
  if (!surelyAllowed.test(normal) && prohibited.test(normal)) {
    throw new DirectoryError(
      'DIRECTORY_INVALID_SYNTAX',
      'a value has a character that matching does not allow (RFC 4518 §2.4)',
    );
  }
  return normal;
}

/**
 * More marks on one letter than UAX #15 §13 (Stream-Safe Text) lets any text have. Sorting them takes
 * the square of their number: seconds for what fits into one request. The two halfwidth sound
 * marks become combining ones.
 */
const tooManyMarks = /[\p{M}\uFF9E\uFF9F]{31}/u;

const DOTLESS_I = '\u0131';

/** Full case folding, by way of the upper case; the two letters where that differs apart. */
function foldCase(text: string): string {
  return text
    .split(DOTLESS_I)
    .map((part) => part.toUpperCase().toLowerCase().replaceAll('ς', 'σ'))
    .join(DOTLESS_I);
}

interface Words {
  /** With {@link HELD_SPACE} for spaces that are not spaces. */
  readonly words: readonly string[];
  readonly startsWithSpace: boolean;
  readonly endsWithSpace: boolean;
}

function splitWords(text: string): Words {
  const held = text.replace(markedSpace, HELD_SPACE);
  return {
    words: held.split(' ').filter((word) => word !== ''),
    startsWithSpace: held.startsWith(' '),
    endsWithSpace: held.endsWith(' '),
  };
}

function joinWords(words: readonly string[], separator: string): string {
  return words.join(separator).replaceAll(HELD_SPACE, ' ');
}

/**
 * The same as the long way, for what nearly all values are: printable ASCII.
 *
 * @returns undefined for anything else.
 */
function prepareAscii(value: Uint8Array, foldsCase: boolean): Uint8Array | undefined {
  const prepared = new Uint8Array(value.length);
  let length = 0;
  let hasPendingSpace = false;
  for (const octet of value) {
    if (octet < 0x20 || octet > 0x7e) {
      return undefined;
    }
    if (octet === 0x20) {
      hasPendingSpace = length > 0;
      continue;
    }
    if (hasPendingSpace) {
      prepared[length] = 0x20;
      length += 1;
      hasPendingSpace = false;
    }
    prepared[length] = foldsCase && octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet;
    length += 1;
  }
  return length === prepared.length ? prepared : prepared.subarray(0, length);
}
