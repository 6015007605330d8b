/**
 * A cursor over DER (X.690 §10, §11), strict: one encoding per value and no other.
 *
 * Lengths are definite, minimal and inside the bytes at hand before anything is done with them;
 * what is returned are views, never copies, so nothing is allocated in proportion to a length that
 * a peer merely claims. A failed read throws `DerError` and leaves the cursor unusable.
 *
 * Not checked: the order of a SET OF, and DEFAULT values that are spelt out, because only the
 * caller knows the type. LDAP's looser encoding is in ber-reader.ts.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { MAX_INTEGER_BYTES, MAX_NAMED_BIT } from './der-writer.ts';
import { DerError } from './errors.ts';
import { decodeOidContent } from './oid.ts';
import { decodeString } from './strings.ts';
import { formatTag, isAllowedTag, isConstructed, Tag } from './tags.ts';
import { parseGeneralizedTime, parseTime } from './time.ts';

/** One element, as views of the bytes that were given to the reader. */
export interface DerElement {
  readonly tag: number;
  /** Tag, length and content. */
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
}

/** Content of a BIT STRING without its first byte. */
export interface DerBitString {
  /** How many low bits of the last byte do not belong to it, 0 to 7; they are zero. */
  readonly unusedBits: number;
  readonly bytes: Uint8Array;
}

/** Content of a string type with the type it came in. */
export interface DerString {
  readonly tag: number;
  readonly value: string;
}

export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #offset: number;
  /** Where the content of the last header read begins and ends. */
  #contentStart = 0;
  #contentEnd = 0;

  /** Reads `bytes` from `start` up to, but not including, `end`. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    assert(start >= 0 && start <= end && end <= bytes.length, 'a reader stays inside its bytes');
    this.#bytes = bytes;
    this.#offset = start;
    this.#end = end;
  }

  /** True when every byte has been read. */
  get isAtEnd(): boolean {
    return this.#offset === this.#end;
  }

  /** Where the next element begins, as an index into the bytes given to the constructor. */
  get offset(): number {
    return this.#offset;
  }

  /** The next tag, or undefined at the end. */
  peekTag(): number | undefined {
    return this.#offset < this.#end ? this.#bytes[this.#offset] : undefined;
  }

  /**
   * The next element, of `expectedTag` or, without one, of any tag.
   *
   * @throws {DerError} `DER_TRUNCATED`, `DER_LENGTH`, `DER_TAG`.
   */
  readElement(expectedTag?: number): DerElement {
    const start = this.#offset;
    const tag = this.#readHeader(expectedTag);
    return {
      tag,
      raw: this.#bytes.subarray(start, this.#contentEnd),
      content: this.#content(),
    };
  }

  /** The content of the next element, which must have the tag. Errors as `readElement`. */
  readContent(tag: number): Uint8Array {
    this.#readHeader(tag);
    return this.#content();
  }

  /** Passes over the next element without looking inside. Errors as `readElement`. */
  skip(expectedTag?: number): void {
    this.#readHeader(expectedTag);
  }

  /** A reader over the elements inside the next element. Errors as `readElement`. */
  readConstructed(tag: number = Tag.sequence): DerReader {
    assert(isConstructed(tag), 'only a constructed element has elements inside');
    this.#readHeader(tag);
    return new DerReader(this.#bytes, this.#contentStart, this.#contentEnd);
  }

  /** The next element when it has the tag; otherwise undefined, and nothing is read. */
  readOptional(tag: number): DerElement | undefined {
    return this.peekTag() === tag ? this.readElement(tag) : undefined;
  }

  /**
   * INTEGER of any sign.
   *
   * @throws {DerError} `DER_VALUE` when empty or not minimal; `DER_RANGE` above 4,096 bytes.
   */
  readInteger(tag: number = Tag.integer): bigint {
    const content = this.readContent(tag);
    checkInteger(content);
    const hex = Buffer.from(content.buffer, content.byteOffset, content.length).toString('hex');
    return BigInt.asIntN(content.length * 8, BigInt(`0x${hex}`));
  }

  /**
   * INTEGER or, with `Tag.enumerated`, ENUMERATED from 0 to 2^31 - 1.
   *
   * @throws {DerError} `DER_RANGE` outside; else as `readInteger`.
   */
  readSmallInteger(tag: number = Tag.integer): number {
    const content = this.readContent(tag);
    checkInteger(content);
    const [first = 0, second = 0, third = 0, fourth = 0] = content;
    if (content.length > 4 || first >= 0x80) {
      throw new DerError('DER_RANGE', 'an integer is not within 0 and 2^31 - 1');
    }
    const word = (first << 24) | (second << 16) | (third << 8) | fourth;
    return word >>> (8 * (4 - content.length));
  }

  /** BOOLEAN. @throws {DerError} `DER_VALUE` for anything but one byte 00 or FF (X.690 §11.1). */
  readBoolean(tag: number = Tag.boolean): boolean {
    const content = this.readContent(tag);
    const value = content[0];
    if (content.length !== 1 || (value !== 0x00 && value !== 0xff)) {
      throw new DerError('DER_VALUE', 'a BOOLEAN is one byte, 00 or FF');
    }
    return value === 0xff;
  }

  /** OBJECT IDENTIFIER as canonical dotted text. @throws {DerError} `DER_OID`. */
  readOid(tag: number = Tag.oid): string {
    return decodeOidContent(this.readContent(tag));
  }

  /** OCTET STRING, a view of its bytes. */
  readOctetString(tag: number = Tag.octetString): Uint8Array {
    return this.readContent(tag);
  }

  /**
   * BIT STRING.
   *
   * @throws {DerError} `DER_VALUE` for a wrong count of unused bits, or one that is set
   * (X.690 §8.6.2, §11.2.1).
   */
  readBitString(tag: number = Tag.bitString): DerBitString {
    const content = this.readContent(tag);
    const unusedBits = content[0];
    const last = content.length > 1 ? (content[content.length - 1] ?? 0) : 0;
    if (
      unusedBits === undefined ||
      unusedBits > (content.length > 1 ? 7 : 0) ||
      (last & ((1 << unusedBits) - 1)) !== 0
    ) {
      throw new DerError('DER_VALUE', 'a BIT STRING has a wrong count of unused bits');
    }
    return { unusedBits, bytes: content.subarray(1) };
  }

  /**
   * BIT STRING of a named bit list such as KeyUsage: the numbers of the bits that are set.
   *
   * @throws {DerError} `DER_VALUE` for trailing zero bits (X.690 §11.2.2); `DER_RANGE` for bits
   * above 255.
   */
  readNamedBits(tag: number = Tag.bitString): ReadonlySet<number> {
    const { unusedBits, bytes } = this.readBitString(tag);
    if (bytes.length * 8 > MAX_NAMED_BIT + 1) {
      throw new DerError('DER_RANGE', `a named bit is numbered 0 to ${MAX_NAMED_BIT}`);
    }
    const bits = new Set<number>();
    const count = bytes.length * 8 - unusedBits;
    for (let bit = 0; bit < count; bit += 1) {
      if (((bytes[bit >>> 3] ?? 0) & (0x80 >>> (bit & 7))) !== 0) {
        bits.add(bit);
      }
    }
    if (count > 0 && !bits.has(count - 1)) {
      throw new DerError('DER_VALUE', 'a named bit list ends with its highest bit');
    }
    return bits;
  }

  /** NULL. @throws {DerError} `DER_VALUE` when it has content. */
  readNull(): void {
    if (this.readContent(Tag.null).length !== 0) {
      throw new DerError('DER_VALUE', 'a NULL has no content');
    }
  }

  /** X.509 `Time` as epoch milliseconds (time.ts). @throws {DerError} `DER_TIME`. */
  readTime(): number {
    const tag = this.#readHeader();
    return parseTime(tag, this.#content());
  }

  /** GeneralizedTime of any year as epoch milliseconds. @throws {DerError} `DER_TIME`. */
  readGeneralizedTime(tag: number = Tag.generalizedTime): number {
    return parseGeneralizedTime(this.readContent(tag));
  }

  /** Any string type (strings.ts). @throws {DerError} `DER_STRING`; `DER_TAG` for another type. */
  readString(): DerString {
    const tag = this.#readHeader();
    return { tag, value: decodeString(tag, this.#content()) };
  }

  /** @throws {DerError} `DER_TRAILING` when anything is left. */
  expectEnd(): void {
    if (this.#offset !== this.#end) {
      throw new DerError(
        'DER_TRAILING',
        `${this.#end - this.#offset} bytes follow at ${this.#offset}`,
      );
    }
  }

  #content(): Uint8Array {
    return this.#bytes.subarray(this.#contentStart, this.#contentEnd);
  }

  /** Reads tag and length, notes where the content is and moves behind it. Returns the tag. */
  #readHeader(expectedTag?: number): number {
    const start = this.#offset;
    if (this.#end - start < 2) {
      throw new DerError('DER_TRUNCATED', `no complete element at ${start}`);
    }
    const tag = this.#bytes[start] ?? 0;
    if (!isAllowedTag(tag) || (expectedTag !== undefined && tag !== expectedTag)) {
      const wanted = expectedTag === undefined ? '' : `, not ${formatTag(expectedTag)}`;
      throw new DerError('DER_TAG', `unexpected tag ${formatTag(tag)} at ${start}${wanted}`);
    }
    const first = this.#bytes[start + 1] ?? 0;
    let contentLength = first;
    let contentStart = start + 2;
    if (first >= 0x80) {
      contentLength = this.#readLongLength(first & 0x7f, contentStart);
      contentStart += first & 0x7f;
    }
    if (contentLength > this.#end - contentStart) {
      throw new DerError('DER_TRUNCATED', `the element at ${start} ends beyond the bytes at hand`);
    }
    this.#contentStart = contentStart;
    this.#contentEnd = contentStart + contentLength;
    this.#offset = this.#contentEnd;
    return tag;
  }

  /** A length of `size` bytes at `offset`, with the shortest form demanded (X.690 §10.1). */
  #readLongLength(size: number, offset: number): number {
    if (size === 0 || size > 4) {
      throw new DerError('DER_LENGTH', `the length before ${offset} is indefinite or too long`);
    }
    if (size > this.#end - offset) {
      throw new DerError('DER_TRUNCATED', `the length before ${offset} is not complete`);
    }
    let contentLength = 0;
    for (let at = offset; at < offset + size; at += 1) {
      contentLength = contentLength * 0x100 + (this.#bytes[at] ?? 0);
    }
    if (contentLength < (size === 1 ? 0x80 : 2 ** (8 * (size - 1)))) {
      throw new DerError('DER_LENGTH', `the length before ${offset} is not in its shortest form`);
    }
    return contentLength;
  }
}

/** Two's complement without a needless first byte (X.690 §8.3.2), of bounded size. */
function checkInteger(content: Uint8Array): void {
  const first = content[0];
  if (first === undefined) {
    throw new DerError('DER_VALUE', 'an integer has no content');
  }
  if (content.length > MAX_INTEGER_BYTES) {
    throw new DerError('DER_RANGE', `an integer has more than ${MAX_INTEGER_BYTES} bytes`);
  }
  const second = content[1];
  if (second !== undefined && first === (second >= 0x80 ? 0xff : 0x00)) {
    throw new DerError('DER_VALUE', 'an integer begins with a needless byte');
  }
}
