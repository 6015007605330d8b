/**
 * What a list has that the one before it had not, and the other way round. Lists carry their entries in
 * the order of revocation, so one walk over both is enough; an entry out of order counts as dropped
 * and added, which the publish gate does not let through.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { CertificateList, RevokedEntry } from '../../x509/certificate-list.ts';
import type { RevokedEntryCursor } from '../../x509/certificate-list-cursor.ts';

/** An entry as the list says it. */
export type ListEntry = Omit<RevokedEntry, 'raw'>;

export interface ListDifference {
  /** In the order of the newer list. */
  readonly added: readonly ListEntry[];
  /** Serial numbers in the order of the older list. */
  readonly dropped: readonly bigint[];
}

/** @param older Undefined before the first list. */
export function compareLists(
  older: Pick<CertificateList, 'cursor'> | undefined,
  newer: Pick<CertificateList, 'cursor'>,
): ListDifference {
  const added: ListEntry[] = [];
  const dropped: bigint[] = [];
  const behind = older?.cursor();
  const ahead = newer.cursor();
  let hasOlder = behind?.next() ?? false;
  while (ahead.next()) {
    const { raw } = ahead;
    while (behind !== undefined && hasOlder && !equalBytes(behind.raw, raw)) {
      dropped.push(behind.serialNumber);
      hasOlder = behind.next();
    }
    if (behind !== undefined && hasOlder) {
      hasOlder = behind.next();
    } else {
      added.push(readEntry(ahead));
    }
  }
  while (behind !== undefined && hasOlder) {
    dropped.push(behind.serialNumber);
    hasOlder = behind.next();
  }
  return { added, dropped };
}

function readEntry({ serialNumber, revocationMs, reason }: RevokedEntryCursor): ListEntry {
  return { serialNumber, revocationMs, ...(reason === undefined ? {} : { reason }) };
}
