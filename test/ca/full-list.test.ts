import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseCertificateList } from '../../src/x509/certificate-list.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { assertConsistent, faultsOf } from '../support/ca-consistency.ts';
import { addRevoked } from '../support/ca-load.ts';
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

  const withFull = {
    ...smallGunma,
    revocation: { ...smallGunma.revocation, hold: 'until-expiry' } as const,
    crl: {
      ...smallGunma.crl,
      scopes: [...smallGunma.crl.scopes, { id: 'full', partition: 'full' } as const],
    },
  };
  const { scopes } = smallGunma.crl;
  const withoutFull = { ...withFull, crl: { ...withFull.crl, scopes } };

  it('may be added before the first revocation', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.issue();
    await bed.reopen(withFull);
    const { serialNumber } = await bed.issue();
    await bed.revoke(serialNumber);
    await bed.clock.advance(6_000);
    await bed.ca.publish('full-1', tester);
    assert.deepEqual(await serialsIn(bed, 'full-1'), [serialNumber]);
  });

  it('may be added later, and has what was revoked or held before, but for what has ended', async (t) => {
    const bed = await CaTestBed.open(t, { policy: withoutFull });
    const ended = await bed.issue();
    await bed.revoke(ended.serialNumber);
    await bed.clock.advance(6_000);
    await bed.ca.publish('10201', tester);
    await bed.clock.advance(ended.certificate.notAfterMs - bed.clock.nowMs() + 1000);
    const [held, revoked, released, good] = [
      (await bed.issue()).serialNumber,
      (await bed.issue('10202')).serialNumber,
      (await bed.issue()).serialNumber,
      (await bed.issue()).serialNumber,
    ];
    await bed.ca.hold({ serialNumber: held, origin: tester });
    await bed.ca.hold({ serialNumber: released, origin: tester });
    await bed.revoke(revoked, 'superseded');
    await bed.ca.release({ serialNumber: released, origin: tester });
    await bed.reopen(withFull);
    assert.deepEqual(await faultsOf(bed), [], 'before its first list');
    await bed.clock.advance(2_000);
    await bed.ca.publish('full-1', tester);
    const before = [held, revoked];
    assert.deepEqual([...(await serialsIn(bed, 'full-1'))].sort(), [...before].sort());
    assert.equal(bed.ca.gateFindings.size, 0, 'nothing is late in a first list');
    // From now on it goes on like any other.
    await bed.revoke(good);
    await bed.ca.release({ serialNumber: held, origin: tester });
    await bed.clock.advance(2_000);
    await bed.ca.publish('full-1', tester);
    assert.deepEqual(await serialsIn(bed, 'full-1'), [revoked, good]);
    assert.deepEqual(await faultsOf(bed), []);
    await bed.reopen(withFull);
    assert.equal((await bed.records('crl.fill')).length, 1);
  });

  it('is filled in steps', async (t) => {
    const bed = await CaTestBed.open(t, { policy: withoutFull });
    const model = await bed.issue();
    const { store, ca, random } = bed;
    await addRevoked({ store, ca, random }, model, 2_500);
    await bed.reopen(withFull);
    assert.equal((await bed.records('crl.fill')).length, 2);
    await bed.clock.advance(2_000);
    assert.equal((await bed.ca.publish('full-1', tester)).entryCount, 2_500);
  });

  it('goes on filling where that was interrupted, and takes nothing twice', async (t) => {
    let left = Number.POSITIVE_INFINITY;
    const bed = await CaTestBed.open(t, {
      policy: withoutFull,
      wrapAudit: (audit) =>
        new Proxy(audit, {
          get: (target, name) => {
            const member: unknown = Reflect.get(target, name, target);
            if (name !== 'append' || typeof member !== 'function') {
              return typeof member === 'function' ? member.bind(target) : member;
            }
            return (...args: readonly [unknown, { readonly kind: string }]) => {
              left -= args[1].kind === 'crl.fill' ? 1 : 0;
              return left < 0 ? Promise.reject(new Error('power cut')) : member.apply(target, args);
            };
          },
        }),
    });
    const { serialNumber } = await bed.issue();
    await bed.revoke(serialNumber);
    left = 0;
    await assert.rejects(bed.reopen(withFull), /power cut/);
    left = Number.POSITIVE_INFINITY;
    await bed.reopen(withFull);
    await bed.reopen(withFull);
    await bed.clock.advance(2_000);
    await bed.ca.publish('full-1', tester);
    assert.deepEqual(await serialsIn(bed, 'full-1'), [serialNumber]);
    assert.deepEqual(await faultsOf(bed), []);
  });
});
