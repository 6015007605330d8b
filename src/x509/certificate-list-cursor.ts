/**
 * The entries of a CRL (RFC 5280 §5.1.2.6), walked by position: no object per entry, since lists
 * have millions. Moving checks where each field lies, asking for a field checks the field; together
 * they accept strict DER alone.
 *
 * @module
 */

import { DerReader } from '../asn1/der-reader.ts';
import { MAX_INTEGER_BYTES } from '../asn1/der-writer.ts';
import { DerError } from '../asn1/errors.ts';
import { Tag } from '../asn1/tags.ts';
import { parseTime } from '../asn1/time.ts';
import { buildReasonCode, CrlReason, parseReasonCode } from './crl-extensions.ts';
import { type Extension, encodeExtensions, findExtension, parseExtensions } from './extensions.ts';
import { Oid } from './object-identifiers.ts';

/** Nearly every entry that has extensions has these and nothing else: a reason, at their end. */
const reasonAlone = encodeExtensions([buildReasonCode(CrlReason.keyCompromise)]);
const reasonLength = buildReasonCode(CrlReason.keyCompromise).value.length;

/**
 * Moves over the content of `revokedCertificates`. The accessors speak of the entry that the last
 * `next()` reached.
 */
export class RevokedEntryCursor {
  readonly #bytes: Uint8Array;
  #entryStart = 0;
  #entryEnd = 0;
  #serialStart = 0;
  #serialEnd = 0;
  #timeTag = 0;
  #timeStart = 0;
  #timeEnd = 0;
  /** Where the header that was read last has its content. */
  #contentStart = 0;
  #contentEnd = 0;

  /** @param bytes Entries one after another, without the SEQUENCE around them. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * Moves to the next entry.
   *
   * @returns False at the end.
   * @throws {DerError} when the entry is malformed.
   */
  next(): boolean {
    const start = this.#entryEnd;
    if (start === this.#bytes.length) {
      return false;
    }
    this.#readHeader(start, this.#bytes.length, Tag.sequence);
    this.#entryStart = start;
    this.#entryEnd = this.#contentEnd;
    this.#readHeader(this.#contentStart, this.#entryEnd, Tag.integer);
    this.#serialStart = this.#contentStart;
    this.#serialEnd = this.#contentEnd;
    this.#checkSerial();
    const isGeneralized = this.#bytes[this.#serialEnd] === Tag.generalizedTime;
    this.#timeTag = isGeneralized ? Tag.generalizedTime : Tag.utcTime;
    this.#readHeader(this.#serialEnd, this.#entryEnd, this.#timeTag);
    this.#timeStart = this.#contentStart;
    this.#timeEnd = this.#contentEnd;
    return true;
  }

  /**
   * Checks every field of the entry.
   *
   * @throws {DerError} when the time is malformed.
   * @throws {X509Error} `X509_EXTENSION` when the extensions are.
   */
  check(): void {
    parseTime(this.#timeTag, this.#bytes.subarray(this.#timeStart, this.#timeEnd));
    this.#parseReason();
  }

  /** The entry as it stands in the list, a view. */
  get raw(): Uint8Array {
    return this.#bytes.subarray(this.#entryStart, this.#entryEnd);
  }

  get serialNumber(): bigint {
    const content = this.#bytes.subarray(this.#serialStart, this.#serialEnd);
    const hex = Buffer.from(content.buffer, content.byteOffset, content.length).toString('hex');
    return BigInt.asIntN(content.length * 8, BigInt(`0x${hex}`));
  }

  /** True when the serial number's INTEGER has exactly this content. */
  hasSerial(content: Uint8Array): boolean {
    if (this.#serialEnd - this.#serialStart !== content.length) {
      return false;
    }
    // From the end, since serial numbers of one authority often begin alike.
    for (let index = content.length - 1; index >= 0; index -= 1) {
      if (this.#bytes[this.#serialStart + index] !== content[index]) {
        return false;
      }
    }
    return true;
  }

  /** revocationDate, milliseconds since the epoch. @throws {DerError} */
  get revocationMs(): number {
    return parseTime(this.#timeTag, this.#bytes.subarray(this.#timeStart, this.#timeEnd));
  }

  /**
   * CRLReason; undefined when the entry has none, which means unspecified.
   *
   * @throws {X509Error} `X509_EXTENSION` when the extensions are malformed.
   */
  get reason(): number | undefined {
    return this.#parseReason();
  }

  /** crlEntryExtensions; empty when the entry has none. @throws {X509Error} `X509_EXTENSION` */
  get extensions(): readonly Extension[] {
    return this.#timeEnd === this.#entryEnd
      ? []
      : parseExtensions(this.#bytes.subarray(this.#timeEnd, this.#entryEnd));
  }

  #parseReason(): number | undefined {
    if (this.#timeEnd === this.#entryEnd) {
      return undefined;
    }
    if (this.#hasReasonAlone()) {
      return parseReasonCode(this.#bytes.subarray(this.#entryEnd - reasonLength, this.#entryEnd));
    }
    const reason = findExtension(this.extensions, Oid.reasonCode);
    return reason === undefined ? undefined : parseReasonCode(reason.value);
  }

  #hasReasonAlone(): boolean {
    if (this.#entryEnd - this.#timeEnd !== reasonAlone.length) {
      return false;
    }
    for (let index = 0; index < reasonAlone.length - reasonLength; index += 1) {
      if (this.#bytes[this.#timeEnd + index] !== reasonAlone[index]) {
        return false;
      }
    }
    return true;
  }

  /** X.690 §8.3: at least one octet, and none that is not needed; and no more than others read. */
  #checkSerial(): void {
    const first = this.#bytes[this.#serialStart];
    const second = this.#bytes[this.#serialStart + 1] ?? 0;
    const length = this.#serialEnd - this.#serialStart;
    const isPadded = length > 1 && first === (second >= 0x80 ? 0xff : 0x00);
    if (length === 0 || isPadded) {
      throw new DerError('DER_VALUE', `the serial number at ${this.#serialStart} is not minimal`);
    }
    if (length > MAX_INTEGER_BYTES) {
      throw new DerError('DER_RANGE', `the serial number at ${this.#serialStart} is too long`);
    }
  }

  /** Notes where the content of the element at `start` lies; it must end at or before `end`. */
  #readHeader(start: number, end: number, tag: number): void {
    const length = start + 1 < end ? (this.#bytes[start + 1] ?? 0x80) : 0x80;
    if (length < 0x80 && this.#bytes[start] === tag && start + 2 + length <= end) {
      this.#contentStart = start + 2;
      this.#contentEnd = start + 2 + length;
      return;
    }
    // Long entries are rare, and the reader says better what is wrong with the others.
    const reader = new DerReader(this.#bytes, start, end);
    const content = reader.readContent(tag);
    this.#contentEnd = reader.offset;
    this.#contentStart = reader.offset - content.length;
  }
}
