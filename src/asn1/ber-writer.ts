/**
 * Writes LDAP messages (RFC 4511 §5.1) front to back into one growing buffer.
 *
 * Lengths come out minimal. A constructed element is opened before its length is known: `begin`
 * leaves room for a length, `end` fills it in and moves the content only when the room was wrong.
 * Whoever is about to put a large value inside says so to `begin`, and nothing large is moved.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { BerError } from './errors.ts';
import { lengthSize, writeLength } from './length.ts';
import { isConstructed, Tag } from './tags.ts';

/** Also what is kept between messages: a larger buffer is given away with its message. */
const KEPT_BYTES = 0x1_0000;

const MAX_CONTENT_LENGTH = 0x7fff_ffff;
const MIN_INTEGER = -0x8000_0000;
const MAX_INTEGER = 0x7fff_ffff;

export class BerWriter {
  #buffer: Buffer = Buffer.allocUnsafeSlow(1024);
  #offset = 0;
  /** For every open element, the offset of its length and the room left for it. */
  readonly #open: number[] = [];

  /** How many bytes the message has so far; lengths of open elements may still change it. */
  get length(): number {
    return this.#offset;
  }

  /**
   * Opens a constructed element.
   *
   * @param expectedLength A guess of its content's bytes. A wrong one costs a move, nothing else.
   */
  begin(tag: number = Tag.sequence, expectedLength = 0): void {
    assert(isConstructed(tag), 'only a constructed element has elements inside');
    const room = lengthSize(expectedLength);
    this.#reserve(1 + room);
    this.#buffer[this.#offset] = tag;
    this.#open.push(this.#offset + 1, room);
    this.#offset += 1 + room;
  }

  /** Closes the element opened last. */
  end(): void {
    const room = this.#open.pop();
    const at = this.#open.pop();
    assert(room !== undefined && at !== undefined, 'an element is open');
    const contentStart = at + room;
    const contentLength = this.#offset - contentStart;
    const size = checkedLengthSize(contentLength);
    if (size !== room) {
      this.#reserve(Math.max(0, size - room));
      this.#buffer.copyWithin(at + size, contentStart, this.#offset);
      this.#offset += size - room;
    }
    writeLength(this.#buffer, at, contentLength);
  }

  /** OCTET STRING. */
  writeOctetString(bytes: Uint8Array, tag: number = Tag.octetString): void {
    this.#writeHeader(tag, bytes.length);
    this.#buffer.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  /** OCTET STRING of a text in UTF-8. */
  writeUtf8(text: string, tag: number = Tag.octetString): void {
    const contentLength = Buffer.byteLength(text, 'utf8');
    this.#writeHeader(tag, contentLength);
    this.#buffer.write(text, this.#offset, contentLength, 'utf8');
    this.#offset += contentLength;
  }

  /** INTEGER. @throws {BerError} `BER_RANGE` for anything but a whole number of 32 bits. */
  writeInteger(value: number, tag: number = Tag.integer): void {
    if (!Number.isInteger(value) || value < MIN_INTEGER || value > MAX_INTEGER) {
      throw new BerError('BER_RANGE', 'an integer is not a whole number of 32 bits');
    }
    let shift = 24;
    // A leading byte is needless while the next nine bits and it are all alike.
    while (shift > 0 && value >> (shift - 1) === value >> 31) {
      shift -= 8;
    }
    this.#writeHeader(tag, shift / 8 + 1);
    for (; shift >= 0; shift -= 8) {
      this.#buffer[this.#offset] = value >> shift;
      this.#offset += 1;
    }
  }

  /** ENUMERATED; see `writeInteger`. */
  writeEnumerated(value: number, tag: number = Tag.enumerated): void {
    this.writeInteger(value, tag);
  }

  /** BOOLEAN: FF or 00. */
  writeBoolean(value: boolean, tag: number = Tag.boolean): void {
    this.#writeHeader(tag, 1);
    this.#buffer[this.#offset] = value ? 0xff : 0x00;
    this.#offset += 1;
  }

  /** NULL. */
  writeNull(tag: number = Tag.null): void {
    this.#writeHeader(tag, 0);
  }

  /** Bytes as they are: complete elements that were encoded before. */
  writeRaw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  /**
   * Ends the message and makes the writer ready for another.
   *
   * @returns Bytes that are the caller's: nothing written later touches them.
   */
  finish(): Uint8Array {
    assert(this.#open.length === 0, 'every element is closed');
    const message = this.#buffer.subarray(0, this.#offset);
    this.#offset = 0;
    if (this.#buffer.length <= KEPT_BYTES) {
      return Uint8Array.prototype.slice.call(message);
    }
    this.#buffer = Buffer.allocUnsafeSlow(1024);
    return message;
  }

  /** Forgets what was written since the last `finish`. */
  reset(): void {
    this.#open.length = 0;
    this.#offset = 0;
    if (this.#buffer.length > KEPT_BYTES) {
      this.#buffer = Buffer.allocUnsafeSlow(1024);
    }
  }

  /** Writes tag and length, with room made for the content. */
  #writeHeader(tag: number, contentLength: number): void {
    this.#reserve(1 + checkedLengthSize(contentLength) + contentLength);
    this.#buffer[this.#offset] = tag;
    this.#offset = writeLength(this.#buffer, this.#offset + 1, contentLength);
  }

  #reserve(count: number): void {
    const needed = this.#offset + count;
    if (needed <= this.#buffer.length) {
      return;
    }
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#offset);
    this.#buffer = grown;
  }
}

function checkedLengthSize(contentLength: number): number {
  if (contentLength > MAX_CONTENT_LENGTH) {
    throw new BerError('BER_LENGTH', 'a content is longer than 2^31 - 1 bytes');
  }
  return lengthSize(contentLength);
}
