/**
 * Sets of keys (`key-sets.ts`) in a bulk load: members are put without looking, each a row of its own, and
 * become sets when the rows come by in the order of keys, joined with what the store has already.
 *
 * @module
 */

import { concatBytes, equalBytes } from '../../core/bytes.ts';
import { StoreError } from '../errors.ts';
import { encodeRow, inRows, type MembersAtHand, parseSet, withMember } from '../key-sets.ts';
import { Keyspace } from '../keyspace.ts';
import type { Row } from '../level/sorted-rows.ts';
import { openSealedValue, sealValue } from '../level/value-checksum.ts';
import type { RowSink } from '../store.ts';

/** In front of the length of a set's key (2); sets themselves begin otherwise. */
const LOADED = 0x03;
const nothing = new Uint8Array(0);

/** Adds a member to a set of the index keyspace, within a load; whether it is there plays no part. */
export function loadMember(load: RowSink, key: Uint8Array, member: Uint8Array): void {
  const length = key.length + member.length;
  boundary[1] = key.length >> 8;
  boundary[2] = key.length & 0xff;
  if (length > scratch.length) {
    load.put(concatBytes(key, member), boundary);
    return;
  }
  scratch.set(key);
  scratch.set(member, key.length);
  load.put(scratch.subarray(0, length), boundary);
}

/** A load copies what it is given, and there are millions of rows. */
const scratch = new Uint8Array(16 * 1024);
const boundary = Uint8Array.of(LOADED, 0, 0);

/**
 * The rows that a load comes to.
 *
 * @param pages Rows in the order of keys.
 * @param read What is stored under a key, with its checksum.
 * @throws {StoreError} `STORE_VALUE_DAMAGED`.
 */
export async function* gatherSets(
  pages: AsyncIterable<readonly Row[]>,
  read: (key: Uint8Array) => Uint8Array | undefined,
): AsyncGenerator<readonly Row[], void, undefined> {
  let set: GatheredSet | undefined;
  for await (const page of pages) {
    const rows: Row[] = [];
    for (const row of page) {
      const loaded = loadedMember(row);
      if (loaded === undefined || set === undefined || !equalBytes(set.key, loaded.key)) {
        set?.finish(rows);
        set = loaded && new GatheredSet(loaded.key, read);
      }
      if (loaded === undefined || set === undefined) {
        rows.push(row);
      } else {
        set.add(loaded.member, rows);
      }
    }
    yield rows;
  }
  const last: Row[] = [];
  set?.finish(last);
  yield last;
}

class GatheredSet {
  readonly key: Uint8Array;
  /** Undefined once they are too many for one row. */
  #members: MembersAtHand;

  constructor(key: Uint8Array, read: (key: Uint8Array) => Uint8Array | undefined) {
    // Copies: what comes with a page is the reader's memory.
    this.key = Uint8Array.from(key);
    const stored = read(this.key);
    this.#members = parseSet(stored === undefined ? undefined : opened(this.key, stored));
  }

  add(member: Uint8Array, rows: Row[]): void {
    if (this.#members === undefined) {
      rows.push(this.#rowOf(member));
      return;
    }
    const all = withMember(this.#members, Uint8Array.from(member));
    if (encodeRow(all) !== undefined) {
      this.#members = all;
      return;
    }
    this.#members = undefined;
    rows.push([this.key, sealValue(this.key, inRows)]);
    for (const each of all) {
      rows.push(this.#rowOf(each));
    }
  }

  finish(rows: Row[]): void {
    const row = this.#members && encodeRow(this.#members);
    if (row !== undefined) {
      rows.push([this.key, sealValue(this.key, row)]);
    }
  }

  #rowOf(member: Uint8Array): Row {
    const key = concatBytes(this.key, member);
    return [key, sealValue(key, nothing)];
  }
}

function loadedMember([key, stored]: Row):
  | { readonly key: Uint8Array; readonly member: Uint8Array }
  | undefined {
  if (key[0] !== Keyspace.index || stored === null) {
    return undefined;
  }
  const [kind, high = 0, low = 0] = opened(key, stored);
  const length = (high << 8) | low;
  return kind === LOADED
    ? { key: key.subarray(0, length), member: key.subarray(length) }
    : undefined;
}

function opened(key: Uint8Array, stored: Uint8Array): Uint8Array {
  const value = openSealedValue(key, stored);
  if (value === undefined) {
    throw new StoreError('STORE_VALUE_DAMAGED', 'A row of an index is damaged. Restore a backup');
  }
  return value;
}
