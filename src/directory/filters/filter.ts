/**
 * Search filters (RFC 4511 §4.5.1.7) as they come from the wire: attribute descriptions are still
 * text and values still octets. The schema gives them meaning in filter-resolution.ts.
 *
 * Not here: the text form (filter-text.ts), evaluation (filter-evaluation.ts).
 *
 * @module
 */

import { DirectoryError } from '../errors.ts';

/** `filters` may be empty: absolute true and false (RFC 4526). */
export interface SetFilter {
  readonly kind: 'and' | 'or';
  readonly filters: readonly Filter[];
}

export interface NotFilter {
  readonly kind: 'not';
  readonly filter: Filter;
}

export interface AssertionFilter {
  readonly kind: 'equality' | 'greaterOrEqual' | 'lessOrEqual' | 'approx';
  readonly attribute: string;
  readonly value: Uint8Array;
}

export interface PresentFilter {
  readonly kind: 'present';
  readonly attribute: string;
}

/** At least one piece; none is empty. */
export interface SubstringsFilter {
  readonly kind: 'substrings';
  readonly attribute: string;
  readonly initial?: Uint8Array;
  readonly any: readonly Uint8Array[];
  readonly final?: Uint8Array;
}

/** `rule` or `attribute` or both. */
export interface ExtensibleFilter {
  readonly kind: 'extensible';
  readonly rule?: string;
  readonly attribute?: string;
  readonly value: Uint8Array;
  readonly dnAttributes: boolean;
}

export type Filter =
  | SetFilter
  | NotFilter
  | AssertionFilter
  | PresentFilter
  | SubstringsFilter
  | ExtensibleFilter;

export interface FilterLimits {
  /** Levels of `and`, `or`, `not` above an item, plus one. */
  readonly maxDepth: number;
  /** Items, sets and negations together, and pieces of substrings. */
  readonly maxNodes: number;
}

export const defaultFilterLimits: FilterLimits = { maxDepth: 32, maxNodes: 1024 };

/** Counts what a decoder makes of a filter, text or BER, against the limits. */
export class FilterBudget {
  readonly #limits: FilterLimits;
  #nodes = 0;

  constructor(limits: FilterLimits = defaultFilterLimits) {
    this.#limits = limits;
  }

  /**
   * Takes one node at `depth` (the outermost filter is at 1).
   *
   * @throws {DirectoryError} `DIRECTORY_FILTER_LIMIT`.
   */
  take(depth: number): void {
    this.#nodes += 1;
    if (depth > this.#limits.maxDepth) {
      throw new DirectoryError(
        'DIRECTORY_FILTER_LIMIT',
        `the filter is nested deeper than ${this.#limits.maxDepth} levels`,
      );
    }
    if (this.#nodes > this.#limits.maxNodes) {
      throw new DirectoryError(
        'DIRECTORY_FILTER_LIMIT',
        `the filter has more than ${this.#limits.maxNodes} parts`,
      );
    }
  }
}
