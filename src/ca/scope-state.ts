/**
 * Reading the lists' records: the state of a scope, its entries, its archive.
 *
 * @module
 */

import type { ReadView } from '../store/store.ts';
import { type CaTables, numberOfKey } from './ca-tables.ts';
import { CaError } from './errors.ts';
import { parseStoredEntry, type StoredEntry } from './revoked-entry.ts';
import {
  type PublishedList,
  parsePublishedList,
  parseScopeRecord,
  type ScopeRecord,
} from './scope-record.ts';

/**
 * The state of a scope.
 *
 * @throws {CaError} `CA_RECORD_DAMAGED` when there is none: each scope is made with the CA or when
 *   it enters the policy.
 */
export async function readScopeRecord(
  view: ReadView,
  tables: CaTables,
  scopeId: string,
): Promise<ScopeRecord> {
  const bytes = await view.read(tables.scope(scopeId));
  if (bytes === undefined) {
    throw new CaError('CA_RECORD_DAMAGED', `the record of the list ${scopeId} is missing`);
  }
  return parseScopeRecord(bytes);
}

/** The entries of a scope in the order of revocation, each with its number. */
export async function* readEntries(
  view: ReadView,
  tables: CaTables,
  scopeId: string,
): AsyncIterable<StoredEntry & { readonly sequence: bigint }> {
  for await (const [key, bytes] of view.range(tables.revokedEntries(scopeId))) {
    yield { ...parseStoredEntry(bytes), sequence: numberOfKey(key) };
  }
}

/** A list of the archive; undefined when there is none of this number. */
export async function readArchived(
  view: ReadView,
  tables: CaTables,
  list: { readonly scopeId: string; readonly number: bigint },
): Promise<PublishedList | undefined> {
  const bytes = await view.read(tables.archive(list.scopeId, list.number));
  return bytes === undefined ? undefined : parsePublishedList(bytes);
}
