/**
 * Entries that no list carries yet, encoded once, when the certificate is revoked: one row for each
 * revocation, or for many that came together.
 *
 *     waitingEntries ‖ scope ‖ first sequence (8)   count (4) ‖ notAfter (6) for each ‖ entries in DER
 *
 * Once a list has carried them the list itself keeps them, and the ledger what is to be known of them beside
 * (`entry-ledger.ts`).
 *
 * @module
 */

import type { KeyRange, ReadView } from '../../store/store.ts';
import { CaError } from '../errors.ts';
import { type CaTables, numberOfKey } from './ca-tables.ts';

export interface NewEntry {
  /** The end of the certificate, in whole seconds. */
  readonly notAfterMs: number;
  /** As it will stand in the list (RFC 5280 §5.1.2.6). */
  readonly der: Uint8Array;
}

/** Entries that lie together. */
export interface WaitingEntries {
  /** The revocation's number of the first; the others follow without a gap. */
  readonly firstSequence: bigint;
  readonly count: number;
  /** One behind the other. */
  readonly der: Uint8Array;
  notAfterMsAt(index: number): number;
}

/** What a row holds at most: some 200 KB. */
export const MAX_WAITING_PER_ROW = 4096;

const COUNT_OCTETS = 4;
const TIME_OCTETS = 6;

/** @param entries One to `MAX_WAITING_PER_ROW`. */
export function encodeWaitingEntries(entries: readonly NewEntry[]): Uint8Array {
  const timesEnd = COUNT_OCTETS + TIME_OCTETS * entries.length;
  const length = entries.reduce((sum, { der }) => sum + der.length, timesEnd);
  const bytes = Buffer.alloc(length);
  bytes.writeUInt32BE(entries.length, 0);
  let timeAt = COUNT_OCTETS;
  let entryAt = timesEnd;
  for (const { notAfterMs, der } of entries) {
    bytes.writeUIntBE(notAfterMs, timeAt, TIME_OCTETS);
    bytes.set(der, entryAt);
    timeAt += TIME_OCTETS;
    entryAt += der.length;
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset, length);
}

/**
 * Views of `bytes`, no copies.
 *
 * @throws {CaError} `CA_RECORD_DAMAGED`
 */
export function parseWaitingEntries(key: Uint8Array, bytes: Uint8Array): WaitingEntries {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = view.length < COUNT_OCTETS ? 0 : view.readUInt32BE(0);
  const timesEnd = COUNT_OCTETS + TIME_OCTETS * count;
  if (count === 0 || timesEnd > view.length) {
    throw new CaError('CA_RECORD_DAMAGED', 'entries that wait for a list cannot be read');
  }
  return {
    firstSequence: numberOfKey(key),
    count,
    der: bytes.subarray(timesEnd),
    notAfterMsAt: (index) => view.readUIntBE(COUNT_OCTETS + TIME_OCTETS * index, TIME_OCTETS),
  };
}

/** What waits in a scope, in the order of revocation. */
export async function* readWaiting(
  view: ReadView,
  tables: CaTables,
  scopeId: string,
  range: Pick<KeyRange, 'limit'> = {},
): AsyncGenerator<WaitingEntries, void, undefined> {
  for await (const [key, bytes] of view.range({ ...tables.waitingEntries(scopeId), ...range })) {
    yield parseWaitingEntries(key, bytes);
  }
}
