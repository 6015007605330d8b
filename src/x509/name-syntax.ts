/**
 * The text of distinguished names as RFC 4514 writes it, taken apart and put together without
 * knowing what an attribute type means; name.ts gives it meaning.
 *
 * Not here: the directory's DNs, which know the schema; see directory/names/dn.ts.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8, parseHex } from '../core/bytes.ts';
import { X509Error } from './errors.ts';

/** One `type=value` of a text. */
export interface NamePairText {
  /** As written: a short name or a numeric OID. */
  readonly type: string;
  readonly value:
    | { readonly kind: 'text'; readonly text: string }
    /** `#hex`: the BER of the value. */
    | { readonly kind: 'encoded'; readonly bytes: Uint8Array };
}

const descriptor = /^[A-Za-z][A-Za-z0-9-]*$/;
const numericOid = /^(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+$/;
const specials = '"+,;<>\\';

/**
 * Takes a text apart into its RDNs, in the order of the text.
 *
 * Spaces around `,`, `+` and `=` are ignored (RFC 4514 does not write them, people do).
 *
 * @throws {X509Error} `X509_NAME_TEXT`, naming the position.
 */
export function parseNameText(text: string): readonly (readonly NamePairText[])[] {
  const scanner = new NameScanner(text);
  scanner.skipSpaces();
  if (scanner.isAtEnd) {
    return [];
  }
  const rdns: NamePairText[][] = [];
  for (;;) {
    const pairs = [scanner.readPair()];
    while (scanner.skip('+')) {
      pairs.push(scanner.readPair());
    }
    rdns.push(pairs);
    if (scanner.isAtEnd) {
      return rdns;
    }
    scanner.expect(',');
  }
}

class NameScanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  skipSpaces(): void {
    while (this.#text[this.#position] === ' ') {
      this.#position += 1;
    }
  }

  skip(character: string): boolean {
    if (this.#text[this.#position] !== character) {
      return false;
    }
    this.#position += 1;
    return true;
  }

  expect(character: string): void {
    if (!this.skip(character)) {
      this.#fail(`"${character}" expected`);
    }
  }

  readPair(): NamePairText {
    this.skipSpaces();
    const start = this.#position;
    while (/[A-Za-z0-9.-]/.test(this.#text[this.#position] ?? '')) {
      this.#position += 1;
    }
    const type = this.#text.slice(start, this.#position);
    if (!descriptor.test(type) && !numericOid.test(type)) {
      this.#position = start;
      this.#fail('an attribute type expected');
    }
    this.skipSpaces();
    this.expect('=');
    this.skipSpaces();
    return { type, value: this.skip('#') ? this.#readEncoded() : this.#readText() };
  }

  #readEncoded(): NamePairText['value'] {
    const start = this.#position;
    while (/[0-9A-Fa-f]/.test(this.#text[this.#position] ?? '')) {
      this.#position += 1;
    }
    const bytes = parseHex(this.#text.slice(start, this.#position));
    if (bytes === undefined || bytes.length === 0) {
      return this.#fail('"#" needs pairs of hexadecimal digits behind it');
    }
    this.skipSpaces();
    return { kind: 'encoded', bytes };
  }

  #readText(): NamePairText['value'] {
    const start = this.#position;
    const octets: number[] = [];
    // Unescaped spaces at the end are not part of the value: cut back to the last other character.
    let end = 0;
    while (!this.isAtEnd && !',+'.includes(this.#text[this.#position] ?? '')) {
      const isSpace = this.#text[this.#position] === ' ';
      octets.push(...this.#readCharacter());
      end = isSpace ? end : octets.length;
    }
    const text = decodeUtf8(Uint8Array.from(octets.slice(0, end)));
    if (text === undefined) {
      this.#position = start;
      return this.#fail('the escaped octets are not UTF-8');
    }
    return { kind: 'text', text };
  }

  /** One character or escape, as UTF-8 octets; an escaped pair of digits may be a part of one. */
  #readCharacter(): Uint8Array {
    const codePoint = this.#text.codePointAt(this.#position) ?? 0;
    const character = String.fromCodePoint(codePoint);
    if (character !== '\\') {
      if (specials.includes(character) || codePoint === 0) {
        this.#fail('this character must be escaped with "\\"');
      }
      if (codePoint >= 0xd800 && codePoint <= 0xdfff) {
        this.#fail('half of a surrogate pair');
      }
      this.#position += character.length;
      return encodeUtf8(character);
    }
    const next = this.#text[this.#position + 1] ?? '';
    if (next !== '' && `${specials} #=`.includes(next)) {
      this.#position += 2;
      return encodeUtf8(next);
    }
    const octet = parseHex(this.#text.slice(this.#position + 1, this.#position + 3));
    if (octet === undefined || octet.length !== 1) {
      return this.#fail('"\\" needs a special character or two hexadecimal digits behind it');
    }
    this.#position += 3;
    return octet;
  }

  #fail(problem: string): never {
    throw new X509Error(
      'X509_NAME_TEXT',
      `not a distinguished name: ${problem} at character ${this.#position + 1}`,
    );
  }
}

/**
 * Writes a value with the escapes of RFC 4514 §2.4. Control characters, which that section lets
 * through, are escaped too, so that a name can be printed on one line of a terminal.
 */
export function escapeNameValue(value: string): string {
  const characters = [...value];
  const last = characters.length - 1;
  return characters
    .map((character, index) => {
      const codePoint = character.codePointAt(0) ?? 0;
      if (codePoint < 0x20 || codePoint === 0x7f) {
        return `\\${codePoint.toString(16).padStart(2, '0').toUpperCase()}`;
      }
      const isSpecial =
        specials.includes(character) ||
        (character === '#' && index === 0) ||
        (character === ' ' && (index === 0 || index === last));
      return isSpecial ? `\\${character}` : character;
    })
    .join('');
}
