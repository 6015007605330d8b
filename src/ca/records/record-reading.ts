/**
 * Reading the engine's stored records, which are strict DER. The store checks that a value is the one that
 * was written; what fails here was written by another version, or by a fault.
 *
 * @module
 */

import { DerReader } from '../../asn1/der-reader.ts';
import { isCertdirError } from '../../core/errors.ts';
import { CaError } from '../errors.ts';

/**
 * Reads one record: a SEQUENCE whose fields `read` takes, all of them.
 *
 * @throws {CaError} `CA_RECORD_DAMAGED`
 */
export function readRecord<T>(what: string, bytes: Uint8Array, read: (fields: DerReader) => T): T {
  try {
    const outer = new DerReader(bytes);
    const fields = outer.readConstructed();
    outer.expectEnd();
    const record = read(fields);
    fields.expectEnd();
    return record;
  } catch (cause) {
    if (isCertdirError(cause) && !(cause instanceof CaError)) {
      throw new CaError('CA_RECORD_DAMAGED', `the ${what} record cannot be read`, { cause });
    }
    throw cause;
  }
}

/** A time or count, which fits a number exactly. */
export function readNumber(fields: DerReader): number {
  return Number(fields.readInteger());
}
