/**
 * A cursor over the Generic String Encoding Rules (RFC 3641, RFC 3642) that LDAP assertions about
 * certificates are written in, e.g. `{ serialNumber 17, issuer rdnSequence:"O=JPKI,C=JP" }`.
 *
 * The caller knows the type and asks for what comes next; nothing is built that was not asked for.
 *
 * @module
 */

import { GserError } from './errors.ts';

/** Nothing that is asserted comes near it. */
const MAX_LENGTH = 65_536;
const MAX_INTEGER_DIGITS = 1000;

const identifierShape = /[a-z][a-zA-Z0-9]*(?:-[a-zA-Z0-9]+)*/y;
const integerShape = /(?:0|-?[1-9][0-9]*)(?![0-9])/y;
const oidShape = /[0-2](?:\.(?:0|[1-9][0-9]*))+(?![0-9.])/y;

export class GserReader {
  readonly #text: string;
  #at = 0;

  /** @throws {GserError} `GSER_SYNTAX` for more than 65,536 characters. */
  constructor(text: string) {
    this.#text = text;
    if (text.length > MAX_LENGTH) {
      this.fail(`longer than ${MAX_LENGTH} characters`);
    }
  }

  /** @throws {GserError} `GSER_SYNTAX`, always. */
  fail(reason: string): never {
    throw new GserError(
      'GSER_SYNTAX',
      `not GSER (RFC 3641), at character ${this.#at + 1}: ${reason}`,
    );
  }

  /** Reads `mark` with the spaces before it, if it is there. */
  skip(mark: string): boolean {
    const start = this.#afterSpaces();
    if (!this.#text.startsWith(mark, start)) {
      return false;
    }
    this.#at = start + mark.length;
    return true;
  }

  /** Reads `mark` with the spaces before it. */
  expect(mark: string): void {
    if (!this.skip(mark)) {
      this.fail(`"${mark}" is missing`);
    }
  }

  /** Nothing but spaces may be left. */
  expectEnd(): void {
    if (this.#afterSpaces() !== this.#text.length) {
      this.fail('something follows');
    }
  }

  /** A component's or alternative's name. */
  readIdentifier(): string {
    return this.#read(identifierShape, 'a name');
  }

  /** INTEGER, in decimal. */
  readInteger(): bigint {
    const digits = this.#read(integerShape, 'an integer');
    if (digits.length > MAX_INTEGER_DIGITS) {
      this.fail(`an integer has more than ${MAX_INTEGER_DIGITS} digits`);
    }
    return BigInt(digits);
  }

  /** OBJECT IDENTIFIER, in dotted decimals. */
  readOid(): string {
    return this.#read(oidShape, 'an object identifier');
  }

  /** A string type's value: in double quotes, those inside doubled. */
  readString(): string {
    const start = this.#afterSpaces();
    if (this.#text[start] !== '"') {
      this.fail('a quoted text is missing');
    }
    for (let at = start + 1; ; at += 2) {
      at = this.#text.indexOf('"', at);
      if (at < 0) {
        this.fail('a quoted text does not end');
      }
      if (this.#text[at + 1] !== '"') {
        this.#at = at + 1;
        return this.#text.slice(start + 1, at).replaceAll('""', '"');
      }
    }
  }

  /**
   * A SEQUENCE value: `{ name value, name value }`, in any order, none twice.
   *
   * @param readComponent Reads the value of the named component, or fails.
   */
  readSequence(readComponent: (name: string) => void): void {
    const seen = new Set<string>();
    this.expect('{');
    if (this.skip('}')) {
      return;
    }
    do {
      const name = this.readIdentifier();
      if (seen.has(name)) {
        this.fail(`${name} is given twice`);
      }
      seen.add(name);
      readComponent(name);
    } while (this.skip(','));
    this.expect('}');
  }

  #read(shape: RegExp, what: string): string {
    shape.lastIndex = this.#afterSpaces();
    const found = shape.exec(this.#text)?.[0];
    if (found === undefined) {
      this.fail(`${what} is missing`);
    }
    this.#at = shape.lastIndex;
    return found;
  }

  #afterSpaces(): number {
    let at = this.#at;
    while (this.#text[at] === ' ') {
      at += 1;
    }
    return at;
  }
}
