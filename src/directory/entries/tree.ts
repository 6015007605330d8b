/**
 * Entries in the store. Four keyspaces:
 *
 * ```
 * entry      · key of the name                      -> the entry (entry-encoding.ts)
 * child      · depth (2 bytes) · key of the name    -> nothing; a parent's children are one range
 * entry UUID · 16 bytes                             -> key of the name
 * index      · see equality-index.ts
 * ```
 *
 * A name's key is its parent's key and one more component (dn.ts), so a subtree is a key range as
 * well. Base reads cost one look-up, one-level reads their children, subtree reads the subtree.
 *
 * Not here: rules of the schema, access, operational attributes; see `directory.ts`.
 *
 * @module
 */

import type { Awaitable } from '../../core/awaitable.ts';
import { equalBytes, formatHex } from '../../core/bytes.ts';
import { Keyspace, keyOf } from '../../store/keyspace.ts';
import type { KeyRange, ReadView, RowSink, Transaction } from '../../store/store.ts';
import { DirectoryError } from '../errors.ts';
import type { AttributeType, SchemaLookup } from '../schema/schema-model.ts';
import type { Entry } from './entry.ts';
import { decodeEntry, encodeEntry } from './entry-encoding.ts';
import type { EntryKinds } from './entry-kinds.ts';
import type { EqualityIndex, NameKeys } from './equality-index.ts';
import { keyDepth, prefixRangeBehind } from './key-range.ts';
import { hasLargeValues, moveLargeValuesOut, releaseLargeValues } from './large-values.ts';
import { TreeWatches } from './tree-watches.ts';

/** Entries read at once when keys come first; the first batches are smaller, for short answers. */
const MAX_READ_BATCH = 32;
const nothing = new Uint8Array(0);

/** Entries of one state. */
interface KeptEntries {
  readonly revision: object | undefined;
  /** The one asked for last, and most often next. */
  last: Entry | undefined;
  readonly entries: Map<string, Entry>;
}

/** An entry has small values only; the large ones are kept apart. */
const MAX_KEPT_ENTRIES = 256;

export class Tree {
  readonly #schema: SchemaLookup;
  readonly #index: EqualityIndex;
  readonly #entryUuid: AttributeType;
  readonly #kinds: EntryKinds | undefined;
  #often: KeptEntries = { revision: undefined, last: undefined, entries: new Map() };
  /** On what is written through this tree. */
  readonly watches: TreeWatches = new TreeWatches();

  /** @param options.kinds Told of what is written; undefined for a tree that is only read. */
  constructor(
    schema: SchemaLookup,
    index: EqualityIndex,
    options: { readonly entryUuid: AttributeType; readonly kinds?: EntryKinds },
  ) {
    this.#schema = schema;
    this.#index = index;
    this.#entryUuid = options.entryUuid;
    this.#kinds = options.kinds;
  }

  /** One entry by the key of its name. */
  read(view: ReadView, key: Uint8Array): Awaitable<Entry | undefined> {
    const bytes = view.read(keyOf(Keyspace.entry, key));
    return bytes instanceof Promise
      ? bytes.then((stored) => this.#decode(key, stored))
      : this.#decode(key, bytes);
  }

  /** Entries by key, in the order of `keys`; keys without an entry are passed over. */
  async *readEach(view: ReadView, keys: NameKeys): AsyncIterable<Entry> {
    let batch: Awaitable<Entry | undefined>[] = [];
    let size = 1;
    for await (const key of keys) {
      batch.push(this.read(view, key));
      if (batch.length >= size) {
        yield* present(await Promise.all(batch));
        batch = [];
        size = Math.min(size * 2, MAX_READ_BATCH);
      }
    }
    yield* present(await Promise.all(batch));
  }

  /** The direct children, in order, behind the one named `after`. */
  children(view: ReadView, parentKey: Uint8Array, after?: Uint8Array): AsyncIterable<Entry> {
    return this.readEach(view, this.#childKeys(view, parentKey, after));
  }

  async *#childKeys(
    view: ReadView,
    parentKey: Uint8Array,
    after: Uint8Array | undefined,
  ): AsyncIterable<Uint8Array> {
    for await (const key of view.keys(childRange(parentKey, after))) {
      yield key.subarray(3);
    }
  }

  async hasChildren(view: ReadView, parentKey: Uint8Array): Promise<boolean> {
    for await (const _ of view.keys({ ...childRange(parentKey), limit: 1 })) {
      return true;
    }
    return false;
  }

  /** The entry and everything below it, parents before their children, behind the one named `after`. */
  async *subtree(view: ReadView, baseKey: Uint8Array, after?: Uint8Array): AsyncIterable<Entry> {
    const range = prefixRangeBehind(
      keyOf(Keyspace.entry, baseKey),
      after && keyOf(Keyspace.entry, after),
    );
    for await (const [key, bytes] of view.range(range)) {
      yield decodeEntry(key.subarray(1), bytes, this.#schema);
    }
  }

  /** The key of the entry with this UUID. */
  findUuid(view: ReadView, uuid: string): Awaitable<Uint8Array | undefined> {
    return view.read(uuidKey(uuid));
  }

  /**
   * Writes a new entry with its index postings. Large values that came as bytes are kept apart.
   *
   * @returns the entry as stored.
   */
  async write(transaction: Transaction, entry: Entry): Promise<Entry> {
    this.watches.written(transaction, entry.key);
    const stored = await moveLargeValuesOut(transaction, entry);
    this.#putKeys(transaction, stored);
    await this.#index.update(transaction, undefined, stored);
    return stored;
  }

  /**
   * Puts a new entry with its index postings into a load. Large values that came as bytes are kept apart.
   *
   * @returns undefined when nothing has to be waited for.
   */
  load(sink: RowSink, entry: Entry): Promise<void> | undefined {
    this.#index.load(sink, entry);
    if (!hasLargeValues(entry)) {
      this.#putKeys(sink, entry);
      return undefined;
    }
    return moveLargeValuesOut(sink, entry).then((stored) => this.#putKeys(sink, stored));
  }

  /**
   * Writes `entry` in the place of `before`; what is below `before` stays where it is. Large values that
   * both share are kept, those that are gone are released.
   *
   * @returns the entry as stored.
   */
  async replace(transaction: Transaction, before: Entry, entry: Entry): Promise<Entry> {
    this.watches.written(transaction, before.key);
    this.watches.written(transaction, entry.key);
    const stored = await moveLargeValuesOut(transaction, entry);
    if (equalBytes(before.key, entry.key)) {
      transaction.put(keyOf(Keyspace.entry, entry.key), encodeEntry(stored));
      await this.#index.update(transaction, before, stored);
    } else {
      this.#deleteKeys(transaction, before);
      this.#putKeys(transaction, stored);
      await this.#index.update(transaction, before, undefined);
      await this.#index.update(transaction, undefined, stored);
    }
    await releaseLargeValues(transaction, before, stored);
    return stored;
  }

  /** Removes a leaf. Whether it is one has been checked. */
  async remove(transaction: Transaction, entry: Entry): Promise<void> {
    this.watches.written(transaction, entry.key);
    await this.#index.update(transaction, entry, undefined);
    this.#deleteKeys(transaction, entry);
    await releaseLargeValues(transaction, entry, undefined);
  }

  uuidOf(entry: Entry): string {
    const value = entry.values(this.#entryUuid)[0];
    if (value === undefined) {
      throw new DirectoryError('DIRECTORY_ENTRY_DAMAGED', 'stored entry: no entryUUID');
    }
    return Buffer.from(value).toString('latin1');
  }

  /**
   * The same for an entry that is read over and over, such as the base of searches: while nothing is
   * written, it is decoded once.
   */
  readOften(view: ReadView, key: Uint8Array): Awaitable<Entry | undefined> {
    const { revision } = view;
    if (revision === undefined) {
      return this.read(view, key);
    }
    if (this.#often.revision !== revision || this.#often.entries.size === MAX_KEPT_ENTRIES) {
      this.#often = { revision, last: undefined, entries: new Map() };
    }
    const often = this.#often;
    const { last, entries } = often;
    if (last !== undefined && equalBytes(last.key, key)) {
      return last;
    }
    const name = formatHex(key);
    const kept = entries.get(name);
    if (kept !== undefined) {
      often.last = kept;
      return kept;
    }
    const entry = this.read(view, key);
    if (!(entry instanceof Promise) && entry !== undefined) {
      entries.set(name, entry);
    }
    return entry;
  }

  #decode(key: Uint8Array, stored: Uint8Array | undefined): Entry | undefined {
    return stored === undefined ? undefined : decodeEntry(key, stored, this.#schema);
  }

  #putKeys(sink: RowSink, entry: Entry): void {
    this.#kinds?.written(entry);
    sink.put(keyOf(Keyspace.entry, entry.key), encodeEntry(entry));
    sink.put(childKey(entry.key), nothing);
    sink.put(uuidKey(this.uuidOf(entry)), entry.key);
  }

  #deleteKeys(transaction: Transaction, entry: Entry): void {
    transaction.delete(keyOf(Keyspace.entry, entry.key));
    transaction.delete(childKey(entry.key));
    transaction.delete(uuidKey(this.uuidOf(entry)));
  }
}

function childKey(key: Uint8Array): Uint8Array {
  return keyOf(Keyspace.child, encodeDepth(keyDepth(key)), key);
}

function childRange(parentKey: Uint8Array, after?: Uint8Array): KeyRange {
  const depth = encodeDepth(keyDepth(parentKey) + 1);
  const prefix = keyOf(Keyspace.child, depth, parentKey);
  return prefixRangeBehind(prefix, after && keyOf(Keyspace.child, depth, after));
}

function encodeDepth(depth: number): Uint8Array {
  return Uint8Array.of(depth >> 8, depth & 0xff);
}

function uuidKey(uuid: string): Uint8Array {
  const key = new Uint8Array(17);
  key[0] = Keyspace.entryUuid;
  let digits = 0;
  for (let at = 0; at < uuid.length && digits <= 32; at += 1) {
    const code = uuid.charCodeAt(at);
    if (code !== HYPHEN) {
      const digit = hexDigit(code);
      const octet = 1 + (digits >> 1);
      key[octet] = ((key[octet] ?? 0) << 4) | digit;
      digits = digit < 0 ? Number.POSITIVE_INFINITY : digits + 1;
    }
  }
  if (digits !== 32) {
    throw new DirectoryError('DIRECTORY_ENTRY_DAMAGED', 'stored entry: entryUUID is not a UUID');
  }
  return key;
}

const HYPHEN = 0x2d;

/** @returns -1 for what is none. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) {
    return code - 0x30;
  }
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function* present(entries: readonly (Entry | undefined)[]): Iterable<Entry> {
  for (const entry of entries) {
    if (entry !== undefined) {
      yield entry;
    }
  }
}
