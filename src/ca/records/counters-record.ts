/**
 * Counts over the whole CA, moved in the transactions of the acts they count.
 *
 * @module
 */

import { encodeInteger, encodeSequence } from '../../asn1/der-writer.ts';
import { readNumber, readRecord } from './record-reading.ts';

export interface CountersRecord {
  /** Certificates ever issued, the CA's own included. */
  readonly issued: number;
  /** Certificates ever revoked. */
  readonly revoked: number;
  /** Entries that the lists must carry, over all scopes. */
  readonly liveEntries: number;
}

export const noneCounted: CountersRecord = { issued: 0, revoked: 0, liveEntries: 0 };

export function encodeCountersRecord(record: CountersRecord): Uint8Array {
  return encodeSequence(
    encodeInteger(record.issued),
    encodeInteger(record.revoked),
    encodeInteger(record.liveEntries),
  );
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseCountersRecord(bytes: Uint8Array): CountersRecord {
  return readRecord('counters', bytes, (fields) => ({
    issued: readNumber(fields),
    revoked: readNumber(fields),
    liveEntries: readNumber(fields),
  }));
}
