/**
 * basicConstraints (RFC 5280 §4.2.1.9).
 *
 * @module
 */

import { encodeBoolean, encodeInteger, encodeSequence } from '../asn1/der-writer.ts';
import { Tag } from '../asn1/tags.ts';
import { X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { Oid } from './object-identifiers.ts';

export interface BasicConstraints {
  readonly isCa: boolean;
  /** How many CA certificates may follow in a path; only with `isCa`. */
  readonly pathLength?: number;
}

/** @throws {X509Error} `X509_EXTENSION` for a path length without `isCa`. */
export function buildBasicConstraints(constraints: BasicConstraints, critical = true): Extension {
  const { isCa, pathLength } = constraints;
  if (pathLength !== undefined && !(isCa && Number.isInteger(pathLength) && pathLength >= 0)) {
    throw new X509Error('X509_EXTENSION', 'a path length belongs to a CA and is not negative');
  }
  const value = encodeSequence(
    ...(isCa ? [encodeBoolean(true)] : []),
    ...(pathLength === undefined ? [] : [encodeInteger(pathLength)]),
  );
  return { oid: Oid.basicConstraints, critical, value };
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseBasicConstraints(value: Uint8Array): BasicConstraints {
  return parseExtensionValue('basicConstraints', value, (outer) => {
    const reader = outer.readConstructed();
    const isCa = reader.peekTag() === Tag.boolean && reader.readBoolean();
    if (reader.isAtEnd) {
      return { isCa };
    }
    const pathLength = reader.readSmallInteger();
    reader.expectEnd();
    if (!isCa) {
      throw new X509Error('X509_EXTENSION', 'malformed basicConstraints: path length without CA');
    }
    return { isCa, pathLength };
  });
}
