/**
 * Whether a new password is good enough, by the policy's rules, and passwords that are.
 *
 * Characters are Unicode code points; a password that is not UTF-8 is none that a person can type again.
 *
 * Not here: passwords used before (`password-values.ts`).
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import type { RandomSource } from '../../core/random.ts';
import type { Entry } from '../entries/entry.ts';
import { DirectoryError } from '../errors.ts';
import type { CharacterKind, PasswordPolicy } from './password-policy.ts';

const patterns: Readonly<Record<CharacterKind, RegExp>> = {
  upperCase: /\p{Lu}/u,
  lowerCase: /\p{Ll}/u,
  digit: /\p{Nd}/u,
  symbol: /[^\p{L}\p{N}\p{Cc}]/u,
};

const words: Readonly<Record<CharacterKind, string>> = {
  upperCase: 'an upper-case letter',
  lowerCase: 'a lower-case letter',
  digit: 'a digit',
  symbol: 'a character that is neither letter nor digit',
};

/** Shorter names are parts of too many words. */
const MIN_NAME_CHARACTERS = 3;

/** Attributes that name a person or a program, by canonical name. */
const namingAttributes: ReadonlySet<string> = new Set([
  ...['cn', 'sn', 'givenName', 'displayName', 'uid', 'mail', 'certdirAgreementNumber'],
]);

/**
 * @param names What the account is called; see {@link namesOf}.
 * @throws {DirectoryError} `DIRECTORY_CONSTRAINT`; the message says which rule, never the password.
 */
export function checkPasswordQuality(
  password: Uint8Array,
  policy: PasswordPolicy,
  names: readonly string[],
): void {
  const text = decodeUtf8(password);
  if (text === undefined) {
    throw refused('a password is UTF-8 text');
  }
  const count = [...text].length;
  if (count < policy.minCharacters) {
    throw refused(`a password has at least ${policy.minCharacters} characters`);
  }
  for (const kind of policy.characterKinds) {
    if (!patterns[kind].test(text)) {
      throw refused(`a password has ${words[kind]} in it`);
    }
  }
  if (policy.refuseNames && charactersBeside(text, names) * 2 < policy.minCharacters) {
    throw refused("a password is more than the account's name");
  }
}

/** What an account is called, as far as a password should not be it. */
export function namesOf(entry: Entry): readonly string[] {
  return entry.attributes
    .filter(({ type }) => namingAttributes.has(type.name))
    .flatMap(({ values }) => values)
    .flatMap((value) => (value instanceof Uint8Array ? [decodeUtf8(value) ?? ''] : []))
    .flatMap((name) => [name, ...name.split(/[\s@.,_-]+/u)]);
}

/** How much is left of a text without the names in it. */
function charactersBeside(text: string, names: readonly string[]): number {
  const longestFirst = names.map(fold).sort((left, right) => right.length - left.length);
  let rest = fold(text);
  for (const name of longestFirst) {
    if ([...name].length >= MIN_NAME_CHARACTERS) {
      rest = rest.replaceAll(name, '');
    }
  }
  return [...rest].length;
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** Easy to read out and to type. */
const alphabets: Readonly<Record<CharacterKind, string>> = {
  upperCase: 'ABCDEFGHJKLMNPQRSTUVWXYZ',
  lowerCase: 'abcdefghijkmnopqrstuvwxyz',
  digit: '23456789',
  symbol: '-+=.:%',
};

/** More than 120 bits from letters and digits alone. */
const GENERATED_CHARACTERS = 24;

/** A new password of every kind that the policy wants. */
export function generatePassword(policy: PasswordPolicy, random: RandomSource): Uint8Array {
  const kinds: readonly CharacterKind[] = [
    ...new Set<CharacterKind>(['upperCase', 'lowerCase', 'digit', ...policy.characterKinds]),
  ];
  const alphabet = kinds.map((kind) => alphabets[kind]).join('');
  const length = Math.max(GENERATED_CHARACTERS, policy.minCharacters);
  for (;;) {
    const text = Array.from({ length }, () => alphabet[below(alphabet.length, random)]).join('');
    if (kinds.every((kind) => patterns[kind].test(text))) {
      return encodeUtf8(text);
    }
  }
}

/** A number from 0 to `bound` - 1, each as likely as the other. */
function below(bound: number, random: RandomSource): number {
  const limit = 256 - (256 % bound);
  for (;;) {
    const [byte = 0] = random.bytes(1);
    if (byte < limit) {
      return byte % bound;
    }
  }
}

function refused(message: string): DirectoryError {
  return new DirectoryError('DIRECTORY_CONSTRAINT', message);
}
