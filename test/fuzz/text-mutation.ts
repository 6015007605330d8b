/**
 * Mutations of texts with a grammar: words, marks, quoted texts and bracketed groups are exchanged,
 * doubled, left out, nested, and replaced by words of a dictionary.
 *
 * @module
 */

import type { FuzzRandom } from './fuzz-target.ts';
import { choose } from './sequence-random.ts';

/** Words, numbers, quoted texts, and every other character for itself. */
const tokenShape = /[A-Za-z0-9.-]+|"(?:[^"]|"")*"|\s+|./gsu;

const brackets: readonly (readonly [open: string, close: string])[] = [
  ['(', ')'],
  ['{', '}'],
  ['"', '"'],
  ['(!', ')'],
  ['(&', ')'],
];

/** Words that have led other readers astray. */
const words = [
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'valueOf',
    '*',
    '**',
    '\\',
    '\\0',
    '\\2A',
  ],
  ...[
    '\\c3',
    '\\ed\\a0\\80',
    '\u0000',
    '\ufeff',
    '\u200b',
    'e\u0301',
    '\u0345',
    '\u{1F600}',
    '\u1E9E',
    'İ',
  ],
  ...[
    '-1',
    '0',
    '00',
    '2147483648',
    '9'.repeat(40),
    '1.',
    '.1',
    '2.999.1',
    '1.2.840.113549.1.1.11',
    "''H",
  ],
  ...[
    "'0'H",
    "'01'B",
    'TRUE',
    'NULL',
    ':',
    '::',
    ':=',
    ':dn:',
    '=',
    '#',
    '#04',
    '#0403666f6f',
    '+',
    ',',
    '$',
  ],
  ...[
    ';binary',
    ';lang-ja',
    'OID.2.5.4.3',
    '2.5.4.39',
    'o=JPKI,c=JP',
    'cn=a+sn=b',
    ' ',
    '  ',
    '\n',
    '\r\n',
  ],
  ...['20260229000000Z', '2026010100Z', '20261231235960.5+0900', '$cn=a', '17$cn=a', "1'"],
];

/** Another text of the same kind, as UTF-8; texts that are not UTF-8 become such. */
export function mutateText(
  random: FuzzRandom,
  seed: Uint8Array,
  dictionary: readonly string[] = [],
): Uint8Array {
  const known = [...words, ...dictionary];
  let tokens: readonly string[] = Buffer.from(seed).toString('utf8').match(tokenShape) ?? [];
  for (let rounds = 1 + random.below(4); rounds > 0; rounds -= 1) {
    tokens = mutateTokens(random, tokens, known);
  }
  return Buffer.from(tokens.join(''), 'utf8');
}

function mutateTokens(
  random: FuzzRandom,
  tokens: readonly string[],
  known: readonly string[],
): string[] {
  if (tokens.length === 0) {
    return [choose(random, known)];
  }
  const at = random.below(tokens.length);
  const end = Math.min(tokens.length, at + 1 + random.below(1 << random.below(6)));
  const [head, group, tail] = [tokens.slice(0, at), tokens.slice(at, end), tokens.slice(end)];
  switch (random.below(8)) {
    case 0:
      return [...head, ...tail];
    case 1:
      return [...head, ...group, ...group, ...tail];
    case 2:
      return [...head, choose(random, known), ...tokens.slice(at + 1)];
    case 3:
      return [...head, choose(random, known), ...tokens.slice(at)];
    case 4:
      return [...head, ...repeated(random, group), ...tail];
    case 5:
      return [...head, nested(random, group), ...tail];
    case 6:
      return [...head, ...tail, ...group];
    default:
      return [...head, choose(random, tokens), ...tokens.slice(at + 1)];
  }
}

function repeated(random: FuzzRandom, group: readonly string[]): string[] {
  const text = group.join('');
  const times = Math.min(1 << random.below(12), Math.ceil(40_000 / Math.max(1, text.length)));
  return [text.repeat(times)];
}

function nested(random: FuzzRandom, group: readonly string[]): string {
  const [open, close] = choose(random, brackets);
  const levels = 1 << random.below(10);
  return `${open.repeat(levels)}${group.join('')}${close.repeat(levels)}`;
}
