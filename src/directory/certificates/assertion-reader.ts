/**
 * What the assertions of RFC 4523 share: GSER read to its end, names, times.
 *
 * @module
 */

import { GserReader } from '../../asn1/gser-reader.ts';
import { decodeUtf8 } from '../../core/bytes.ts';
import { isCertdirError } from '../../core/errors.ts';
import { DirectoryError } from '../errors.ts';
import { parseGeneralizedTime } from '../schema/generalized-time.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';
import { keyOfNameText } from './name-key.ts';

/**
 * Runs a parser of a value or an assertion.
 *
 * @param what Completes "not …" in the message.
 * @throws {DirectoryError} `DIRECTORY_INVALID_SYNTAX` for whatever the parser refuses.
 */
export function checked<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (isCertdirError(cause)) {
      throw new DirectoryError('DIRECTORY_INVALID_SYNTAX', `not ${what} (${cause.code})`, {
        cause,
      });
    }
    throw cause;
  }
}

/**
 * Reads an assertion that is one GSER value.
 *
 * @throws {DirectoryError} `DIRECTORY_INVALID_SYNTAX`.
 */
export function readGser<T>(
  assertion: Uint8Array,
  what: string,
  read: (reader: GserReader) => T,
): T {
  return checked(what, () => {
    const reader = new GserReader(decodeUtf8(assertion) ?? '');
    const value = read(reader);
    reader.expectEnd();
    return value;
  });
}

/** Reads `Name`, `rdnSequence:"…"` (RFC 3642 §4). @returns its key; see name-key.ts. */
export function readNameKey(reader: GserReader, schema: SchemaLookup): Uint8Array {
  reader.expect('rdnSequence');
  reader.expect(':');
  return keyOfNameText(reader.readString(), schema);
}

const utcTimeShape = /^([0-9]{2})[0-9]{8}(?:[0-9]{2})?(?:Z|[+-][0-9]{4})$/;
const bareTimeShape = /^(?:[0-9]{12}|[0-9]{14})Z$/;
const UTC_TIME_DIGITS = 12;

/**
 * Reads `Time`, `utcTime:"…"` or `generalizedTime:"…"`, whichever the year; also the text alone, as
 * slapd writes it.
 *
 * @returns Milliseconds since the epoch.
 */
export function readTime(reader: GserReader): number {
  if (reader.isNext('"')) {
    const text = reader.readString();
    if (!bareTimeShape.test(text)) {
      reader.fail('not a time of twelve or fourteen digits and a Z');
    }
    return text.length > UTC_TIME_DIGITS + 1
      ? generalizedTimeOf(text, reader)
      : utcTimeOf(text, reader);
  }
  const kind = reader.readIdentifier();
  reader.expect(':');
  switch (kind) {
    case 'utcTime':
      return utcTimeOf(reader.readString(), reader);
    case 'generalizedTime':
      return readGeneralizedTime(reader);
    default:
      return reader.fail(`${kind} is not a time`);
  }
}

/** Reads `GeneralizedTime`. @returns Milliseconds since the epoch. */
export function readGeneralizedTime(reader: GserReader): number {
  return generalizedTimeOf(reader.readString(), reader);
}

/** Two digits of the year: 50 is 1950 (RFC 5280 §4.1.2.5.1). */
function utcTimeOf(text: string, reader: GserReader): number {
  const year = utcTimeShape.exec(text)?.[1] ?? reader.fail('not a UTCTime');
  return generalizedTimeOf(`${Number(year) < 50 ? 20 : 19}${text}`, reader);
}

function generalizedTimeOf(text: string, reader: GserReader): number {
  return parseGeneralizedTime(text)?.atMs ?? reader.fail('not a time');
}
