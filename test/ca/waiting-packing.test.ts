import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { openCore, prepare } from '../../src/ca/authority-opening.ts';
import { type CaCore, reading, readOwner } from '../../src/ca/ca-core.ts';
import { appendEntries } from '../../src/ca/lists/scope-append.ts';
import { packWaiting } from '../../src/ca/lists/waiting-packing.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import { readWaiting } from '../../src/ca/records/waiting-entries.ts';
import { formatHex } from '../../src/core/bytes.ts';
import { encodeRevokedEntry } from '../../src/x509/certificate-list.ts';
import { CaTestBed } from '../support/ca-test-bed.ts';

const scopeId = '10201';

async function openEngine({ options, store, policy }: CaTestBed): Promise<CaCore> {
  const ownerId = await reading(store, (view) => readOwner(view, new CaTables(policy.id)));
  return await openCore({ ...prepare(options), ownerId });
}

/** Appends rows of so many entries each. */
async function append(core: CaCore, counts: readonly number[]): Promise<void> {
  const scope = core.scopes.find(scopeId);
  let serialNumber = 0n;
  await core.store.transact('test: append', async (transaction) => {
    for (const count of counts) {
      const entries = Array.from({ length: count }, () => {
        serialNumber += 1n;
        const der = encodeRevokedEntry({ serialNumber, revokedMs: 0, reason: 1 });
        return { notAfterMs: Number(serialNumber) * 1000, der };
      });
      await appendEntries(core, transaction, { scope, entries, nowMs: 0 });
    }
  });
}

interface Waiting {
  /** How many entries each row has. */
  readonly rows: readonly number[];
  /** All entries one behind the other, and the ends of their certificates. */
  readonly content: { readonly der: string; readonly notAfterMs: readonly number[] };
}

async function waitingOf(core: CaCore): Promise<Waiting> {
  return await reading(core.store, async (view) => {
    const rows: number[] = [];
    const notAfterMs: number[] = [];
    let der = '';
    let sequence = 1n;
    for await (const row of readWaiting(view, core.tables, scopeId)) {
      assert.equal(row.firstSequence, sequence);
      sequence += BigInt(row.count);
      rows.push(row.count);
      der += formatHex(row.der);
      notAfterMs.push(...Array.from({ length: row.count }, (_none, at) => row.notAfterMsAt(at)));
    }
    return { rows, content: { der, notAfterMs } };
  });
}

const ones = (count: number): readonly number[] => Array.from({ length: count }, () => 1);

describe('packing what waits for a list', () => {
  const rows = [
    { why: 'few rows stay as they are', before: ones(1024), most: 1024 },
    { why: 'many become few', before: ones(1025), most: 2 },
    { why: 'full rows stay', before: [4096, ...ones(1030), 4096], most: 4 },
    { why: 'rows are not filled beyond their bound', before: [4095, ...ones(1100)], most: 3 },
  ];
  for (const { why, before, most } of rows) {
    it(why, async (t) => {
      const bed = await CaTestBed.open(t);
      const core = await openEngine(bed);
      await append(core, before);
      const { content } = await waitingOf(core);
      await packWaiting(core, scopeId);
      const packed = await waitingOf(core);
      assert.deepEqual(packed.content, content);
      assert.ok(packed.rows.every((count) => count <= 4096));
      assert.ok(packed.rows.length <= most, packed.rows.join());
    });
  }
});
