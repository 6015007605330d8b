/**
 * Changing the service record: in one transaction with whatever hangs on it, and in memory from the end of its body, so
 * that nothing behind it in the store's order is issued any more.
 *
 * @module
 */

import type { Transaction } from '../../store/store.ts';
import { type CaCore, transactAsOwner } from '../ca-core.ts';
import type { Cessation, ServiceRecord } from '../records/service-record.ts';
import { putServiceRecord } from '../service-state.ts';

/**
 * @param change Given the record as it stands; returns the one to be written, and what the caller wants to know.
 * @throws {CaError} `CA_NOT_OWNER`, and what `change` throws; then nothing has changed.
 */
export async function changeServiceRecord<T>(
  core: CaCore,
  reason: string,
  change: (
    transaction: Transaction,
    record: ServiceRecord,
  ) => Promise<{ readonly record: ServiceRecord; readonly result: T }>,
): Promise<T> {
  const { service, tables } = core;
  let before: ServiceRecord | undefined;
  try {
    return await transactAsOwner(core, reason, async (transaction) => {
      before = service.record;
      const { record, result } = await change(transaction, before);
      putServiceRecord(transaction, tables, record);
      service.update(record);
      return result;
    });
  } catch (error) {
    if (before !== undefined) {
      service.update(before);
    }
    throw error;
  }
}

/** The record with one of its cessations in the place of that with the same id. */
export function withCessation(record: ServiceRecord, changed: Cessation): ServiceRecord {
  const cessations = record.cessations.map((one) => (one.id === changed.id ? changed : one));
  return { ...record, cessations };
}
