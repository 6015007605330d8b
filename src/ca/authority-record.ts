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
} from '../asn1/der-writer.ts';
import { readNumber, readRecord } from './record-reading.ts';

export interface KeyGeneration {
  /** 1, 2, 3, … */
  readonly number: number;
  /** The key's name in the token. */
  readonly keyLabel: string;
  readonly createdMs: number;
  /** The self-signed certificate. */
  readonly certificate: Uint8Array;
}

export interface AuthorityRecord {
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
    return { createdMs, generations };
  });
}
