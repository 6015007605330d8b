/**
 * Looking at the entries of a list that came in, left or are passed over, for the publish gate: each is read out of the
 * list's bytes, looked up in the store, and told to the part of the gate that judges single entries. A few at a time,
 * since a list may bring a million.
 *
 * @module
 */

import { isCertdirError } from '../../core/errors.ts';
import { Turns } from '../../core/turns.ts';
import { RevokedEntryCursor } from '../../x509/certificate-list-cursor.ts';
import { CaError } from '../errors.ts';
import { reasonBit } from '../records/entry-ledger.ts';
import type { EntryFacts, ListEntry } from './entry-facts.ts';
import type { EntryGate } from './entry-gate.ts';
import type { EntryRegion } from './entry-region.ts';

/** Entries that are looked up together; a list may bring a million. */
const ENTRIES_AT_A_TIME = 4096;
/** Look-ups between two turns of the event loop: some milliseconds. */
const LOOKUPS_PER_TURN = 64;
/** Entries that are taken apart or told to the gate between two turns: as long as that. */
const ENTRIES_PER_TURN = 512;

/** Looks up what the store says of entries, and tells the gate. */
export class EntryLook {
  readonly #facts: EntryFacts;
  readonly #gate: EntryGate;
  readonly #turns = new Turns(LOOKUPS_PER_TURN);
  readonly #entryTurns = new Turns(ENTRIES_PER_TURN);

  constructor(facts: EntryFacts, gate: EntryGate) {
    this.#facts = facts;
    this.#gate = gate;
  }

  async atLeftOut({ leftOut }: EntryRegion): Promise<void> {
    for (let start = 0; start < leftOut.length; start += ENTRIES_AT_A_TIME) {
      const batch = leftOut.slice(start, start + ENTRIES_AT_A_TIME).map(({ der, sequence }) => ({
        entry: readOne(der),
        sequence,
      }));
      const found = await this.#inKeyOrder(
        batch,
        ({ entry }) => entry.serialNumber,
        ({ entry, sequence }) => this.#facts.dropped(entry, sequence),
      );
      for (const dropped of found) {
        this.#gate.dropped(dropped);
      }
    }
  }

  /** Holds that were released before a list carried them. */
  async atPassedOver(
    { withdrawals }: Pick<EntryRegion, 'withdrawals'>,
    publishedSequence: bigint,
  ): Promise<void> {
    for (const [sequence, serialNumber] of withdrawals) {
      if (sequence > publishedSequence) {
        this.#gate.passedOver(await this.#facts.passedOver(serialNumber, sequence));
      }
      await this.#turns.spend(1);
    }
  }

  /** @returns the reasons that were met (`reasonBit`). @throws {CaError} `CA_GATE_I6` for what is no entry. */
  async atAdded(bytes: Uint8Array): Promise<number> {
    const cursor = new RevokedEntryCursor(bytes);
    let reasons = 0;
    for (;;) {
      const batch = await this.#readBatch(cursor);
      if (batch.length === 0) {
        return reasons;
      }
      const found = await this.#inKeyOrder(
        batch,
        ({ serialNumber }) => serialNumber,
        (entry) => this.#facts.added(entry),
      );
      for (const { reason } of batch) {
        reasons |= reasonBit(reason);
      }
      for (const added of found) {
        this.#gate.added(added);
        await this.#entryTurns.spend(1);
      }
    }
  }

  async #readBatch(cursor: RevokedEntryCursor): Promise<readonly ListEntry[]> {
    const batch: ListEntry[] = [];
    let part: readonly ListEntry[];
    do {
      part = readSome(cursor, ENTRIES_PER_TURN);
      batch.push(...part);
      await this.#entryTurns.spend(part.length);
    } while (part.length === ENTRIES_PER_TURN && batch.length < ENTRIES_AT_A_TIME);
    return batch;
  }

  /**
   * Looks something up for each item, by serial number: what is stored side by side is read one after the
   * other, and the store takes a block apart once and not for each row in it.
   *
   * @returns What was found, in the order of the items.
   */
  async #inKeyOrder<Item, Found>(
    items: readonly Item[],
    serialNumberOf: (item: Item) => bigint,
    find: (item: Item) => Promise<Found>,
  ): Promise<readonly Found[]> {
    // Doubles are near enough to sort by, and comparing them is cheap.
    const ordered = items.map((item, index) => ({
      item,
      index,
      near: Number(serialNumberOf(item)),
    }));
    ordered.sort((left, right) => left.near - right.near);
    const found = new Array<Found>(items.length);
    for (const { item, index } of ordered) {
      found[index] = await find(item);
      await this.#turns.spend(1);
    }
    return found;
  }
}

function readSome(cursor: RevokedEntryCursor, atMost: number): readonly ListEntry[] {
  return readingEntries(() => {
    const batch: ListEntry[] = [];
    while (batch.length < atMost && cursor.next()) {
      cursor.check();
      batch.push(currentEntry(cursor));
    }
    return batch;
  });
}

function readOne(der: Uint8Array): ListEntry {
  return readingEntries(() => {
    const cursor = new RevokedEntryCursor(der);
    cursor.next();
    const entry = currentEntry(cursor);
    if (cursor.next()) {
      throw new CaError('CA_GATE_I3', 'two entries would leave as one');
    }
    return entry;
  });
}

export function currentEntry({
  serialNumber,
  revocationMs,
  reason,
}: RevokedEntryCursor): ListEntry {
  return { serialNumber, revocationMs, ...(reason === undefined ? {} : { reason }) };
}

export function readingEntries<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isCertdirError(cause) || cause instanceof CaError) {
      throw cause;
    }
    throw new CaError('CA_GATE_I6', `an entry cannot be read back: ${cause.message}`, { cause });
  }
}
