/**
 * The ASN.1 string types of X.509 names and extensions: which characters each has, and its bytes.
 *
 * TeletexString is read and written as Latin-1, as every CA that used it did; T.61 proper is not
 * implemented anywhere that matters. BMPString is the Basic Multilingual Plane alone, without
 * surrogates. Comparison of names (RFC 5280 §7.1) is not here.
 *
 * @module
 */

import { asBuffer, decodeUtf8, encodeUtf8 } from '../core/bytes.ts';
import { DerError } from './errors.ts';
import { formatTag, Tag } from './tags.ts';

/** Longest content that is read or written; no name or extension comes near it. */
const MAX_STRING_BYTES = 0x10_0000;

// Each finds the first character outside, which needs no backtracking however long the text is.
const NOT_PRINTABLE = /[^A-Za-z0-9 '()+,\-./:=?]/;
const NOT_NUMERIC = /[^0-9 ]/;
const NOT_VISIBLE = /[^ -~]/;
const NOT_IA5 = /[^\0-\x7f]/;
const NOT_LATIN1 = /[^\0-\xff]/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const ANY_SURROGATE = /[\ud800-\udfff]/;

/** The types whose characters are single bytes, with what is outside their alphabets. */
const SINGLE_BYTE: ReadonlyMap<number, RegExp> = new Map([
  [Tag.printableString, NOT_PRINTABLE],
  [Tag.numericString, NOT_NUMERIC],
  [Tag.visibleString, NOT_VISIBLE],
  [Tag.ia5String, NOT_IA5],
  [Tag.teletexString, NOT_LATIN1],
]);

/** True for a tag that `encodeString` and `decodeString` know. */
export function isStringTag(tag: number): boolean {
  return (
    SINGLE_BYTE.has(tag) ||
    tag === Tag.utf8String ||
    tag === Tag.bmpString ||
    tag === Tag.universalString
  );
}

/** True when every character is in the PrintableString alphabet (X.680 §41.4). */
export function isPrintableText(text: string): boolean {
  return !NOT_PRINTABLE.test(text);
}

/**
 * The content bytes of a text in the string type `tag`.
 *
 * @throws {DerError} `DER_STRING` for a character the type does not have, a lone surrogate
 * included; `DER_RANGE` for more than 2^20 bytes; `DER_TAG` for a tag that is no string type.
 */
export function encodeString(tag: number, text: string): Uint8Array {
  const content = encodeCharacters(tag, text);
  checkSize(content.length);
  return content;
}

function encodeCharacters(tag: number, text: string): Uint8Array {
  const outside = SINGLE_BYTE.get(tag);
  if (outside !== undefined) {
    check(tag, !outside.test(text));
    return Buffer.from(text, 'latin1');
  }
  switch (tag) {
    case Tag.utf8String:
      check(tag, !LONE_SURROGATE.test(text));
      return encodeUtf8(text);
    case Tag.bmpString:
      check(tag, !ANY_SURROGATE.test(text));
      return Buffer.from(text, 'utf16le').swap16();
    case Tag.universalString:
      check(tag, !LONE_SURROGATE.test(text));
      return encodeUniversal(text);
    default:
      throw notAString(tag);
  }
}

/**
 * The text of content bytes in the string type `tag`.
 *
 * @throws {DerError} `DER_STRING` for bytes that are no text of the type; `DER_RANGE` for more than
 * 2^20 of them; `DER_TAG` for a tag that is no string type.
 */
export function decodeString(tag: number, content: Uint8Array): string {
  checkSize(content.length);
  const outside = SINGLE_BYTE.get(tag);
  if (outside !== undefined) {
    const text = asBuffer(content).toString('latin1');
    check(tag, !outside.test(text));
    return text;
  }
  switch (tag) {
    case Tag.utf8String: {
      const text = decodeUtf8(content);
      check(tag, text !== undefined);
      return text;
    }
    case Tag.bmpString: {
      check(tag, content.length % 2 === 0);
      const text = Buffer.from(content).swap16().toString('utf16le');
      check(tag, !ANY_SURROGATE.test(text));
      return text;
    }
    case Tag.universalString:
      return decodeUniversal(content);
    default:
      throw notAString(tag);
  }
}

function encodeUniversal(text: string): Uint8Array {
  const points = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  const content = Buffer.alloc(points.length * 4);
  for (const [index, point] of points.entries()) {
    content.writeUInt32BE(point, index * 4);
  }
  return content;
}

function decodeUniversal(content: Uint8Array): string {
  check(Tag.universalString, content.length % 4 === 0);
  const buffer = asBuffer(content);
  const characters: string[] = [];
  for (let offset = 0; offset < buffer.length; offset += 4) {
    const point = buffer.readUInt32BE(offset);
    check(Tag.universalString, point <= 0x10ffff && (point < 0xd800 || point > 0xdfff));
    characters.push(String.fromCodePoint(point));
  }
  return characters.join('');
}

function checkSize(contentLength: number): void {
  if (contentLength > MAX_STRING_BYTES) {
    throw new DerError('DER_RANGE', `a string has more than ${MAX_STRING_BYTES} bytes`);
  }
}

function check(tag: number, isValid: boolean): asserts isValid {
  if (!isValid) {
    throw new DerError('DER_STRING', `a string of type ${formatTag(tag)} has foreign characters`);
  }
}

function notAString(tag: number): DerError {
  return new DerError('DER_TAG', `${formatTag(tag)} is not a string type`);
}
