/**
 * Entries of an import that is larger than memory, through a bulk load of the store: each is encoded and
 * indexed when it is read; when all are there, names and identities are compared in one pass over what the
 * load has sorted, and everything appears at once. Parents may stand behind their children.
 *
 * For the program and its owner alone: no access rule is asked.
 *
 * @module
 */

import type { AuditEvent } from '../../audit/audit-log.ts';
import { equalBytes } from '../../core/bytes.ts';
import { RandomPool, type RandomSource, randomUuid } from '../../core/random.ts';
import { Keyspace, keyOf } from '../../store/keyspace.ts';
import type { BulkLoad, LoadedRow, Transaction } from '../../store/store.ts';
import { stampNewPassword } from '../accounts/password-ageing.ts';
import { actorName } from '../accounts/principal.ts';
import { countedChangeSequence } from '../changes/change-sequence.ts';
import {
  beginSeries,
  type ChangeSeries,
  endSeries,
  isNewestSeries,
  MAX_SERIES,
} from '../changes/change-stamp.ts';
import { sharedStamps, stampLoaded } from '../changes/entry-stamp.ts';
import { type DirectoryCore, noSuchObject, suffixOf } from '../directory-core.ts';
import type { Attribute } from '../entries/entry.ts';
import { parentKeyLength } from '../entries/key-range.ts';
import { DirectoryError, type DirectoryErrorCode } from '../errors.ts';
import type { Dn } from '../names/dn.ts';
import type { Caller } from '../service.ts';
import { atLine, type EntryDraft } from './ldif-draft.ts';

/** A fault found in the pass over the sorted rows; the one on the lowest line is told. */
interface Fault {
  readonly line: number;
  readonly error: DirectoryError;
}

export class BulkImport {
  readonly #core: DirectoryCore;
  readonly #load: BulkLoad;
  readonly #series: ChangeSeries;
  readonly #nowMs: number;
  readonly #random: RandomSource;
  readonly #stamps: readonly Attribute[];
  /** That entries lie under. */
  readonly #suffixes = new Set<Dn>();
  #count = 0;

  private constructor(
    core: DirectoryCore,
    caller: Caller,
    begun: { readonly load: BulkLoad; readonly series: ChangeSeries; readonly nowMs: number },
  ) {
    this.#core = core;
    this.#load = begun.load;
    this.#series = begun.series;
    this.#nowMs = begun.nowMs;
    this.#random = new RandomPool(core.random);
    this.#stamps = sharedStamps(core.types, {
      nowMs: begun.nowMs,
      actorName: actorName(caller.principal, core.schema),
    });
  }

  static async begin(core: DirectoryCore, caller: Caller): Promise<BulkImport> {
    const nowMs = core.clock.nowMs();
    const load = await core.store.beginLoad();
    try {
      const series = await core.store.transact('directory: begin an import', (transaction) =>
        beginSeries(transaction, nowMs),
      );
      return new BulkImport(core, caller, { load, series, nowMs });
    } catch (error) {
      await load.discard();
      throw error;
    }
  }

  /**
   * Takes an entry.
   *
   * @returns undefined when nothing has to be waited for.
   */
  add({ line, dn, entry: draft }: EntryDraft): Promise<void> | undefined {
    const { tree, types } = this.#core;
    const suffix = suffixOf(this.#core, dn);
    if (suffix === undefined) {
      throw atLine(line, noSuchObject());
    }
    if (this.#count === MAX_SERIES) {
      const limit = `more than ${MAX_SERIES} entries in one import; split the file`;
      throw atLine(line, new DirectoryError('DIRECTORY_LDIF_LIMIT', limit));
    }
    this.#count += 1;
    this.#suffixes.add(suffix);
    const entry = stampLoaded(stampNewPassword(draft, types, this.#nowMs), types, {
      sequence: countedChangeSequence(this.#series.base, this.#count),
      entryUuid: randomUuid(this.#random),
      shared: this.#stamps,
    });
    this.#load.tag = line;
    const loaded = tree.load(this.#load, entry);
    const room = this.#load.room();
    return loaded === undefined ? room : loaded.then(() => room);
  }

  /** Makes all entries visible, with a record of the import, or none. */
  async finish(event: AuditEvent, onRows: (done: number, total: number) => void): Promise<void> {
    const { audit, tree } = this.#core;
    await this.#load.commit(
      'directory: import',
      async (transaction) => {
        await this.#expectNoOthers(transaction);
        await this.#checkTree(transaction);
        tree.watches.everythingWritten(transaction);
        const last = countedChangeSequence(this.#series.base, this.#count);
        endSeries(
          transaction,
          [...this.#suffixes].map(({ key }) => key),
          last,
        );
        await audit.append(transaction, event);
      },
      onRows,
    );
  }

  discard(): Promise<void> {
    return this.#load.discard();
  }

  /** Whoever follows changes by their numbers must not find a number below one it has seen. */
  async #expectNoOthers(transaction: Transaction): Promise<void> {
    if (!(await isNewestSeries(transaction, this.#series))) {
      throw new DirectoryError(
        'DIRECTORY_BUSY',
        'entries were changed while the file was read, so nothing was loaded; load it while no ' +
          'server runs, or in smaller files',
      );
    }
  }

  async #checkTree(transaction: Transaction): Promise<void> {
    const faults: Fault[] = [];
    const note = (line: number, code: DirectoryErrorCode, message: string): void => {
      const [lowest] = faults;
      if (lowest === undefined || line < lowest.line) {
        faults[0] = { line, error: new DirectoryError(code, message) };
      }
    };
    const names = new TreeCheck(this.#core, transaction);
    for await (const row of withNeighbours(this.#load, transaction, Keyspace.entry)) {
      if (row.isTaken) {
        note(row.tag, 'DIRECTORY_ENTRY_EXISTS', 'the entry exists already');
      } else if (!(await names.hasParent(row.key.subarray(1)))) {
        note(row.tag, 'DIRECTORY_NO_SUCH_OBJECT', 'there is no entry above it');
      }
    }
    for await (const row of withNeighbours(this.#load, transaction, Keyspace.entryUuid)) {
      if (row.isTaken) {
        note(row.tag, 'DIRECTORY_CONSTRAINT', 'another entry has this entryUUID');
      }
    }
    const [fault] = faults;
    if (fault !== undefined) {
      throw atLine(fault.line, fault.error);
    }
  }
}

/** Finds parents of entries that come in the order of their keys: parents first. */
class TreeCheck {
  readonly #transaction: Transaction;
  readonly #suffixKeys: readonly Uint8Array[];
  /** The entry looked at last and those above it that are in the load. */
  readonly #above: Uint8Array[] = [];
  /** A parent that was found in the store. */
  #stored: Uint8Array | undefined;

  constructor(core: DirectoryCore, transaction: Transaction) {
    this.#transaction = transaction;
    this.#suffixKeys = core.suffixes.map(({ key }) => key);
  }

  async hasParent(key: Uint8Array): Promise<boolean> {
    const above = this.#above;
    let top = above.at(-1);
    while (top !== undefined && !startsWith(key, top)) {
      above.pop();
      top = above.at(-1);
    }
    const length = parentKeyLength(key);
    const isThere =
      top?.length === length ||
      this.#suffixKeys.some((suffix) => equalBytes(suffix, key)) ||
      (await this.#isStored(key.subarray(0, length)));
    above.push(key);
    return isThere;
  }

  async #isStored(parentKey: Uint8Array): Promise<boolean> {
    if (this.#stored !== undefined && equalBytes(this.#stored, parentKey)) {
      return true;
    }
    const isStored = (await this.#transaction.read(keyOf(Keyspace.entry, parentKey))) !== undefined;
    if (isStored) {
      this.#stored = parentKey;
    }
    return isStored;
  }
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return (
    key.length >= prefix.length && Buffer.compare(key.subarray(0, prefix.length), prefix) === 0
  );
}

interface ComparedRow extends LoadedRow {
  /** The store has a row of this key, or the load has one that was put before. */
  readonly isTaken: boolean;
}

/** The rows of a keyspace of the load, compared with each other and with those of the store. */
async function* withNeighbours(
  load: BulkLoad,
  transaction: Transaction,
  keyspace: number,
): AsyncGenerator<ComparedRow, void, undefined> {
  let previous: Uint8Array | undefined;
  /** The store's first key that is not below the row looked at; null when there is none. */
  let next: Uint8Array | null | undefined;
  for await (const page of load.rowPages(keyspace)) {
    for (const { key, tag } of page) {
      if (next === undefined || (next !== null && Buffer.compare(next, key) < 0)) {
        next = await firstKey(transaction, { gte: key, lt: Uint8Array.of(keyspace + 1) });
      }
      const isTaken =
        (previous !== undefined && equalBytes(previous, key)) ||
        (next !== null && equalBytes(next, key));
      previous = key;
      yield { key, tag, isTaken };
    }
  }
}

async function firstKey(
  transaction: Transaction,
  range: { readonly gte: Uint8Array; readonly lt: Uint8Array },
): Promise<Uint8Array | null> {
  for await (const key of transaction.keys({ ...range, limit: 1 })) {
    return key;
  }
  return null;
}
