/**
 * Equality indexes: for each indexed attribute type, postings from normalised values to the keys of
 * the entries that have them.
 *
 * ```
 * index · OID · 0x00 · value · 0x00 0x01  -> keys of names (store/key-sets.ts)
 * ```
 *
 * The value is an index key of the equality rule, 0x00 within it written 0x00 0xff, its tail replaced
 * by a hash when it is long: postings are candidates, the filter decides. A value of a subtype is posted
 * under every indexed supertype too, because a filter on the supertype matches it (RFC 4511
 * §4.5.1.7). Postings of one value stand in the order of names, so that a base restricts them to a
 * range; a few of them are one row, and found by one point read.
 *
 * Not here: which filter uses which index (`candidate-plan.ts`).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { Awaitable } from '../../core/awaitable.ts';
import { compareBytes, concatBytes, encodeUtf8, formatHex } from '../../core/bytes.ts';
import { loadMember } from '../../store/bulk/set-gathering.ts';
import { addMember, memberRows, readMembers, removeMember } from '../../store/key-sets.ts';
import { Keyspace, keyOf } from '../../store/keyspace.ts';
import type { ReadView, RowSink, Transaction } from '../../store/store.ts';
import { DirectoryError } from '../errors.ts';
import { isSubtypeOf } from '../schema/attribute-description.ts';
import type { AttributeType, SchemaLookup } from '../schema/schema-model.ts';
import { type Entry, LargeValue, type StoredValue } from './entry.ts';
import { isKeyWithin } from './key-range.ts';
import { loadBeginning, loadValue } from './large-values.ts';

/** Longer normalised values end in a hash. */
const MAX_VALUE_BYTES = 128;
const KEPT_BYTES = 96;
const endOfValue = Uint8Array.of(0x00, 0x01);

/** Keys of sets of postings, by their text. */
type Postings = ReadonlyMap<string, Uint8Array>;
const noPostings: Postings = new Map();

/** Shorter values are read whole. */
const MIN_READ_IN_PIECES = 64 * 1024;

/** Keys of names, in order: a few at once, or as they are read. */
export type NameKeys = readonly Uint8Array[] | AsyncIterable<Uint8Array>;

/** Which of an index's candidates are wanted. */
export interface CandidateRange {
  /** At or below the name with this key. */
  readonly baseKey: Uint8Array;
  /** Behind this one. */
  readonly after?: Uint8Array | undefined;
  readonly limit?: number;
}

interface PostedValues {
  readonly type: AttributeType;
  readonly values: readonly StoredValue[];
}

export class EqualityIndex {
  readonly #types: readonly AttributeType[];
  readonly #schema: SchemaLookup;
  /** Which indexes the values of a type go to. */
  readonly #targets = new Map<AttributeType, readonly AttributeType[]>();

  /** @throws {DirectoryError} `DIRECTORY_INAPPROPRIATE_MATCHING` for a type without equality rule. */
  constructor(types: readonly AttributeType[], schema: SchemaLookup) {
    for (const type of types) {
      if (type.equality === undefined) {
        throw new DirectoryError(
          'DIRECTORY_INAPPROPRIATE_MATCHING',
          `${type.name} cannot be indexed: it has no equality rule`,
        );
      }
    }
    this.#types = types;
    this.#schema = schema;
  }

  /** The indexed types. */
  get types(): readonly AttributeType[] {
    return this.#types;
  }

  has(type: AttributeType): boolean {
    return this.#types.includes(type);
  }

  /**
   * Brings the postings from the old entry to the new one of the same name; undefined stands for no
   * entry. Values of an index that the change leaves alone are not read.
   */
  async update(
    transaction: Transaction,
    before: Entry | undefined,
    after: Entry | undefined,
  ): Promise<void> {
    for (const type of this.#types) {
      const values = [this.#valuesOf(before, type), this.#valuesOf(after, type)] as const;
      if (!isSame(...values)) {
        const old = await this.#postings(transaction, { type, values: values[0] });
        const current = await this.#postings(transaction, { type, values: values[1] });
        const named = after ?? before;
        if (named !== undefined) {
          await replacePostings(transaction, named.key, { old, current });
        }
      }
    }
  }

  /** Posts a new entry whose values are all at hand. */
  load(sink: RowSink, entry: Entry): void {
    for (const { type, values } of entry.attributes) {
      for (const indexed of this.#targetsOf(type)) {
        for (const value of values) {
          if (value instanceof Uint8Array) {
            this.#loadValue(sink, entry, { indexed, value });
          }
        }
      }
    }
  }

  #loadValue(
    sink: RowSink,
    entry: Entry,
    { indexed, value }: { readonly indexed: AttributeType; readonly value: Uint8Array },
  ): void {
    for (const indexKey of indexed.equality?.indexKeys(value, this.#schema) ?? []) {
      loadMember(sink, postingsKey(indexed, indexKey), entry.key);
    }
  }

  /** Posts an existing entry under one type alone; used when an index is built. */
  async post(transaction: Transaction, entry: Entry, type: AttributeType): Promise<void> {
    const values = this.#valuesOf(entry, type);
    const current = await this.#postings(transaction, { type, values });
    await replacePostings(transaction, entry.key, { old: noPostings, current });
  }

  /**
   * Names' keys, in order and behind `after`, of entries at or below `baseKey` that may have the value.
   *
   * @param indexKey The key that the type's equality rule makes of the assertion.
   */
  candidates(
    view: ReadView,
    { type, indexKey }: { readonly type: AttributeType; readonly indexKey: Uint8Array },
    range: CandidateRange,
  ): Awaitable<NameKeys> {
    const setKey = postingsKey(type, indexKey);
    const members = readMembers(view, setKey);
    return members instanceof Promise
      ? members.then((found) => found ?? eachInRows(view, setKey, range))
      : members === undefined
        ? eachInRows(view, setKey, range)
        : withinRange(members, range);
  }

  /** Every value that an index posts. */
  #valuesOf(entry: Entry | undefined, indexed: AttributeType): readonly StoredValue[] {
    const attributes = entry?.attributes ?? [];
    return attributes
      .filter(({ type }) => this.#targetsOf(type).includes(indexed))
      .flatMap(({ values }) => values);
  }

  async #postings(view: ReadView, { type, values }: PostedValues): Promise<Postings> {
    const postings = new Map<string, Uint8Array>();
    for (const value of values) {
      for (const indexKey of await this.#indexKeys(view, type, value)) {
        const key = postingsKey(type, indexKey);
        postings.set(formatHex(key), key);
      }
    }
    return postings;
  }

  /** Of a long value its beginning may do: lists have fifty megabytes. */
  async #indexKeys(
    view: ReadView,
    { equality }: AttributeType,
    value: StoredValue,
  ): Promise<readonly Uint8Array[]> {
    if (value instanceof LargeValue && value.length >= MIN_READ_IN_PIECES) {
      const ofBeginning = equality?.indexKeysOfBeginning;
      const beginning = ofBeginning && (await loadBeginning(view, value));
      const found = beginning && ofBeginning?.(beginning, this.#schema);
      if (found !== undefined) {
        return found;
      }
    }
    return equality?.indexKeys(await loadValue(view, value), this.#schema) ?? [];
  }

  #targetsOf(type: AttributeType): readonly AttributeType[] {
    let targets = this.#targets.get(type);
    if (targets === undefined) {
      targets = this.#types.filter((indexed) => isSubtypeOf(type, indexed));
      this.#targets.set(type, targets);
    }
    return targets;
  }
}

const prefixes = new WeakMap<object, Uint8Array>();

/** Where all postings of a type are. */
export function indexPrefix(type: Pick<AttributeType, 'oid'>): Uint8Array {
  let prefix = prefixes.get(type);
  if (prefix === undefined) {
    prefix = keyOf(Keyspace.index, encodeUtf8(type.oid), Uint8Array.of(0));
    prefixes.set(type, prefix);
  }
  return prefix;
}

async function replacePostings(
  transaction: Transaction,
  nameKey: Uint8Array,
  { old, current }: { readonly old: Postings; readonly current: Postings },
): Promise<void> {
  for (const [text, key] of old) {
    if (!current.has(text)) {
      await removeMember(transaction, key, nameKey);
    }
  }
  for (const [text, key] of current) {
    if (!old.has(text)) {
      await addMember(transaction, key, nameKey);
    }
  }
}

function withinRange(
  keys: readonly Uint8Array[],
  { baseKey, after, limit }: CandidateRange,
): readonly Uint8Array[] {
  const within = keys.filter(
    (key) => isKeyWithin(key, baseKey) && (after === undefined || compareBytes(key, after) > 0),
  );
  return limit === undefined ? within : within.slice(0, limit);
}

async function* eachInRows(
  view: ReadView,
  setKey: Uint8Array,
  { baseKey, after, limit }: CandidateRange,
): AsyncGenerator<Uint8Array, void, undefined> {
  const behind = after === undefined ? baseKey : concatBytes(after, Uint8Array.of(0));
  const rows = memberRows(setKey, { from: behind, ...(limit === undefined ? {} : { limit }) });
  for await (const row of view.keys(rows)) {
    const key = row.subarray(setKey.length);
    if (!isKeyWithin(key, baseKey)) {
      return;
    }
    yield key;
  }
}

function isSame(left: readonly StoredValue[], right: readonly StoredValue[]): boolean {
  return left.length === right.length && left.every((value, at) => value === right[at]);
}

function postingsKey(type: AttributeType, valueKey: Uint8Array): Uint8Array {
  return concatBytes(indexPrefix(type), escapeZeros(shorten(valueKey)), endOfValue);
}

function shorten(valueKey: Uint8Array): Uint8Array {
  if (valueKey.length <= MAX_VALUE_BYTES) {
    return valueKey;
  }
  const hash = createHash('sha256').update(valueKey).digest();
  return concatBytes(valueKey.subarray(0, KEPT_BYTES), hash);
}

function escapeZeros(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(0)) {
    return bytes;
  }
  const escaped: number[] = [];
  for (const byte of bytes) {
    escaped.push(byte);
    if (byte === 0) {
      escaped.push(0xff);
    }
  }
  return Uint8Array.from(escaped);
}
