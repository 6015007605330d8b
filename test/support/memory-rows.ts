/**
 * A transaction that keeps its rows in memory and sees nothing else but the large values of a view: for
 * comparing what would be written with what is there.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { compareBytes, formatHex } from '../../src/core/bytes.ts';
import type { KeyRange, KeyValue, ReadView, Transaction } from '../../src/store/store.ts';

export class MemoryRows implements Transaction {
  readonly #rows = new Map<string, KeyValue>();
  readonly #large: Pick<ReadView, 'readLarge'>;

  constructor(large: Pick<ReadView, 'readLarge'>) {
    this.#large = large;
  }

  read(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(formatHex(key))?.[1];
  }

  async *range({ gte, lt }: KeyRange): AsyncGenerator<KeyValue, void, undefined> {
    const rows = [...this.#rows.values()].sort(([left], [right]) => compareBytes(left, right));
    yield* rows.filter(
      ([key]) =>
        (gte === undefined || compareBytes(key, gte) >= 0) &&
        (lt === undefined || compareBytes(key, lt) < 0),
    );
  }

  async *keys(range: KeyRange): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const [key] of this.range(range)) {
      yield key;
    }
  }

  readLarge(sha256: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#large.readLarge(sha256);
  }

  largeLength(): undefined {
    return assert.fail('no large value is measured');
  }

  largePieces(): AsyncIterable<Uint8Array> {
    return assert.fail('no large value is read in pieces');
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#rows.set(formatHex(key), [Uint8Array.from(key), Uint8Array.from(value)]);
  }

  delete(key: Uint8Array): void {
    this.#rows.delete(formatHex(key));
  }

  putLarge(): Promise<Uint8Array> {
    return assert.fail('nothing large is written');
  }

  releaseLarge(): Promise<void> {
    return assert.fail('nothing large is released');
  }

  onSettled(): void {
    // Nothing is committed.
  }
}
