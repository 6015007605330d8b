/**
 * Makes what is sent of an entry: the attributes that were asked for and may be read, values fetched.
 *
 * @module
 */

import type { ReadView } from '../store/store.ts';
import type { EntryAccess } from './access.ts';
import type { AccessNotes } from './access-notes.ts';
import { formatAttributeDescription } from './attribute-description.ts';
import type { AttributeSelection } from './attribute-selection.ts';
import type { Entry } from './entry.ts';
import { loadValues } from './large-values.ts';
import type { AttributeType } from './schema-model.ts';
import type { AttributeValues, SearchResultEntry } from './service.ts';
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

export async function selectFrom(
  entry: Entry,
  { view, access, selection, matchedValues, typesOnly, onWithheld, notes }: ResultContext,
): Promise<SearchResultEntry> {
  const canSearch = (type: AttributeType): boolean => access.allows('search', type);
  const attributes: AttributeValues[] = [];
  for (const attribute of entry.attributes) {
    const { type, options } = attribute;
    if (!selection.includes(type, options)) {
      continue;
    }
    if (!access.allows('read', type)) {
      if (selection.isNamed(type, options)) {
        onWithheld();
        notes?.noteWithheld(entry.dn, type);
      }
      continue;
    }
    const values = typesOnly ? noValues : await loadValues(view, attribute);
    const selected = matchedValues?.select({ type, options, values }, canSearch) ?? values;
    notes?.noteGiven(entry.dn, type, selected);
    attributes.push({ description: formatAttributeDescription(type, options), values: selected });
  }
  return { dn: entry.dn, attributes };
}
