/**
 * Object identifiers: canonical dotted text and content octets (X.660, X.690 §8.19).
 *
 * An arc may be of any size (2.25.<UUID> has 128 bits), so arcs are never forced into 32 or 53
 * bits. The first two arcs share one subidentifier, whose size is not limited to a byte either:
 * `88 37` is 2.999. Both forms are bounded, because the cost of a large arc is quadratic.
 *
 * @module
 */

import { DerError } from './errors.ts';

/** Longest content that is read or written. Every such content has a text within `MAX_TEXT`. */
const MAX_CONTENT_BYTES = 256;
const MAX_TEXT = 4 * MAX_CONTENT_BYTES;

/** Subidentifiers of at most this many bytes fit a double exactly. */
const MAX_EXACT_BYTES = 7;
const MAX_EXACT_DIGITS = 15;

const DOTTED = /^[0-2](?:\.(?:0|[1-9][0-9]*))+$/;
const SMALL_SECOND_ARC = /^[01]\.(?:[0-9]|[1-3][0-9])(?:\.|$)/;

/**
 * Checks that a text is an object identifier in canonical form: at least two arcs, decimal
 * without leading zeros, the second below 40 under the roots 0 and 1.
 *
 * @returns The same text.
 * @throws {DerError} `DER_OID`.
 */
export function parseOid(text: string): string {
  if (!isOid(text)) {
    throw new DerError('DER_OID', 'not an object identifier in canonical dotted form');
  }
  return text;
}

/** Whether `parseOid` accepts the text. */
export function isOid(text: string): boolean {
  if (text.length > MAX_TEXT || !DOTTED.test(text)) {
    return false;
  }
  if (!text.startsWith('2') && !SMALL_SECOND_ARC.test(text)) {
    return false;
  }
  return text.length <= MAX_CONTENT_BYTES || subidentifiers(text).length <= MAX_CONTENT_BYTES;
}

/**
 * Content octets of an object identifier, without tag and length.
 *
 * @throws {DerError} `DER_OID` when the text is not canonical.
 */
export function encodeOidContent(text: string): Uint8Array {
  return Uint8Array.from(subidentifiers(parseOid(text)));
}

/**
 * Dotted text from content octets.
 *
 * @throws {DerError} `DER_OID` for no octets, more than 256, a padded subidentifier (leading
 * `80`), or one without its last octet.
 */
export function decodeOidContent(bytes: Uint8Array): string {
  const last = bytes[bytes.length - 1];
  if (last === undefined || last >= 0x80 || bytes.length > MAX_CONTENT_BYTES) {
    throw new DerError('DER_OID', `an object identifier cannot have these ${bytes.length} bytes`);
  }
  let text = '';
  let start = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (at === start && byte === 0x80) {
      throw new DerError('DER_OID', `an object identifier is padded at byte ${at}`);
    }
    if (byte < 0x80) {
      const value = decodeSubidentifier(bytes, start, at + 1);
      text = start === 0 ? formatRoot(value) : `${text}.${value}`;
      start = at + 1;
    }
  }
  return text;
}

function formatRoot(value: number | bigint): string {
  if (value < 40) {
    return `0.${value}`;
  }
  if (value < 80) {
    return `1.${BigInt(value) - 40n}`;
  }
  return `2.${BigInt(value) - 80n}`;
}

function decodeSubidentifier(bytes: Uint8Array, start: number, end: number): number | bigint {
  if (end - start <= MAX_EXACT_BYTES) {
    let value = 0;
    for (let at = start; at < end; at += 1) {
      value = value * 0x80 + ((bytes[at] ?? 0) & 0x7f);
    }
    return value;
  }
  let value = 0n;
  for (let at = start; at < end; at += 1) {
    value = (value << 7n) | BigInt((bytes[at] ?? 0) & 0x7f);
  }
  return value;
}

/** The octets of every subidentifier of a canonical text. */
function subidentifiers(text: string): number[] {
  const [root = '', second = '', ...rest] = text.split('.');
  const octets: number[] = [];
  pushSubidentifier(octets, (BigInt(root) * 40n + BigInt(second)).toString());
  for (const arc of rest) {
    pushSubidentifier(octets, arc);
  }
  return octets;
}

function pushSubidentifier(octets: number[], arc: string): void {
  const groups: number[] = [];
  if (arc.length <= MAX_EXACT_DIGITS) {
    for (let rest = Number(arc); rest > 0; rest = Math.floor(rest / 0x80)) {
      groups.push(rest % 0x80);
    }
  } else {
    for (let rest = BigInt(arc); rest > 0n; rest >>= 7n) {
      groups.push(Number(rest & 0x7fn));
    }
  }
  for (let at = groups.length - 1; at > 0; at -= 1) {
    octets.push(0x80 | (groups[at] ?? 0));
  }
  octets.push(groups[0] ?? 0);
}
