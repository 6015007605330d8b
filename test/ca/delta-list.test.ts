import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Policy } from '../../src/ca/policy/policy.ts';
import { type CertificateList, parseCertificateList } from '../../src/x509/certificate-list.ts';
import { CrlReason, parseCrlNumber } from '../../src/x509/crl-extensions.ts';
import { parseCrlDistributionPoints } from '../../src/x509/distribution-point.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { faultsOf } from '../support/ca-consistency.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const HOUR = 3_600_000;
const scope = '10201';
const { crl, revocation } = smallGunma;
const policy: Policy = {
  ...smallGunma,
  revocation: { ...revocation, hold: 'until-expiry' },
  crl: { ...crl, atOnceReasons: [], delta: { periodHours: 4, validityHours: 12 } },
};

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

/** RFC 5280 §6.3.3: what a verifier knows who has both. */
function applied(base: CertificateList, delta: CertificateList): ReadonlyMap<bigint, number> {
  const known = new Map(says(base));
  for (const [serialNumber, reason] of says(delta)) {
    if (reason === CrlReason.removeFromCRL) {
      assert.equal(known.get(serialNumber), CrlReason.certificateHold, 'the base has the hold');
      known.delete(serialNumber);
    } else {
      known.set(serialNumber, reason);
    }
  }
  return known;
}

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
    assert.equal((await nextDelta(bed)).entryCount, 3, 'no list but a delta list had it');
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

  it('with the full list are, at any time, what the next full list would be', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const random = new SeededRandom('delta lists');
    const open: bigint[] = [];
    const held: bigint[] = [];
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
        const base = await full(bed);
        const known = applied(base, await nextDelta(bed));
        if (step % 18 === 17) {
          await bed.clock.advance(HOUR);
          await bed.ca.publish(scope, tester);
          assert.deepEqual(new Map([...known].sort()), new Map(says(await full(bed)).toSorted()));
        }
      }
    }
    assert.deepEqual(await faultsOf(bed), []);
  });
});
