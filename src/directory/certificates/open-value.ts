/**
 * Values whose type the surrounding structure does not fix (ASN.1 open types: the value of an
 * otherName, the parameters of an algorithm), compared by keys: the DER on one side, GSER on the
 * other.
 *
 * GSER writes such a value as its own type does (RFC 3641 §3.17), and who reads it does not know the
 * type. So what looks alike in GSER is compared as alike: a text is equal to any string type with that
 * text, and the name of a CHOICE is passed over. Structured values cannot be asserted.
 *
 * @module
 */

import { DerReader } from '../../asn1/der-reader.ts';
import type { GserReader } from '../../asn1/gser-reader.ts';
import { isStringTag } from '../../asn1/strings.ts';
import { Tag } from '../../asn1/tags.ts';
import { formatHex } from '../../core/bytes.ts';

/** Values of a CHOICE may be CHOICEs themselves. */
const MAX_CHOICES = 3;

/** The key of one DER element. @throws {DerError} */
export function keyOfOpenValue(der: Uint8Array): string {
  const reader = new DerReader(der);
  const tag = reader.peekTag();
  if (tag !== undefined && isStringTag(tag)) {
    return textKey(reader.readString().value);
  }
  switch (tag) {
    case Tag.boolean:
      return booleanKey(reader.readBoolean());
    case Tag.integer:
      return integerKey(reader.readInteger());
    case Tag.null:
      reader.readNull();
      return nullKey;
    case Tag.oid:
      return oidKey(reader.readOid());
    case Tag.octetString:
      return octetsKey(reader.readOctetString());
    case Tag.bitString: {
      const { unusedBits, bytes } = reader.readBitString();
      return bitsKey(bytes, bytes.length * 8 - unusedBits);
    }
    default:
      return `der ${formatHex(der)}`;
  }
}

/** Reads a value in GSER. @returns every key that it may have; one, unless its type is uncertain. */
export function readOpenValue(reader: GserReader): readonly string[] {
  for (let choices = 0; choices < MAX_CHOICES; choices += 1) {
    const keys = readPlainValue(reader);
    if (keys !== undefined) {
      return keys;
    }
    reader.readIdentifier();
    reader.expect(':');
  }
  return reader.fail('a choice within a choice, more than once');
}

function readPlainValue(reader: GserReader): readonly string[] | undefined {
  switch (reader.nextCharacter()) {
    case '"':
      return [textKey(reader.readString())];
    case "'":
      return readQuotedBits(reader);
    case 'N':
      reader.expect('NULL');
      return [nullKey];
    case 'T':
      reader.expect('TRUE');
      return [booleanKey(true)];
    case 'F':
      reader.expect('FALSE');
      return [booleanKey(false)];
    default:
      return startsNumber(reader) ? [numberKey(reader.readIntegerOrOid())] : undefined;
  }
}

function startsNumber(reader: GserReader): boolean {
  return /^[0-9-]$/.test(reader.nextCharacter());
}

/** A BIT STRING, or, in whole octets of hexadecimal digits, perhaps an OCTET STRING. */
function readQuotedBits(reader: GserReader): readonly string[] {
  const { bytes, count, isHexadecimal } = reader.readBitString();
  const key = bitsKey(bytes, count);
  return isHexadecimal && count % 8 === 0 ? [key, octetsKey(bytes)] : [key];
}

function numberKey(number: bigint | string): string {
  return typeof number === 'string' ? oidKey(number) : integerKey(number);
}

export const nullKey = 'null';
const textKey = (text: string): string => `text ${text}`;
const booleanKey = (value: boolean): string => `boolean ${value}`;
const integerKey = (value: bigint): string => `integer ${value}`;
const oidKey = (oid: string): string => `oid ${oid}`;
const octetsKey = (octets: Uint8Array): string => `octets ${formatHex(octets)}`;
const bitsKey = (bytes: Uint8Array, count: number): string => `bits ${count} ${formatHex(bytes)}`;
