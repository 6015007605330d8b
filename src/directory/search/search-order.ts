/**
 * Server-side sorting (RFC 2891): which values an entry is placed by, and what one search may sort.
 *
 * An entry is placed by the least value that the caller may search and read; one without such a value
 * comes after all others, or first in reverse. Entries that no key tells apart stand in the order of
 * their names. Long values are compared by their beginnings.
 *
 * @module
 */

import { compareBytes } from '../../core/bytes.ts';
import type { ReadView } from '../../store/store.ts';
import type { EntryAccess } from '../access/access.ts';
import type { Entry } from '../entries/entry.ts';
import { loadValues } from '../entries/large-values.ts';
import { DirectoryError } from '../errors.ts';
import { isSubtypeOf, parseAttributeDescription } from '../schema/attribute-description.ts';
import { matchingRule } from '../schema/matching-rules.ts';
import type { AttributeType, OrderingRule, SchemaLookup } from '../schema/schema-model.ts';
import type { SortFailure, SortKey } from '../service.ts';

/** Of a value's ordering key so much counts; a position has to fit a paging cookie. */
const MAX_KEY_BYTES = 128;

const MAX_SORT_KEYS = 8;

/** Where an entry stands among the results of a search. */
export interface SearchPosition {
  /** One for each sort key; undefined for an entry without a value. */
  readonly sortKeys: readonly (Uint8Array | undefined)[];
  /** The key of the entry's name. */
  readonly entryKey: Uint8Array;
}

/** The wish cannot be met; the search itself could go on. */
export class SortRefusal extends Error {
  readonly failure: SortFailure;

  constructor(failure: SortFailure) {
    super(failure.result);
    this.name = 'SortRefusal';
    this.failure = failure;
  }
}

interface ResolvedSortKey {
  readonly type: AttributeType;
  readonly options: readonly string[];
  readonly rule: OrderingRule;
  readonly isReverse: boolean;
}

export class SearchOrder {
  readonly #keys: readonly ResolvedSortKey[];
  readonly #schema: SchemaLookup;

  /** @throws {SortRefusal} for keys that cannot be sorted by. */
  constructor(keys: readonly SortKey[], schema: SchemaLookup) {
    if (keys.length > MAX_SORT_KEYS) {
      throw new SortRefusal({ result: 'adminLimitExceeded' });
    }
    this.#schema = schema;
    this.#keys = keys.map((key) => resolveKey(key, schema));
  }

  /** True when the order may depend on this type. */
  mentions(type: AttributeType): boolean {
    return this.#keys.some((key) => isSubtypeOf(type, key.type));
  }

  async positionOf(
    entry: Entry,
    { view, access }: { readonly view: ReadView; readonly access: EntryAccess },
  ): Promise<SearchPosition> {
    const sortKeys: (Uint8Array | undefined)[] = [];
    for (const key of this.#keys) {
      let least: Uint8Array | undefined;
      for (const attribute of entry.attributes) {
        const { type, options } = attribute;
        const isKey =
          isSubtypeOf(type, key.type) && key.options.every((option) => options.includes(option));
        if (isKey && access.allows('search', type) && access.allows('read', type)) {
          for (const value of await loadValues(view, attribute)) {
            least = lesser(least, this.#orderingKey(key.rule, value));
          }
        }
      }
      sortKeys.push(least);
    }
    return { sortKeys, entryKey: entry.key };
  }

  /** Below zero when `left` comes first. */
  compare(left: SearchPosition, right: SearchPosition): number {
    for (const [at, { isReverse }] of this.#keys.entries()) {
      const order = compareKeys(left.sortKeys[at], right.sortKeys[at]);
      if (order !== 0) {
        return isReverse ? -order : order;
      }
    }
    return compareBytes(left.entryKey, right.entryKey);
  }

  /** A copy, so that it does not keep the entry; undefined for a value that the rule cannot take. */
  #orderingKey(rule: OrderingRule, value: Uint8Array): Uint8Array | undefined {
    try {
      return Uint8Array.from(rule.valueKey(value, this.#schema).subarray(0, MAX_KEY_BYTES));
    } catch (error) {
      if (error instanceof DirectoryError) {
        return undefined;
      }
      throw error;
    }
  }
}

/** Entries that all searches under way sort at a time; what they hold in memory. */
export class SortRoom {
  #left: number;

  constructor(maxEntries: number) {
    this.#left = maxEntries;
  }

  /** @throws {SortRefusal} when others sort too much. */
  take(): void {
    if (this.#left === 0) {
      throw new SortRefusal({ result: 'busy' });
    }
    this.#left -= 1;
  }

  release(entries: number): void {
    this.#left += entries;
  }
}

function lesser(
  left: Uint8Array | undefined,
  right: Uint8Array | undefined,
): Uint8Array | undefined {
  return compareKeys(left, right) <= 0 ? left : right;
}

/** RFC 2891 §1.1: no value is larger than every value. */
function compareKeys(left: Uint8Array | undefined, right: Uint8Array | undefined): number {
  if (left === undefined || right === undefined) {
    return Number(left === undefined) - Number(right === undefined);
  }
  return compareBytes(left, right);
}

function resolveKey(
  { attribute, rule, isReverse }: SortKey,
  schema: SchemaLookup,
): ResolvedSortKey {
  const { type, options } = parseAttributeDescription(attribute, schema);
  if (type === undefined) {
    throw new SortRefusal({ result: 'noSuchAttribute', attribute });
  }
  const ordering = rule === undefined ? orderingOf(type) : matchingRule(rule);
  if (ordering?.kind !== 'ordering' || !ordering.appliesTo.has(type.syntax.oid)) {
    throw new SortRefusal({ result: 'inappropriateMatching', attribute });
  }
  return { type, options, rule: ordering, isReverse };
}

/** The type's own rule, or the one that goes with its equality rule: cn and sn have no other. */
function orderingOf(type: AttributeType): OrderingRule | undefined {
  const { ordering, equality } = type;
  const companion = equality && matchingRule(equality.name.replace(/Match$/, 'OrderingMatch'));
  return ordering ?? (companion?.kind === 'ordering' ? companion : undefined);
}
