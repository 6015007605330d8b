/**
 * Tells the end of a journal that was torn while it was written from one that was damaged afterwards.
 *
 * A segment only grows, at most one group at a time is not durable yet, and a disk writes whole sectors.
 * So where reading stops in the last segment, it was torn if, and only if,
 *
 * - no record of a later group lies behind: one was only written after the group before was durable;
 * - the record is cut by the end of the file, or one of its sectors was never written and is all zeros.
 *
 * Whoever holds the index knows one thing more: what it has applied was durable.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import { asBuffer } from '../../core/bytes.ts';
import { HEADER_BYTES, parseRecordHeader, type RecordHeader } from './journal-record.ts';
import type { SegmentReader } from './segment-reader.ts';

const SECTOR_BYTES = 512;
const BLOCK_BYTES = 1024 * 1024;
/** Records behind the stop that are looked for have numbers within this distance. */
const MAX_SEQUENCES_AHEAD = 2 ** 31;

/** Whether the segment, read until `next` gave nothing, ends in a tail that was torn. */
export async function isTornTail(reader: SegmentReader): Promise<boolean> {
  return (await isRecordUnfinished(reader)) && !(await hasLaterGroup(reader));
}

/** The record at which reading stopped: cut off, or with a sector that was never written. */
async function isRecordUnfinished(reader: SegmentReader): Promise<boolean> {
  const { offset } = reader.place;
  if (offset + HEADER_BYTES > reader.size) {
    return true;
  }
  const headerBytes = await reader.bytes(offset, HEADER_BYTES);
  const header = parseRecordHeader(headerBytes, reader.storeSum);
  const end = offset + HEADER_BYTES + (header?.payloadBytes ?? 0);
  return end > reader.size || (await hasEmptySector(reader, offset, end));
}

async function hasEmptySector(reader: SegmentReader, start: number, end: number): Promise<boolean> {
  for (let at = start; at < end; ) {
    const sectorEnd = Math.min(end, at - (at % SECTOR_BYTES) + SECTOR_BYTES);
    const bytes = await reader.bytes(at, sectorEnd - at);
    if (bytes.every((byte) => byte === 0)) {
      return true;
    }
    at = sectorEnd;
  }
  return false;
}

/** Looks behind the stop for a record of a later group. */
async function hasLaterGroup(reader: SegmentReader): Promise<boolean> {
  const { offset, nextSequence } = reader.place;
  const torn = reader.openGroup ?? nextSequence;
  for await (const { groupStart, sequence } of findHeaders(reader, offset + 1)) {
    if (groupStart > torn && sequence < nextSequence + MAX_SEQUENCES_AHEAD) {
      return true;
    }
  }
  return false;
}

/** Headers of records at whatever offset they stand, good records or not. */
export async function* findHeaders(
  reader: SegmentReader,
  from: number,
): AsyncGenerator<RecordHeader, void, undefined> {
  for (let start = from; start + HEADER_BYTES <= reader.size; start += BLOCK_BYTES) {
    const bytes = asBuffer(await reader.bytes(start, BLOCK_BYTES + HEADER_BYTES - 1));
    for (let at = 0; at + HEADER_BYTES <= bytes.length; at += 1) {
      // Most offsets are left by this test: a kind that there is, and numbers that begin with zeros.
      const kind = bytes[at + 40];
      if (
        kind !== undefined &&
        kind >= 1 &&
        kind <= 3 &&
        bytes[at + 8] === 0 &&
        bytes[at + 16] === 0
      ) {
        const header = parseRecordHeader(bytes.subarray(at, at + HEADER_BYTES), reader.storeSum);
        if (header !== undefined) {
          yield header;
        }
      }
    }
    await nextTurn();
  }
}
