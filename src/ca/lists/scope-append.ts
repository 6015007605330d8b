/**
 * How a revocation gets into a list, and how a hold gets out again: the one place that moves a scope's state with its
 * entries. What becomes of the certificate and the audit record is written by the caller in the same transaction.
 *
 * @module
 */

import type { Transaction } from '../../store/store.ts';
import { type CaCore, readCounters } from '../ca-core.ts';
import { encodeSerialKey } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import type { Scope } from '../policy/scope.ts';
import { encodeCountersRecord } from '../records/counters-record.ts';
import {
  encodeScopeRecord,
  type ScopeRecord,
  type UrgentRevocations,
} from '../records/scope-record.ts';
import { readScopeRecord } from '../records/scope-state.ts';
import {
  encodeWaitingEntries,
  MAX_WAITING_PER_ROW,
  type NewEntry,
} from '../records/waiting-entries.ts';

type Tables = Pick<CaCore, 'tables'>;

/** What the entries of one call have in common. */
export interface Appending {
  /** When they were acknowledged. */
  readonly nowMs: number;
  /** When their list is due; undefined when they wait for the cadence. */
  readonly dueMs?: number;
}

/** How the scope stood before, and the number of the first entry; the others follow without a gap. */
export interface Appended {
  readonly firstSequence: bigint;
  readonly before: ScopeRecord;
  readonly after: ScopeRecord;
}

/**
 * Puts entries behind those that a scope has: the next list of the scope carries them.
 *
 * @param entries In the order in which their revocations are numbered; at least one.
 * @throws {CaError} `CA_RECORD_DAMAGED`
 */
export async function appendEntries(
  { tables }: Tables,
  transaction: Transaction,
  {
    scope,
    entries,
    nowMs,
    dueMs,
  }: { readonly scope: Scope; readonly entries: readonly NewEntry[] } & Appending,
): Promise<Appended> {
  const before = await readScopeRecord(transaction, tables, scope.id);
  const firstSequence = before.acknowledgedSequence + 1n;
  for (let start = 0; start < entries.length; start += MAX_WAITING_PER_ROW) {
    const key = tables.waitingEntry(scope.id, firstSequence + BigInt(start));
    const row = entries.slice(start, start + MAX_WAITING_PER_ROW);
    transaction.put(key, encodeWaitingEntries(row));
  }
  const acknowledgedSequence = before.acknowledgedSequence + BigInt(entries.length);
  const after: ScopeRecord = {
    ...before,
    acknowledgedSequence,
    liveEntries: before.liveEntries + entries.length,
    oldestPendingMs: before.oldestPendingMs ?? nowMs,
    ...(dueMs === undefined
      ? {}
      : { urgent: sooner(before.urgent, acknowledgedSequence, { dueMs }) }),
  };
  transaction.put(tables.scope(scope.id), encodeScopeRecord(after));
  await countLive({ tables }, transaction, scope, entries.length);
  return { firstSequence, before, after };
}

/**
 * Takes the entry of a hold out of a scope: the next list of the scope leaves it out. That the certificate's own record
 * no longer says that it is held is for the caller to write, and for the publish gate to find (I3).
 *
 * @throws {CaError} `CA_RECORD_DAMAGED` when the entry is withdrawn already.
 */
export async function withdrawEntry(
  { tables }: Tables,
  transaction: Transaction,
  entry: {
    readonly scope: Scope;
    readonly sequence: bigint;
    readonly serialNumber: bigint;
    /** When the list without it is due; undefined when that waits for the cadence. */
    readonly dueMs?: number | undefined;
  },
): Promise<void> {
  const { scope, sequence, serialNumber, dueMs } = entry;
  const key = tables.withdrawal(scope.id, sequence);
  if ((await transaction.read(key)) !== undefined) {
    throw new CaError('CA_RECORD_DAMAGED', `an entry of ${scope.id} is withdrawn twice`);
  }
  const before = await readScopeRecord(transaction, tables, scope.id);
  transaction.put(key, encodeSerialKey(serialNumber));
  const withdrawn = (before.withdrawn ?? 0) + 1;
  const after = {
    ...before,
    withdrawn,
    liveEntries: before.liveEntries - 1,
    ...(dueMs === undefined
      ? {}
      : { urgent: sooner(before.urgent, before.urgent?.sequence ?? 0n, { dueMs, withdrawn }) }),
  };
  transaction.put(tables.scope(scope.id), encodeScopeRecord(after));
  await countLive({ tables }, transaction, scope, -1);
}

function sooner(
  before: UrgentRevocations | undefined,
  sequence: bigint,
  news: Pick<UrgentRevocations, 'dueMs' | 'withdrawn'>,
): UrgentRevocations {
  const dueMs = Math.min(news.dueMs, before?.dueMs ?? news.dueMs);
  const withdrawn = news.withdrawn ?? before?.withdrawn;
  return { sequence, dueMs, ...(withdrawn === undefined ? {} : { withdrawn }) };
}

/**
 * Moves the count over all partitions, which the publish gate compares with theirs (I4). A full list beside them has
 * the same entries once more, and is not counted.
 */
export async function countLive(
  { tables }: Tables,
  transaction: Transaction,
  { isFull }: Pick<Scope, 'isFull'>,
  difference: number,
): Promise<void> {
  if (isFull || difference === 0) {
    return;
  }
  const counters = await readCounters(transaction, tables);
  const liveEntries = counters.liveEntries + difference;
  transaction.put(tables.counters, encodeCountersRecord({ ...counters, liveEntries }));
}
