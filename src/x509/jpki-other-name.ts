/**
 * The four attributes of a JPKI subject as otherName values (gunma CPS 7-1): common name, date of
 * birth, gender and address, and for name and address which characters were substituted.
 *
 * Not here: which characters are allowed, and what may be substituted; that is policy.
 *
 * @module
 */

import { DerReader } from '../asn1/der-reader.ts';
import { encodeUtf8String } from '../asn1/der-writer.ts';
import { Tag } from '../asn1/tags.ts';
import { parsing, X509Error } from './errors.ts';
import type { GeneralName } from './general-name.ts';
import { Oid } from './object-identifiers.ts';

export interface JpkiSubject {
  /** Family and given name joined by U+3000. */
  readonly commonName: string;
  /** Nine digits: era, then YYYYMMDD of the Gregorian calendar; `400000000` when unknown. */
  readonly dateOfBirth: string;
  /** One digit. */
  readonly gender: string;
  readonly address: string;
  /** One digit per character of the name, 0 where it is the original. */
  readonly substituteCharacterOfCommonName: string;
  /** The same for the address. */
  readonly substituteCharacterOfAddress: string;
}

/** In the order in which certificates in use carry them. */
const fields: readonly (readonly [keyof JpkiSubject, string])[] = [
  ['commonName', Oid.jpkiCommonName],
  ['dateOfBirth', Oid.jpkiDateOfBirth],
  ['gender', Oid.jpkiGender],
  ['address', Oid.jpkiAddress],
  ['substituteCharacterOfCommonName', Oid.jpkiSubstituteCharacterOfCommonName],
  ['substituteCharacterOfAddress', Oid.jpkiSubstituteCharacterOfAddress],
];

/**
 * The six otherNames for a subjectAltName.
 *
 * @throws {X509Error} `X509_EXTENSION` when a text has half of a surrogate pair.
 */
export function buildJpkiOtherNames(subject: JpkiSubject): readonly GeneralName[] {
  return parsing('X509_EXTENSION', 'subjectAltName', () =>
    fields.map(([field, type]) => ({
      kind: 'otherName',
      type,
      value: encodeUtf8String(subject[field]),
    })),
  );
}

/**
 * Finds the JPKI attributes among the names of a subjectAltName.
 *
 * @returns Those that are there.
 * @throws {X509Error} `X509_EXTENSION` when one is there twice or is no UTF8String.
 */
export function parseJpkiOtherNames(names: readonly GeneralName[]): Partial<JpkiSubject> {
  const found: { -readonly [Field in keyof JpkiSubject]?: string } = {};
  for (const name of names) {
    const field = fields.find(([, type]) => name.kind === 'otherName' && name.type === type)?.[0];
    if (field === undefined || name.kind !== 'otherName') {
      continue;
    }
    if (found[field] !== undefined) {
      throw new X509Error('X509_EXTENSION', `malformed subjectAltName: ${field} is there twice`);
    }
    found[field] = parseText(name.value);
  }
  return found;
}

function parseText(der: Uint8Array): string {
  return parsing('X509_EXTENSION', 'subjectAltName', () => {
    const reader = new DerReader(der);
    const { tag, value } = reader.readString();
    reader.expectEnd();
    if (tag !== Tag.utf8String) {
      throw new X509Error('X509_EXTENSION', 'malformed subjectAltName: UTF8String expected');
    }
    return value;
  });
}
