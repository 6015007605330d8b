/**
 * The text of distinguished names (RFC 4514) taken apart: attribute types as text, values as the
 * octets that the escapes stand for. Nothing here knows the schema.
 *
 * Looser than the grammar in one way, as RFC 4514 §3 allows and clients need: spaces around `,`,
 * `+` and `=`. Stricter than some parsers: no quotes, no `;` between names, no `OID.` prefix, and a
 * `#` value is a whole BER string value and nothing behind it.
 *
 * @module
 */

import { encodeUtf8, parseHex } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';
import { decodeHexValue } from './dn-hex-value.ts';

export interface TextPair {
  readonly type: string;
  readonly value: Uint8Array;
}

export interface TextRdn {
  readonly pairs: readonly TextPair[];
  /** As written, without the spaces around it. */
  readonly text: string;
}

/** Characters of one name; no real one comes near. */
const MAX_LENGTH = 16_384;
const MAX_RDNS = 64;
const MAX_PAIRS = 8;

const SPACE = 0x20;
const PLUS = 0x2b;
const COMMA = 0x2c;
const HASH = 0x23;
const BACKSLASH = 0x5c;

/** Where the first relative name's comma is; -1 without one. Says nothing about what stands before it. */
export function firstComma(text: string): number {
  let at = text.indexOf(',');
  while (at > 0 && isEscaped(text, at)) {
    at = text.indexOf(',', at + 1);
  }
  return at;
}

/** What must not stand unescaped in a value: `"`, `;`, `<`, `>` and NUL. */
const forbidden: ReadonlySet<number> = new Set([0x22, 0x3b, 0x3c, 0x3e, 0x00]);
/** What a backslash may stand before, hexadecimal pairs apart. */
const escapable: ReadonlySet<string> = new Set(['"', '+', ',', ';', '<', '>', ' ', '#', '=', '\\']);
const typeShape = /^([a-zA-Z0-9.-]+) *$/;
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Takes a distinguished name apart, most specific name first, as written.
 *
 * @returns no element for the empty name.
 * @throws {DirectoryError} `DIRECTORY_DN_SYNTAX`.
 */
export function parseDnText(text: string): readonly TextRdn[] {
  const scanner = new DnScanner(text);
  if (scanner.isBlank) {
    return [];
  }
  const rdns: TextRdn[] = [scanner.readRdn()];
  while (!scanner.isAtEnd) {
    scanner.expect(COMMA);
    rdns.push(scanner.readRdn());
    if (rdns.length > MAX_RDNS) {
      scanner.fail(`more than ${MAX_RDNS} relative names`);
    }
  }
  return rdns;
}

/**
 * Takes one relative distinguished name apart.
 *
 * @throws {DirectoryError} `DIRECTORY_DN_SYNTAX`, also when a comma and more follow.
 */
export function parseRdnText(text: string): TextRdn {
  const scanner = new DnScanner(text);
  const rdn = scanner.readRdn();
  if (!scanner.isAtEnd) {
    scanner.fail('one relative name is wanted, not more');
  }
  return rdn;
}

class DnScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.length > MAX_LENGTH) {
      this.fail(`longer than ${MAX_LENGTH} characters`);
    }
    if (loneSurrogate.test(text)) {
      this.fail('not well-formed Unicode');
    }
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  get isBlank(): boolean {
    this.#skipSpaces();
    return this.isAtEnd;
  }

  fail(reason: string): never {
    throw new DirectoryError(
      'DIRECTORY_DN_SYNTAX',
      `not a distinguished name (RFC 4514), at character ${this.#at + 1}: ${reason}`,
    );
  }

  expect(code: number): void {
    if (this.#text.charCodeAt(this.#at) !== code) {
      this.fail(`"${String.fromCharCode(code)}" is missing`);
    }
    this.#at += 1;
  }

  /** Reads up to the comma behind the relative name, or the end. */
  readRdn(): TextRdn {
    this.#skipSpaces();
    const start = this.#at;
    const pairs = [this.#readPair()];
    while (this.#text.charCodeAt(this.#at) === PLUS) {
      this.#at += 1;
      pairs.push(this.#readPair());
      if (pairs.length > MAX_PAIRS) {
        this.fail(`more than ${MAX_PAIRS} values in one relative name`);
      }
    }
    return { pairs, text: trimUnescaped(this.#text.slice(start, this.#at)) };
  }

  #readPair(): TextPair {
    this.#skipSpaces();
    const end = this.#text.indexOf('=', this.#at);
    if (end < 0) {
      this.fail('"=" is missing');
    }
    const type = typeShape.exec(this.#text.slice(this.#at, end))?.[1];
    if (type === undefined) {
      this.fail('an attribute type is missing or malformed');
    }
    this.#at = end + 1;
    this.#skipSpaces();
    const value =
      this.#text.charCodeAt(this.#at) === HASH ? this.#readHexValue() : this.#readStringValue();
    return { type, value };
  }

  #readHexValue(): Uint8Array {
    const start = this.#at + 1;
    let end = start;
    while (end < this.#text.length && isHexDigit(this.#text.charCodeAt(end))) {
      end += 1;
    }
    const ber = parseHex(this.#text.slice(start, end));
    const value = ber === undefined ? undefined : decodeHexValue(ber);
    if (value === undefined) {
      this.fail('"#" is not followed by the hexadecimal form of one BER string value');
    }
    this.#at = end;
    this.#skipSpaces();
    if (!this.isAtEnd && !this.#isAtSeparator()) {
      this.fail('a "#" value is followed by something else');
    }
    return value;
  }

  #readStringValue(): Uint8Array {
    const parts: Uint8Array[] = [];
    let start = this.#at;
    // Where the value ends when what follows is nothing but spaces.
    let significantEnd = start;
    while (!this.isAtEnd && !this.#isAtSeparator()) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === BACKSLASH) {
        parts.push(encodeUtf8(this.#text.slice(start, this.#at)), this.#readEscape());
        start = this.#at;
        significantEnd = start;
        continue;
      }
      if (forbidden.has(code)) {
        this.fail('a character that must be escaped is not');
      }
      this.#at += 1;
      if (code !== SPACE) {
        significantEnd = this.#at;
      }
    }
    parts.push(encodeUtf8(this.#text.slice(start, significantEnd)));
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  }

  /** Reads what follows a backslash: one special character, or hexadecimal pairs of one octet. */
  #readEscape(): Uint8Array {
    const next = this.#text.charAt(this.#at + 1);
    if (escapable.has(next)) {
      this.#at += 2;
      return encodeUtf8(next);
    }
    const pair = this.#text.slice(this.#at + 1, this.#at + 3);
    const octet = pair.length === 2 ? parseHex(pair) : undefined;
    if (octet === undefined) {
      this.fail('"\\" is followed by neither a special character nor two hexadecimal digits');
    }
    this.#at += 3;
    return octet;
  }

  #isAtSeparator(): boolean {
    const code = this.#text.charCodeAt(this.#at);
    return code === COMMA || code === PLUS;
  }

  #skipSpaces(): void {
    while (this.#text.charCodeAt(this.#at) === SPACE) {
      this.#at += 1;
    }
  }
}

function isHexDigit(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x46) ||
    (code >= 0x61 && code <= 0x66)
  );
}

/** Without trailing spaces, but for one that a backslash makes part of the value. */
function trimUnescaped(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === SPACE && !isEscaped(text, end - 1)) {
    end -= 1;
  }
  return text.slice(0, end);
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - backslashes - 1) === BACKSLASH) {
    backslashes += 1;
  }
  return backslashes % 2 === 1;
}
