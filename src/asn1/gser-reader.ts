/**
 * A cursor over the Generic String Encoding Rules (RFC 3641, RFC 3642) that LDAP assertions about
 * certificates are written in, e.g. `{ serialNumber 17, issuer rdnSequence:"O=JPKI,C=JP" }`.
 *
 * The caller knows the type and asks for what comes next; nothing is built that was not asked for.
 *
 * @module
 */

import { parseHex } from '../core/bytes.ts';
import { GserError } from './errors.ts';
import { isOid } from './oid.ts';

/** Nothing that is asserted comes near it. */
const MAX_LENGTH = 65_536;
const MAX_INTEGER_DIGITS = 1000;
/** Elements of one SEQUENCE OF; what is asserted has a few. */
const MAX_ELEMENTS = 64;

const identifierShape = /[a-z][a-zA-Z0-9]*(?:-[a-zA-Z0-9]+)*/y;
const integerShape = /(?:0|-?[1-9][0-9]*)(?![0-9])/y;
const oidShape = /[0-2](?:\.(?:0|[1-9][0-9]*))+(?![0-9.])/y;
/** Capitals by the grammar; small letters do no harm. */
const hexadecimalShape = /'[0-9A-Fa-f]*'H/y;
const binaryShape = /'[01]*'B/y;

export interface GserBits {
  /** The first bit is the highest of the first octet; bits beyond `count` are 0. */
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly isHexadecimal: boolean;
}

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

  /** The character that comes next, spaces apart; empty at the end. Nothing is read. */
  nextCharacter(): string {
    return this.#text.charAt(this.#afterSpaces());
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

  /** True when `mark` comes next, spaces apart; nothing is read. */
  isNext(mark: string): boolean {
    return this.#text.startsWith(mark, this.#afterSpaces());
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
    const oid = this.#read(oidShape, 'an object identifier');
    return isOid(oid) ? oid : this.fail('there is no such object identifier');
  }

  /** OCTET STRING: `'0A1B'H`. */
  readOctetString(): Uint8Array {
    const octets = parseHex(this.#read(hexadecimalShape, 'an octet string').slice(1, -2));
    return octets ?? this.fail('an octet string has half an octet');
  }

  /**
   * BIT STRING without names: `'0101'B`, or `'5'H` for whole groups of four; the latter may as well
   * be an OCTET STRING.
   */
  readBitString(): GserBits {
    if (this.#isShapeNext(binaryShape)) {
      const digits = this.#read(binaryShape, 'a bit string').slice(1, -2);
      const bytes = new Uint8Array(Math.ceil(digits.length / 8));
      for (let at = digits.indexOf('1'); at >= 0; at = digits.indexOf('1', at + 1)) {
        bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (0x80 >> (at & 7));
      }
      return { bytes, count: digits.length, isHexadecimal: false };
    }
    const digits = this.#read(hexadecimalShape, 'a bit string').slice(1, -2);
    const bytes = parseHex(digits.length % 2 === 0 ? digits : `${digits}0`) ?? new Uint8Array(0);
    return { bytes, count: 4 * digits.length, isHexadecimal: true };
  }

  /** What an open type may hold: an INTEGER, or an OBJECT IDENTIFIER as text. */
  readIntegerOrOid(): bigint | string {
    return this.#isShapeNext(oidShape) ? this.readOid() : this.readInteger();
  }

  /**
   * BIT STRING with named bits: `{ name, name }`, or as without names.
   *
   * @param names By number; those that are left out have none.
   * @returns the numbers of the bits that are set.
   */
  readNamedBits(names: readonly (string | undefined)[]): ReadonlySet<number> {
    if (!this.isNext('{')) {
      const { bytes, count } = this.readBitString();
      const isSet = (bit: number): boolean => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0;
      return new Set(Array.from({ length: count }, (_none, bit) => bit).filter(isSet));
    }
    const numbers = new Set<number>();
    this.readElements(() => {
      const name = this.readIdentifier();
      const number = names.indexOf(name);
      if (number < 0) {
        this.fail(`${name} is not one of the bits`);
      }
      numbers.add(number);
    });
    return numbers;
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

  /**
   * A SEQUENCE OF value: `{ value, value }`, at most 64 of them, perhaps none.
   *
   * @param readElement Reads one value, or fails.
   */
  readElements(readElement: () => void): void {
    this.expect('{');
    if (this.skip('}')) {
      return;
    }
    let count = 0;
    do {
      count += 1;
      if (count > MAX_ELEMENTS) {
        this.fail(`more than ${MAX_ELEMENTS} values`);
      }
      readElement();
    } while (this.skip(','));
    this.expect('}');
  }

  #isShapeNext(shape: RegExp): boolean {
    shape.lastIndex = this.#afterSpaces();
    return shape.test(this.#text);
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
