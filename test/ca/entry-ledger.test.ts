/**
 * The ledger of a list's entries over many lists: whatever leaves and comes in, it says of each entry what it should.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CaTables } from '../../src/ca/records/ca-tables.ts';
import {
  type ChunkEntries,
  type LedgerEntry,
  MAX_CHUNK_ENTRIES,
  MAX_GONE,
  readChunk,
  readLedger,
  sumLedger,
  writeLedger,
} from '../../src/ca/records/entry-ledger.ts';
import { LedgerBuilder } from '../../src/ca/records/ledger-builder.ts';
import type { ReadView, Transaction } from '../../src/store/store.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const tables = new CaTables('gunma');
const of = { scopeId: '10201' };
const BYTES_OF_ENTRY = 40;

/** Rows in memory, which counts the octets written. */
class Rows {
  readonly rows = new Map<string, Uint8Array>();
  written = 0;
  readonly view = { read: (key: Uint8Array) => this.rows.get(hex(key)) } as unknown as ReadView;
  readonly transaction = {
    put: (key: Uint8Array, value: Uint8Array) => {
      this.rows.set(hex(key), value);
      this.written += value.length;
    },
    delete: (key: Uint8Array) => void this.rows.delete(hex(key)),
  } as unknown as Transaction;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The next list: what `leaves` leaves, and what comes in behind. */
async function nextList(
  { view, transaction }: Rows,
  leaves: (entry: LedgerEntry) => boolean,
  added: readonly LedgerEntry[],
): Promise<void> {
  const ledger = await readLedger(view, tables, of.scopeId);
  const builder = new LedgerBuilder();
  const read = (chunk: (typeof ledger.chunks)[number]): Promise<ChunkEntries> =>
    readChunk(view, tables, { ...of, chunk });
  for (const chunk of ledger.chunks) {
    const entries = await read(chunk);
    const leaving = [...eachOf(entries)].flatMap((entry, index) => (leaves(entry) ? [index] : []));
    if (leaving.length === 0) {
      builder.keep(chunk);
    } else {
      const byteLength = (entries.count - leaving.length) * BYTES_OF_ENTRY;
      builder.reduce(chunk, entries, { leaving, byteLength });
    }
  }
  if (added.length > 0) {
    await builder.fillUp(read);
  }
  for (const entry of added) {
    builder.append(entry, { byteLength: BYTES_OF_ENTRY, reason: 4 });
  }
  const change = builder.finish(ledger.listNumber + 1n);
  writeLedger(transaction, tables, { ...of, change });
}

function* eachOf(entries: ChunkEntries): Iterable<LedgerEntry> {
  for (let index = 0; index < entries.count; index += 1) {
    yield { sequence: entries.sequenceAt(index), notAfterMs: entries.notAfterMsAt(index) };
  }
}

/** Everything that the ledger says, and that its head and rows agree. */
async function entriesIn({ view, rows }: Rows): Promise<readonly LedgerEntry[]> {
  const ledger = await readLedger(view, tables, of.scopeId);
  const all: LedgerEntry[] = [];
  for (const chunk of ledger.chunks) {
    const own = [...eachOf(await readChunk(view, tables, { ...of, chunk }))];
    const ends = own.map(({ notAfterMs }) => notAfterMs);
    assert.equal(own.length, chunk.count);
    assert.equal(own.at(-1)?.sequence, chunk.lastSequence);
    assert.deepEqual(
      [chunk.minNotAfterMs, chunk.maxNotAfterMs],
      [Math.min(...ends), Math.max(...ends)],
    );
    assert.equal(chunk.byteLength, chunk.count * BYTES_OF_ENTRY);
    all.push(...own);
  }
  assert.equal(sumLedger(ledger).entryCount, all.length);
  const known = new Set([
    hex(tables.ledger(of.scopeId)),
    ...ledger.chunks.flatMap(({ id }) => [
      hex(tables.ledgerChunk(of.scopeId, id)),
      hex(tables.ledgerGone(of.scopeId, id)),
    ]),
  ]);
  assert.deepEqual(
    [...rows.keys()].filter((key) => !known.has(key)),
    [],
    'no row is left over',
  );
  return all;
}

const entry = (sequence: number, notAfterMs: number): LedgerEntry => ({
  ...{ sequence: BigInt(sequence), notAfterMs },
});

describe('the ledger of entries', () => {
  it('says of every entry what it should, over lists that lose and gain some', async () => {
    const random = new SeededRandom('ledger');
    const rows = new Rows();
    let model: LedgerEntry[] = [];
    let sequence = 0;
    for (let list = 0; list < 60; list += 1) {
      const day = list * 1000;
      const added = Array.from({ length: random.below(list === 0 ? 9_000 : 300) }, () => {
        sequence += 1;
        return entry(sequence, day + 1 + random.below(60_000));
      });
      const leaves = ({ notAfterMs }: LedgerEntry): boolean => notAfterMs < day;
      await nextList(rows, leaves, added);
      model = [...model.filter((one) => !leaves(one)), ...added];
      assert.deepEqual(await entriesIn(rows), model, `list ${list}`);
    }
    await nextList(rows, () => true, []);
    assert.deepEqual(await entriesIn(rows), []);
  });

  it('writes a few positions where a few entries leave, and rows again when they are many', async () => {
    const rows = new Rows();
    const all = Array.from({ length: MAX_CHUNK_ENTRIES }, (_none, index) =>
      entry(index + 1, index),
    );
    await nextList(rows, () => false, all);
    for (const [gone, least, most] of [
      [4, 8, 200],
      [MAX_GONE, 2 * MAX_GONE, 2 * MAX_GONE + 200],
      // The row itself.
      [MAX_GONE + 1, 10 * (MAX_CHUNK_ENTRIES - MAX_GONE - 1), 10 * MAX_CHUNK_ENTRIES],
      [MAX_GONE + 2, 2, 200],
    ] as const) {
      rows.written = 0;
      await nextList(rows, ({ notAfterMs }) => notAfterMs < gone, []);
      assert.ok(rows.written >= least && rows.written <= most, `${gone}: ${rows.written}`);
      assert.deepEqual(await entriesIn(rows), all.slice(gone));
    }
  });

  it('refuses rows that do not belong together', async () => {
    const rows = new Rows();
    const all = [1, 2, 3, 4, 5].map((sequence) => entry(sequence, sequence));
    await nextList(rows, () => false, all);
    await nextList(rows, ({ sequence }) => sequence === 2n, []);
    const [chunk] = (await readLedger(rows.view, tables, of.scopeId)).chunks;
    assert.ok(chunk !== undefined);
    const key = hex(tables.ledgerGone(of.scopeId, chunk.id));
    assert.deepEqual(rows.rows.get(key), Uint8Array.of(0, 1));
    const damaged = { code: 'CA_RECORD_DAMAGED' };
    for (const positions of [[], [0, 5], [0, 1, 0, 2], [0, 1, 0, 1], [9, 9]]) {
      rows.rows.set(key, Uint8Array.from(positions));
      await assert.rejects(readChunk(rows.view, tables, { ...of, chunk }), damaged, `${positions}`);
    }
    rows.rows.delete(key);
    await assert.rejects(readChunk(rows.view, tables, { ...of, chunk }), damaged);
    rows.rows.delete(hex(tables.ledgerChunk(of.scopeId, chunk.id)));
    await assert.rejects(readChunk(rows.view, tables, { ...of, chunk }), damaged);
  });
});
