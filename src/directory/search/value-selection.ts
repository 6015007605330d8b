/**
 * Matched values (RFC 3876): of the attributes that a search returns, only the values for which one of
 * several filter items is true.
 *
 * @module
 */

import type { Filter } from '../filters/filter.ts';
import { type EntryView, evaluateFilter } from '../filters/filter-evaluation.ts';
import { type ResolvedFilter, resolveFilter } from '../filters/filter-resolution.ts';
import { Dn } from '../names/dn.ts';
import { isSubtypeOf } from '../schema/attribute-description.ts';
import type { AttributeType, EntryAttribute, SchemaLookup } from '../schema/schema-model.ts';

export class ValueSelection {
  readonly #items: ResolvedFilter;
  readonly #schema: SchemaLookup;

  /**
   * @param items Filters without `and`, `or` and `not`.
   * @throws {DirectoryError} `DIRECTORY_FILTER_LIMIT`.
   */
  constructor(items: readonly Filter[], schema: SchemaLookup) {
    this.#items = resolveFilter({ kind: 'or', filters: items }, schema);
    this.#schema = schema;
  }

  /** The values that an item is true for. What may not be searched matches nothing. */
  select(
    attribute: EntryAttribute,
    canSearch: (type: AttributeType) => boolean,
  ): readonly Uint8Array[] {
    return attribute.values.filter((value) => {
      const alone = new ValueView({ ...attribute, values: [value] }, canSearch);
      return evaluateFilter(this.#items, alone, this.#schema) === true;
    });
  }
}

/** An entry that has one value. */
class ValueView implements EntryView {
  readonly canSearch: (type: AttributeType) => boolean;
  readonly #attribute: EntryAttribute;

  constructor(attribute: EntryAttribute, canSearch: (type: AttributeType) => boolean) {
    this.#attribute = attribute;
    this.canSearch = canSearch;
  }

  dn(): Dn {
    return Dn.root;
  }

  attributes(type: AttributeType | undefined): readonly EntryAttribute[] {
    const isMeant = type === undefined || isSubtypeOf(this.#attribute.type, type);
    return isMeant ? [this.#attribute] : [];
  }
}
