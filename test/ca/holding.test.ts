import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Policy } from '../../src/ca/policy/policy.ts';
import { parseCertificateList, type RevokedEntry } from '../../src/x509/certificate-list.ts';
import { CrlReason } from '../../src/x509/crl-extensions.ts';
import { assertConsistent, faultsOf } from '../support/ca-consistency.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { secomLike } from '../support/scope-policies.ts';

const HOUR = 3_600_000;
const { revocation } = smallGunma;
/** As jlis-auth: holds until expiry, released at the counter (jlis 4.9.13). */
const policy: Policy = { ...smallGunma, revocation: { ...revocation, hold: 'until-expiry' } };

async function publish(bed: CaTestBed): Promise<readonly RevokedEntry[]> {
  await bed.clock.advance(HOUR);
  await bed.ca.publish('10201', tester);
  const list = parseCertificateList((await bed.ca.readList('10201')) ?? assert.fail());
  await assertConsistent(bed);
  return [...list.entries()];
}

const stateOf = async (bed: CaTestBed, serialNumber: bigint): Promise<string | undefined> =>
  (await bed.ca.findCertificate(serialNumber))?.state;

describe('a hold', () => {
  it('is in the list with certificateHold, and out of the next one after its release (I3)', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const { serialNumber } = await bed.issue();
    const other = await bed.issue();
    await bed.revoke(other.serialNumber);
    const { sinceMs } = await bed.ca.hold({ serialNumber, origin: tester });
    assert.equal(await stateOf(bed, serialNumber), 'held');
    const [, entry] = await publish(bed);
    assert.deepEqual(
      [entry?.serialNumber, entry?.reason, entry?.revocationMs],
      [serialNumber, CrlReason.certificateHold, sinceMs],
    );
    await bed.ca.release({ serialNumber, origin: tester });
    assert.equal(await stateOf(bed, serialNumber), 'good');
    assert.deepEqual(await faultsOf(bed), [], 'between the release and the next list');
    assert.deepEqual(
      (await publish(bed)).map((one) => one.serialNumber),
      [other.serialNumber],
    );
  });

  it('that is released before any list carried it is in none', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const [held, revoked] = [await bed.issue(), await bed.issue()];
    await bed.ca.hold({ serialNumber: held.serialNumber, origin: tester });
    await bed.revoke(revoked.serialNumber);
    await bed.ca.release({ serialNumber: held.serialNumber, origin: tester });
    assert.deepEqual(
      (await publish(bed)).map((one) => one.serialNumber),
      [revoked.serialNumber],
    );
    // As the only one, and as the last one.
    await bed.ca.hold({ serialNumber: held.serialNumber, origin: tester });
    await bed.ca.release({ serialNumber: held.serialNumber, origin: tester });
    assert.equal((await publish(bed)).length, 1);
  });

  it('that becomes a revocation is one entry, with the new reason', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const { serialNumber } = await bed.issue();
    for (const isListed of [true, false]) {
      const one = isListed ? serialNumber : (await bed.issue()).serialNumber;
      await bed.ca.hold({ serialNumber: one, origin: tester });
      if (isListed) {
        await publish(bed);
      }
      await bed.revoke(one, 'superseded');
      const entries = (await publish(bed)).filter((entry) => entry.serialNumber === one);
      assert.deepEqual(
        entries.map(({ reason }) => reason),
        [CrlReason.superseded],
      );
    }
    await assert.rejects(bed.ca.release({ serialNumber, origin: tester }), { code: 'CA_NOT_HELD' });
  });

  it('can be placed, released and placed again, also over a restart', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const { serialNumber } = await bed.issue();
    for (let round = 0; round < 3; round += 1) {
      await bed.ca.hold({ serialNumber, origin: tester });
      await bed.reopen();
      assert.equal((await publish(bed)).length, 1);
      await bed.ca.release({ serialNumber, origin: tester });
      await bed.reopen();
      assert.equal((await publish(bed)).length, 0);
    }
  });

  it('lasts until the certificate ends, and leaves the list like a revocation', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const { serialNumber, certificate } = await bed.issue();
    await bed.ca.hold({ serialNumber, origin: tester });
    await publish(bed);
    bed.clock.setWallClock(certificate.notAfterMs + 25 * HOUR);
    assert.equal((await publish(bed)).length, 1);
    await assert.rejects(bed.ca.release({ serialNumber, origin: tester }), {
      code: 'CA_CERTIFICATE_EXPIRED',
    });
    bed.clock.setWallClock(bed.clock.nowMs() + 25 * HOUR);
    assert.equal((await publish(bed)).length, 0);
  });

  it('stays as it is when the policy allows holds no more, and can be released', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const [one, two] = [await bed.issue(), await bed.issue()];
    for (const { serialNumber } of [one, two]) {
      await bed.ca.hold({ serialNumber, origin: tester });
    }
    await publish(bed);
    await bed.reopen(smallGunma);
    assert.equal((await publish(bed)).length, 2);
    const { serialNumber } = one;
    await bed.ca.release({ serialNumber, origin: tester });
    assert.equal((await publish(bed)).length, 1);
    await assert.rejects(bed.ca.hold({ serialNumber, origin: tester }), {
      code: 'CA_HOLD_NOT_ALLOWED',
    });
  });

  it('is recorded, and its release', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const { serialNumber } = await bed.issue();
    await bed.ca.hold({ serialNumber, origin: tester });
    await bed.ca.release({ serialNumber, origin: tester });
    const [held] = await bed.records('certificate.hold');
    const [released] = await bed.records('certificate.release');
    assert.deepEqual([held?.result, released?.result], ['done', 'done']);
    assert.deepEqual(held?.details, { scope: '10201', sequence: 1 });
    assert.equal(released?.before, held?.after);
  });
});

describe('a release where each revocation has a list (mic 4.8, secom 4.5.3)', () => {
  const atEach: Policy = {
    ...policy,
    crl: { ...policy.crl, atEachRevocation: { coalesceSeconds: 5, alarmMinutes: 15 } },
  };

  it('has one too, with those of the same seconds, also after a restart', async (t) => {
    const bed = await CaTestBed.open(t, { policy: atEach });
    const [first, second] = [await bed.issue(), await bed.issue()];
    const scopeId = first.scope.id;
    for (const { serialNumber } of [first, second]) {
      await bed.ca.hold({ serialNumber, origin: tester });
    }
    await bed.clock.advance(10_000);
    await bed.ca.publish(scopeId, tester);
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs()), []);
    const told: (readonly [string, number])[] = [];
    bed.ca.onUrgentRevocation((id, dueMs) => told.push([id, dueMs]));
    await bed.clock.advance(HOUR);
    const releasedMs = bed.clock.nowMs();
    const request = { serialNumber: first.serialNumber, origin: tester };
    const { publicationDueMs } = await bed.ca.release(request);
    assert.equal(publicationDueMs, releasedMs + 5_000);
    await bed.clock.advance(2_000);
    await bed.ca.release({ serialNumber: second.serialNumber, origin: tester });
    assert.deepEqual(told.at(-1), [scopeId, releasedMs + 5_000], 'the first one counts');
    assert.deepEqual(bed.ca.dueScopes(releasedMs + 4_999), []);
    assert.deepEqual(bed.ca.dueScopes(releasedMs + 5_000), [scopeId]);
    await bed.reopen();
    assert.deepEqual(bed.ca.dueScopes(releasedMs + 5_000), [scopeId]);
    await bed.clock.advance(5_000);
    const { entryCount } = await bed.ca.publish(scopeId, tester);
    assert.equal(entryCount, 0);
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs() + HOUR), [], 'served');
    await bed.reopen();
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs() + HOUR), []);
    assert.deepEqual(await faultsOf(bed), []);
  });

  it('makes full lists due as well', async (t) => {
    const { revocation, crl } = secomLike;
    const bed = await CaTestBed.open(t, {
      policy: {
        ...secomLike,
        revocation: { ...revocation, hold: 'until-expiry' },
        crl: { ...crl, atEachRevocation: { coalesceSeconds: 5, alarmMinutes: 15 } },
      },
    });
    const { serialNumber, scope } = await bed.issue();
    const full = bed.ca.scopes.list.find(({ isFull }) => isFull) ?? assert.fail('no full list');
    await bed.ca.hold({ serialNumber, origin: tester });
    await bed.clock.advance(10_000);
    await bed.ca.publish(scope.id, tester);
    await bed.clock.advance(2_000);
    await bed.ca.publish(full.id, tester);
    await bed.clock.advance(2_000);
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs()), []);
    await bed.ca.release({ serialNumber, origin: tester });
    const due = bed.ca.dueScopes(bed.clock.nowMs() + 5_000);
    assert.deepEqual([...due].sort(), [scope.id, full.id].sort());
  });
});

describe('a hold is refused', () => {
  const rows = [
    { why: 'of a number that was never issued', code: 'CA_SERIAL_UNKNOWN' },
    { why: 'of a revoked certificate', code: 'CA_ALREADY_REVOKED' },
    { why: 'of a held one', code: 'CA_HOLD_NOT_ALLOWED' },
    { why: 'of one that has ended', code: 'CA_CERTIFICATE_EXPIRED' },
  ] as const;
  for (const { why, code } of rows) {
    it(why, async (t) => {
      const bed = await CaTestBed.open(t, { policy });
      const { serialNumber, certificate } = await bed.issue();
      const request = { serialNumber, origin: tester };
      if (code === 'CA_ALREADY_REVOKED') {
        await bed.revoke(serialNumber);
      } else if (code === 'CA_HOLD_NOT_ALLOWED') {
        await bed.ca.hold(request);
      } else if (code === 'CA_CERTIFICATE_EXPIRED') {
        bed.clock.setWallClock(certificate.notAfterMs + HOUR);
      } else {
        request.serialNumber += 1n;
      }
      await assert.rejects(bed.ca.hold(request), { code });
      const [record] = (await bed.records('certificate.hold')).slice(-1);
      assert.deepEqual([record?.result, record?.details?.['code']], ['refused', code]);
    });
  }

  it('by a policy that has none', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await assert.rejects(bed.ca.hold({ serialNumber, origin: tester }), {
      code: 'CA_HOLD_NOT_ALLOWED',
    });
    await assert.rejects(bed.ca.release({ serialNumber, origin: tester }), { code: 'CA_NOT_HELD' });
  });
});
