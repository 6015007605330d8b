/**
 * The filter of an access rule's target: RFC 4515 text, evaluated on the whole entry whoever asks.
 * It must be able to answer from the entry alone, at once: a filter that names something undefined,
 * or compares values that are kept apart, is refused when the rules are compiled.
 *
 * @module
 */

import { type Attribute, type Entry, isLoaded } from '../entries/entry.ts';
import { comparedTypes, evaluateFilter, mentionedTypes } from '../filters/filter-evaluation.ts';
import { type ResolvedFilter, resolveFilter } from '../filters/filter-resolution.ts';
import { parseFilter } from '../filters/filter-text.ts';
import { nothingFetched, SearchedEntry } from '../filters/searched-entry.ts';
import { isSubtypeOf } from '../schema/attribute-description.ts';
import type { AttributeType, SchemaLookup } from '../schema/schema-model.ts';

/** Not stored with entries; see computed-attributes.ts. */
const computedNames: ReadonlySet<string> = new Set([
  'entryDN',
  'subschemaSubentry',
  'hasSubordinates',
  'numSubordinates',
  'contextCSN',
]);

export class RuleFilter {
  readonly #filter: ResolvedFilter;
  readonly #schema: SchemaLookup;
  /** Types whose values are looked at; undefined stands for every type. */
  readonly #compared: readonly (AttributeType | undefined)[];

  /** @throws {DirectoryError} `DIRECTORY_FILTER_SYNTAX`, `DIRECTORY_FILTER_LIMIT`. */
  constructor(text: string, schema: SchemaLookup) {
    this.#filter = resolveFilter(parseFilter(text), schema);
    this.#schema = schema;
    this.#compared = [...comparedTypes(this.#filter)];
  }

  /** Why it cannot stand in a rule, as a phrase; undefined when it can. */
  get problem(): string | undefined {
    if (hasUndefined(this.#filter)) {
      return 'names an attribute, rule or value that is not defined';
    }
    if (this.#compared.some((type) => type === undefined || type.requiresBinary)) {
      return 'compares values that are not kept with the entry; name attributes with small values';
    }
    const mentioned = [...mentionedTypes(this.#filter)];
    const computed = mentioned.find((type) => type !== undefined && computedNames.has(type.name));
    return computed === undefined
      ? undefined
      : `looks at ${computed.name}, which is worked out for each caller; use another attribute`;
  }

  /** Undefined when the entry has values that the filter compares and that are kept apart from it. */
  decide(entry: Entry): boolean | undefined {
    if (entry.attributes.some((attribute) => this.#isOutOfSight(attribute))) {
      return undefined;
    }
    const options = { canSearch: () => true, fetched: nothingFetched, schema: this.#schema };
    return evaluateFilter(this.#filter, new SearchedEntry(entry, options), this.#schema) === true;
  }

  #isOutOfSight({ type, values }: Attribute): boolean {
    return (
      !isLoaded(values) &&
      this.#compared.some((compared) => compared === undefined || isSubtypeOf(type, compared))
    );
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
