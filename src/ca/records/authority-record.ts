/**
 * The CA's keys: one generation after the other, each with its self-signed certificate.
 *
 * @module
 */

import {
  encodeInteger,
  encodeOctetString,
  encodeSequence,
  encodeUtf8String,
} from '../../asn1/der-writer.ts';
import { CaError } from '../errors.ts';
import { readNumber, readRecord } from './record-reading.ts';

/** What a record without a layout has. */
const FIRST_LAYOUT = 1;

export interface KeyGeneration {
  /** 1, 2, 3, … */
  readonly number: number;
  /** The key's name in the token. */
  readonly keyLabel: string;
  readonly createdMs: number;
  /** The self-signed certificate. */
  readonly certificate: Uint8Array;
}

/** How the tables of the CA are laid out; see `index-layout.ts`. */
export const CURRENT_LAYOUT = 2;

export interface AuthorityRecord {
  readonly layout: number;
  readonly createdMs: number;
  /** Oldest first; the last one signs. At least one. */
  readonly generations: readonly KeyGeneration[];
}

export function encodeAuthorityRecord(record: AuthorityRecord): Uint8Array {
  return encodeSequence(
    encodeInteger(record.createdMs),
    encodeSequence(
      ...record.generations.map((generation) =>
        encodeSequence(
          encodeInteger(generation.number),
          encodeUtf8String(generation.keyLabel),
          encodeInteger(generation.createdMs),
          encodeOctetString(generation.certificate),
        ),
      ),
    ),
    ...(record.layout === FIRST_LAYOUT ? [] : [encodeInteger(record.layout)]),
  );
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseAuthorityRecord(bytes: Uint8Array): AuthorityRecord {
  return readRecord('authority', bytes, (fields) => {
    const createdMs = readNumber(fields);
    const list = fields.readConstructed();
    const generations: KeyGeneration[] = [];
    do {
      const one = list.readConstructed();
      generations.push({
        number: readNumber(one),
        keyLabel: one.readString().value,
        createdMs: readNumber(one),
        certificate: one.readOctetString(),
      });
      one.expectEnd();
    } while (!list.isAtEnd);
    const layout = fields.isAtEnd ? FIRST_LAYOUT : readNumber(fields);
    if (layout > CURRENT_LAYOUT) {
      throw new CaError(
        'CA_RECORD_DAMAGED',
        `the CA's tables have layout ${layout}; this version reads ${CURRENT_LAYOUT}: use a newer one`,
      );
    }
    return { layout, createdMs, generations };
  });
}
