/**
 * Keys of X.509 names for the matching rules of RFC 4523. A name out of a certificate and a name
 * written as text have the same key when they are the same name by the schema's rules, as RFC 5280
 * §7.1 has it. Unlike an entry's name it may have attribute types that the schema does not know;
 * those compare as case ignore strings.
 *
 * @module
 */

import { compareBytes, concatBytes, encodeUtf8, formatHex } from '../../core/bytes.ts';
import type { Name } from '../../x509/name.ts';
import { DirectoryError } from '../errors.ts';
import { parseDnText, type TextRdn } from '../names/dn-parser.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';
import { isNumericOid } from '../schema/schema-parser.ts';
import { prepareString } from '../schema/string-prep.ts';

interface KeyPart {
  readonly oid: string;
  readonly value: Uint8Array;
}

/** The key of a name that was parsed from DER. */
export function keyOfName(name: Name, schema: SchemaLookup): Uint8Array {
  return joinRdns(
    name.rdns.map((rdn) =>
      rdn.map((pair) => ({
        oid: pair.type,
        value: pair.der === undefined ? valueKey(pair.type, pair.value, schema) : pair.der,
      })),
    ),
  );
}

/**
 * The key of a name in RFC 4514 text.
 *
 * @throws {DirectoryError} `DIRECTORY_INVALID_SYNTAX`.
 */
export function keyOfNameText(text: string, schema: SchemaLookup): Uint8Array {
  return joinRdns(
    parseText(text)
      .map((rdn) => keyParts(rdn, schema))
      .reverse(),
  );
}

function parseText(text: string): readonly TextRdn[] {
  try {
    return parseDnText(text);
  } catch (cause) {
    if (cause instanceof DirectoryError) {
      throw new DirectoryError('DIRECTORY_INVALID_SYNTAX', cause.message, { cause });
    }
    throw cause;
  }
}

function keyParts(rdn: TextRdn, schema: SchemaLookup): readonly KeyPart[] {
  return rdn.pairs.map(({ type, value }) => {
    const oid = schema.attributeType(type)?.oid ?? type;
    if (!isNumericOid(oid)) {
      throw new DirectoryError('DIRECTORY_INVALID_SYNTAX', 'a name has an unknown attribute type');
    }
    return { oid, value: valueKey(oid, Buffer.from(value).toString('utf8'), schema) };
  });
}

/** By the schema's rule where it has one that takes the value, otherwise as a case ignore string. */
function valueKey(oid: string, text: string, schema: SchemaLookup): Uint8Array {
  const value = encodeUtf8(text);
  for (const key of [
    () => schema.attributeType(oid)?.equality?.valueKey(value, schema),
    () => prepareString(value, true),
  ]) {
    try {
      const found = key();
      if (found !== undefined) {
        return found;
      }
    } catch (error) {
      if (!(error instanceof DirectoryError)) {
        throw error;
      }
    }
  }
  return value;
}

/** Lengths in front of every part: no two names run together. */
function joinRdns(rdns: readonly (readonly KeyPart[])[]): Uint8Array {
  return concatBytes(
    ...rdns.flatMap((rdn) => {
      const parts = rdn
        .map(({ oid, value }) => encodeUtf8(`${oid}=${formatHex(value)}`))
        .sort(compareBytes);
      return [...parts.flatMap((part) => [part, encodeUtf8('+')]), encodeUtf8(',')];
    }),
  );
}
