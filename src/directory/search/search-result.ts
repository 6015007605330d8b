/**
 * Makes what is sent of an entry: the attributes that were asked for and may be read, values fetched.
 *
 * @module
 */

import type { Awaitable } from '../../core/awaitable.ts';
import type { ReadView } from '../../store/store.ts';
import type { EntryAccess } from '../access/access.ts';
import type { AccessNotes } from '../access/access-notes.ts';
import type { AttributeSelection } from '../entries/attribute-selection.ts';
import { type Attribute, type Entry, isLoaded } from '../entries/entry.ts';
import { loadValues } from '../entries/large-values.ts';
import { formatAttributeDescription } from '../schema/attribute-description.ts';
import type { AttributeValues, SearchResultEntry } from '../service.ts';
import type { ValueSelection } from './value-selection.ts';

const noValues: readonly Uint8Array[] = [];

export interface ResultContext {
  readonly view: ReadView;
  readonly access: EntryAccess;
  readonly selection: AttributeSelection;
  /** Which of the values; all when undefined. No effect on names alone (RFC 3876 §2). */
  readonly matchedValues?: ValueSelection | undefined;
  readonly typesOnly: boolean;
  /** Told of attributes asked for by name that have values and were withheld. */
  readonly onWithheld: () => void;
  /** Takes note of revocation information. */
  readonly notes?: AccessNotes | undefined;
}

/** What is sent of the entry; a promise of it where values have to be fetched. */
export function selectFrom(entry: Entry, context: ResultContext): Awaitable<SearchResultEntry> {
  const { access, selection, onWithheld, notes } = context;
  const selected: Attribute[] = [];
  let isAtHand = true;
  for (const attribute of entry.attributes) {
    const { type, options } = attribute;
    if (!selection.includes(type, options)) {
      continue;
    }
    if (access.allows('read', type)) {
      selected.push(attribute);
      isAtHand &&= context.typesOnly || isLoaded(attribute.values);
    } else if (selection.isNamed(type, options)) {
      onWithheld();
      notes?.noteWithheld(entry.dn, type);
    }
  }
  return isAtHand
    ? resultOf(entry, selected, context)
    : fetchAll(selected, context).then((fetched) => resultOf(entry, fetched, context));
}

/** With all values at hand that are sent. */
function resultOf(
  { dn }: Entry,
  selected: readonly Attribute[],
  { access, matchedValues, typesOnly, notes }: ResultContext,
): SearchResultEntry {
  const attributes: AttributeValues[] = [];
  for (const { type, options, values: stored } of selected) {
    const values = typesOnly || !isLoaded(stored) ? noValues : stored;
    const matched =
      matchedValues?.select({ type, options, values }, (one) => access.allows('search', one)) ??
      values;
    notes?.noteGiven(dn, type, matched);
    attributes.push({ description: formatAttributeDescription(type, options), values: matched });
  }
  return { dn, attributes };
}

async function fetchAll(
  attributes: readonly Attribute[],
  { view, typesOnly }: ResultContext,
): Promise<readonly Attribute[]> {
  const fetched: Attribute[] = [];
  for (const attribute of attributes) {
    const values = typesOnly ? attribute.values : await loadValues(view, attribute);
    fetched.push({ ...attribute, values });
  }
  return fetched;
}
