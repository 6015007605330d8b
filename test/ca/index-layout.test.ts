import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { encodeSerialKey } from '../../src/ca/certificates/serial-number.ts';
import {
  encodeAuthorityRecord,
  parseAuthorityRecord,
} from '../../src/ca/records/authority-record.ts';
import { CaTables, indexNames } from '../../src/ca/records/ca-tables.ts';
import { concatBytes } from '../../src/core/bytes.ts';
import { everyMember } from '../../src/store/key-sets.ts';
import type { Store } from '../../src/store/store.ts';
import { assertConsistent, faultsOf } from '../support/ca-consistency.ts';
import { CaTestBed, collect, hanako, tester } from '../support/ca-test-bed.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

const tables = new CaTables('gunma');
const nothing = new Uint8Array(0);

/** Writes the indexes as builds did that knew layout 1 alone. */
async function goBack(store: Store, { isCopied }: { readonly isCopied: boolean }): Promise<number> {
  return await store.transact('test: layout 1', async (transaction) => {
    let rows = 0;
    for (const name of indexNames) {
      const former = tables.formerIndexes(name).gte ?? assert.fail();
      const prefix = tables.indexes(name).gte ?? assert.fail();
      for (const { key, member } of await collect(everyMember(transaction, tables.indexes(name)))) {
        transaction.put(concatBytes(former, key.subarray(prefix.length), member), nothing);
        rows += 1;
        if (!isCopied) {
          transaction.delete(key);
        }
      }
    }
    const record = parseAuthorityRecord(
      (await transaction.read(tables.authority)) ?? assert.fail(),
    );
    transaction.put(tables.authority, encodeAuthorityRecord({ ...record, layout: 1 }));
    return rows;
  });
}

/** Everything under the indexes of both layouts. */
async function indexRows(
  store: Store,
): Promise<{ readonly sets: number; readonly former: number }> {
  const snapshot = store.snapshot();
  let sets = 0;
  let former = 0;
  for (const name of indexNames) {
    sets += (await collect(everyMember(snapshot, tables.indexes(name)))).length;
    former += (await collect(snapshot.keys(tables.formerIndexes(name)))).length;
  }
  await snapshot.close();
  return { sets, former };
}

// The CA's own certificate has two index rows, a citizen's three.
const citizens = 3;
const indexRowsOfAll = 2 + 3 * citizens;

async function openWithCitizens(t: TestContext): Promise<CaTestBed> {
  const bed = await CaTestBed.open(t);
  for (let count = 0; count < citizens; count += 1) {
    await bed.issue();
  }
  return bed;
}

describe('indexes of an older version', () => {
  const states = [
    { why: 'before anything is copied', isCopied: false },
    { why: 'when a step that was ended has copied all', isCopied: true },
  ];
  for (const { why, isCopied } of states) {
    it(`are made anew at opening, ${why}`, async (t) => {
      const bed = await openWithCitizens(t);
      assert.equal(await goBack(bed.store, { isCopied }), indexRowsOfAll);
      await bed.reopen();
      assert.deepEqual(await indexRows(bed.store), { sets: indexRowsOfAll, former: 0 });
      await assertConsistent(bed);
      await assert.rejects(issueFirstAgain(bed), { code: 'CA_KEY_REUSED' });
    });
  }

  it('leave former rows that are taken away at the next opening', async (t) => {
    const bed = await openWithCitizens(t);
    await bed.store.transact('test: leave rows', (transaction) => {
      const former = tables.formerIndexes('publicKey').gte ?? assert.fail();
      for (let number = 1n; number <= 300n; number += 1n) {
        transaction.put(concatBytes(former, new Uint8Array(32), encodeSerialKey(number)), nothing);
      }
      return Promise.resolve();
    });
    await bed.reopen();
    assert.deepEqual(await indexRows(bed.store), { sets: indexRowsOfAll, former: 0 });
  });

  it('are copied in more than one transaction', async (t) => {
    const bed = await openWithCitizens(t);
    await goBack(bed.store, { isCopied: false });
    await bed.store.transact('test: many rows', (transaction) => {
      const former = tables.formerIndexes('subject').gte ?? assert.fail();
      for (let number = 1n; number <= 512n; number += 1n) {
        transaction.put(concatBytes(former, new Uint8Array(32), encodeSerialKey(number)), nothing);
      }
      return Promise.resolve();
    });
    await bed.reopen();
    assert.deepEqual(await indexRows(bed.store), { sets: indexRowsOfAll + 512, former: 0 });
  });

  it('are told by a check that comes before', async (t) => {
    const bed = await openWithCitizens(t);
    await goBack(bed.store, { isCopied: false });
    const found = (await faultsOf(bed)).filter(({ subject }) => subject === 'certificates');
    assert.deepEqual(
      found.map(({ subject, message }) => [subject, /older version/.test(message)]),
      [['certificates', true]],
    );
  });

  it('of a newer version are left alone', async (t) => {
    const bed = await openWithCitizens(t);
    await bed.store.transact('test: layout 4', async (transaction) => {
      const record = parseAuthorityRecord(
        (await transaction.read(tables.authority)) ?? assert.fail(),
      );
      transaction.put(tables.authority, encodeAuthorityRecord({ ...record, layout: 4 }));
    });
    await assert.rejects(bed.reopen(), { code: 'CA_RECORD_DAMAGED' });
  });
});

function issueFirstAgain(bed: CaTestBed): Promise<unknown> {
  return bed.ca.issue({
    profile: 'end-entity',
    csr: sampleRequest(sampleKey('p256', 'person 1')),
    municipality: '10201',
    subjectAttributes: { ...hanako, dateOfBirth: '1970-01-01' },
    origin: tester,
  });
}
