/**
 * Changing the authority record: in one transaction with whatever hangs on it, and in memory from the end of its body,
 * so that everything behind it in the store's order goes by the new record.
 *
 * @module
 */

import type { Transaction } from '../../store/store.ts';
import { type CaCore, transactAsOwner } from '../ca-core.ts';
import { type AuthorityRecord, encodeAuthorityRecord } from '../records/authority-record.ts';

/**
 * @param change Given the record as it stands; returns the one to be written.
 * @throws {CaError} `CA_NOT_OWNER`, and what `change` throws; then nothing has changed.
 */
export async function changeAuthorityRecord(
  core: CaCore,
  reason: string,
  change: (transaction: Transaction, record: AuthorityRecord) => Promise<AuthorityRecord>,
): Promise<void> {
  const { authorities, tables } = core;
  let before: AuthorityRecord | undefined;
  try {
    await transactAsOwner(core, reason, async (transaction) => {
      before = authorities.record;
      const changed = await change(transaction, before);
      transaction.put(tables.authority, encodeAuthorityRecord(changed));
      authorities.update(changed);
    });
  } catch (error) {
    if (before !== undefined) {
      authorities.update(before);
    }
    throw error;
  }
}
