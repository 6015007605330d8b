import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findInconsistencies } from '../../src/ca/checks/consistency.ts';
import type { CessationSurroundings } from '../../src/ca/procedures/cessation-run.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import { encodeScopeRecord, parseScopeRecord } from '../../src/ca/records/scope-record.ts';
import type { PublishedMarks } from '../../src/ca/recovery.ts';
import { holdSigning, readHold } from '../../src/ca/recovery-hold.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { withDeltas } from '../support/delta-policy.ts';
import { secomLike } from '../support/scope-policies.ts';

const SCOPE = '10201';
const nothing: PublishedMarks = {
  lists: [],
  numbers: [],
  coversRest: false,
  acceptsMissing: false,
  hasCheckpoint: true,
};

/** A CA as a restore leaves it. */
async function restored(t: Parameters<typeof CaTestBed.open>[0]): Promise<CaTestBed> {
  const bed = await CaTestBed.open(t, { policy: smallGunma });
  await bed.store.transact('test: restored', async (transaction) =>
    holdSigning(transaction, { restoredMs: bed.clock.nowMs(), sequence: 5, pointMs: 0 }),
  );
  return bed;
}

async function later(bed: CaTestBed): Promise<void> {
  await bed.clock.advance(5_000);
}

describe('a CA restored from before its end', () => {
  const surroundings = (bed: CaTestBed): CessationSurroundings => ({
    origin: tester,
    publish: async (scopeIds, origin) => {
      for (const scopeId of scopeIds) {
        await bed.clock.advance(2_000);
        await bed.ca.publish(scopeId, origin);
      }
    },
  });
  const explanation = { ja: '', en: '' };

  /** Lists as they were, and the store as it was before. */
  async function setBack(
    t: Parameters<typeof CaTestBed.open>[0],
    end: (bed: CaTestBed) => Promise<unknown>,
  ): Promise<{ readonly bed: CaTestBed; readonly lists: readonly Uint8Array[] }> {
    const bed = await CaTestBed.open(t, { policy: smallGunma });
    await bed.issue();
    const tables = new CaTables(smallGunma.id);
    const rows = new Map<string, Uint8Array>();
    const snapshot = bed.store.snapshot();
    for (const range of [tables.certificates, tables.statuses, tables.scopes]) {
      for await (const [key, value] of snapshot.range(range)) {
        rows.set(Buffer.from(key).toString('hex'), value);
      }
    }
    await snapshot.close();
    await later(bed);
    await end(bed);
    await bed.ca.cessations.run(surroundings(bed));
    const lists = await Promise.all(
      bed.ca.scopes.list.map(async ({ id }) => (await bed.ca.readList(id)) ?? new Uint8Array(0)),
    );
    // What the engine wrote since, but for the archive and the entries that wait.
    await bed.store.transact('test: set back', async (transaction) => {
      for (const range of [tables.statuses]) {
        for await (const [key] of transaction.range(range)) {
          transaction.delete(key);
        }
      }
      for (const [key, value] of rows) {
        transaction.put(Buffer.from(key, 'hex'), value);
      }
      transaction.delete(tables.service);
      holdSigning(transaction, { restoredMs: bed.clock.nowMs(), sequence: 5, pointMs: 0 });
    });
    await bed.reopen();
    assert.deepEqual(bed.ca.cessations.list, []);
    return { bed, lists };
  }

  for (const destroysKey of [false, true]) {
    it(`does not come back to life: a compromise${destroysKey ? ', its key to be destroyed' : ''}`, async (t) => {
      const { bed, lists } = await setBack(t, async ({ ca }) => {
        await ca.cessations.report({ id: 'c', explanation, origin: tester, destroysKey });
        await ca.cessations.approve('c', tester);
      });
      await bed.ca.confirmRecovery({ ...nothing, lists }, tester);
      await assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' });
      const [found] = bed.ca.cessations.list;
      assert.equal(found?.kind, 'compromise');
      assert.equal(found?.phase, 'revoking');
      assert.equal(found?.destroysKey, destroysKey);
      assert.equal(bed.ca.cessations.dueMs, 0);
    });
  }

  it('does not come back to life: an ended service', async (t) => {
    const { bed, lists } = await setBack(t, async (open) => {
      const stopsMs = open.clock.nowMs();
      await open.ca.cessations.announce({
        ...{ id: 'e', explanation, origin: tester, stopsMs, revokes: false },
      });
      await open.ca.cessations.run(surroundings(open));
      await open.clock.advance(4 * 366 * 86_400_000);
    });
    await bed.ca.confirmRecovery({ ...nothing, lists }, tester);
    await assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' });
    assert.equal(bed.ca.cessations.list[0]?.kind, 'end-of-service');
  });

  it('knows what it knew: nothing is found twice', async (t) => {
    const bed = await restored(t);
    await later(bed);
    await bed.ca.cessations.report({ id: 'c', explanation, origin: tester, destroysKey: false });
    await bed.ca.confirmRecovery({ ...nothing, coversRest: true }, tester);
    assert.equal(bed.ca.cessations.list.length, 1);
    assert.equal(bed.ca.cessations.find('c').phase, 'suspended');
  });
});

describe('a CA with delta lists after a restore (RFC 5280 §5.2.3)', () => {
  /** Lists of 10201 as they are out, and the store as before the last delta list, whose number is 5. */
  async function restoredBefore(t: Parameters<typeof CaTestBed.open>[0]): Promise<{
    readonly bed: CaTestBed;
    readonly full: Uint8Array;
    readonly delta: Uint8Array;
  }> {
    const bed = await CaTestBed.open(t, { policy: withDeltas });
    const { serialNumber } = await bed.issue();
    await bed.ca.hold({ serialNumber, origin: tester });
    await later(bed);
    await bed.ca.publish(SCOPE, tester);
    await bed.ca.release({ serialNumber, origin: tester });
    const tables = new CaTables(withDeltas.id);
    const snapshot = bed.store.snapshot();
    const record = await snapshot.read(tables.scope(SCOPE));
    await snapshot.close();
    await later(bed);
    await bed.ca.deltas.publish(SCOPE, tester);
    const full = await bed.ca.readList(SCOPE);
    const { dn } = bed.ca.scopes.find(SCOPE);
    const [delta] = await bed.published(dn, 'deltaRevocationList');
    await bed.store.transact('test: set back', async (transaction) => {
      transaction.put(tables.scope(SCOPE), record ?? assert.fail());
      transaction.delete(tables.deltaArchive(SCOPE, 5n));
      holdSigning(transaction, { restoredMs: bed.clock.nowMs(), sequence: 5, pointMs: 0 });
    });
    await bed.reopen();
    await later(bed);
    return { bed, full: full ?? assert.fail(), delta: delta ?? assert.fail() };
  }

  const others = ({ ca }: CaTestBed): PublishedMarks['numbers'] =>
    ca.scopes.list.flatMap(({ id }) => (id === SCOPE ? [] : [{ scopeId: id, number: 9n }]));

  it('passes over numbers that only delta lists had', async (t) => {
    const { bed, full, delta } = await restoredBefore(t);
    const marks = { ...nothing, lists: [delta, full], numbers: others(bed) };
    const { moved, missing } = await bed.ca.confirmRecovery(marks, tester);
    assert.deepEqual(missing, [], 'removeFromCRL is no revocation');
    assert.deepEqual(
      moved.filter(({ scopeId }) => scopeId === SCOPE),
      [{ scopeId: SCOPE, from: 4n, to: 5n }],
    );
    assert.equal((await bed.ca.deltas.publish(SCOPE, tester))?.number, 6n);
    await later(bed);
    assert.equal((await bed.ca.publish(SCOPE, tester)).number, 7n);
    assert.deepEqual(await faults(bed), []);
  });

  for (const kind of ['full', 'delta'] as const) {
    it(`wants more than the ${kind} list alone`, async (t) => {
      const found = await restoredBefore(t);
      const marks = { ...nothing, lists: [found[kind]], numbers: others(found.bed) };
      const incomplete = { code: 'CA_RECOVERY_INCOMPLETE' };
      await assert.rejects(found.bed.ca.confirmRecovery(marks, tester), incomplete);
      await assert.rejects(found.bed.ca.deltas.publish(SCOPE, tester), {
        code: 'CA_RECOVERY_PENDING',
      });
      const numbers = [...others(found.bed), { scopeId: SCOPE, number: 5n }];
      await found.bed.ca.confirmRecovery({ ...nothing, numbers }, tester);
      assert.equal((await found.bed.ca.deltas.publish(SCOPE, tester))?.number, 6n);
    });
  }
});

describe('a CA after a restore', () => {
  it('signs nothing, and goes on taking revocations', async (t) => {
    const bed = await CaTestBed.open(t, { policy: smallGunma });
    const { serialNumber } = await bed.issue();
    await bed.store.transact('test: restored', async (transaction) =>
      holdSigning(transaction, { restoredMs: 0, sequence: 5, pointMs: 0 }),
    );
    await later(bed);
    const pending = { code: 'CA_RECOVERY_PENDING' };
    await assert.rejects(bed.ca.publish(SCOPE, tester), pending);
    await assert.rejects(bed.issue(), pending);
    await bed.revoke(serialNumber);
    await bed.reopen();
    await assert.rejects(bed.ca.publish(SCOPE, tester), pending);
    assert.equal((await bed.ca.recoveryHold())?.sequence, 5);
  });

  it('signs again above the numbers in use, and records it', async (t) => {
    const bed = await restored(t);
    const numbers = [{ scopeId: SCOPE, number: 57n }];
    const report = await bed.ca.confirmRecovery({ ...nothing, numbers, coversRest: true }, tester);
    assert.deepEqual(report.moved, [{ scopeId: SCOPE, from: 1n, to: 57n }]);
    await later(bed);
    assert.equal((await bed.ca.publish(SCOPE, tester)).number, 58n);
    assert.equal((await bed.records('recovery.confirm')).length, 1);
    const snapshot = bed.store.snapshot();
    assert.equal(await readHold(snapshot), undefined);
    await snapshot.close();
  });

  it('does not go back to numbers that are lower than its own', async (t) => {
    const bed = await restored(t);
    const numbers = [{ scopeId: SCOPE, number: 0n }];
    const { moved } = await bed.ca.confirmRecovery(
      { ...nothing, numbers, coversRest: true },
      tester,
    );
    assert.deepEqual(moved, []);
    await later(bed);
    assert.equal((await bed.ca.publish(SCOPE, tester)).number, 2n);
  });

  it('wants every list accounted for', async (t) => {
    const bed = await restored(t);
    const numbers = [{ scopeId: SCOPE, number: 3n }];
    const incomplete = { code: 'CA_RECOVERY_INCOMPLETE' };
    await assert.rejects(bed.ca.confirmRecovery({ ...nothing, numbers }, tester), incomplete);
    await later(bed);
    await assert.rejects(bed.ca.publish(SCOPE, tester), { code: 'CA_RECOVERY_PENDING' });
    const unknown = [{ scopeId: '99999', number: 3n }];
    const unknownScope = bed.ca.confirmRecovery({ ...nothing, numbers: unknown }, tester);
    await assert.rejects(unknownScope, { code: 'CA_SCOPE_UNKNOWN' });
    const all = bed.ca.scopes.list.map(({ id }) => ({ scopeId: id, number: 9n }));
    await bed.ca.confirmRecovery({ ...nothing, numbers: all }, tester);
  });

  it('reads numbers from lists in use, and misses the revocations that they carry', async (t) => {
    const bed = await CaTestBed.open(t, { policy: smallGunma });
    const { serialNumber } = await bed.issue();
    await bed.revoke(serialNumber);
    await later(bed);
    await bed.ca.publish(SCOPE, tester);
    const list = await bed.ca.readList(SCOPE);
    assert.ok(list !== undefined);
    const tables = new CaTables(bed.policy.id);
    await bed.store.transact('test: lost', async (transaction) => {
      transaction.delete(tables.status(serialNumber));
      holdSigning(transaction, { restoredMs: 0, sequence: 5, pointMs: 0 });
    });
    const marks = { ...nothing, lists: [list], coversRest: true };
    await assert.rejects(bed.ca.confirmRecovery(marks, tester), { code: 'CA_RECOVERY_INCOMPLETE' });
    const { missing } = await bed.ca.confirmRecovery({ ...marks, acceptsMissing: true }, tester);
    assert.deepEqual(
      missing.map(({ scopeId, isKnown }) => [scopeId, isKnown]),
      [[SCOPE, true]],
    );
  });

  it('reads the number of a full list, which has no distribution point', async (t) => {
    const bed = await CaTestBed.open(t, { policy: secomLike });
    const full = bed.ca.scopes.list.find(({ isFull }) => isFull) ?? assert.fail('no full list');
    await later(bed);
    await bed.ca.publish(full.id, tester);
    const list = await bed.ca.readList(full.id);
    const tables = new CaTables(bed.policy.id);
    await bed.store.transact('test: restored', async (transaction) => {
      const record = parseScopeRecord(
        (await transaction.read(tables.scope(full.id))) ?? assert.fail(),
      );
      transaction.put(tables.scope(full.id), encodeScopeRecord({ ...record, lastNumber: 1n }));
      holdSigning(transaction, { restoredMs: 0, sequence: 5, pointMs: 0 });
    });
    const marks = { ...nothing, lists: [list ?? assert.fail()], coversRest: true };
    const { moved } = await bed.ca.confirmRecovery(marks, tester);
    assert.deepEqual(moved, [{ scopeId: full.id, from: 1n, to: 2n }]);
  });

  it('refuses what is no list of its own', async (t) => {
    const bed = await restored(t);
    const list = Uint8Array.from((await bed.ca.readList(SCOPE)) ?? []);
    list[list.length - 1] = (list.at(-1) ?? 0) ^ 1;
    const marks = { ...nothing, lists: [list], coversRest: true };
    await assert.rejects(bed.ca.confirmRecovery(marks, tester), { code: 'CA_RECOVERY_FOREIGN' });
  });

  it('has nothing to confirm when it was not restored', async (t) => {
    const bed = await CaTestBed.open(t, { policy: smallGunma });
    const marks = { ...nothing, coversRest: true };
    await assert.rejects(bed.ca.confirmRecovery(marks, tester), { code: 'CA_RECOVERY_NONE' });
  });

  it('is consistent with the numbers that it has left out', async (t) => {
    const bed = await restored(t);
    const scopeId = SCOPE;
    await bed.ca.confirmRecovery(
      { ...nothing, numbers: [{ scopeId, number: 57n }], coversRest: true },
      tester,
    );
    assert.deepEqual(await faults(bed), []);
    await later(bed);
    await bed.ca.publish(SCOPE, tester);
    assert.deepEqual(await faults(bed), []);
  });
});

async function faults(bed: CaTestBed): Promise<readonly string[]> {
  const view = bed.store.snapshot();
  const subject = { policy: bed.ca.policy, nowMs: bed.clock.nowMs(), view };
  const found: string[] = [];
  const tally = { certificates: 0, revoked: 0, lists: 0, generations: 0, ownCertificates: 0 };
  for await (const { message } of findInconsistencies(
    { ...subject, publishedValues: (dn, attribute) => bed.published(dn, attribute) },
    { tally, onStep: () => undefined },
  )) {
    found.push(message);
  }
  await view.close();
  return found;
}
