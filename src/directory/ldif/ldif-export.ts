/**
 * Export as LDIF: entries from one snapshot, parents before their children, operational attributes that are
 * stored included unless they are not wanted, so that an import elsewhere keeps identities and times.
 *
 * Memory holds one entry and what the store reads ahead, whatever the size; a reader that is slow holds the
 * snapshot.
 *
 * For the program and its owner: nothing is withheld, password hashes included.
 *
 * @module
 */

import type { ReadView } from '../../store/store.ts';
import { type DirectoryCore, noSuchObject } from '../directory-core.ts';
import type { Entry } from '../entries/entry.ts';
import { loadValues } from '../entries/large-values.ts';
import { EventLoopTurn } from '../event-loop-turn.ts';
import type { Filter } from '../filters/filter.ts';
import { SearchFilter } from '../filters/search-filter.ts';
import { Dn } from '../names/dn.ts';
import { formatAttributeDescription } from '../schema/attribute-description.ts';
import type { AttributeValues, SearchScope } from '../service.ts';
import { formatLdifRecord, ldifHeader } from './ldif-writer.ts';

export interface ExportOptions {
  /** `subtree` by default. */
  readonly scope?: SearchScope;
  /** Only entries that it is true for. */
  readonly filter?: Filter;
  /** Without operational attributes. */
  readonly isUserOnly?: boolean;
}

/** How many characters are gathered before they are handed on. */
const CHUNK_CHARACTERS = 64 * 1024;

/** The owner of the directory may look at everything. */
const wholeAccess = { allows: (): boolean => true };

/** See `Directory.exportLdif`. */
export async function* exportLdif(
  core: DirectoryCore,
  base: string,
  options: ExportOptions = {},
): AsyncGenerator<string, void, undefined> {
  const baseKey = Dn.parse(base, core.schema).key;
  const { filter, isUserOnly = false } = options;
  const wanted = filter && new SearchFilter(filter, core.schema);
  const turn = new EventLoopTurn(core.clock);
  const snapshot = core.store.snapshot();
  try {
    if (baseKey.length > 0 && (await core.tree.read(snapshot, baseKey)) === undefined) {
      throw noSuchObject();
    }
    let text = ldifHeader;
    for await (const entry of entriesIn(core, snapshot, { baseKey, options })) {
      await turn.yieldIfDue();
      if (wanted !== undefined && !(await wanted.matches(entry, snapshot, wholeAccess))) {
        continue;
      }
      text += formatLdifRecord(entry.dn, await attributesOf(entry, snapshot, isUserOnly));
      if (text.length >= CHUNK_CHARACTERS) {
        yield text;
        text = '';
      }
    }
    yield text;
  } finally {
    await snapshot.close();
  }
}

async function* entriesIn(
  { tree, suffixes }: DirectoryCore,
  view: ReadView,
  { baseKey, options }: { readonly baseKey: Uint8Array; readonly options: ExportOptions },
): AsyncGenerator<Entry, void, undefined> {
  const { scope = 'subtree' } = options;
  if (scope === 'subtree') {
    yield* tree.subtree(view, baseKey);
  } else if (scope === 'one' && baseKey.length > 0) {
    yield* tree.children(view, baseKey);
  } else {
    // The root is no entry; what is one below it are the suffixes.
    const keys = baseKey.length > 0 ? [baseKey] : suffixes.map(({ key }) => key);
    for (const key of scope === 'base' && baseKey.length === 0 ? [] : keys) {
      const entry = await tree.read(view, key);
      if (entry !== undefined) {
        yield entry;
      }
    }
  }
}

async function attributesOf(
  entry: Entry,
  view: ReadView,
  isUserOnly: boolean,
): Promise<readonly AttributeValues[]> {
  const attributes: AttributeValues[] = [];
  for (const attribute of entry.attributes) {
    if (!isUserOnly || !attribute.type.isOperational) {
      const description = formatAttributeDescription(attribute.type, attribute.options);
      attributes.push({ description, values: await loadValues(view, attribute) });
    }
  }
  return attributes;
}
