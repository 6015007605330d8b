/**
 * Distinguished names in certificates (RFC 5280 §4.1.2.4): the DER, its parts, the text of RFC 4514
 * and the comparison of RFC 5280 §7.1.
 *
 * A parsed name keeps its bytes: issuer and subject are chained by comparing what was signed, and
 * re-encoding a name of somebody else would change it.
 *
 * Not here: entry names of the directory, which follow its schema; see directory/names/dn.ts.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';

import { type DerElement, DerReader } from '../asn1/der-reader.ts';
import { encodeElement, encodeOid, encodeSequence, encodeSetOf } from '../asn1/der-writer.ts';
import { decodeString, encodeString, isStringTag } from '../asn1/strings.ts';
import { Tag } from '../asn1/tags.ts';
import { compareBytes, equalBytes, formatHex } from '../core/bytes.ts';
import { isCertdirError } from '../core/errors.ts';
import { parsing, X509Error } from './errors.ts';
import { findNamingAttribute, fixedStringTag, shortNameOf } from './name-attributes.ts';
import { escapeNameValue, type NamePairText, parseNameText } from './name-syntax.ts';

export interface AttributeTypeAndValue {
  /** Attribute type, numeric OID. */
  readonly type: string;
  /** The value's ASN.1 tag, `Tag.printableString`, `Tag.utf8String`, … */
  readonly stringTag: number;
  /** The text; `#` and hexadecimal digits when `der` is there. */
  readonly value: string;
  /** The whole value element, when it is not a well-formed character string. */
  readonly der?: Uint8Array;
}

/** One RDN: at least one pair. */
export type RelativeName = readonly AttributeTypeAndValue[];

export interface Name {
  /** Root first, as in DER: `C=JP` comes before `CN=…`. */
  readonly rdns: readonly RelativeName[];
  /** The complete DER element; for a parsed name the bytes that were read. */
  readonly der: Uint8Array;
}

/** Names larger than this come from nobody honest. */
const maxRdns = 64;

/**
 * Parses one complete Name.
 *
 * @throws {X509Error} `X509_NAME`
 */
export function parseName(der: Uint8Array): Name {
  return parsing('X509_NAME', 'name', () => {
    const outer = new DerReader(der);
    const reader = outer.readConstructed();
    outer.expectEnd();
    const rdns: RelativeName[] = [];
    while (!reader.isAtEnd) {
      rdns.push(parseRelativeName(reader.readElement(Tag.set).content));
      if (rdns.length > maxRdns) {
        throw new X509Error('X509_NAME', `malformed name: more than ${maxRdns} RDNs`);
      }
    }
    return { rdns, der };
  });
}

/**
 * Parses the content of one RelativeDistinguishedName.
 *
 * @throws {X509Error} `X509_NAME`
 */
export function parseRelativeName(content: Uint8Array): RelativeName {
  return parsing('X509_NAME', 'relative name', () => {
    const reader = new DerReader(content);
    const pairs: AttributeTypeAndValue[] = [];
    let previous: Uint8Array | undefined;
    do {
      const element = reader.readElement(Tag.sequence);
      if (previous !== undefined && compareBytes(previous, element.raw) > 0) {
        throw new X509Error('X509_NAME', 'malformed name: an RDN is not in DER order');
      }
      previous = element.raw;
      const pair = new DerReader(element.content);
      pairs.push(parseAttributeValue(pair.readOid(), pair.readElement()));
      pair.expectEnd();
    } while (!reader.isAtEnd);
    return pairs;
  });
}

/**
 * A value that is no character string, or has characters that its type does not, is kept as bytes:
 * certificates of others with such names exist, and comparing their bytes is safe.
 */
function parseAttributeValue(type: string, element: DerElement): AttributeTypeAndValue {
  const { tag: stringTag, raw: der } = element;
  if (isStringTag(stringTag)) {
    try {
      return { type, stringTag, value: decodeString(stringTag, element.content) };
    } catch (error) {
      if (!isCertdirError(error)) {
        throw error;
      }
    }
  }
  return { type, stringTag, value: `#${formatHex(der)}`, der };
}

/**
 * Encodes a name. Pairs of one RDN are put into DER order.
 *
 * @param rdns Root first.
 * @throws {X509Error} `X509_NAME` when a value does not fit its string type, or an RDN is empty or
 *   names a type twice.
 */
export function buildName(rdns: readonly RelativeName[]): Name {
  const encoded = rdns.map((rdn) => {
    if (rdn.length === 0 || new Set(rdn.map((pair) => pair.type)).size !== rdn.length) {
      throw new X509Error('X509_NAME', 'an RDN needs at least one attribute, and each type once');
    }
    return encodeSetOf(...rdn.map(encodePair));
  });
  const der = encodeSequence(...encoded);
  return parseName(der);
}

function encodePair(pair: AttributeTypeAndValue): Uint8Array {
  const what = shortNameOf(pair.type) ?? pair.type;
  return parsing('X509_NAME', `value of ${what}`, () =>
    encodeSequence(encodeOid(pair.type), encodeValue(pair)),
  );
}

function encodeValue(pair: AttributeTypeAndValue): Uint8Array {
  return pair.der ?? encodeElement(pair.stringTag, encodeString(pair.stringTag, pair.value));
}

/**
 * The text of a name, most specific RDN first (RFC 4514 §2). Types without a short name are
 * written as their OID with the value in hexadecimal, as that section demands.
 */
export function formatName(name: Name): string {
  return name.rdns
    .toReversed()
    .map((rdn) => rdn.map(formatPair).join('+'))
    .join(',');
}

function formatPair(pair: AttributeTypeAndValue): string {
  const shortName = shortNameOf(pair.type);
  if (pair.der !== undefined) {
    return `${shortName ?? pair.type}=${pair.value}`;
  }
  if (shortName === undefined) {
    return `${pair.type}=#${formatHex(encodeValue(pair))}`;
  }
  return `${shortName}=${escapeNameValue(pair.value)}`;
}

export interface NameTextOptions {
  /**
   * Short names or OIDs of the attributes written as PrintableString instead of UTF8String. C,
   * serialNumber and dnQualifier always are, DC and emailAddress always are IA5String.
   */
  readonly printable?: readonly string[];
}

/**
 * Reads a name from its text, most specific RDN first (RFC 4514 §3).
 *
 * @throws {X509Error} `X509_NAME_TEXT` for bad syntax, an unknown attribute type or an empty value;
 *   `X509_NAME` when a value does not fit its string type.
 */
export function nameFromText(text: string, options: NameTextOptions = {}): Name {
  const printable = new Set((options.printable ?? []).map((name) => attributeOid(name)));
  const rdns = parseNameText(text).map((pairs) =>
    pairs.map((pair) => resolvePair(pair, printable)),
  );
  return buildName(rdns.toReversed());
}

function resolvePair(pair: NamePairText, printable: ReadonlySet<string>): AttributeTypeAndValue {
  const type = attributeOid(pair.type);
  if (pair.value.kind === 'encoded') {
    const { bytes } = pair.value;
    return parsing('X509_NAME_TEXT', `value of ${pair.type}`, () => {
      const reader = new DerReader(bytes);
      const element = reader.readElement();
      reader.expectEnd();
      return parseAttributeValue(type, element);
    });
  }
  if (pair.value.text === '') {
    throw new X509Error('X509_NAME_TEXT', `not a distinguished name: ${pair.type} is empty`);
  }
  const byChoice = printable.has(type) ? Tag.printableString : Tag.utf8String;
  return { type, stringTag: fixedStringTag(type) ?? byChoice, value: pair.value.text };
}

function attributeOid(name: string): string {
  const oid = /^[0-9]/.test(name) ? name : findNamingAttribute(name);
  if (oid === undefined) {
    throw new X509Error(
      'X509_NAME_TEXT',
      `unknown attribute type "${name}" in a distinguished name; write it as a numeric OID`,
    );
  }
  return oid;
}

/**
 * Compares two names as RFC 5280 §7.1: RDN by RDN, without regard to case, string type and
 * insignificant spaces, pairs of one RDN in any order. Names with the same bytes are always the
 * same.
 */
export function sameName(left: Name, right: Name): boolean {
  if (equalBytes(left.der, right.der)) {
    return true;
  }
  return (
    left.rdns.length === right.rdns.length &&
    left.rdns.every((rdn, index) => sameRelativeName(rdn, right.rdns[index] ?? []))
  );
}

function sameRelativeName(left: RelativeName, right: RelativeName): boolean {
  const [ours, theirs] = [left, right].map((rdn) => rdn.map(comparisonKey).sort());
  return isDeepStrictEqual(ours, theirs);
}

function comparisonKey(pair: AttributeTypeAndValue): string {
  const value = pair.der === undefined ? `=${prepareText(pair.value)}` : pair.value;
  return `${pair.type}${value}`;
}

/** Format characters and variation selectors (RFC 4518 §2.2), which are mapped to nothing. */
const ignored = /\p{Cf}|\u034f|\u1806|[\u180b-\u180d]|[\ufe00-\ufe0f]|\ufffc/gu;
/** Control characters that are not white space, likewise. */
const controls = /(?![\t-\r\u0085])\p{Cc}/gu;

/**
 * More marks on one letter than UAX #15 §13 lets any text have. Normalising sorts them, which takes
 * the square of their number: minutes for the longest value that is read.
 */
const tooManyMarks = /[\p{M}\uFF9E\uFF9F]{31}/u;

/**
 * String preparation of RFC 4518 as RFC 5280 §7.1 uses it: map, fold case, normalise, collapse
 * inner spaces and drop outer ones. Upper case first, because ß and ſ fold only that way;
 * normalised before and behind, as the folding table is made (RFC 3454 B.2). A value with too many
 * marks equals only itself.
 */
function prepareText(value: string): string {
  const mapped = value.replace(ignored, '').replace(controls, '');
  if (tooManyMarks.test(mapped)) {
    return value;
  }
  return mapped
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replace(/[\s\u0085]+/g, ' ')
    .trim();
}
