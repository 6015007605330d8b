import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { reading } from '../../src/ca/ca-core.ts';
import {
  encodeAuthorityRecord,
  parseAuthorityRecord,
} from '../../src/ca/records/authority-record.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import { readChunk, readLedger } from '../../src/ca/records/entry-ledger.ts';
import { encodeFormerEntry } from '../../src/ca/records/revoked-entry.ts';
import { readScopeRecord } from '../../src/ca/records/scope-state.ts';
import { readWaiting } from '../../src/ca/records/waiting-entries.ts';
import type { Store, Transaction } from '../../src/store/store.ts';
import { parseCertificateListHead } from '../../src/x509/certificate-list.ts';
import { RevokedEntryCursor } from '../../src/x509/certificate-list-cursor.ts';
import { assertConsistent, faultsOf } from '../support/ca-consistency.ts';
import { CaTestBed, collect, tester } from '../support/ca-test-bed.ts';

const HOUR = 3_600_000;
const tables = new CaTables('gunma');
const scopeId = '10201';

/** Writes the entries of a list as builds did that knew layout 2 alone, and takes away what is of layout 3. */
async function goBack(store: Store, { isPacked }: { readonly isPacked: boolean }): Promise<number> {
  return await store.transact('test: layout 2', async (transaction) => {
    const rows = [...(await listedRows(transaction)), ...(await waitingRows(transaction))];
    for (const { sequence, notAfterMs, der } of rows) {
      transaction.put(
        tables.formerEntry(scopeId, sequence),
        encodeFormerEntry({ notAfterMs, der }),
      );
    }
    if (!isPacked) {
      await takeAway(transaction);
    }
    const bytes = (await transaction.read(tables.authority)) ?? assert.fail();
    const record = parseAuthorityRecord(bytes);
    transaction.put(tables.authority, encodeAuthorityRecord({ ...record, layout: 2 }));
    return rows.length;
  });
}

interface FormerRow {
  readonly sequence: bigint;
  readonly notAfterMs: number;
  readonly der: Uint8Array;
}

async function listedRows(transaction: Transaction): Promise<readonly FormerRow[]> {
  const { published } = await readScopeRecord(transaction, tables, scopeId);
  const der = (await transaction.readLarge(published?.sha256 ?? assert.fail())) ?? assert.fail();
  const cursor = new RevokedEntryCursor(parseCertificateListHead(der).entryBytes);
  const rows: FormerRow[] = [];
  for (const chunk of (await readLedger(transaction, tables, scopeId)).chunks) {
    const entries = await readChunk(transaction, tables, { scopeId, chunk });
    for (let index = 0; index < chunk.count; index += 1) {
      assert.ok(cursor.next());
      const sequence = entries.sequenceAt(index);
      rows.push({ sequence, notAfterMs: entries.notAfterMsAt(index), der: cursor.raw });
    }
  }
  return rows;
}

async function waitingRows(transaction: Transaction): Promise<readonly FormerRow[]> {
  const rows: FormerRow[] = [];
  for await (const row of readWaiting(transaction, tables, scopeId)) {
    const cursor = new RevokedEntryCursor(row.der);
    for (let index = 0; index < row.count; index += 1) {
      assert.ok(cursor.next());
      const sequence = row.firstSequence + BigInt(index);
      rows.push({ sequence, notAfterMs: row.notAfterMsAt(index), der: cursor.raw });
    }
  }
  return rows;
}

async function takeAway(transaction: Transaction): Promise<void> {
  for await (const key of transaction.keys(tables.scopes)) {
    const id = tables.scopeIdOf(key);
    transaction.delete(tables.ledger(id));
    for (const range of [tables.ledgerChunks(id), tables.waitingEntries(id)]) {
      for (const row of await collect(transaction.keys(range))) {
        transaction.delete(row);
      }
    }
  }
}

/** Three listed entries and two that wait. */
async function openWithEntries(t: { after(fn: () => unknown): void }): Promise<CaTestBed> {
  const bed = await CaTestBed.open(t);
  const issued = [];
  for (let count = 0; count < 5; count += 1) {
    issued.push(await bed.issue());
  }
  for (const { serialNumber } of issued.slice(0, 3)) {
    await bed.revoke(serialNumber);
  }
  await bed.clock.advance(HOUR);
  await bed.ca.publish(scopeId, tester);
  for (const { serialNumber } of issued.slice(3)) {
    await bed.revoke(serialNumber);
  }
  return bed;
}

describe('entries of an older version', () => {
  const states = [
    { why: 'before anything is packed', isPacked: false },
    { why: 'when a step that was ended has packed all', isPacked: true },
  ];
  for (const { why, isPacked } of states) {
    it(`are packed at opening, ${why}`, async (t) => {
      const bed = await openWithEntries(t);
      assert.equal(await goBack(bed.store, { isPacked }), 5);
      await bed.reopen();
      await reading(bed.store, async (view) => {
        assert.deepEqual(await collect(view.keys(tables.allFormerEntries)), []);
        const waiting = await collect(readWaiting(view, tables, scopeId));
        assert.deepEqual(
          waiting.map(({ firstSequence, count }) => [firstSequence, count]),
          [[4n, 2]],
        );
      });
      await assertConsistent(bed);
      await bed.clock.advance(HOUR);
      assert.equal((await bed.ca.publish(scopeId, tester)).entryCount, 5);
      await assertConsistent(bed);
    });
  }

  it('are told by a check that comes before', async (t) => {
    const bed = await openWithEntries(t);
    await goBack(bed.store, { isPacked: false });
    const found = await faultsOf(bed);
    assert.ok(found.every(({ message }) => /older version/.test(message)));
    assert.ok(found.some(({ subject }) => subject === scopeId));
  });

  it('that are not those of the newest list are not packed', async (t) => {
    const bed = await openWithEntries(t);
    await goBack(bed.store, { isPacked: false });
    await bed.store.transact('test: lose one', (transaction) => {
      transaction.delete(tables.formerEntry(scopeId, 2n));
      return Promise.resolve();
    });
    await assert.rejects(bed.reopen(), { code: 'CA_RECORD_DAMAGED' });
  });
});
