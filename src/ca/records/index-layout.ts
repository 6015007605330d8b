/**
 * The layouts of the CA's indexes, and the step from one to the next.
 *
 * In layout 1 each certificate had a row of its own in each index, found by a range read. From layout 2 on a
 * subject, subscriber or key has a set (`store/key-sets.ts`), found by one point read. Which one holds is in
 * the authority record. Programs that know layout 1 alone cannot read that of layout 2, and refuse to open.
 *
 * @module
 */

import { addMember } from '../../store/key-sets.ts';
import type { KeyRange, Transaction } from '../../store/store.ts';
import { type CaCore, type CaParts, transactAsOwner } from '../ca-core.ts';
import { encodeSerialKey } from '../certificates/serial-number.ts';
import { encodeAuthorityRecord } from './authority-record.ts';
import { type IndexName, indexNames, serialNumberOfKey } from './ca-tables.ts';

/** From this layout on the indexes are sets. */
export const INDEX_LAYOUT = 2;

/** Few enough that a transaction keeps nobody waiting. */
const ROWS_PER_TRANSACTION = 256;
const ROWS_PER_REPORT = 65_536;

const DIGEST_OCTETS = 32;
const SERIAL_OCTETS = 20;

/**
 * Makes the indexes anew where an older version wrote them; nothing is done otherwise. Can be ended at any
 * moment: until all is copied the record says layout 1 and the former rows are there, which are taken away
 * only afterwards.
 *
 * @throws {CaError} `CA_NOT_OWNER`
 */
export async function settleIndexes(parts: CaCore): Promise<void> {
  const { authorities } = parts;
  const { record } = authorities;
  if (record.layout < INDEX_LAYOUT) {
    parts.log.info('the indexes of certificates are made anew, once');
    await eachFormerRow(parts, 'copied', (transaction, name, key) => {
      const digest = key.subarray(-(DIGEST_OCTETS + SERIAL_OCTETS), -SERIAL_OCTETS);
      const member = encodeSerialKey(serialNumberOfKey(key));
      return addMember(transaction, parts.tables.index(name, digest), member);
    });
    await settleLayout(parts, INDEX_LAYOUT);
  }
  await eachFormerRow(parts, 'taken away', (transaction, _name, key) => {
    transaction.delete(key);
    return Promise.resolve();
  });
}

/** Says that the tables have this layout from now on. @throws {CaError} `CA_NOT_OWNER` */
export function settleLayout(parts: CaCore, layout: number): Promise<void> {
  const { authorities } = parts;
  return transactAsOwner(parts, 'ca: settle layout', (transaction) => {
    const settled = { ...authorities.record, layout };
    transaction.put(parts.tables.authority, encodeAuthorityRecord(settled));
    authorities.update(settled);
    return Promise.resolve();
  });
}

async function eachFormerRow(
  parts: CaParts,
  what: string,
  visit: (transaction: Transaction, name: IndexName, key: Uint8Array) => Promise<void>,
): Promise<void> {
  let rows = 0;
  for (const index of indexNames) {
    let range: KeyRange | undefined = parts.tables.formerIndexes(index);
    while (range !== undefined) {
      range = await visitPage(parts, range, async (transaction, key) => {
        await visit(transaction, index, key);
        rows += 1;
        if (rows % ROWS_PER_REPORT === 0) {
          parts.log.info('the indexes of certificates are made anew', { index, [what]: rows });
        }
      });
    }
  }
}

/** Visits some rows in a transaction. @returns what is left of the range; undefined at its end. */
export function visitPage(
  parts: CaParts,
  range: KeyRange,
  visit: (transaction: Transaction, key: Uint8Array) => Promise<void>,
): Promise<KeyRange | undefined> {
  return transactAsOwner(parts, 'ca: settle indexes', async (transaction) => {
    let count = 0;
    let last: Uint8Array | undefined;
    for await (const key of transaction.keys({ ...range, limit: ROWS_PER_TRANSACTION })) {
      await visit(transaction, key);
      count += 1;
      last = key;
    }
    return last === undefined || count < ROWS_PER_TRANSACTION ? undefined : after(range, last);
  });
}

function after(range: KeyRange, key: Uint8Array): KeyRange {
  // The next key there can be: the same bytes and a zero.
  return { ...range, gte: Uint8Array.of(...key, 0) };
}
