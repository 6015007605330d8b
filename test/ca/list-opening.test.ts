import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import type { Policy } from '../../src/ca/policy/policy.ts';
import { parseCertificateList } from '../../src/x509/certificate-list.ts';
import {
  parseCrlDistributionPoints,
  parseIssuingDistributionPoint,
} from '../../src/x509/distribution-point.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import { formatName } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { CaTestBed, hanako, smallGunma, tester } from '../support/ca-test-bed.ts';
import { byAttribute, byCount, single, withScopes } from '../support/scope-policies.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

/** Publishes what is due, as the schedule does. */
async function publishDue(bed: CaTestBed): Promise<void> {
  await bed.clock.advance(2_000);
  for (const scopeId of bed.ca.dueScopes(bed.clock.nowMs())) {
    await bed.ca.publish(scopeId, tester);
  }
}

async function open(t: TestContext, policy: Policy): Promise<CaTestBed> {
  return await CaTestBed.open(t, { policy });
}

/** The point in a certificate, in the newest list of its scope, and the entry's name (I5). */
async function pointsOf(bed: CaTestBed, serialNumber: bigint): Promise<readonly string[]> {
  const found = (await bed.ca.findCertificate(serialNumber)) ?? assert.fail('no certificate');
  const { scopeId, der } = found;
  const scope = bed.ca.scopes.find(scopeId);
  const issued = await import('../../src/x509/certificate.ts').then((m) => m.parseCertificate(der));
  const crldp = findExtension(issued.extensions, Oid.cRLDistributionPoints)?.value;
  const [first] = parseCrlDistributionPoints(crldp ?? assert.fail('no CRLDP'));
  const list = parseCertificateList((await bed.ca.readList(scopeId)) ?? assert.fail('no list'));
  const idp = findExtension(list.extensions, Oid.issuingDistributionPoint)?.value;
  const point = parseIssuingDistributionPoint(idp ?? assert.fail('no IDP'));
  assert.equal((await bed.published(scope.dn, scope.attribute)).length, 1, 'in its entry');
  return [first?.fullName?.[0], point.fullName?.[0]].map((name) =>
    name?.kind === 'directoryName' ? formatName(name.name) : '',
  );
}

describe('numbered lists, each opened when the one before is full (secom 2.6.1)', () => {
  it('take so many certificates each, and the next is out before it is needed', async (t) => {
    const bed = await open(t, byCount({ certificates: 3 }));
    const into: string[] = [];
    for (let count = 0; count < 8; count += 1) {
      const { scope, serialNumber } = await bed.issue();
      into.push(scope.id);
      await publishDue(bed);
      const points = await pointsOf(bed, serialNumber);
      assert.deepEqual(points, [scope.dn, scope.dn]);
    }
    assert.deepEqual(into, [
      'crl-1',
      'crl-1',
      'crl-1',
      'crl-2',
      'crl-2',
      'crl-2',
      'crl-3',
      'crl-3',
    ]);
    assert.equal(bed.ca.scopes.find('crl-3').httpPaths[0], '/repository/crl-3.crl');
    await assertConsistent(bed);
  });

  it('take certificates until so many were revoked', async (t) => {
    const bed = await open(t, byCount({ entries: 2 }));
    const into: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      const { scope, serialNumber } = await bed.issue();
      into.push(scope.id);
      await bed.revoke(serialNumber);
      await publishDue(bed);
    }
    // The next is opened when one is nearly full, and certificates go there when it is out.
    assert.deepEqual(into, ['crl-1', 'crl-1', 'crl-1', 'crl-2', 'crl-2']);
  });

  it('stay with a list that is full until the next one is out', async (t) => {
    const bed = await open(t, byCount({ certificates: 1 }));
    const ids = async (): Promise<string> => (await bed.issue()).scope.id;
    assert.equal(await ids(), 'crl-1');
    assert.deepEqual([await ids(), await ids()], ['crl-1', 'crl-1']);
    await publishDue(bed);
    assert.equal(await ids(), 'crl-2');
  });

  it('are due at once when opened, and told to whoever publishes', async (t) => {
    const bed = await open(t, byCount({ certificates: 1 }));
    const told: string[] = [];
    bed.ca.onUrgentRevocation((scopeId) => told.push(scopeId));
    await bed.issue();
    await bed.issue();
    assert.deepEqual(told, ['crl-2']);
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs()), ['crl-2']);
  });

  it('are the same after a restart', async (t) => {
    const bed = await open(t, byCount({ certificates: 1 }));
    for (let count = 0; count < 4; count += 1) {
      await bed.issue();
      await publishDue(bed);
    }
    const before = bed.ca.scopes.list.map(({ id }) => id);
    assert.ok(before.includes('crl-3'), String(before));
    await bed.reopen();
    assert.deepEqual(
      bed.ca.scopes.list.map(({ id }) => id),
      before,
    );
    assert.equal((await bed.issue()).scope.id, before.at(-1), 'the one that waits');
    await assertConsistent(bed);
  });

  it('have the ARL in the entry of the first', async (t) => {
    const bed = await open(t, byCount({ certificates: 3 }));
    const { dn } = bed.ca.scopes.find('crl-1');
    assert.equal(bed.ca.scopes.find('arl').dn, dn);
    for (const attribute of ['authorityRevocationList', 'certificateRevocationList']) {
      assert.equal((await bed.published(dn, attribute)).length, 1, attribute);
    }
  });
});

describe('lists by an attribute that is fixed when a certificate is issued', () => {
  it('by prefecture', async (t) => {
    const bed = await open(t, byAttribute('prefecture'));
    const { scope, serialNumber } = await bed.issue('10202');
    assert.equal(scope.id, 'region-gunma-ken');
    assert.equal((await bed.issue('10201')).scope.id, scope.id);
    const points = await pointsOf(bed, serialNumber);
    assert.deepEqual(points, [scope.dn, scope.dn]);
    await bed.revoke(serialNumber);
    await publishDue(bed);
    await assertConsistent(bed);
  });

  it('by profile', async (t) => {
    const bed = await open(t, byAttribute('profile'));
    assert.equal((await bed.issue()).scope.id, 'region-end-entity');
  });

  it('by what the request names, which has to be one of the policy', async (t) => {
    const bed = await open(t, byAttribute('request', ['east', 'west']));
    const issue = (partition: string | undefined, name: string) =>
      bed.ca.issue({
        profile: 'end-entity',
        csr: sampleRequest(sampleKey('p256', name)),
        municipality: '10201',
        subjectAttributes: { ...hanako, address: `${hanako.address}${name}` },
        origin: tester,
        ...(partition === undefined ? {} : { partition }),
      });
    assert.equal((await issue('west', '西')).scope.id, 'region-west');
    for (const partition of ['north', undefined]) {
      await assert.rejects(issue(partition, '北'), { code: 'CA_SCOPE_UNKNOWN' });
    }
  });

  it('one for all', async (t) => {
    const bed = await open(t, single);
    assert.equal((await bed.issue('10201')).scope.id, (await bed.issue('10203')).scope.id);
  });
});

describe('a changed policy (I5)', () => {
  const [arl, operations, region] = byAttribute('request', ['east', 'west']).crl.scopes;
  const all = single.crl.scopes.at(-1);

  it('may close a list for new certificates and put them into another', async (t) => {
    const bed = await open(t, single);
    const old = await bed.issue();
    assert.ok(arl && operations && all);
    const closed = { ...all, closed: true };
    await bed.reopen(
      withScopes([arl, operations, closed, ...byCount({ certificates: 9 }).crl.scopes.slice(2)]),
    );
    const young = await bed.issue();
    assert.deepEqual([old.scope.id, young.scope.id], ['all', 'crl-1']);
    await bed.revoke(old.serialNumber);
    await publishDue(bed);
    assert.equal((await bed.ca.listArchived('all')).at(-1)?.sequence, 0n, 'by the cadence');
    await bed.clock.advance(86_400_000);
    await publishDue(bed);
    assert.equal((await bed.ca.listArchived('all')).at(-1)?.entryCount, 1);
  });

  const refused: readonly {
    readonly why: string;
    readonly before: Policy;
    readonly after: Policy;
  }[] = [
    { why: 'drops a list', before: single, after: smallGunma },
    {
      why: 'makes a list one of another kind',
      before: single,
      after: withScopes(
        single.crl.scopes.map((scope) =>
          scope.id === 'all'
            ? { ...scope, partition: 'authority' as const }
            : {
                ...scope,
                partition: 'single' as const,
                distributionPoint: scope.distributionPoint ?? smallGunma.names.issuer,
              },
        ),
      ),
    },
    {
      why: 'drops a value that certificates went by',
      before: byAttribute('request', ['east', 'west']),
      after: byAttribute('request', ['east']),
    },
    {
      why: 'moves a list to another point',
      before: single,
      after: withScopes(
        single.crl.scopes.map((scope) =>
          scope.id === 'all' ? { ...scope, distributionPoint: 'CN=Other,O=JPKI,C=JP' } : scope,
        ),
      ),
    },
  ];
  for (const { why, before, after } of refused) {
    it(`is refused when it ${why}`, async (t) => {
      const bed = await open(t, before);
      await assert.rejects(bed.reopen(after), { code: 'CA_POLICY_CHANGED' });
      await bed.reopen(before);
    });
  }

  it('may have more values, and a larger number for each list', async (t) => {
    const bed = await open(t, byAttribute('request', ['east']));
    await bed.reopen(byAttribute('request', ['east', 'west']));
    assert.ok(bed.ca.scopes.find('region-west'));
    assert.ok(region);
  });

  it('takes no more certificates for a municipality that has become part of another', async (t) => {
    const bed = await open(t, smallGunma);
    const { Municipalities } = await import('../../src/ca/policy/municipality.ts');
    const merged = smallGunma.municipalities.list.map((one) =>
      one.code5 === '10203' ? { ...one, mergedInto: '10201' } : one,
    );
    await bed.reopen({ ...smallGunma, municipalities: new Municipalities(merged) });
    await assert.rejects(bed.issue('10203'), { code: 'CA_MUNICIPALITY_UNKNOWN' });
    await bed.issue('10201');
    await bed.clock.advance(86_400_000);
    await publishDue(bed);
    assert.equal((await bed.ca.listArchived('10203')).length, 2, 'its list goes on');
  });
});
