/**
 * Numbers changes: one sequence over the whole store, and for each suffix the number of its last
 * change (contextCSN, RFC 4533 cookies). Both live in the store and move in the transaction of the
 * change.
 *
 * @module
 */

import type { Awaitable } from '../../core/awaitable.ts';
import { encodeUtf8 } from '../../core/bytes.ts';
import { Keyspace, keyOf } from '../../store/keyspace.ts';
import type { ReadView, Transaction } from '../../store/store.ts';
import { nextChangeSequence } from './change-sequence.ts';

const lastKey = keyOf(Keyspace.directoryState, encodeUtf8('csn'));

/** Takes the next change sequence number for a change under the suffix with this key. */
export async function stampChange(
  transaction: Transaction,
  suffixKey: Uint8Array,
  nowMs: number,
): Promise<string> {
  const last = await transaction.read(lastKey);
  const next = nextChangeSequence(last === undefined ? undefined : asText(last), nowMs);
  const bytes = encodeUtf8(next);
  transaction.put(lastKey, bytes);
  transaction.put(contextKey(suffixKey), bytes);
  return next;
}

/** Numbers for many entries that appear together: one number's time, and a count behind it. */
export interface ChangeSeries {
  /** The change number that the series begins behind. */
  readonly base: string;
}

/** More entries than one series has numbers for are not loaded at once. */
export const MAX_SERIES = 0xff_ffff;

/** Takes a change number that a series can begin behind. */
export async function beginSeries(transaction: Transaction, nowMs: number): Promise<ChangeSeries> {
  const last = await transaction.read(lastKey);
  const base = nextChangeSequence(last === undefined ? undefined : asText(last), nowMs);
  transaction.put(lastKey, encodeUtf8(base));
  return { base };
}

/** Whether no other change has been numbered since the series began. */
export async function isNewestSeries(view: ReadView, { base }: ChangeSeries): Promise<boolean> {
  const last = await view.read(lastKey);
  return last !== undefined && asText(last) === base;
}

/** Ends a series whose last number was that one: further changes are numbered behind it. */
export function endSeries(
  transaction: Transaction,
  suffixKeys: Iterable<Uint8Array>,
  last: string,
): void {
  const bytes = encodeUtf8(last);
  transaction.put(lastKey, bytes);
  for (const key of suffixKeys) {
    transaction.put(contextKey(key), bytes);
  }
}

/** The number of the last change under a suffix; undefined before the first. */
export function readContextSequence(
  view: ReadView,
  suffixKey: Uint8Array,
): Awaitable<Uint8Array | undefined> {
  return view.read(contextKey(suffixKey));
}

function contextKey(suffixKey: Uint8Array): Uint8Array {
  return keyOf(Keyspace.directoryState, encodeUtf8('contextCSN\0'), suffixKey);
}

function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
