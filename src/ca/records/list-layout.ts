/**
 * The layouts of lists' entries, and the step from one to the next.
 *
 * In layouts 1 and 2 every entry had a row of its own for as long as a list carried it. From layout 3 on the newest list
 * keeps its entries itself, beside a ledger (`entry-ledger.ts`), and only what no list carries yet has rows
 * (`waiting-entries.ts`). Programs that know layout 2 alone refuse to open a CA of layout 3.
 *
 * @module
 */

import type { KeyRange, Transaction } from '../../store/store.ts';
import { RevokedEntryCursor } from '../../x509/certificate-list-cursor.ts';
import { type CaCore, type CaParts, transactAsOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { numberOfKey } from './ca-tables.ts';
import { sumLedger, writeLedger } from './entry-ledger.ts';
import { settleLayout, visitPage } from './index-layout.ts';
import { LedgerBuilder } from './ledger-builder.ts';
import { parseFormerEntry } from './revoked-entry.ts';
import { readScopeRecord } from './scope-state.ts';
import { encodeWaitingEntries, MAX_WAITING_PER_ROW, type NewEntry } from './waiting-entries.ts';

/** From this layout on lists keep their entries. */
export const LEDGER_LAYOUT = 3;

/**
 * Makes the ledgers where an older version wrote a row for each entry; nothing is done otherwise. Can be ended at any
 * moment: until every list has its ledger the record says the older layout and the former rows are there, which are
 * taken away only afterwards.
 *
 * @param scopeIds Every list that has a record.
 * @throws {CaError} `CA_NOT_OWNER`; `CA_RECORD_DAMAGED` when rows and newest list are not the same entries.
 */
export async function settleLedgers(core: CaCore, scopeIds: Iterable<string>): Promise<void> {
  if (core.authorities.record.layout < LEDGER_LAYOUT) {
    core.log.info('the entries of lists are packed, once');
    for (const scopeId of scopeIds) {
      await transactAsOwner(core, 'ca: settle ledgers', (transaction) =>
        pack(core, transaction, scopeId),
      );
    }
    await settleLayout(core, LEDGER_LAYOUT);
  }
  let range: KeyRange | undefined = core.tables.allFormerEntries;
  while (range !== undefined) {
    range = await visitPage(core, range, (transaction, key) => {
      transaction.delete(key);
      return Promise.resolve();
    });
  }
}

async function pack({ tables }: CaParts, transaction: Transaction, scopeId: string): Promise<void> {
  const { published } = await readScopeRecord(transaction, tables, scopeId);
  // What a step that was ended has left.
  for (const rows of [tables.ledgerChunks(scopeId), tables.waitingEntries(scopeId)]) {
    for await (const key of transaction.keys(rows)) {
      transaction.delete(key);
    }
  }
  const builder = new LedgerBuilder();
  const waiting = new WaitingRows(transaction, (first) => tables.waitingEntry(scopeId, first));
  for await (const [key, bytes] of transaction.range(tables.formerEntries(scopeId))) {
    const sequence = numberOfKey(key);
    const { notAfterMs, der } = parseFormerEntry(bytes);
    if (sequence <= (published?.sequence ?? 0n)) {
      const cursor = new RevokedEntryCursor(der);
      cursor.next();
      const { reason } = cursor;
      builder.append({ sequence, notAfterMs }, { byteLength: der.length, reason });
    } else {
      waiting.add(sequence, { notAfterMs, der: Uint8Array.from(der) });
    }
  }
  waiting.close();
  const change = builder.finish(published?.number ?? 0n);
  if (sumLedger(change.ledger).entryCount !== (published?.entryCount ?? 0)) {
    throw new CaError(
      'CA_RECORD_DAMAGED',
      `the entries of ${scopeId} are not those of its newest list; restore a backup`,
    );
  }
  writeLedger(transaction, tables, { scopeId, change });
}

/** Gathers entries that follow on one another into rows. */
class WaitingRows {
  readonly #transaction: Transaction;
  readonly #keyOf: (firstSequence: bigint) => Uint8Array;
  #first = 0n;
  #entries: NewEntry[] = [];

  constructor(transaction: Transaction, keyOf: (firstSequence: bigint) => Uint8Array) {
    this.#transaction = transaction;
    this.#keyOf = keyOf;
  }

  add(sequence: bigint, entry: NewEntry): void {
    const isNext = sequence === this.#first + BigInt(this.#entries.length);
    if (!isNext || this.#entries.length === MAX_WAITING_PER_ROW) {
      this.close();
      this.#first = sequence;
    }
    this.#entries.push(entry);
  }

  close(): void {
    if (this.#entries.length > 0) {
      this.#transaction.put(this.#keyOf(this.#first), encodeWaitingEntries(this.#entries));
      this.#entries = [];
    }
  }
}
