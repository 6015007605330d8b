/**
 * An entry as a filter sees it (`filter-evaluation.ts`): stored values, values that were fetched for
 * it, and what may take part.
 *
 * @module
 */

import { type Attribute, type Entry, isLoaded } from '../entries/entry.ts';
import { Dn } from '../names/dn.ts';
import { isSubtypeOf } from '../schema/attribute-description.ts';
import type { AttributeType, EntryAttribute, SchemaLookup } from '../schema/schema-model.ts';
import type { EntryView } from './filter-evaluation.ts';

/** Attributes whose values are kept apart, with the values. */
export type FetchedValues = ReadonlyMap<Attribute, EntryAttribute>;

export const nothingFetched: FetchedValues = new Map();
const noValues: readonly Uint8Array[] = [];

export interface SearchedEntryOptions {
  readonly canSearch: (type: AttributeType) => boolean;
  readonly fetched: FetchedValues;
  readonly schema: SchemaLookup;
}

export class SearchedEntry implements EntryView {
  readonly canSearch: (type: AttributeType) => boolean;
  readonly #entry: Entry;
  readonly #fetched: FetchedValues;
  readonly #schema: SchemaLookup;

  constructor(entry: Entry, { canSearch, fetched, schema }: SearchedEntryOptions) {
    this.canSearch = canSearch;
    this.#entry = entry;
    this.#fetched = fetched;
    this.#schema = schema;
  }

  dn(): Dn {
    return Dn.parse(this.#entry.dn, this.#schema);
  }

  attributes(type: AttributeType | undefined): readonly EntryAttribute[] {
    const found: EntryAttribute[] = [];
    for (const attribute of this.#entry.attributes) {
      if (type === undefined || isSubtypeOf(attribute.type, type)) {
        found.push(this.#fetched.get(attribute) ?? withSmallValues(attribute));
      }
    }
    return found;
  }
}

/** Values that were not fetched are not compared; that the attribute is there still counts. */
function withSmallValues(attribute: Attribute): EntryAttribute {
  const { type, options, values } = attribute;
  return { type, options, values: isLoaded(values) ? values : noValues };
}
