/**
 * Sets of byte strings, each under a key of its own: what an index has for one value. Most of them hold
 * one or a few members, and those are one row, read by one point read; the others have a row for each
 * member behind a mark that says so.
 *
 * ```
 * key          -> 0x01 · (length (varint) · member) …   in order
 * key          -> 0x02                                  too many or too long for one row
 * key · member -> nothing                               one of them, then
 * ```
 *
 * No key may be the start of another one, nor may a member be empty. A set that was once too large for
 * one row stays in several; how often it would change back and forth is then nobody's worry.
 *
 * Not here: sets in a bulk load (`set-gathering.ts`).
 *
 * @module
 */

import type { Awaitable } from '../core/awaitable.ts';
import { compareBytes, concatBytes, equalBytes, prefixEnd } from '../core/bytes.ts';
import { StoreError } from './errors.ts';
import type { KeyRange, ReadView, Transaction } from './store.ts';

const Kind = { oneRow: 0x01, rows: 0x02 } as const;
/** What one row holds at most; it is written anew with every change. */
const MAX_MEMBERS = 32;
const MAX_ROW_BYTES = 2048;

const nothing = new Uint8Array(0);
const noMembers: readonly Uint8Array[] = [];
/** The mark of a set whose members have rows of their own. */
export const inRows: Uint8Array = Uint8Array.of(Kind.rows);

/** The members in order; undefined when they are in rows of their own, to be read with `memberRows`. */
export type MembersAtHand = readonly Uint8Array[] | undefined;

/**
 * The members of the set under `key`.
 *
 * @throws {StoreError} `STORE_VALUE_DAMAGED` for a row that is not one of a set.
 */
export function readMembers(view: ReadView, key: Uint8Array): Awaitable<MembersAtHand> {
  const stored = view.read(key);
  return stored instanceof Promise ? stored.then(parseSet) : parseSet(stored);
}

/** Where members have rows of their own; the key is followed by the member. */
export function memberRows(
  key: Uint8Array,
  { from = nothing, limit }: { readonly from?: Uint8Array; readonly limit?: number } = {},
): KeyRange {
  // The mark itself is not a member: nothing that is one is empty.
  const gte = concatBytes(key, from.length === 0 ? Uint8Array.of(0) : from);
  const lt = prefixEnd(key);
  return { gte, ...(lt === undefined ? {} : { lt }), ...(limit === undefined ? {} : { limit }) };
}

/**
 * Every member of the set under `key`, in order.
 *
 * @throws {StoreError} as `readMembers`.
 */
export async function* eachMember(
  view: ReadView,
  key: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const members = await readMembers(view, key);
  if (members !== undefined) {
    yield* members;
    return;
  }
  for await (const row of view.keys(memberRows(key))) {
    yield row.subarray(key.length);
  }
}

/** One member and the key of its set. */
export interface SetMember {
  readonly key: Uint8Array;
  readonly member: Uint8Array;
}

/**
 * Every member of every set in a range of nothing but sets, in order.
 *
 * @throws {StoreError} as `readMembers`; also for a member in a row of its own without the mark.
 */
export async function* everyMember(
  view: ReadView,
  range: KeyRange,
): AsyncGenerator<SetMember, void, undefined> {
  let mark: Uint8Array | undefined;
  for await (const [key, row] of view.range(range)) {
    if (row.length > 0) {
      const members = parseSet(row);
      mark = members === undefined ? key : undefined;
      for (const member of members ?? noMembers) {
        yield { key, member };
      }
    } else if (mark !== undefined && equalBytes(key.subarray(0, mark.length), mark)) {
      yield { key: mark, member: key.subarray(mark.length) };
    } else {
      throw damaged();
    }
  }
}

/** Adds a member, if it is not there. One change of a set at a time in a transaction. */
export async function addMember(
  transaction: Transaction,
  key: Uint8Array,
  member: Uint8Array,
): Promise<void> {
  const found = readMembers(transaction, key);
  const members = found instanceof Promise ? await found : found;
  if (members === undefined) {
    transaction.put(concatBytes(key, member), nothing);
    return;
  }
  const all = withMember(members, member);
  if (all === members) {
    return;
  }
  const row = encodeRow(all);
  if (row !== undefined) {
    transaction.put(key, row);
    return;
  }
  transaction.put(key, inRows);
  for (const each of all) {
    transaction.put(concatBytes(key, each), nothing);
  }
}

/** Takes a member away, if it is there. One change of a set at a time in a transaction. */
export async function removeMember(
  transaction: Transaction,
  key: Uint8Array,
  member: Uint8Array,
): Promise<void> {
  const found = readMembers(transaction, key);
  const members = found instanceof Promise ? await found : found;
  if (members === undefined) {
    transaction.delete(concatBytes(key, member));
    return;
  }
  const rest = members.filter((each) => compareBytes(each, member) !== 0);
  const row = encodeRow(rest);
  if (rest.length === 0 || row === undefined) {
    transaction.delete(key);
  } else if (rest.length < members.length) {
    transaction.put(key, row);
  }
}

/** The members with one more; the same array when it is among them. */
export function withMember(
  members: readonly Uint8Array[],
  member: Uint8Array,
): readonly Uint8Array[] {
  const found = members.findIndex((each) => compareBytes(each, member) >= 0);
  const at = found < 0 ? members.length : found;
  const there = members[at];
  return there !== undefined && compareBytes(there, member) === 0
    ? members
    : members.toSpliced(at, 0, member);
}

/** The members as one row; undefined when they are too many or too long. */
export function encodeRow(members: readonly Uint8Array[]): Uint8Array | undefined {
  if (members.length > MAX_MEMBERS) {
    return undefined;
  }
  let length = 1;
  for (const member of members) {
    length += member.length + (member.length < 0x80 ? 1 : 2);
  }
  if (length > MAX_ROW_BYTES) {
    return undefined;
  }
  const row = new Uint8Array(length);
  row[0] = Kind.oneRow;
  let at = 1;
  for (const member of members) {
    if (member.length >= 0x80) {
      row[at] = 0x80 | (member.length & 0x7f);
      at += 1;
    }
    row[at] = member.length < 0x80 ? member.length : member.length >> 7;
    row.set(member, at + 1);
    at += 1 + member.length;
  }
  return row;
}

/**
 * The members in one row.
 *
 * @throws {StoreError} `STORE_VALUE_DAMAGED`.
 */
export function parseSet(row: Uint8Array | undefined): MembersAtHand {
  if (row === undefined) {
    return noMembers;
  }
  if (row[0] === Kind.rows && row.length === 1) {
    return undefined;
  }
  if (row[0] !== Kind.oneRow) {
    throw damaged();
  }
  const members: Uint8Array[] = [];
  for (let at = 1; at < row.length; ) {
    let length = row[at] ?? 0;
    at += 1;
    if (length >= 0x80) {
      length = (length & 0x7f) | ((row[at] ?? 0) << 7);
      at += 1;
    }
    if (length === 0 || at + length > row.length) {
      throw damaged();
    }
    members.push(row.subarray(at, at + length));
    at += length;
  }
  return members;
}

function damaged(): StoreError {
  return new StoreError('STORE_VALUE_DAMAGED', 'A row is not one of a set. Restore a backup');
}
