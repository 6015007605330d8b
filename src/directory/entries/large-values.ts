/**
 * Values that are kept apart from their entry: moved out on writing, counted, read when needed.
 *
 * @module
 */

import type { Awaitable } from '../../core/awaitable.ts';
import type { ReadView, RowSink, Transaction } from '../../store/store.ts';
import { DirectoryError } from '../errors.ts';
import { type Attribute, Entry, isLoaded, LargeValue, type StoredValue } from './entry.ts';

/** Values longer than this are kept apart, under their hash. */
const maxInlineBytes = 4096;
const BEGINNING_BYTES = 64 * 1024;

/**
 * The bytes of a value.
 *
 * @throws {DirectoryError} `DIRECTORY_ENTRY_DAMAGED` when the store has lost it.
 */
export async function loadValue(view: ReadView, value: StoredValue): Promise<Uint8Array> {
  if (value instanceof Uint8Array) {
    return value;
  }
  const bytes = await view.readLarge(value.sha256);
  if (bytes === undefined) {
    throw new DirectoryError('DIRECTORY_ENTRY_DAMAGED', 'stored entry: a large value is missing');
  }
  return bytes;
}

/**
 * A copy of a value's first octets, 64 KiB or all that it has.
 *
 * @returns undefined when the store has lost it.
 */
export async function loadBeginning(
  view: ReadView,
  { sha256 }: LargeValue,
): Promise<Uint8Array | undefined> {
  for await (const piece of view.largePieces(sha256)) {
    return piece.slice(0, BEGINNING_BYTES);
  }
  return undefined;
}

/** The values of an attribute as bytes. */
export function loadValues(view: ReadView, attribute: Attribute): Awaitable<readonly Uint8Array[]> {
  return isLoaded(attribute.values)
    ? attribute.values
    : Promise.all(attribute.values.map((value) => loadValue(view, value)));
}

/** Whether a value of the entry is to be kept apart and is not yet. */
export function hasLargeValues(entry: Entry): boolean {
  return entry.attributes.some(({ values }) =>
    values.some((value) => value instanceof Uint8Array && value.length > maxInlineBytes),
  );
}

/** Puts values that came as bytes and are large into the store; each counts one reference. */
export async function moveLargeValuesOut(sink: RowSink, entry: Entry): Promise<Entry> {
  const attributes: Attribute[] = [];
  for (const attribute of entry.attributes) {
    const values: StoredValue[] = [];
    for (const value of attribute.values) {
      const isInline = value instanceof LargeValue || value.length <= maxInlineBytes;
      values.push(isInline ? value : new LargeValue(await sink.putLarge(value), value.length));
    }
    attributes.push({ ...attribute, values });
  }
  return new Entry(entry.dn, entry.key, attributes);
}

/** Drops the references of `before` that `after` does not carry on. */
export async function releaseLargeValues(
  transaction: Transaction,
  before: Entry,
  after: Entry | undefined,
): Promise<void> {
  const kept = new Set(after === undefined ? [] : largeValues(after));
  for (const value of largeValues(before)) {
    if (!kept.has(value)) {
      await transaction.releaseLarge(value.sha256);
    }
  }
}

function* largeValues(entry: Entry): Iterable<LargeValue> {
  for (const attribute of entry.attributes) {
    for (const value of attribute.values) {
      if (value instanceof LargeValue) {
        yield value;
      }
    }
  }
}
