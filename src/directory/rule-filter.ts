/**
 * The filter of an access rule's target: RFC 4515 text, evaluated on the whole entry whoever asks.
 * It must be able to answer from the entry alone, at once: a filter that names something undefined,
 * or compares values that are kept apart, is refused when the rules are compiled.
 *
 * @module
 */

import type { Entry } from './entry.ts';
import { comparedTypes, evaluateFilter } from './filter-evaluation.ts';
import { type ResolvedFilter, resolveFilter } from './filter-resolution.ts';
import { parseFilter } from './filter-text.ts';
import type { SchemaLookup } from './schema-model.ts';
import { nothingFetched, SearchedEntry } from './searched-entry.ts';

export class RuleFilter {
  readonly #filter: ResolvedFilter;
  readonly #schema: SchemaLookup;

  /** @throws {DirectoryError} `DIRECTORY_FILTER_SYNTAX`, `DIRECTORY_FILTER_LIMIT`. */
  constructor(text: string, schema: SchemaLookup) {
    this.#filter = resolveFilter(parseFilter(text), schema);
    this.#schema = schema;
  }

  /** Why it cannot stand in a rule, as a phrase; undefined when it can. */
  get problem(): string | undefined {
    if (hasUndefined(this.#filter)) {
      return 'names an attribute, rule or value that is not defined';
    }
    const types = [...comparedTypes(this.#filter)];
    return types.some((type) => type === undefined || type.requiresBinary)
      ? 'compares values that are not kept with the entry'
      : undefined;
  }

  fits(entry: Entry): boolean {
    const options = { canSearch: () => true, fetched: nothingFetched, schema: this.#schema };
    return evaluateFilter(this.#filter, new SearchedEntry(entry, options), this.#schema) === true;
  }
}

function hasUndefined(filter: ResolvedFilter): boolean {
  switch (filter.kind) {
    case 'undefined':
      return true;
    case 'and':
    case 'or':
      return filter.filters.some(hasUndefined);
    case 'not':
      return hasUndefined(filter.filter);
    case 'present':
    case 'value':
    case 'extensible':
      return false;
  }
}
