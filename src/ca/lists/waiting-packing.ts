/**
 * Packing what waits for a list: revocations that came one by one have a row each, and the transaction that publishes
 * their list takes every row away. So that it stays short, many of them are packed into few rows before, in
 * transactions of their own; nothing else changes with that.
 *
 * @module
 */

import type { Transaction } from '../../store/store.ts';
import { RevokedEntryCursor } from '../../x509/certificate-list-cursor.ts';
import { type CaCore, reading, transactAsOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { readScopeRecord } from '../records/scope-state.ts';
import {
  encodeWaitingEntries,
  MAX_WAITING_PER_ROW,
  type NewEntry,
  parseWaitingEntries,
  type WaitingEntries,
} from '../records/waiting-entries.ts';

/** With so many rows the publishing transaction is still short. */
const MAX_ROWS = 1024;

/**
 * Packs what waits in a scope, when it is in many rows. Others may append meanwhile.
 *
 * @throws {CaError} `CA_NOT_OWNER`, `CA_RECORD_DAMAGED`.
 */
export async function packWaiting(core: CaCore, scopeId: string): Promise<void> {
  const { store, tables } = core;
  const isLong = await reading(store, async (view) => {
    const { acknowledgedSequence, published } = await readScopeRecord(view, tables, scopeId);
    if (acknowledgedSequence - (published?.sequence ?? 0n) <= BigInt(MAX_ROWS)) {
      return false;
    }
    let rows = 0;
    for await (const _ of view.keys({ ...tables.waitingEntries(scopeId), limit: MAX_ROWS + 1 })) {
      rows += 1;
    }
    return rows > MAX_ROWS;
  });
  let from: Uint8Array | undefined = isLong ? tables.waitingEntries(scopeId).gte : undefined;
  while (from !== undefined) {
    const gte: Uint8Array = from;
    from = await transactAsOwner(core, 'ca: pack entries', (transaction) =>
      packPage(core, transaction, { scopeId, gte }),
    );
  }
}

/** @returns where the next page begins; undefined behind the last. */
async function packPage(
  { tables }: Pick<CaCore, 'tables'>,
  transaction: Transaction,
  { scopeId, gte }: { readonly scopeId: string; readonly gte: Uint8Array },
): Promise<Uint8Array | undefined> {
  const range = { ...tables.waitingEntries(scopeId), gte, limit: MAX_ROWS };
  const entries: NewEntry[] = [];
  const keys: Uint8Array[] = [];
  let first: bigint | undefined;
  let next: Uint8Array | undefined;
  for await (const [key, bytes] of transaction.range(range)) {
    const row = parseWaitingEntries(key, bytes);
    first ??= row.firstSequence;
    const follows = row.firstSequence === first + BigInt(entries.length);
    if (!follows || entries.length + row.count > MAX_WAITING_PER_ROW) {
      next = key;
      break;
    }
    entries.push(...readEntries(row));
    keys.push(key);
  }
  const [firstKey] = keys;
  if (firstKey === undefined) {
    // A full row, which stays as it is; behind it there may be others.
    return next === undefined ? undefined : Uint8Array.of(...next, 0);
  }
  for (const key of keys) {
    transaction.delete(key);
  }
  transaction.put(firstKey, encodeWaitingEntries(entries));
  return next ?? (keys.length < MAX_ROWS ? undefined : Uint8Array.of(...(keys.at(-1) ?? gte), 0));
}

function readEntries(row: WaitingEntries): readonly NewEntry[] {
  const cursor = new RevokedEntryCursor(row.der);
  return Array.from({ length: row.count }, (_none, index) => {
    if (!cursor.next()) {
      throw new CaError('CA_RECORD_DAMAGED', 'entries that wait for a list are incomplete');
    }
    return { notAfterMs: row.notAfterMsAt(index), der: cursor.raw };
  });
}
