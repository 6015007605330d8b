/**
 * Rows as a record's payload: for each, key length (4), value length (4; all ones for a deletion), key
 * and stored value, its own checksum included.
 *
 * @module
 */

import { asBuffer } from '../../core/bytes.ts';
import { Keyspace } from '../keyspace.ts';
import type { Row } from '../level/sorted-rows.ts';
import { HEADER_BYTES, type RecordDraft } from './journal-record.ts';
import { draftLargeValue } from './large-record.ts';

const LENGTHS_BYTES = 8;
const DELETED = 0xffffffff;

/** A record's payload is closed at this size; a larger row has a record to itself. */
const TARGET_PAYLOAD_BYTES = 256 * 1024;

/** A large value that is put: in a group it stands whole where the index will have its place. */
export function isLargeRow([key, value]: Row): boolean {
  return key[0] === Keyspace.largePlace && value !== null;
}

/** Drafts with the rows in place, in order; none for no rows. */
export function* encodeRows(rows: readonly Row[]): Generator<RecordDraft, void, undefined> {
  let start = 0;
  while (start < rows.length) {
    let end = start;
    let length = 0;
    while (end < rows.length) {
      const row = rows[end] as Row;
      if (isLargeRow(row)) {
        break;
      }
      const bytes = LENGTHS_BYTES + row[0].length + (row[1]?.length ?? 0);
      if (end > start && length + bytes > TARGET_PAYLOAD_BYTES) {
        break;
      }
      length += bytes;
      end += 1;
    }
    if (end > start) {
      yield { head: encodeRecord(rows, { start, end }, length) };
    }
    const next = rows[end];
    if (next !== undefined && isLargeRow(next)) {
      yield* draftLargeValue(next[0].subarray(1), next[1] ?? new Uint8Array(0));
      end += 1;
    }
    start = end;
  }
}

function encodeRecord(
  rows: readonly Row[],
  { start, end }: { readonly start: number; readonly end: number },
  length: number,
): Uint8Array {
  const record = Buffer.allocUnsafe(HEADER_BYTES + length);
  let at = HEADER_BYTES;
  for (let index = start; index < end; index += 1) {
    const [key, value] = rows[index] as Row;
    at = record.writeUInt32BE(key.length, at);
    at = record.writeUInt32BE(value?.length ?? DELETED, at);
    record.set(key, at);
    at += key.length;
    if (value !== null) {
      record.set(value, at);
      at += value.length;
    }
  }
  return record;
}

/**
 * The rows of a payload; views of it.
 *
 * @returns undefined when the payload does not hold rows.
 */
export function decodeRows(payload: Uint8Array): readonly Row[] | undefined {
  const bytes = asBuffer(payload);
  const rows: Row[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + LENGTHS_BYTES > bytes.length) {
      return undefined;
    }
    const keyEnd = at + LENGTHS_BYTES + bytes.readUInt32BE(at);
    const valueBytes = bytes.readUInt32BE(at + 4);
    const end = valueBytes === DELETED ? keyEnd : keyEnd + valueBytes;
    if (end > bytes.length) {
      return undefined;
    }
    const key = payload.subarray(at + LENGTHS_BYTES, keyEnd);
    rows.push([key, valueBytes === DELETED ? null : payload.subarray(keyEnd, end)]);
    at = end;
  }
  return rows;
}
