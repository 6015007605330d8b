/**
 * Every list that was ever published, by number and by time.
 *
 * @module
 */

import type { ReadView } from '../../store/store.ts';
import { type CaCore, reading } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { type PublishedList, parsePublishedList } from '../records/scope-record.ts';
import {
  readAllArchived,
  readArchived,
  readArchivedAt,
  readDelta,
  readScopeRecord,
} from '../records/scope-state.ts';

/** A list by its number, or the one that was the newest at an instant; the newest of all when neither is named. */
export interface WhichList {
  readonly number?: bigint;
  readonly atMs?: number;
}

/** See `CertificateAuthority.readList`. */
export function readList(
  { store, tables, scopes }: CaCore,
  scopeId: string,
  number?: bigint,
): Promise<Uint8Array | undefined> {
  const { id } = scopes.find(scopeId);
  return reading(store, async (view) => {
    const { published } = await readScopeRecord(view, tables, id);
    const list =
      number === undefined ? published : await readArchived(view, tables, { scopeId: id, number });
    return list === undefined ? undefined : await readBytes(view, id, list);
  });
}

/** See `CertificateAuthority.findList`. */
export function findList(
  { store, tables, scopes }: CaCore,
  scopeId: string,
  { number, atMs = Number.POSITIVE_INFINITY }: WhichList,
): Promise<PublishedList & { readonly der: Uint8Array }> {
  const { id } = scopes.find(scopeId);
  return reading(store, async (view) => {
    const list =
      number === undefined
        ? await readArchivedAt(view, tables, { scopeId: id, atMs })
        : ((await readArchived(view, tables, { scopeId: id, number })) ??
          (await readDelta(view, tables, { scopeId: id, number })));
    if (list === undefined) {
      throw new CaError('CA_LIST_UNKNOWN', `no such list of ${id} was published`);
    }
    return { ...list, der: await readBytes(view, id, list) };
  });
}

/** See `CertificateAuthority.listArchived`. */
export function listArchived(
  { store, tables, scopes }: CaCore,
  scopeId: string,
): Promise<readonly PublishedList[]> {
  const { id } = scopes.find(scopeId);
  return reading(store, (view) => readAllArchived(view, tables, id));
}

/** See `CertificateAuthority.listArchivedSince`. */
export function listArchivedSince(
  { store, tables, scopes }: CaCore,
  scopeId: string,
  sinceMs: number,
): Promise<readonly PublishedList[]> {
  const { id } = scopes.find(scopeId);
  return reading(store, async (view) => {
    const lists: PublishedList[] = [];
    for await (const [, bytes] of view.range({ ...tables.archives(id), reverse: true })) {
      const list = parsePublishedList(bytes);
      lists.push(list);
      if (list.thisUpdateMs < sinceMs) {
        break;
      }
    }
    return lists.reverse();
  });
}

async function readBytes(
  view: ReadView,
  scopeId: string,
  { number, sha256 }: PublishedList,
): Promise<Uint8Array> {
  const der = await view.readLarge(sha256);
  if (der === undefined) {
    throw new CaError('CA_RECORD_DAMAGED', `list ${number} of ${scopeId} is not in the store`);
  }
  return der;
}
