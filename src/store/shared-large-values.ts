/**
 * Large values in memory once, however many read them at the same time: under their hash, for as long as
 * somebody still holds the bytes.
 *
 * @module
 */

import { formatHex } from '../core/bytes.ts';
import { hasLargeValue, type LargeValueRows, readLargeValue } from './large-values.ts';

export class SharedLargeValues {
  readonly #held = new Map<string, WeakRef<Uint8Array>>();
  readonly #loading = new Map<string, Promise<Uint8Array | undefined>>();
  readonly #collected = new FinalizationRegistry<string>((hash) => {
    if (this.#held.get(hash)?.deref() === undefined) {
      this.#held.delete(hash);
    }
  });

  /** How many values are held by somebody. */
  get count(): number {
    return this.#held.size;
  }

  /**
   * The value as `rows` has it; the array may be another reader's too.
   *
   * @throws {StoreError} `STORE_VALUE_DAMAGED`.
   */
  async read(rows: LargeValueRows, sha256: Uint8Array): Promise<Uint8Array | undefined> {
    if (!hasLargeValue(rows, sha256)) {
      return undefined;
    }
    const hash = formatHex(sha256);
    const held = this.#held.get(hash)?.deref();
    if (held !== undefined) {
      return held;
    }
    const underWay = this.#loading.get(hash);
    if (underWay !== undefined) {
      // Whoever reads it may lose the right to go on reading; then it is for us to read.
      const shared = await underWay.catch(() => undefined);
      return shared ?? (await this.read(rows, sha256));
    }
    return await this.#load(rows, sha256, hash);
  }

  /** The value, if `rows` has it and somebody holds it. */
  held(rows: LargeValueRows, sha256: Uint8Array): Uint8Array | undefined {
    return hasLargeValue(rows, sha256) ? this.#held.get(formatHex(sha256))?.deref() : undefined;
  }

  async #load(
    rows: LargeValueRows,
    sha256: Uint8Array,
    hash: string,
  ): Promise<Uint8Array | undefined> {
    const loading = readLargeValue(rows, sha256);
    this.#loading.set(hash, loading);
    try {
      const value = await loading;
      if (value !== undefined) {
        this.#held.set(hash, new WeakRef(value));
        this.#collected.register(value, hash);
      }
      return value;
    } finally {
      this.#loading.delete(hash);
    }
  }
}
