/**
 * Equality indexes: for each indexed attribute type, postings from normalised values to the keys of
 * the entries that have them.
 *
 * ```
 * index · OID · 0x00 · value · 0x00 0x01 · key of the name  -> nothing
 * ```
 *
 * The value is an index key of the equality rule, 0x00 within it written 0x00 0xff, its tail replaced
 * by a hash when it is long: postings are candidates, the filter decides. A value of a subtype is posted
 * under every indexed supertype too, because a filter on the supertype matches it (RFC 4511
 * §4.5.1.7). Postings of one value stand in the order of names, so that a base restricts them to a
 * range.
 *
 * Not here: which filter uses which index (`candidate-plan.ts`).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { concatBytes, encodeUtf8, formatHex } from '../core/bytes.ts';
import { Keyspace, keyOf } from '../store/keyspace.ts';
import type { ReadView, RowSink, Transaction } from '../store/store.ts';
import { isSubtypeOf } from './attribute-description.ts';
import type { Entry, StoredValue } from './entry.ts';
import { DirectoryError } from './errors.ts';
import { prefixRangeBehind } from './key-range.ts';
import { loadValue } from './large-values.ts';
import type { AttributeType, SchemaLookup } from './schema-model.ts';

/** Longer normalised values end in a hash. */
const MAX_VALUE_BYTES = 128;
const KEPT_BYTES = 96;
const endOfValue = Uint8Array.of(0x00, 0x01);
const nothing = new Uint8Array(0);

/** Keys of postings, by their text. */
type Postings = ReadonlyMap<string, Uint8Array>;
const noPostings: Postings = new Map();

interface PostedValues {
  readonly type: AttributeType;
  readonly entry: Entry | undefined;
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
        const old = await this.#postings(transaction, { type, entry: before, values: values[0] });
        const current = await this.#postings(transaction, {
          type,
          entry: after,
          values: values[1],
        });
        replacePostings(transaction, old, current);
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
      sink.put(joinPosting(indexPrefix(indexed), indexKey, entry.key), nothing);
    }
  }

  /** Posts an existing entry under one type alone; used when an index is built. */
  async post(transaction: Transaction, entry: Entry, type: AttributeType): Promise<void> {
    const values = this.#valuesOf(entry, type);
    replacePostings(
      transaction,
      noPostings,
      await this.#postings(transaction, { type, entry, values }),
    );
  }

  /**
   * Names' keys, in order and behind `after`, of entries at or below `baseKey` that may have the value.
   *
   * @param indexKey The key that the type's equality rule makes of the assertion.
   */
  async *candidates(
    view: ReadView,
    lookUp: { readonly type: AttributeType; readonly indexKey: Uint8Array },
    range: {
      readonly baseKey: Uint8Array;
      readonly after?: Uint8Array | undefined;
      readonly limit?: number;
    },
  ): AsyncIterable<Uint8Array> {
    const prefix = postingPrefix(lookUp.type, lookUp.indexKey);
    const limit = range.limit === undefined ? {} : { limit: range.limit };
    const after = range.after && concatBytes(prefix, range.after);
    const within = prefixRangeBehind(concatBytes(prefix, range.baseKey), after);
    const keys = view.keys({ ...within, ...limit });
    for await (const key of keys) {
      yield key.subarray(prefix.length);
    }
  }

  /** Every value that an index posts. */
  #valuesOf(entry: Entry | undefined, indexed: AttributeType): readonly StoredValue[] {
    const attributes = entry?.attributes ?? [];
    return attributes
      .filter(({ type }) => this.#targetsOf(type).includes(indexed))
      .flatMap(({ values }) => values);
  }

  async #postings(view: ReadView, { type, entry, values }: PostedValues): Promise<Postings> {
    const postings = new Map<string, Uint8Array>();
    for (const value of values) {
      const bytes = await loadValue(view, value);
      for (const indexKey of type.equality?.indexKeys(bytes, this.#schema) ?? []) {
        const key = concatBytes(postingPrefix(type, indexKey), entry?.key ?? nothing);
        postings.set(formatHex(key), key);
      }
    }
    return postings;
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

/** A posting's key, valid until the next is made: nothing is taken for a key that is copied at once. */
function joinPosting(prefix: Uint8Array, indexKey: Uint8Array, key: Uint8Array): Uint8Array {
  const value = escapeZeros(shorten(indexKey));
  const valueEnd = prefix.length + value.length;
  const length = valueEnd + endOfValue.length + key.length;
  if (length > scratch.length) {
    return concatBytes(prefix, value, endOfValue, key);
  }
  scratch.set(prefix);
  scratch.set(value, prefix.length);
  scratch.set(endOfValue, valueEnd);
  scratch.set(key, valueEnd + endOfValue.length);
  return scratch.subarray(0, length);
}

const scratch = new Uint8Array(16 * 1024);

function replacePostings(transaction: Transaction, old: Postings, current: Postings): void {
  for (const [text, key] of old) {
    if (!current.has(text)) {
      transaction.delete(key);
    }
  }
  for (const [text, key] of current) {
    if (!old.has(text)) {
      transaction.put(key, nothing);
    }
  }
}

function isSame(left: readonly StoredValue[], right: readonly StoredValue[]): boolean {
  return left.length === right.length && left.every((value, at) => value === right[at]);
}

function postingPrefix(type: AttributeType, valueKey: Uint8Array): Uint8Array {
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
