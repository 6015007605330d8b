import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseCertificateList } from '../../src/x509/certificate-list.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { secomLike } from '../support/scope-policies.ts';

async function publishDue(bed: CaTestBed): Promise<readonly string[]> {
  await bed.clock.advance(6_000);
  const due = bed.ca.dueScopes(bed.clock.nowMs());
  for (const scopeId of due) {
    await bed.ca.publish(scopeId, tester);
    await bed.clock.advance(1_000);
  }
  return due;
}

async function serialsIn(bed: CaTestBed, scopeId: string): Promise<readonly bigint[]> {
  const list = parseCertificateList((await bed.ca.readList(scopeId)) ?? assert.fail(scopeId));
  return [...list.entries()].map(({ serialNumber }) => serialNumber);
}

describe('a full list beside the partitions (secom 2.6.1)', () => {
  it('has the entries of all partitions, in the order of revocation, and no IDP (I4)', async (t) => {
    const bed = await CaTestBed.open(t, { policy: secomLike });
    const revoked: bigint[] = [];
    for (let count = 0; count < 7; count += 1) {
      const { serialNumber } = await bed.issue();
      await publishDue(bed);
      if (count % 2 === 0) {
        await bed.revoke(serialNumber);
        revoked.push(serialNumber);
        const due = await publishDue(bed);
        assert.ok(due.includes('full-1'), 'comes out with the partition');
      }
    }
    assert.deepEqual(await serialsIn(bed, 'full-1'), revoked);
    const partitions = bed.ca.scopes.list.filter(({ isFull }) => !isFull);
    const union = await Promise.all(partitions.map(({ id }) => serialsIn(bed, id)));
    assert.deepEqual(new Set(union.flat()), new Set(revoked));
    const der = (await bed.ca.readList('full-1')) ?? assert.fail('none');
    const { extensions } = parseCertificateList(der);
    assert.equal(findExtension(extensions, Oid.issuingDistributionPoint), undefined);
    const { issuer } = bed.policy.names;
    const [inEntry] = await bed.published(issuer, 'certificateRevocationList');
    assert.deepEqual(Buffer.from(inEntry ?? []), Buffer.from(der));
    assert.deepEqual(bed.ca.scopes.find('full-1').httpPaths, ['/G-ID/repository2/CRL.crl']);
    await assertConsistent(bed);
    await bed.reopen();
    await assertConsistent(bed);
  });

  it('has a hold as soon as its partition where lists do not wait (jlis 4.9.13)', async (t) => {
    const { revocation } = secomLike;
    const policy = { ...secomLike, revocation: { ...revocation, hold: 'until-expiry' } as const };
    const bed = await CaTestBed.open(t, { policy });
    const { serialNumber } = await bed.issue();
    await publishDue(bed);
    const told: string[] = [];
    bed.ca.onUrgentRevocation((scopeId) => told.push(scopeId));
    await bed.ca.hold({ serialNumber, origin: tester });
    assert.ok(told.includes('full-1'), String(told));
    assert.ok((await publishDue(bed)).includes('full-1'), 'due without a tick');
    assert.deepEqual(await serialsIn(bed, 'full-1'), [serialNumber]);
    await assertConsistent(bed);
  });

  it('keeps an entry until a list of its own has shown it past its end (I3)', async (t) => {
    const bed = await CaTestBed.open(t, { policy: secomLike });
    const { serialNumber, certificate } = await bed.issue();
    await bed.revoke(serialNumber);
    await publishDue(bed);
    await bed.clock.advance(certificate.notAfterMs - bed.clock.nowMs() + 1000);
    await publishDue(bed);
    assert.deepEqual(await serialsIn(bed, 'full-1'), [serialNumber]);
    await bed.clock.advance(86_400_000);
    await publishDue(bed);
    assert.deepEqual(await serialsIn(bed, 'full-1'), []);
    assert.deepEqual(await serialsIn(bed, 'crl-1'), []);
    await assertConsistent(bed);
  });

  it('is one for each key, side by side in the CA entry, each signed with its own', async (t) => {
    const bed = await CaTestBed.open(t, { policy: secomLike });
    const old = await bed.issue();
    await bed.clock.advance(6_000);
    await bed.ca.renewal.prepare(tester);
    await bed.ca.renewal.switchOver(tester);
    const due = await publishDue(bed);
    assert.ok(due.includes('full-2'), String(due));
    const young = await bed.issue();
    await bed.revoke(old.serialNumber);
    await bed.revoke(young.serialNumber);
    await publishDue(bed);
    assert.deepEqual(await serialsIn(bed, 'full-1'), [old.serialNumber]);
    assert.deepEqual(await serialsIn(bed, 'full-2'), [young.serialNumber]);
    const values = await bed.published(bed.policy.names.issuer, 'certificateRevocationList');
    const lists = values.map(parseCertificateList);
    assert.deepEqual(
      new Set(lists.flatMap((list) => [...list.entries()].map((one) => one.serialNumber))),
      new Set([old.serialNumber, young.serialNumber]),
    );
    const keys = lists.map(
      (list) => findExtension(list.extensions, Oid.authorityKeyIdentifier)?.value ?? '',
    );
    assert.notDeepEqual(keys[0], keys[1]);
    await assertConsistent(bed);
    await bed.reopen();
    await assertConsistent(bed);
  });

  it('may be added before the first revocation, not behind it', async (t) => {
    const withFull = {
      ...smallGunma,
      crl: {
        ...smallGunma.crl,
        scopes: [...smallGunma.crl.scopes, { id: 'full', partition: 'full' } as const],
      },
    };
    const early = await CaTestBed.open(t);
    await early.issue();
    await early.reopen(withFull);
    const { serialNumber } = await early.issue();
    await early.revoke(serialNumber);
    await early.clock.advance(6_000);
    await early.ca.publish('full-1', tester);
    assert.deepEqual(await serialsIn(early, 'full-1'), [serialNumber]);
    const late = await CaTestBed.open(t);
    await late.revoke((await late.issue()).serialNumber);
    await assert.rejects(late.reopen(withFull), { code: 'CA_POLICY_CHANGED' });
    await late.reopen();
  });
});
