/**
 * Several layers of unflushed writes read as one: in key order, the newest layer's row winning.
 *
 * @module
 */

import { compareBytes } from '../../core/bytes.ts';
import type { Row, RowBounds, SortedRows } from './sorted-rows.ts';

interface Head {
  readonly rows: Iterator<Row>;
  row: Row;
}

export class LayerMerge {
  readonly #sign: 1 | -1;
  /** Newest layer first; a layer that has ended is taken out. */
  readonly #heads: Head[] = [];

  constructor(layers: readonly SortedRows[], bounds: RowBounds, isReverse: boolean) {
    this.#sign = isReverse ? -1 : 1;
    for (const layer of layers) {
      const rows = layer.rows(bounds, isReverse);
      const first = rows.next();
      if (first.done !== true) {
        this.#heads.push({ rows, row: first.value });
      }
    }
  }

  /**
   * Takes the next row if it comes before `key` or is its row.
   *
   * @param key Without one, there is no end.
   * @returns undefined when no row is left up to there.
   */
  takeUpTo(key: Uint8Array | undefined): Row | undefined {
    const next = this.#smallest();
    if (next === undefined || (key !== undefined && this.#compare(next[0], key) > 0)) {
      return undefined;
    }
    this.#passOver(next[0]);
    return next;
  }

  #smallest(): Row | undefined {
    let smallest: Row | undefined;
    for (const { row } of this.#heads) {
      if (smallest === undefined || this.#compare(row[0], smallest[0]) < 0) {
        smallest = row;
      }
    }
    return smallest;
  }

  #passOver(key: Uint8Array): void {
    for (let at = this.#heads.length - 1; at >= 0; at -= 1) {
      const head = this.#heads[at];
      if (head !== undefined && compareBytes(head.row[0], key) === 0) {
        const next = head.rows.next();
        if (next.done === true) {
          this.#heads.splice(at, 1);
        } else {
          head.row = next.value;
        }
      }
    }
  }

  #compare(left: Uint8Array, right: Uint8Array): number {
    return this.#sign * compareBytes(left, right);
  }
}
