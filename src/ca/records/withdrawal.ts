/**
 * Entries that the next list is to leave out although their certificates have not ended: those of a hold that was
 * released, or that became a revocation with an entry of its own.
 *
 *     withdrawal ‖ scope ‖ sequence (8)   serial number (20)
 *
 * @module
 */

import type { ReadView } from '../../store/store.ts';
import { type CaTables, numberOfKey, serialNumberOfKey } from './ca-tables.ts';

/** Serial numbers by the sequence of the entry. */
export type Withdrawals = ReadonlyMap<bigint, bigint>;

export async function readWithdrawals(
  view: ReadView,
  tables: CaTables,
  scopeId: string,
): Promise<Withdrawals> {
  const withdrawals = new Map<bigint, bigint>();
  for await (const [key, bytes] of view.range(tables.withdrawals(scopeId))) {
    withdrawals.set(numberOfKey(key), serialNumberOfKey(bytes));
  }
  return withdrawals;
}
