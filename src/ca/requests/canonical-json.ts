/**
 * JSON with one spelling for each value, so that a hash of it is a hash of what it says: members by the order of their
 * names' UTF-16 code units, no spaces, numbers and texts as ECMAScript writes them (RFC 8785).
 *
 * @module
 */

import { recordDigest } from '../../audit/record-digest.ts';
import { encodeUtf8 } from '../../core/bytes.ts';

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/**
 * RFC 8785 §3.2. Members that are undefined are left out, as by `JSON.stringify`.
 *
 * @throws {RangeError} for a number that is not finite, or a text with a lone surrogate.
 */
export function formatCanonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) {
    return `[${value.map(formatCanonicalJson).join(',')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, member]) => `${formatText(name)}:${formatCanonicalJson(member as JsonValue)}`);
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'string') {
    return formatText(value);
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new RangeError('JSON has no such number');
  }
  return JSON.stringify(value);
}

function formatText(text: string): string {
  if (/\p{Surrogate}/u.test(text)) {
    throw new RangeError('a text with half a character');
  }
  return JSON.stringify(text);
}

/** SHA-256 of the canonical form, lower-case hexadecimal. */
export function digestOfJson(value: JsonValue): string {
  return recordDigest(encodeUtf8(formatCanonicalJson(value)));
}
