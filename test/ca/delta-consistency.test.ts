/**
 * What a check of the CA finds of delta lists: each record changed in turn, with a checksum that fits.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CaTables } from '../../src/ca/records/ca-tables.ts';
import {
  encodePublishedDelta,
  encodeScopeRecord,
  type PublishedDelta,
  parsePublishedDelta,
  parseScopeRecord,
  type ScopeRecord,
} from '../../src/ca/records/scope-record.ts';
import type { Transaction } from '../../src/store/store.ts';
import { faultsOf } from '../support/ca-consistency.ts';
import { CaTestBed, tester } from '../support/ca-test-bed.ts';
import { withDeltas } from '../support/delta-policy.ts';

const HOUR = 3_600_000;
const scope = '10201';
const tables = new CaTables(withDeltas.id);

/** Lists 1 and 3 are full, 2 and 4 the delta lists behind them, 5 one with a revocation and a released hold. */
async function open(t: { after(fn: () => unknown): void }): Promise<CaTestBed> {
  const bed = await CaTestBed.open(t, { policy: withDeltas });
  const [held, revoked] = [await bed.issue(), await bed.issue()].map((one) => one.serialNumber);
  assert.ok(held !== undefined && revoked !== undefined);
  await bed.ca.hold({ serialNumber: held, origin: tester });
  await bed.clock.advance(HOUR);
  await bed.ca.publish(scope, tester);
  await bed.ca.release({ serialNumber: held, origin: tester });
  await bed.revoke(revoked);
  await bed.clock.advance(HOUR);
  await bed.ca.deltas.publish(scope, tester);
  return bed;
}

const editDelta =
  (number: bigint, change: (delta: PublishedDelta) => Partial<PublishedDelta>) =>
  async (transaction: Transaction): Promise<void> => {
    const key = tables.deltaArchive(scope, number);
    const delta = parsePublishedDelta((await transaction.read(key)) ?? assert.fail('no delta'));
    transaction.put(key, encodePublishedDelta({ ...delta, ...change(delta) }));
  };

const editScope =
  (change: (record: ScopeRecord) => Partial<ScopeRecord>) =>
  async (transaction: Transaction): Promise<void> => {
    const record = parseScopeRecord((await transaction.read(tables.scope(scope))) ?? assert.fail());
    transaction.put(tables.scope(scope), encodeScopeRecord({ ...record, ...change(record) }));
  };

interface Row {
  readonly why: string;
  readonly spoil: (transaction: Transaction, bed: CaTestBed) => Promise<void> | void;
  readonly finds: RegExp;
}

const rows: readonly Row[] = [
  {
    why: 'one is gone from the archive',
    spoil: (transaction) => transaction.delete(tables.deltaArchive(scope, 4n)),
    finds: /number 5 was given out/,
  },
  {
    why: 'the one on show is gone from the archive',
    spoil: (transaction) => transaction.delete(tables.deltaArchive(scope, 5n)),
    finds: /delta list 5 is on show and not in the archive/,
  },
  {
    why: 'the directory has none',
    spoil: async (transaction, bed) => {
      const { dn } = bed.ca.scopes.find(scope);
      const nothing = { description: 'deltaRevocationList', values: [] };
      await bed.directory.managed.replaceValues(transaction, dn, nothing);
    },
    finds: /does not hold the newest delta list, and it alone/,
  },
  {
    why: 'the directory has one that is on show no more',
    spoil: editScope(() => ({ delta: undefined }) as unknown as Partial<ScopeRecord>),
    finds: /does not hold the newest delta list, and it alone/,
  },
  {
    why: 'one has other times than on record',
    spoil: editDelta(2n, ({ nextUpdateMs }) => ({ nextUpdateMs: nextUpdateMs + 1000 })),
    finds: /delta list 2: it has other times/,
  },
  {
    why: 'one has another size than on record',
    spoil: editDelta(5n, ({ entryCount }) => ({ entryCount: entryCount + 1 })),
    finds: /delta list 5: it has another size/,
  },
  {
    why: 'one starts from another list than on record',
    spoil: editDelta(5n, () => ({ baseNumber: 1n })),
    finds: /delta list 5: its deltaCRLIndicator is another/,
  },
  {
    why: 'one starts from a list that there is not',
    spoil: editDelta(5n, () => ({ baseNumber: 9n })),
    finds: /delta list 5: the list that it is a change of is not in the archive/,
  },
  {
    why: 'one is the bytes of another',
    spoil: async (transaction) => {
      const bytes = (await transaction.read(tables.deltaArchive(scope, 4n))) ?? assert.fail();
      const { sha256, byteLength } = parsePublishedDelta(bytes);
      await editDelta(2n, () => ({ sha256, byteLength }))(transaction);
    },
    finds: /delta list 2: it has another number/,
  },
  {
    why: 'one is a full list',
    spoil: async (transaction, bed) => {
      const [list] = await bed.ca.listArchived(scope);
      const { sha256 = new Uint8Array(0) } = list ?? {};
      await editDelta(2n, () => ({ sha256 }))(transaction);
    },
    finds: /delta list 2: its deltaCRLIndicator is another/,
  },
  {
    why: 'the bytes of one are gone',
    spoil: editDelta(2n, () => ({ sha256: new Uint8Array(32) })),
    finds: /delta list 2: list 2 is not in the store/,
  },
  {
    why: 'what was revoked is not in it',
    spoil: async (transaction) => {
      // The one before has nothing in it.
      const bytes = (await transaction.read(tables.deltaArchive(scope, 4n))) ?? assert.fail();
      const { sha256, byteLength } = parsePublishedDelta(bytes);
      await editDelta(5n, () => ({ sha256, byteLength }))(transaction);
    },
    finds: /is revoked and not in the newest delta list/,
  },
];

describe('a check of delta lists', () => {
  it('finds nothing in sound ones', async (t) => {
    assert.deepEqual(await faultsOf(await open(t)), []);
  });

  for (const { why, spoil, finds } of rows) {
    it(`finds that ${why}`, async (t) => {
      const bed = await open(t);
      await bed.store.transact('spoil', async (transaction) => {
        await spoil(transaction, bed);
      });
      const lines = (await faultsOf(bed)).map(({ message }) => message);
      assert.ok(
        lines.some((line) => finds.test(line)),
        lines.join('\n'),
      );
    });
  }
});
