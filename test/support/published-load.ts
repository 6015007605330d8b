/**
 * Lists of millions of entries as if they had been published yesterday, written straight into the engine's records:
 * for tests and benchmarks of what the next list costs. The lists are put together and signed by the engine; the publish
 * gate is not asked, since the certificates behind the entries are not there: only those whose entries the next list
 * leaves out have records, without a certificate in them.
 *
 * @module
 */

import { randomFillSync } from 'node:crypto';

import type { CaCore } from '../../src/ca/ca-core.ts';
import { readCounters } from '../../src/ca/ca-core.ts';
import { assembleList, hashInTurns } from '../../src/ca/lists/crl-assembly.ts';
import { countLive } from '../../src/ca/lists/scope-append.ts';
import type { Scope } from '../../src/ca/policy/scope.ts';
import {
  encodeCertificateRecord,
  encodeStatusRecord,
} from '../../src/ca/records/certificate-record.ts';
import { encodeCountersRecord } from '../../src/ca/records/counters-record.ts';
import { writeLedger } from '../../src/ca/records/entry-ledger.ts';
import {
  encodePublishedList,
  encodeScopeRecord,
  type ScopeRecord,
} from '../../src/ca/records/scope-record.ts';
import { readScopeRecord } from '../../src/ca/records/scope-state.ts';
import { MAX_WAITING_PER_ROW } from '../../src/ca/records/waiting-entries.ts';
import { equalBytes } from '../../src/core/bytes.ts';
import { LargeValue } from '../../src/directory/entries/entry.ts';
import type { KeyRange, KeyValue, ReadView, Transaction } from '../../src/store/store.ts';
import { encodeRevokedEntry } from '../../src/x509/certificate-list.ts';
import { CrlReason } from '../../src/x509/crl-extensions.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
/** No other certificate ends sooner than this: lists of the next days drop those of records alone. */
const FURTHER_MS = 30 * DAY_MS;
const SERIAL_OCTETS = 20;
/** Where the serial number stands in an entry of 53 octets. */
const SERIAL_AT = 4;
const REASON = CrlReason.superseded;

export interface LoadedList {
  readonly scope: Scope;
  readonly entries: number;
  /** Every so many entries one has served, and leaves with the next list; 0: none does. */
  readonly servedEvery: number;
  /** When the list was published. */
  readonly publishedMs: number;
}

/** Publishes a list of so many entries in a scope that has none. @returns its size in octets. */
export async function loadPublished(core: CaCore, list: LoadedList): Promise<number> {
  const { scope, publishedMs } = list;
  const snapshot = core.store.snapshot();
  const rows = new SyntheticEntries(list);
  try {
    const state = await readScopeRecord(snapshot, core.tables, scope.id);
    const loaded = withAcknowledged(state, list.entries);
    const view = new LoadedView(snapshot, core, { scope, loaded, rows });
    const made = await assembleList(core, scope, { view, nowMs: publishedMs });
    const sha256 = await hashInTurns('sha256', [made.der]);
    await core.store.transact('test: load a list', async (transaction) => {
      const { number, thisUpdateMs, nextUpdateMs, entryCount, sequence, der } = made;
      const byteLength = der.length;
      const published = {
        number,
        thisUpdateMs,
        nextUpdateMs,
        entryCount,
        byteLength,
        sha256,
        sequence,
      };
      await keep(core, transaction, { scope, der, sha256 });
      transaction.put(core.tables.archive(scope.id, number), encodePublishedList(published));
      writeLedger(transaction, core.tables, { scopeId: scope.id, change: made.region.change });
      const record = {
        ...loaded,
        lastNumber: number,
        published,
        regular: { thisUpdateMs, sequence },
      };
      transaction.put(core.tables.scope(scope.id), encodeScopeRecord(record));
      await countLive(core, transaction, scope, list.entries);
      await putRecords(core, transaction, { scope, rows });
    });
    return made.der.length;
  } finally {
    await snapshot.close();
  }
}

function withAcknowledged(state: ScopeRecord, entries: number): ScopeRecord {
  return { ...state, acknowledgedSequence: BigInt(entries), liveEntries: entries };
}

async function keep(
  core: CaCore,
  transaction: Transaction,
  list: { readonly scope: Scope; readonly der: Uint8Array; readonly sha256: Uint8Array },
): Promise<void> {
  const { scope, der, sha256 } = list;
  await transaction.putLarge(der, { sha256 });
  await transaction.putLarge(der, { sha256 });
  const value = new LargeValue(sha256, der.length);
  const description = scope.attribute;
  await core.entries.replaceWithLarge(transaction, scope.dn, { description, value });
}

/** Records of the certificates whose entries leave with the next list. */
async function putRecords(
  { tables }: CaCore,
  transaction: Transaction,
  { scope, rows }: { readonly scope: Scope; readonly rows: SyntheticEntries },
): Promise<void> {
  for (const { serialNumber, sequence, notAfterMs, revokedMs } of rows.served) {
    const record = {
      profile: 'end-entity',
      scopeId: scope.id,
      generation: 1,
      issuedMs: revokedMs,
      notAfterMs,
      der: new Uint8Array(0),
    };
    const status = { state: 'revoked', sinceMs: revokedMs, reason: REASON, sequence } as const;
    transaction.put(tables.certificate(serialNumber), encodeCertificateRecord(record));
    transaction.put(tables.status(serialNumber), encodeStatusRecord(status));
  }
  const counters = await readCounters(transaction, tables);
  const revoked = counters.revoked + rows.count;
  transaction.put(tables.counters, encodeCountersRecord({ ...counters, revoked }));
}

interface ServedEntry {
  readonly serialNumber: bigint;
  readonly sequence: bigint;
  readonly notAfterMs: number;
  readonly revokedMs: number;
}

/** Entries of random serial numbers, in rows as revocations would have left them. */
class SyntheticEntries {
  readonly #list: LoadedList;
  readonly served: ServedEntry[] = [];

  constructor(list: LoadedList) {
    this.#list = list;
  }

  get count(): number {
    return this.#list.entries;
  }

  *rows(): Generator<readonly [firstSequence: bigint, row: Uint8Array]> {
    const { entries } = this.#list;
    for (let start = 0; start < entries; start += MAX_WAITING_PER_ROW) {
      yield [BigInt(start + 1), this.#row(start, Math.min(MAX_WAITING_PER_ROW, entries - start))];
    }
  }

  #row(start: number, count: number): Uint8Array {
    const { servedEvery, publishedMs } = this.#list;
    const revokedMs = Math.floor((publishedMs - 30 * DAY_MS) / 1000) * 1000;
    const model = encodeRevokedEntry({ serialNumber: 1n << 158n, revokedMs, reason: REASON });
    const serials = randomFillSync(new Uint8Array(SERIAL_OCTETS * count));
    const row = Buffer.alloc(4 + count * (6 + model.length));
    row.writeUInt32BE(count, 0);
    let at = 4 + 6 * count;
    for (let index = 0; index < count; index += 1) {
      const serial = serials.subarray(index * SERIAL_OCTETS, (index + 1) * SERIAL_OCTETS);
      serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
      row.set(model, at);
      row.set(serial, at + SERIAL_AT);
      at += model.length;
      const hasServed = servedEvery > 0 && (start + index) % servedEvery === servedEvery - 1;
      const notAfterMs =
        Math.floor(
          (publishedMs + (hasServed ? -DAY_MS : FURTHER_MS + Math.random() * 5 * YEAR_MS)) / 1000,
        ) * 1000;
      row.writeUIntBE(notAfterMs, 4 + 6 * index, 6);
      if (hasServed) {
        const serialNumber = BigInt(`0x${Buffer.from(serial).toString('hex')}`);
        const sequence = BigInt(start + index + 1);
        this.served.push({ serialNumber, sequence, notAfterMs, revokedMs });
      }
    }
    return new Uint8Array(row.buffer, row.byteOffset, row.length);
  }
}

/** The store as it would be if the entries waited in it. */
class LoadedView implements ReadView {
  readonly #under: ReadView;
  readonly #waiting: Uint8Array;
  readonly #core: CaCore;
  readonly #load: {
    readonly scope: Scope;
    readonly loaded: ScopeRecord;
    readonly rows: SyntheticEntries;
  };

  constructor(
    under: ReadView,
    core: CaCore,
    load: {
      readonly scope: Scope;
      readonly loaded: ScopeRecord;
      readonly rows: SyntheticEntries;
    },
  ) {
    this.#under = under;
    this.#core = core;
    this.#load = load;
    this.#waiting = core.tables.waitingEntries(load.scope.id).gte ?? new Uint8Array(0);
  }

  read(key: Uint8Array): ReturnType<ReadView['read']> {
    const { scope, loaded } = this.#load;
    return equalBytes(key, this.#core.tables.scope(scope.id))
      ? encodeScopeRecord(loaded)
      : this.#under.read(key);
  }

  async *range(range: KeyRange): AsyncGenerator<KeyValue, void, undefined> {
    const { scope, rows } = this.#load;
    if (range.gte === undefined || !equalBytes(range.gte, this.#waiting)) {
      yield* this.#under.range(range);
      return;
    }
    for (const [firstSequence, row] of rows.rows()) {
      yield [this.#core.tables.waitingEntry(scope.id, firstSequence), row];
    }
  }

  keys(range: KeyRange): AsyncIterable<Uint8Array> {
    return this.#under.keys(range);
  }

  readLarge(sha256: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#under.readLarge(sha256);
  }

  largeLength(sha256: Uint8Array): ReturnType<ReadView['largeLength']> {
    return this.#under.largeLength(sha256);
  }

  largePieces(sha256: Uint8Array): AsyncIterable<Uint8Array> {
    return this.#under.largePieces(sha256);
  }
}
