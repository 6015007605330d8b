/**
 * A cursor over the BER that LDAP uses (RFC 4511 §5.1): definite lengths only, OCTET STRING in
 * primitive form only, TRUE as FF only. Lengths need not be minimal, because Windows and others
 * write four length bytes always, but there are never more than four of them.
 *
 * This is the server's hot path and it reads what anyone on the network sends: positions are plain
 * numbers, results are views of the bytes given, and every length is compared with what is there
 * before it is used. A failed read throws `BerError` and leaves the cursor unusable.
 *
 * Not here: framing limits, which belong to the connection (it asks `readBerHeader` how long a
 * message will be), and DER, which is stricter (der-reader.ts).
 *
 * @module
 */

import assert from 'node:assert/strict';

import { decodeUtf8 } from '../core/bytes.ts';
import { BerError } from './errors.ts';
import { formatTag, isAllowedTag, isConstructed, Tag } from './tags.ts';

/** One element, as views of the bytes that were given to the reader. */
export interface BerElement {
  readonly tag: number;
  /** Tag, length and content. */
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
}

/** What the first bytes of an element say about the whole. */
export interface BerHeader {
  readonly tag: number;
  /** Up to 2^31 - 1, as claimed; the caller compares it with its limit before waiting for it. */
  readonly contentLength: number;
  /** 2 to 6. */
  readonly headerLength: number;
}

const MAX_LENGTH_BYTES = 4;
const MAX_CONTENT_LENGTH = 0x7fff_ffff;

/** Texts up to this long that are ASCII are put together here, which beats the decoder. */
const SHORT_TEXT = 24;

/**
 * Reads the header of an element whose content may not have arrived.
 *
 * @returns undefined while the header itself is incomplete.
 * @throws {BerError} `BER_TAG`, `BER_LENGTH` as soon as the bytes can no longer become a header.
 */
export function readBerHeader(
  bytes: Uint8Array,
  offset: number,
  end: number,
): BerHeader | undefined {
  assert(offset >= 0 && offset <= end && end <= bytes.length, 'a header lies inside its bytes');
  if (offset === end) {
    return undefined;
  }
  const tag = bytes[offset] ?? 0;
  if (!isAllowedTag(tag)) {
    throw unexpectedTag(tag, offset);
  }
  if (end - offset < 2) {
    return undefined;
  }
  const first = bytes[offset + 1] ?? 0;
  if (first < 0x80) {
    return { tag, contentLength: first, headerLength: 2 };
  }
  const size = first & 0x7f;
  checkLengthSize(size, offset);
  if (size > end - offset - 2) {
    return undefined;
  }
  return { tag, contentLength: readLength(bytes, offset + 2, size), headerLength: 2 + size };
}

export class BerReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #offset: number;
  /** Where the content of the last header read begins; it ends at `#offset`. */
  #contentStart = 0;

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
   * @throws {BerError} `BER_TRUNCATED`, `BER_LENGTH`, `BER_TAG`.
   */
  readElement(expectedTag?: number): BerElement {
    const start = this.#offset;
    const tag = this.#readHeader(expectedTag);
    return { tag, raw: this.#bytes.subarray(start, this.#offset), content: this.#content() };
  }

  /** Passes over the next element without looking inside. Errors as `readElement`. */
  skip(expectedTag?: number): void {
    this.#readHeader(expectedTag);
  }

  /** A reader over the elements inside the next element. Errors as `readElement`. */
  readConstructed(tag: number = Tag.sequence): BerReader {
    assert(isConstructed(tag), 'only a constructed element has elements inside');
    this.#readHeader(tag);
    return new BerReader(this.#bytes, this.#contentStart, this.#offset);
  }

  /** OCTET STRING, a view of its bytes. Errors as `readElement`. */
  readOctetString(tag: number = Tag.octetString): Uint8Array {
    assert(!isConstructed(tag), 'an OCTET STRING is primitive');
    this.#readHeader(tag);
    return this.#content();
  }

  /**
   * OCTET STRING that holds UTF-8 text (LDAPString, LDAPDN, RFC 4511 §4.1.2).
   *
   * @throws {BerError} `BER_STRING` for bytes that are not well-formed UTF-8.
   */
  readUtf8(tag: number = Tag.octetString): string {
    assert(!isConstructed(tag), 'an OCTET STRING is primitive');
    this.#readHeader(tag);
    return this.#shortAscii() ?? this.#anyText();
  }

  /**
   * INTEGER of 32 bits.
   *
   * @throws {BerError} `BER_VALUE` when empty or not minimal (X.690 §8.3.2 binds BER too);
   * `BER_RANGE` above 32 bits.
   */
  readInteger(tag: number = Tag.integer): number {
    this.#readHeader(tag);
    const start = this.#contentStart;
    const size = this.#offset - start;
    const first = this.#bytes[start] ?? 0;
    if (size === 0) {
      throw new BerError('BER_VALUE', `the integer before ${start} has no content`);
    }
    if (size > 1 && first === ((this.#bytes[start + 1] ?? 0) >= 0x80 ? 0xff : 0x00)) {
      throw new BerError('BER_VALUE', `the integer at ${start} begins with a needless byte`);
    }
    if (size > 4) {
      throw new BerError('BER_RANGE', `the integer at ${start} has more than 32 bits`);
    }
    let value = first >= 0x80 ? -1 : 0;
    for (let at = start; at < start + size; at += 1) {
      value = (value << 8) | (this.#bytes[at] ?? 0);
    }
    return value;
  }

  /** ENUMERATED of 32 bits; see `readInteger`. */
  readEnumerated(tag: number = Tag.enumerated): number {
    return this.readInteger(tag);
  }

  /** BOOLEAN. @throws {BerError} `BER_VALUE` for anything but one byte 00 or FF. */
  readBoolean(tag: number = Tag.boolean): boolean {
    const octet = this.#readBooleanOctet(tag);
    if (octet !== 0x00 && octet !== 0xff) {
      throw new BerError('BER_VALUE', `the BOOLEAN before ${this.#offset} is not 00 or FF`);
    }
    return octet === 0xff;
  }

  /**
   * BOOLEAN as BER by itself has it (X.690 §8.2.2), true for every byte but 00: in what is wrapped in an OCTET
   * STRING, where the restrictions of RFC 4511 §5.1 do not apply.
   *
   * @throws {BerError} `BER_VALUE` for anything but one byte.
   */
  readLooseBoolean(tag: number = Tag.boolean): boolean {
    return this.#readBooleanOctet(tag) !== 0x00;
  }

  #readBooleanOctet(tag: number): number {
    this.#readHeader(tag);
    const start = this.#contentStart;
    if (this.#offset - start !== 1) {
      throw new BerError('BER_VALUE', `the BOOLEAN at ${start} is not one byte`);
    }
    return this.#bytes[start] ?? 0;
  }

  /** NULL. @throws {BerError} `BER_VALUE` when it has content. */
  readNull(tag: number = Tag.null): void {
    this.#readHeader(tag);
    if (this.#offset !== this.#contentStart) {
      throw new BerError('BER_VALUE', `the NULL before ${this.#contentStart} has content`);
    }
  }

  /** @throws {BerError} `BER_TRAILING` when anything is left. */
  expectEnd(): void {
    if (this.#offset !== this.#end) {
      throw new BerError(
        'BER_TRAILING',
        `${this.#end - this.#offset} bytes follow at ${this.#offset}`,
      );
    }
  }

  #content(): Uint8Array {
    return this.#bytes.subarray(this.#contentStart, this.#offset);
  }

  /** The content as text when it is short and ASCII. */
  #shortAscii(): string | undefined {
    const end = this.#offset;
    if (end - this.#contentStart > SHORT_TEXT) {
      return undefined;
    }
    let text = '';
    for (let at = this.#contentStart; at < end; at += 1) {
      const byte = this.#bytes[at] ?? 0;
      if (byte >= 0x80) {
        return undefined;
      }
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #anyText(): string {
    const text = decodeUtf8(this.#content());
    if (text === undefined) {
      throw new BerError('BER_STRING', `the text at ${this.#contentStart} is not UTF-8`);
    }
    return text;
  }

  /** Reads tag and length, notes where the content begins and moves behind it. Returns the tag. */
  #readHeader(expectedTag?: number): number {
    const start = this.#offset;
    if (this.#end - start < 2) {
      throw new BerError('BER_TRUNCATED', `no complete element at ${start}`);
    }
    const tag = this.#bytes[start] ?? 0;
    if (expectedTag === undefined ? !isAllowedTag(tag) : tag !== expectedTag) {
      throw unexpectedTag(tag, start);
    }
    let contentLength = this.#bytes[start + 1] ?? 0;
    let contentStart = start + 2;
    if (contentLength >= 0x80) {
      const size = contentLength & 0x7f;
      checkLengthSize(size, start);
      if (size > this.#end - contentStart) {
        throw new BerError('BER_TRUNCATED', `the length at ${start} is not complete`);
      }
      contentLength = readLength(this.#bytes, contentStart, size);
      contentStart += size;
    }
    if (contentLength > this.#end - contentStart) {
      throw new BerError('BER_TRUNCATED', `the element at ${start} ends beyond the bytes at hand`);
    }
    this.#contentStart = contentStart;
    this.#offset = contentStart + contentLength;
    return tag;
  }
}

/** 80 is an indefinite length; more than four bytes could only say what is never taken. */
function checkLengthSize(size: number, offset: number): void {
  if (size === 0 || size > MAX_LENGTH_BYTES) {
    throw new BerError('BER_LENGTH', `the length at ${offset} is indefinite or too long`);
  }
}

function readLength(bytes: Uint8Array, offset: number, size: number): number {
  let contentLength = 0;
  for (let at = offset; at < offset + size; at += 1) {
    contentLength = contentLength * 0x100 + (bytes[at] ?? 0);
  }
  if (contentLength > MAX_CONTENT_LENGTH) {
    throw new BerError('BER_LENGTH', `the length at ${offset} is above 2^31 - 1`);
  }
  return contentLength;
}

function unexpectedTag(tag: number, offset: number): BerError {
  return new BerError('BER_TAG', `unexpected tag ${formatTag(tag)} at ${offset}`);
}
