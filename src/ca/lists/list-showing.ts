/**
 * Putting a list into the directory's entry, within the publishing transaction.
 *
 * @module
 */

import { LargeValue } from '../../directory/entries/entry.ts';
import type { Transaction } from '../../store/store.ts';
import type { CaParts } from '../ca-core.ts';

/** Lists from here on are handed to the directory by their hash; the gate has read them. */
const MIN_LARGE_BYTES = 64 * 1024;

/** In the place of what the attribute had; a reference of its own beside the archive's. */
export async function showList(
  { entries }: Pick<CaParts, 'entries'>,
  transaction: Transaction,
  list: {
    readonly dn: string;
    readonly description: string;
    /** Lists that stay in the same attribute. */
    readonly others: readonly Uint8Array[];
    readonly der: Uint8Array;
    readonly sha256: Uint8Array;
  },
): Promise<void> {
  const { dn, description, others, der, sha256 } = list;
  if (der.length < MIN_LARGE_BYTES || others.length > 0) {
    await entries.replaceValues(transaction, dn, { description, values: [...others, der] });
    return;
  }
  await transaction.putLarge(der, { sha256 });
  const value = new LargeValue(sha256, der.length);
  await entries.replaceWithLarge(transaction, dn, { description, value });
}
