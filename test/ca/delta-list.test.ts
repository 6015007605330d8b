import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeSerialKey } from '../../src/ca/certificates/serial-number.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import { encodeScopeRecord, parseScopeRecord } from '../../src/ca/records/scope-record.ts';
import { SigningError } from '../../src/signing/errors.ts';
import type { Signer, SignRequest } from '../../src/signing/signer.ts';
import { type CertificateList, parseCertificateList } from '../../src/x509/certificate-list.ts';
import { CrlReason, parseCrlNumber } from '../../src/x509/crl-extensions.ts';
import { parseCrlDistributionPoints } from '../../src/x509/distribution-point.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { faultsOf } from '../support/ca-consistency.ts';
import { CaTestBed, tester } from '../support/ca-test-bed.ts';
import { withDeltas } from '../support/delta-policy.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const HOUR = 3_600_000;
const scope = '10201';
const policy = withDeltas;

async function full(bed: CaTestBed): Promise<CertificateList> {
  return parseCertificateList((await bed.ca.readList(scope)) ?? assert.fail('no list'));
}

async function onShow(bed: CaTestBed): Promise<CertificateList> {
  const { dn } = bed.ca.scopes.find(scope);
  const [der, ...others] = await bed.published(dn, 'deltaRevocationList');
  assert.equal(others.length, 0);
  return parseCertificateList(der ?? assert.fail('no delta list'));
}

async function nextDelta(bed: CaTestBed): Promise<CertificateList> {
  await bed.clock.advance(HOUR);
  await bed.ca.deltas.publish(scope, tester);
  assert.deepEqual(await faultsOf(bed), []);
  return await onShow(bed);
}

const says = (list: CertificateList): readonly (readonly [bigint, number])[] =>
  [...list.entries()].map(({ serialNumber, reason = 0 }) => [serialNumber, reason]);

/** RFC 5280 §5.2.4: what a verifier knows who applies a delta list to what it knew. */
function applied(
  before: ReadonlyMap<bigint, number>,
  delta: CertificateList,
): ReadonlyMap<bigint, number> {
  const known = new Map(before);
  for (const [serialNumber, reason] of says(delta)) {
    if (reason === CrlReason.removeFromCRL) {
      const was = known.get(serialNumber) ?? CrlReason.certificateHold;
      assert.equal(was, CrlReason.certificateHold, 'nothing but a hold is removed');
      known.delete(serialNumber);
    } else {
      known.set(serialNumber, reason);
    }
  }
  return known;
}

const sorted = (known: ReadonlyMap<bigint, number>): ReadonlyMap<bigint, number> =>
  new Map([...known].sort());

describe('delta lists (RFC 5280 §5.2.4)', () => {
  it('come empty behind each full list, with the next number and critical indicator', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    await bed.clock.advance(24 * HOUR);
    await bed.ca.publish(scope, tester);
    const [base, delta] = [await full(bed), await onShow(bed)];
    assert.equal(delta.entryCount, 0);
    assert.equal(delta.number, (base.number ?? 0n) + 1n);
    const indicator = findExtension(delta.extensions, Oid.deltaCrlIndicator);
    assert.equal(indicator?.critical, true);
    assert.equal(parseCrlNumber(indicator?.value ?? assert.fail()), base.number);
    assert.equal(delta.nextUpdateMs, delta.thisUpdateMs + 12 * HOUR);
    const point = (list: CertificateList) =>
      findExtension(list.extensions, Oid.issuingDistributionPoint);
    assert.deepEqual(point(delta), point(base));
    const freshest = findExtension(base.extensions, Oid.freshestCrl) ?? assert.fail();
    assert.equal(freshest.critical, false);
    const [where] = parseCrlDistributionPoints(freshest.value);
    const { distributionPoint: name } = bed.ca.scopes.find(scope);
    assert.deepEqual(where?.fullName, [{ kind: 'directoryName', name }]);
    assert.equal(findExtension(delta.extensions, Oid.freshestCrl), undefined);
    assert.deepEqual(await faultsOf(bed), []);
  });

  it('have what was revoked, held and released since; the next full list has it too', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const [released, raised, revoked, brief] = [
      (await bed.issue()).serialNumber,
      (await bed.issue()).serialNumber,
      (await bed.issue()).serialNumber,
      (await bed.issue()).serialNumber,
    ];
    await bed.ca.hold({ serialNumber: released, origin: tester });
    await bed.ca.hold({ serialNumber: raised, origin: tester });
    await bed.clock.advance(24 * HOUR);
    await bed.ca.publish(scope, tester);
    await bed.ca.release({ serialNumber: released, origin: tester });
    await bed.revoke(raised);
    await bed.revoke(revoked);
    await bed.ca.hold({ serialNumber: brief, origin: tester });
    const held = await nextDelta(bed);
    assert.deepEqual(says(held).at(0), [released, CrlReason.removeFromCRL]);
    assert.deepEqual(says(held).at(-1), [brief, CrlReason.certificateHold]);
    assert.equal(held.entryCount, 4);
    await bed.ca.release({ serialNumber: brief, origin: tester });
    const removed = says(await nextDelta(bed));
    assert.deepEqual(removed.slice(0, 2), [
      [released, CrlReason.removeFromCRL],
      [brief, CrlReason.removeFromCRL],
    ]);
    assert.equal(removed.length, 4);
    assert.deepEqual(says(await nextDelta(bed)), removed, 'until the next full list');
    await bed.reopen();
    await bed.clock.advance(HOUR);
    await bed.ca.publish(scope, tester);
    assert.deepEqual(
      says(await full(bed)).map(([serialNumber]) => serialNumber),
      [raised, revoked],
    );
    assert.equal((await onShow(bed)).entryCount, 0);
    assert.deepEqual(await faultsOf(bed), []);
  });

  it('are due after their period and at once behind a full list, and are none of its due times', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const dueMs = bed.ca.nextDueMs();
    assert.deepEqual(bed.ca.deltas.dueScopes(bed.clock.nowMs()), []);
    await bed.clock.advance(4 * HOUR + 1000);
    assert.ok(bed.ca.deltas.dueScopes(bed.clock.nowMs()).includes(scope));
    await bed.ca.deltas.publish(scope, tester);
    assert.ok(!bed.ca.deltas.dueScopes(bed.clock.nowMs()).includes(scope));
    assert.equal(bed.ca.nextDueMs(), dueMs);
    assert.equal(await bed.ca.deltas.publish('arl', tester), undefined);
    assert.equal((await bed.ca.deltas.listArchived(scope)).length, 2);
  });

  it('remove a hold that came and went again once, and none that no list had', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const [twice, unseen] = [(await bed.issue()).serialNumber, (await bed.issue()).serialNumber];
    for (let round = 0; round < 2; round += 1) {
      await bed.ca.hold({ serialNumber: twice, origin: tester });
      await bed.ca.hold({ serialNumber: unseen, origin: tester });
      await bed.ca.release({ serialNumber: unseen, origin: tester });
      assert.deepEqual(says(await nextDelta(bed)), [[twice, CrlReason.certificateHold]]);
      await bed.ca.release({ serialNumber: twice, origin: tester });
      assert.deepEqual(says(await nextDelta(bed)), [[twice, CrlReason.removeFromCRL]]);
    }
    await bed.clock.advance(HOUR);
    await bed.ca.publish(scope, tester);
    assert.deepEqual(says(await full(bed)), []);
    assert.deepEqual(says(await onShow(bed)), []);
  });

  it('with the full list are, at any time, what the next full list would be', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const random = new SeededRandom('delta lists');
    const open: bigint[] = [];
    const held: bigint[] = [];
    // One who applies every delta list to what came of the one before, not to the full list again.
    let kept: ReadonlyMap<bigint, number> = new Map(says(await full(bed)));
    const pick = (from: bigint[]): bigint | undefined =>
      from.splice((random.bytes(1)[0] ?? 0) % Math.max(1, from.length), 1)[0];
    for (let step = 0; step < 120; step += 1) {
      const dice = (random.bytes(1)[0] ?? 0) % 12;
      const [free, stopped] = [
        dice < 8 ? pick(open) : undefined,
        dice >= 8 ? pick(held) : undefined,
      ];
      if (free === undefined && stopped === undefined) {
        open.push((await bed.issue()).serialNumber);
      } else if (free !== undefined && dice < 5) {
        await bed.ca.hold({ serialNumber: free, origin: tester });
        held.push(free);
      } else if (free !== undefined) {
        await bed.revoke(free);
      } else if (stopped !== undefined && dice < 11) {
        await bed.ca.release({ serialNumber: stopped, origin: tester });
        open.push(stopped);
      } else if (stopped !== undefined) {
        await bed.revoke(stopped);
      }
      if (step % 6 === 5) {
        const delta = await nextDelta(bed);
        const known = applied(new Map(says(await full(bed))), delta);
        kept = applied(kept, delta);
        assert.deepEqual(sorted(kept), sorted(known));
        if (step % 18 === 17) {
          await bed.clock.advance(HOUR);
          await bed.ca.publish(scope, tester);
          kept = new Map(says(await full(bed)));
          assert.deepEqual(sorted(known), sorted(kept));
        }
      }
    }
    assert.deepEqual(await faultsOf(bed), []);
  });

  it('have what is held when the policy changes to hold no more, as full lists do (I11)', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const { serialNumber } = await bed.issue();
    await bed.ca.hold({ serialNumber, origin: tester });
    const { revocation } = policy;
    await bed.reopen({ ...policy, revocation: { ...revocation, hold: 'never' } });
    assert.deepEqual(says(await nextDelta(bed)), [[serialNumber, CrlReason.certificateHold]]);
    await bed.clock.advance(HOUR);
    await bed.ca.publish(scope, tester);
    assert.deepEqual(says(await full(bed)), [[serialNumber, CrlReason.certificateHold]]);
    await bed.clock.advance(HOUR);
    await bed.ca.publish(scope, tester);
    assert.deepEqual(says(await full(bed)), [[serialNumber, CrlReason.certificateHold]]);
  });

  it('leave the directory when they start from an older list than the one before', async (t) => {
    let isAway = false;
    const bed = await CaTestBed.open(t, {
      policy,
      wrapSigner: (signer) => ({
        ...methodsOf(signer),
        sign: (request) =>
          isAway && isOfDelta(request)
            ? Promise.reject(new SigningError('SIGNING_UNAVAILABLE', 'away'))
            : signer.sign(request),
      }),
    });
    const { dn } = bed.ca.scopes.find(scope);
    const shown = async (): Promise<number> =>
      (await bed.published(dn, 'deltaRevocationList')).length;
    isAway = true;
    await bed.clock.advance(HOUR);
    assert.equal((await bed.ca.publish(scope, tester)).delta, undefined);
    assert.equal(await shown(), 1, 'it starts from the list before');
    assert.deepEqual(await faultsOf(bed), []);
    assert.ok(bed.ca.deltas.dueScopes(bed.clock.nowMs()).includes(scope));
    await bed.clock.advance(HOUR);
    assert.equal((await bed.ca.publish(scope, tester)).number, 4n);
    assert.equal(await shown(), 0);
    assert.equal(await bed.ca.deltas.onShow(scope), undefined);
    assert.deepEqual(await faultsOf(bed), []);
    assert.equal((await bed.records('crl.publish')).at(-1)?.result, 'failed');
    isAway = false;
    assert.equal((await nextDelta(bed)).number, 5n);
  });

  it('leave the directory with the next full list once the policy has none', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const { delta: _delta, ...crl } = policy.crl;
    await bed.reopen({ ...policy, crl });
    assert.equal(bed.ca.deltas.nextDueMs(), Number.POSITIVE_INFINITY);
    await bed.clock.advance(HOUR);
    await bed.ca.publish(scope, tester);
    const { dn } = bed.ca.scopes.find(scope);
    assert.deepEqual(await bed.published(dn, 'deltaRevocationList'), []);
    assert.equal(findExtension((await full(bed)).extensions, Oid.freshestCrl), undefined);
    assert.deepEqual(await faultsOf(bed), []);
  });

  it('are many entries in packed rows, some withdrawn, as the next full list has them', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const issued: bigint[] = [];
    for (let count = 0; count < 40; count += 1) {
      issued.push((await bed.issue()).serialNumber);
    }
    const orders = issued.slice(2).map((serialNumber) => ({
      serialNumber,
      reason: 'superseded' as const,
    }));
    await bed.ca.hold({ serialNumber: issued[0] ?? 0n, origin: tester });
    await bed.ca.hold({ serialNumber: issued[1] ?? 0n, origin: tester });
    await bed.ca.revokeGroup({ orders, origin: tester });
    await bed.ca.release({ serialNumber: issued[1] ?? 0n, origin: tester });
    const delta = await nextDelta(bed);
    assert.equal(delta.entryCount, 39);
    await bed.clock.advance(HOUR);
    await bed.ca.publish(scope, tester);
    assert.deepEqual(says(await full(bed)), says(delta));
  });
});

describe('a delta list that the gate stops', () => {
  const tables = new CaTables(policy.id);

  /** What the store says is changed; the list is made of it, and the register is as it was. */
  const rows: readonly {
    readonly why: string;
    readonly code: string;
    /** Another invariant that is not kept. */
    readonly finds?: string;
    readonly spoil: (bed: CaTestBed, serials: readonly bigint[]) => Promise<void>;
  }[] = [
    {
      why: 'for an entry that is lost before it is in a list',
      code: 'CA_GATE_I4',
      spoil: (bed) =>
        bed.store.transact('test: lost', async (transaction) => {
          for await (const key of transaction.keys(tables.waitingEntries(scope))) {
            transaction.delete(key);
          }
        }),
    },
    {
      why: 'for a revocation that is not on record',
      code: 'CA_GATE_I4',
      spoil: (bed, [revoked = 0n]) =>
        bed.store.transact('test: lost', async (transaction) =>
          transaction.delete(tables.status(revoked)),
        ),
    },
    {
      why: 'for a removal of what the full list does not hold',
      code: 'CA_GATE_I4',
      spoil: async (bed, [, held = 0n]) => {
        const { status } = (await bed.ca.findCertificate(held)) ?? {};
        const sequence = status?.sequence ?? assert.fail('not held');
        const { serialNumber } = await bed.issue();
        await bed.ca.release({ serialNumber: held, origin: tester });
        await bed.store.transact('test: another', async (transaction) =>
          transaction.put(tables.withdrawal(scope, sequence), encodeSerialKey(serialNumber)),
        );
      },
    },
    {
      why: 'when the full list that it starts from is not in the archive',
      code: 'CA_GATE_I10',
      spoil: (bed) =>
        bed.store.transact('test: lost', async (transaction) =>
          transaction.delete(tables.archive(scope, 3n)),
        ),
    },
    {
      why: 'when its distribution point is not that of its certificates',
      // What revokes is not in this list then, which is told first.
      code: 'CA_GATE_I4',
      finds: 'I5',
      spoil: (bed) =>
        bed.store.transact('test: moved', async (transaction) => {
          const bytes = (await transaction.read(tables.scope(scope))) ?? assert.fail();
          const record = parseScopeRecord(bytes);
          const { der } = bed.ca.scopes.find('10202').distributionPoint;
          const changed = { ...record, distributionPointDer: der };
          transaction.put(tables.scope(scope), encodeScopeRecord(changed));
        }),
    },
  ];

  for (const { why, code, spoil, finds = code.replace('CA_GATE_', '') } of rows) {
    it(`${why} (${finds}) leaves everything as it was`, async (t) => {
      const bed = await CaTestBed.open(t, { policy });
      const [revoked, held] = [(await bed.issue()).serialNumber, (await bed.issue()).serialNumber];
      await bed.ca.hold({ serialNumber: held, origin: tester });
      await bed.clock.advance(HOUR);
      await bed.ca.publish(scope, tester);
      await bed.revoke(revoked);
      await spoil(bed, [revoked, held]);
      const before = await bed.digestOfRecords();
      const shown = (await onShow(bed)).number;
      await bed.clock.advance(HOUR);
      await assert.rejects(bed.ca.deltas.publish(scope, tester), { code });
      assert.equal(await bed.digestOfRecords(), before);
      assert.equal((await onShow(bed)).number, shown);
      assert.ok((bed.ca.gateFindings.get(finds) ?? 0) > 0);
    });
  }
});

/** deltaCRLIndicator, 2.5.29.27, in what is signed. */
function isOfDelta({ purpose, content }: SignRequest): boolean {
  return purpose === 'crl' && Buffer.concat(content).includes(Buffer.from('0603551d1b', 'hex'));
}

function methodsOf(signer: Signer): Signer {
  return {
    activate: () => signer.activate(),
    deactivate: () => signer.deactivate(),
    isActive: () => signer.isActive(),
    generate: (key) => signer.generate(key),
    describe: (label) => signer.describe(label),
    list: () => signer.list(),
    makeSubjectKey: (key) => signer.makeSubjectKey(key),
    destroy: (label) => signer.destroy(label),
    sign: (request) => signer.sign(request),
    close: () => signer.close(),
  };
}
