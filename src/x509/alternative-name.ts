/**
 * subjectAltName and issuerAltName (RFC 5280 §4.2.1.6, §4.2.1.7).
 *
 * @module
 */

import { Tag } from '../asn1/tags.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { encodeGeneralNames, type GeneralName, readGeneralNames } from './general-name.ts';
import { Oid } from './object-identifiers.ts';

/** @throws {X509Error} `X509_EXTENSION` when there is no name, or one cannot be written. */
export function buildSubjectAltName(names: readonly GeneralName[], critical = false): Extension {
  return { oid: Oid.subjectAltName, critical, value: encodeGeneralNames(Tag.sequence, names) };
}

/** @throws {X509Error} `X509_EXTENSION` when there is no name, or one cannot be written. */
export function buildIssuerAltName(names: readonly GeneralName[], critical = false): Extension {
  return { oid: Oid.issuerAltName, critical, value: encodeGeneralNames(Tag.sequence, names) };
}

/** Parses either of the two. @throws {X509Error} `X509_EXTENSION` */
export function parseAlternativeNames(value: Uint8Array): readonly GeneralName[] {
  return parseExtensionValue('alternative name', value, (reader) =>
    readGeneralNames(reader.readConstructed()),
  );
}
