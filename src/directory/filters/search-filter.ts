/**
 * The filter of one search, resolved once, evaluated on entry after entry with the eyes of the caller.
 *
 * An attribute takes part when the caller may both search and read it: a search never tells what
 * reading may not.
 *
 * @module
 */

import type { Awaitable } from '../../core/awaitable.ts';
import type { ReadView } from '../../store/store.ts';
import type { EntryAccess } from '../access/access.ts';
import { type Attribute, type Entry, isLoaded } from '../entries/entry.ts';
import { loadValues } from '../entries/large-values.ts';
import type { AttributeType, EntryAttribute, SchemaLookup } from '../schema/schema-model.ts';
import type { Filter } from './filter.ts';
import { comparedTypes, evaluateFilter, mentionedTypes } from './filter-evaluation.ts';
import { type ResolvedFilter, resolveFilter } from './filter-resolution.ts';
import { type FetchedValues, nothingFetched, SearchedEntry } from './searched-entry.ts';

export class SearchFilter {
  readonly resolved: ResolvedFilter;
  readonly #schema: SchemaLookup;
  /** Types whose values are looked at; undefined stands for every type. */
  readonly #compared: ReadonlySet<AttributeType | undefined>;
  /** Types that are named at all. */
  readonly #mentioned: ReadonlySet<AttributeType | undefined>;

  /** @throws {DirectoryError} `DIRECTORY_FILTER_LIMIT`. */
  constructor(filter: Filter, schema: SchemaLookup) {
    this.resolved = resolveFilter(filter, schema);
    this.#schema = schema;
    this.#compared = comparedTypes(this.resolved);
    this.#mentioned = mentionedTypes(this.resolved);
  }

  /** True when the result may depend on this type. */
  mentions(type: AttributeType): boolean {
    return isAmong(type, this.#mentioned);
  }

  /** True when the filter is true for the entry as far as the caller may look. */
  matches(entry: Entry, view: ReadView, access: Pick<EntryAccess, 'allows'>): Awaitable<boolean> {
    const canSearch = (type: AttributeType): boolean =>
      access.allows('search', type) && access.allows('read', type);
    const evaluate = (fetched: FetchedValues): boolean => {
      const seen = new SearchedEntry(entry, { canSearch, fetched, schema: this.#schema });
      return evaluateFilter(this.resolved, seen, this.#schema) === true;
    };
    return this.#comparesKeptApart(entry, canSearch)
      ? this.#fetch(entry, view, canSearch).then(evaluate)
      : evaluate(nothingFetched);
  }

  /**
   * True when a value that is kept apart may have to be compared. What the caller may not search makes no
   * difference, not even to the order in which requests are answered.
   */
  #comparesKeptApart(entry: Entry, canSearch: (type: AttributeType) => boolean): boolean {
    for (const { type, values } of entry.attributes) {
      if (isAmong(type, this.#compared) && !isLoaded(values) && canSearch(type)) {
        return true;
      }
    }
    return false;
  }

  /** The values kept apart that will be compared. */
  async #fetch(
    entry: Entry,
    view: ReadView,
    canSearch: (type: AttributeType) => boolean,
  ): Promise<FetchedValues> {
    let fetched: Map<Attribute, EntryAttribute> | undefined;
    for (const attribute of entry.attributes) {
      const { type, options, values } = attribute;
      if (!isLoaded(values) && isAmong(type, this.#compared) && canSearch(type)) {
        fetched ??= new Map();
        fetched.set(attribute, { type, options, values: await loadValues(view, attribute) });
      }
    }
    return fetched ?? nothingFetched;
  }
}

/** True when the type or one above it is in the set, or the set stands for every type. */
function isAmong(type: AttributeType, types: ReadonlySet<AttributeType | undefined>): boolean {
  if (types.has(undefined)) {
    return true;
  }
  for (let at: AttributeType | undefined = type; at !== undefined; at = at.superior) {
    if (types.has(at)) {
      return true;
    }
  }
  return false;
}
