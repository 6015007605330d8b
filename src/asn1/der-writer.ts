/**
 * DER (X.690 §10, §11): every function returns one complete element in fresh memory.
 *
 * Structures are made from the inside out. What is too large to be built in memory is streamed
 * behind `encodeHeader`. Reading is in der-reader.ts.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { compareBytes } from '../core/bytes.ts';
import { DerError } from './errors.ts';
import { lengthSize, MAX_CONTENT_LENGTH, writeLength } from './length.ts';
import { encodeOidContent } from './oid.ts';
import { encodeString } from './strings.ts';
import { contextTag, formatTag, isConstructed, Tag } from './tags.ts';

export { encodeGeneralizedTime, encodeTime } from './time.ts';

/** The largest INTEGER content that is read or written; RSA-16384 needs 2,049 bytes. */
export const MAX_INTEGER_BYTES = 4096;

/** The highest bit number in a named bit list that is read or written. */
export const MAX_NAMED_BIT = 255;

/**
 * Tag and length of an element whose content follows separately.
 *
 * @param contentLength Bytes, up to 2^32 - 1.
 * @throws {DerError} `DER_LENGTH` for any other length.
 */
export function encodeHeader(tag: number, contentLength: number): Uint8Array {
  const header = new Uint8Array(1 + checkedLengthSize(contentLength));
  header[0] = tag;
  writeLength(header, 1, contentLength);
  return header;
}

/** An element whose content is the given pieces, one after another. */
export function encodeElement(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let contentLength = 0;
  for (const content of contents) {
    contentLength += content.length;
  }
  const element = new Uint8Array(1 + checkedLengthSize(contentLength) + contentLength);
  element[0] = tag;
  let offset = writeLength(element, 1, contentLength);
  for (const content of contents) {
    element.set(content, offset);
    offset += content.length;
  }
  return element;
}

function checkedLengthSize(contentLength: number): number {
  if (!Number.isInteger(contentLength) || contentLength < 0 || contentLength > MAX_CONTENT_LENGTH) {
    throw new DerError('DER_LENGTH', `a content of ${contentLength} bytes has no encoding here`);
  }
  return lengthSize(contentLength);
}

/** SEQUENCE, or SEQUENCE OF, of complete elements. */
export function encodeSequence(...elements: readonly Uint8Array[]): Uint8Array {
  return encodeElement(Tag.sequence, ...elements);
}

/** SET of complete elements in the order given, which the caller knows to be that of their tags. */
export function encodeSet(...elements: readonly Uint8Array[]): Uint8Array {
  return encodeElement(Tag.set, ...elements);
}

/** SET OF complete elements, sorted as X.690 §11.6 demands. */
export function encodeSetOf(...elements: readonly Uint8Array[]): Uint8Array {
  return encodeElement(Tag.set, ...elements.toSorted(compareBytes));
}

/**
 * INTEGER of any sign.
 *
 * @param value A bigint, or a number that is a safe integer.
 * @throws {DerError} `DER_RANGE` for a number that is not, or more than 4,096 bytes.
 */
export function encodeInteger(value: bigint | number): Uint8Array {
  return encodeElement(Tag.integer, encodeIntegerContent(value));
}

/** ENUMERATED; see `encodeInteger`. */
export function encodeEnumerated(value: bigint | number): Uint8Array {
  return encodeElement(Tag.enumerated, encodeIntegerContent(value));
}

function encodeIntegerContent(value: bigint | number): Uint8Array {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new DerError('DER_RANGE', 'a number that is not a safe integer has no encoding');
  }
  const number = BigInt(value);
  const magnitude = (number < 0n ? ~number : number).toString(16);
  // One more bit than the magnitude has, for the sign.
  const leading = Number.parseInt(magnitude.charAt(0), 16);
  const bits = magnitude.length * 4 - (Math.clz32(leading) - 28) + 1;
  const size = Math.ceil(bits / 8);
  if (size > MAX_INTEGER_BYTES) {
    throw new DerError('DER_RANGE', `an integer has more than ${MAX_INTEGER_BYTES} bytes`);
  }
  const hex = BigInt.asUintN(size * 8, number).toString(16);
  return Buffer.from(hex.padStart(size * 2, '0'), 'hex');
}

/** BOOLEAN: FF or 00. */
export function encodeBoolean(value: boolean): Uint8Array {
  return Uint8Array.of(Tag.boolean, 1, value ? 0xff : 0x00);
}

/** NULL. */
export function encodeNull(): Uint8Array {
  return Uint8Array.of(Tag.null, 0);
}

/**
 * OBJECT IDENTIFIER from dotted text.
 *
 * @throws {DerError} `DER_OID` when the text is not canonical.
 */
export function encodeOid(text: string): Uint8Array {
  let content = oidContents.get(text);
  if (content === undefined) {
    content = encodeOidContent(text);
    if (oidContents.size < MAX_OID_CONTENTS) {
      oidContents.set(text, content);
    }
  }
  return encodeElement(Tag.oid, content);
}

/** Those that are written again and again are few; whoever brings ever others fills no memory. */
const MAX_OID_CONTENTS = 512;
const oidContents = new Map<string, Uint8Array>();

/** OCTET STRING. */
export function encodeOctetString(bytes: Uint8Array): Uint8Array {
  return encodeElement(Tag.octetString, bytes);
}

/**
 * BIT STRING.
 *
 * @param unusedBits How many low bits of the last byte do not belong to it, 0 to 7.
 * @throws {DerError} `DER_VALUE` when an unused bit is set, or there is no byte to leave unused.
 */
export function encodeBitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  const last = bytes[bytes.length - 1] ?? 0;
  const isValid =
    Number.isInteger(unusedBits) &&
    unusedBits >= 0 &&
    unusedBits <= (bytes.length === 0 ? 0 : 7) &&
    (last & ((1 << unusedBits) - 1)) === 0;
  if (!isValid) {
    throw new DerError('DER_VALUE', `a bit string cannot have ${unusedBits} unused bits here`);
  }
  return encodeElement(Tag.bitString, Uint8Array.of(unusedBits), bytes);
}

/**
 * BIT STRING of a named bit list such as KeyUsage: as long as its highest bit (X.690 §11.2.2).
 *
 * @param bits Numbers of the bits that are set, 0 to 255, in any order.
 * @throws {DerError} `DER_RANGE` for any other number.
 */
export function encodeNamedBits(bits: Iterable<number>): Uint8Array {
  const bytes = new Uint8Array((MAX_NAMED_BIT + 1) / 8);
  let highest = -1;
  for (const bit of bits) {
    if (!Number.isInteger(bit) || bit < 0 || bit > MAX_NAMED_BIT) {
      throw new DerError('DER_RANGE', `a named bit is numbered 0 to ${MAX_NAMED_BIT}`);
    }
    const index = bit >>> 3;
    bytes[index] = (bytes[index] ?? 0) | (0x80 >>> (bit & 7));
    highest = Math.max(highest, bit);
  }
  const used = bytes.subarray(0, (highest + 8) >>> 3);
  return encodeBitString(used, highest < 0 ? 0 : 7 - (highest & 7));
}

/**
 * UTF8String.
 *
 * @throws {DerError} `DER_STRING` for a lone surrogate.
 */
export function encodeUtf8String(text: string): Uint8Array {
  return encodeElement(Tag.utf8String, encodeString(Tag.utf8String, text));
}

/**
 * PrintableString.
 *
 * @throws {DerError} `DER_STRING` for a character outside its alphabet.
 */
export function encodePrintableString(text: string): Uint8Array {
  return encodeElement(Tag.printableString, encodeString(Tag.printableString, text));
}

/**
 * IA5String.
 *
 * @throws {DerError} `DER_STRING` for a character above U+007F.
 */
export function encodeIa5String(text: string): Uint8Array {
  return encodeElement(Tag.ia5String, encodeString(Tag.ia5String, text));
}

/** `[number] EXPLICIT` around a complete element. */
export function encodeExplicit(number: number, inner: Uint8Array): Uint8Array {
  return encodeElement(contextTag(number, 'constructed'), inner);
}

/**
 * The element under another tag: IMPLICIT tagging.
 *
 * @throws {DerError} `DER_TAG` when the new tag changes the form, which would change the meaning.
 */
export function retag(tag: number, element: Uint8Array): Uint8Array {
  const old = element[0];
  assert(old !== undefined, 'an element has a tag');
  if (isConstructed(old) !== isConstructed(tag)) {
    throw new DerError('DER_TAG', `${formatTag(old)} cannot become ${formatTag(tag)}`);
  }
  const renamed = Uint8Array.from(element);
  renamed[0] = tag;
  return renamed;
}
