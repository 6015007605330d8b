/**
 * The OCSP responder to whom the CA has delegated its answers, as the store keeps it.
 *
 * @module
 */

import {
  encodeInteger,
  encodeOctetString,
  encodeSequence,
  encodeUtf8String,
} from '../../asn1/der-writer.ts';
import { readNumber, readRecord } from './record-reading.ts';

export interface ResponderRecord {
  /** 1, 2, 3, …: of the responder's keys. */
  readonly number: number;
  /** The key's name in the token. */
  readonly keyLabel: string;
  readonly madeMs: number;
  /** The responder's certificate in DER. */
  readonly certificate: Uint8Array;
}

export function encodeResponderRecord(record: ResponderRecord): Uint8Array {
  return encodeSequence(
    encodeInteger(record.number),
    encodeUtf8String(record.keyLabel),
    encodeInteger(record.madeMs),
    encodeOctetString(record.certificate),
  );
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseResponderRecord(bytes: Uint8Array): ResponderRecord {
  return readRecord('responder', bytes, (fields) => ({
    number: readNumber(fields),
    keyLabel: fields.readString().value,
    madeMs: readNumber(fields),
    certificate: fields.readOctetString(),
  }));
}
