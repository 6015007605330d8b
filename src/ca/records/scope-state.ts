/**
 * Reading the lists' records: the state of a scope, its archive.
 *
 * @module
 */

import type { ReadView } from '../../store/store.ts';
import { CaError } from '../errors.ts';
import type { CaTables } from './ca-tables.ts';
import {
  type PublishedDelta,
  type PublishedList,
  parsePublishedDelta,
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

/** Every list of the archive, by number. */
export async function readAllArchived(
  view: ReadView,
  tables: CaTables,
  scopeId: string,
): Promise<readonly PublishedList[]> {
  const lists: PublishedList[] = [];
  for await (const [, bytes] of view.range(tables.archives(scopeId))) {
    lists.push(parsePublishedList(bytes));
  }
  return lists;
}

/** The list that was the newest at an instant; undefined when there was none yet. */
export async function readArchivedAt(
  view: ReadView,
  tables: CaTables,
  at: { readonly scopeId: string; readonly atMs: number },
): Promise<PublishedList | undefined> {
  const range = { ...tables.archives(at.scopeId), reverse: true };
  for await (const [, bytes] of view.range(range)) {
    const list = parsePublishedList(bytes);
    if (list.thisUpdateMs <= at.atMs) {
      return list;
    }
  }
  return undefined;
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

/** Every delta list of the archive, by number. */
export async function readAllDeltas(
  view: ReadView,
  tables: CaTables,
  scopeId: string,
): Promise<readonly PublishedDelta[]> {
  const deltas: PublishedDelta[] = [];
  for await (const [, bytes] of view.range(tables.deltaArchives(scopeId))) {
    deltas.push(parsePublishedDelta(bytes));
  }
  return deltas;
}

/** A delta list of the archive; undefined when there is none of this number. */
export async function readDelta(
  view: ReadView,
  tables: CaTables,
  delta: { readonly scopeId: string; readonly number: bigint },
): Promise<PublishedDelta | undefined> {
  const bytes = await view.read(tables.deltaArchive(delta.scopeId, delta.number));
  return bytes === undefined ? undefined : parsePublishedDelta(bytes);
}
