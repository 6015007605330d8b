/**
 * The end of older keys of the CA: retired when the last certificate that they issued has ended and the lists have said
 * all there was to say; their certificates leave the CA's entry when they end (gunma 2-6-1, RFC 5280 §3.3).
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { GenerationState } from '../../src/ca/records/authority-record.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { CaTestBed, smallGunma, tester, withoutCross } from '../support/ca-test-bed.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Two validities of a list. */
const MARGIN_MS = 2 * 72 * HOUR_MS;

const CA_DN = smallGunma.names.issuer;

const plainGunma = withoutCross(smallGunma);

async function renew(bed: CaTestBed): Promise<void> {
  await bed.ca.renewal.prepare(tester);
  await bed.ca.renewal.switchOver(tester);
}

function states(bed: CaTestBed): readonly GenerationState[] {
  return bed.ca.authorities.all.map(({ state }) => state);
}

async function publishedCount(bed: CaTestBed): Promise<number> {
  return (await bed.published(CA_DN, 'cACertificate')).length;
}

describe('an older key', () => {
  it('is retired when what it may have issued has ended, and not a moment before', async (t) => {
    const bed = await CaTestBed.open(t, { policy: plainGunma });
    await bed.clock.advance(30 * DAY_MS);
    const { certificate } = await bed.issue();
    await renew(bed);
    await bed.ca.retirement.run(tester);
    const dueMs = certificate.notAfterMs + MARGIN_MS;
    assert.equal(bed.ca.retirement.dueMs, dueMs, 'three years from the switch, on the same day');
    bed.clock.setWallClock(dueMs - 1);
    await bed.ca.retirement.run(tester);
    assert.deepEqual(states(bed), ['retiring', 'current']);
    bed.clock.setWallClock(dueMs);
    await bed.ca.retirement.run(tester);
    assert.deepEqual(states(bed), ['retired', 'current']);
    const records = await bed.records('ca.key.retire');
    assert.deepEqual(
      records.map(({ subject, details }) => [subject, details?.['lastEnd']]),
      [['gunma-ca-1', new Date(certificate.notAfterMs).toISOString()]],
    );
    assert.equal(await publishedCount(bed), 4, 'its certificates are valid still');
    await bed.reopen();
    assert.deepEqual(states(bed), ['retired', 'current']);
  });

  it('waits for what a policy of before has let live for longer', async (t) => {
    const profile = smallGunma.profiles['end-entity'];
    assert(profile?.validity !== undefined);
    const validity = { ...profile.validity, years: 5 };
    const longer = { ...plainGunma.profiles, 'end-entity': { ...profile, validity } };
    const bed = await CaTestBed.open(t, { policy: { ...plainGunma, profiles: longer } });
    const { certificate } = await bed.issue();
    await renew(bed);
    await bed.reopen(plainGunma);
    await bed.ca.retirement.run(tester);
    const early = bed.ca.retirement.dueMs ?? assert.fail();
    assert.ok(early < certificate.notAfterMs, 'by the policy of now');
    bed.clock.setWallClock(early);
    await bed.ca.retirement.run(tester);
    assert.deepEqual(states(bed), ['retiring', 'current']);
    assert.equal(bed.ca.retirement.dueMs, certificate.notAfterMs + MARGIN_MS);
    bed.clock.setWallClock(certificate.notAfterMs + MARGIN_MS);
    await bed.ca.retirement.run(tester);
    assert.deepEqual(states(bed), ['retired', 'current']);
  });

  it('leaves the CA’s entry with its links when its certificate ends, and is not due again', async (t) => {
    const bed = await CaTestBed.open(t, { policy: plainGunma });
    const endMs = bed.ca.certificate.notAfterMs;
    bed.clock.setWallClock(bed.clock.nowMs() + 5 * 365 * DAY_MS);
    await renew(bed);
    await bed.ca.retirement.run(tester);
    bed.clock.setWallClock(endMs - 1);
    await bed.ca.retirement.run(tester);
    assert.equal(bed.ca.retirement.dueMs, endMs);
    assert.equal(await publishedCount(bed), 4);
    bed.clock.setWallClock(endMs);
    await assertConsistent(bed);
    await bed.ca.retirement.run(tester);
    assert.deepEqual(
      (await bed.published(CA_DN, 'cACertificate')).map((der) => Buffer.from(der)),
      [Buffer.from(bed.ca.certificate.der)],
    );
    assert.equal((await bed.records('ca.certificates.publish')).length, 1);
    assert.equal(bed.ca.retirement.dueMs, bed.ca.certificate.notAfterMs);
    await assertConsistent(bed);
  });

  it('loses a link that is revoked, and nothing else', async (t) => {
    const bed = await CaTestBed.open(t, { policy: plainGunma });
    await renew(bed);
    await bed.ca.retirement.run(tester);
    const { links } = bed.ca.authorities.generation(2);
    assert(links !== undefined);
    const { serialNumber } = parseCertificate(links.oldWithNew);
    await bed.revoke(serialNumber);
    assert.equal(bed.ca.retirement.dueMs, 0, 'at once');
    await bed.ca.retirement.run(tester);
    const shown = (await bed.published(CA_DN, 'cACertificate')).map((der) => Buffer.from(der));
    assert.equal(shown.length, 3);
    assert.ok(shown.every((der) => !der.equals(links.oldWithNew)));
    await bed.clock.advance(1000);
    await bed.ca.publish('arl', tester);
    await assertConsistent(bed);
  });

  it('is looked after at once when a server starts, and writes nothing where all is well', async (t) => {
    const bed = await CaTestBed.open(t, { policy: plainGunma });
    assert.equal(bed.ca.retirement.dueMs, 0);
    const before = await bed.digestOfRecords();
    await bed.ca.retirement.run(tester);
    assert.equal(await bed.digestOfRecords(), before);
    assert.equal((await bed.records('ca.certificates.publish')).length, 0);
  });
});
