/**
 * What ends a key or the service: a compromise that is reported, approved or withdrawn (gunma 4-14-2, mic 4.8.3), the end
 * of the service (secom 4.12, mic 4.9). In any order of steps, and interrupted anywhere: nothing is issued after the
 * stop, and in the end everything is revoked and published.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { LAST_NEXT_UPDATE_MS } from '../../src/ca/policy/cadence.ts';
import type { CessationSurroundings } from '../../src/ca/procedures/cessation-run.ts';
import type { Store } from '../../src/store/store.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { type CertificateList, parseCertificateList } from '../../src/x509/certificate-list.ts';
import { CrlReason } from '../../src/x509/crl-extensions.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { addIssued } from '../support/ca-load.ts';
import { CaTestBed, collect, gunma, smallGunma, tester } from '../support/ca-test-bed.ts';
import { MortalStore } from '../support/mortal-store.ts';

const DAY_MS = 86_400_000;
const ocsp = gunma.ocsp && {
  ...gunma.ocsp,
  access: 'public' as const,
  key: { ...gunma.ocsp.key, type: 'ec-p256' as const, signature: 'ecdsa-sha256' as const },
};
const id = 'compromise-20260105T000000Z';
const order = {
  id,
  explanation: { ja: '漏えいの疑い', en: 'suspected disclosure' },
  origin: tester,
};
const end = { ...order, id: 'end-of-service-20260105T000000Z' };

function around(bed: CaTestBed): CessationSurroundings {
  return {
    origin: tester,
    publish: async (scopeIds, origin) => {
      for (const scopeId of scopeIds) {
        await bed.ca.publish(scopeId, origin);
      }
    },
  };
}

async function newest(bed: CaTestBed, scopeId: string): Promise<CertificateList> {
  const der = await bed.ca.readList(scopeId);
  assert(der !== undefined);
  return parseCertificateList(der);
}

async function states(bed: CaTestBed): Promise<readonly string[]> {
  return (await collect(bed.ca.listCertificates())).map(({ state }) => state);
}

/** Everything of the CA is revoked for this reason, and a list says so of each. */
async function assertAllRevoked(bed: CaTestBed, count: number): Promise<void> {
  const certificates = await collect(bed.ca.listCertificates());
  assert.equal(certificates.length, count);
  for (const { status, state, scopeId, serialNumber } of certificates) {
    assert.equal(state, 'revoked');
    const list = await newest(bed, scopeId);
    assert.ok([...list.entries()].some((one) => one.serialNumber === serialNumber));
    assert.equal(status?.reason, CrlReason.cACompromise);
  }
}

describe('a compromise that is reported (4-14-2)', () => {
  it('stops issuing at once and for good, also what is being signed, and revokes nothing yet', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.issue();
    await bed.ca.cessations.report({ ...order, destroysKey: false });
    await assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' });
    await bed.reopen();
    await assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' });
    await runOn(bed);
    assert.deepEqual(new Set(await states(bed)), new Set(['good']));
    assert.equal(bed.ca.cessations.find(id).phase, 'suspended');
    assert.equal(bed.ca.cessations.dueMs, undefined);
    await assertConsistent(bed);
  });

  it('keeps back what was signed before the stop and is not recorded', async (t) => {
    let isArmed = false;
    const bed = await CaTestBed.open(t, {
      wrapSigner: (signer) =>
        new Proxy(signer, {
          get: (target, name) => {
            const value = Reflect.get(target, name) as unknown;
            if (name !== 'sign' || typeof value !== 'function') {
              return typeof value === 'function' ? value.bind(target) : value;
            }
            return async (...args: readonly unknown[]) => {
              const signature = (await value.apply(target, args)) as unknown;
              if (isArmed) {
                isArmed = false;
                await bed.ca.cessations.report({ ...order, destroysKey: false });
              }
              return signature;
            };
          },
        }),
    });
    isArmed = true;
    await assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' });
    assert.equal((await states(bed)).length, 1);
  });

  it('can be withdrawn until it is approved, and not after', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.ca.cessations.report({ ...order, destroysKey: false });
    // Another report takes its place, and the key has issued nothing meanwhile.
    const { stopsMs } = bed.ca.cessations.find(id);
    await bed.clock.advance(1_000);
    await bed.ca.cessations.report({ ...order, id: 'b', destroysKey: true });
    assert.equal(bed.ca.cessations.find('b').stopsMs, stopsMs);
    assert.throws(() => bed.ca.cessations.find(id), { code: 'CA_CESSATION_UNKNOWN' });
    await bed.ca.cessations.report({ ...order, destroysKey: false });
    await bed.ca.cessations.withdraw(id, tester);
    await bed.issue();
    await assert.rejects(bed.ca.cessations.approve(id, tester), { code: 'CA_CESSATION_STATE' });
    const again = { ...order, id: `${id}2` };
    await bed.ca.cessations.report({ ...again, destroysKey: false });
    await bed.ca.cessations.approve(again.id, tester);
    await assert.rejects(bed.ca.cessations.report({ ...order, id: 'b', destroysKey: false }), {
      code: 'CA_CESSATION_STATE',
    });
    await assert.rejects(bed.ca.cessations.withdraw(again.id, tester), {
      code: 'CA_CESSATION_STATE',
    });
    await assert.rejects(bed.ca.cessations.approve('nothing', tester), {
      code: 'CA_CESSATION_UNKNOWN',
    });
    await assert.rejects(
      bed.ca.cessations.report({ ...order, id: 'c', generation: 9, destroysKey: false }),
      { code: 'CA_CESSATION_STATE' },
    );
  });

  it('and approved has every certificate revoked, the own one in the ARL, and lists that go on', async (t) => {
    const bed = await CaTestBed.open(t);
    const issued = [await bed.issue('10201'), await bed.issue('10202')];
    const { ca, store, random } = bed;
    const [model] = issued;
    assert(model !== undefined);
    await addIssued({ ca, store, random }, model, { count: 600 });
    await bed.clock.advance(2_000);
    await ca.cessations.report({ ...order, destroysKey: false });
    await ca.cessations.approve(id, tester);
    await runOn(bed);
    assert.equal(ca.cessations.find(id).phase, 'in-force');
    assert.equal(ca.cessations.find(id).revoked, 603);
    await assertAllRevoked(bed, 603);
    const arl = [...(await newest(bed, 'arl')).entries()];
    assert.deepEqual(
      arl.map(({ serialNumber }) => serialNumber),
      [ca.certificate.serialNumber],
    );
    await bed.clock.advance(DAY_MS);
    assert.ok(ca.dueScopes(bed.clock.nowMs()).includes('10201'));
    await ca.publish('10201', tester);
    // Done again, it does nothing.
    const before = await bed.digestOfRecords();
    await runOn(bed);
    assert.equal(await bed.digestOfRecords(), before);
  });

  it('with an order to destroy the key has last lists, which nothing follows', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.issue();
    await bed.clock.advance(2_000);
    await bed.ca.cessations.report({ ...order, destroysKey: true });
    await bed.ca.cessations.approve(id, tester);
    await runOn(bed);
    assert.equal(bed.ca.cessations.find(id).phase, 'closed');
    for (const { published, dueMs, lateness } of (await bed.ca.status()).lists) {
      assert.equal(published?.nextUpdateMs, LAST_NEXT_UPDATE_MS);
      assert.equal(dueMs, LAST_NEXT_UPDATE_MS);
      assert.equal(lateness, 'on-time');
    }
    await assertConsistent(bed);
    await bed.clock.advance(400 * DAY_MS);
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs()), []);
    await bed.signer.destroy('gunma-ca-1');
    await bed.reopen();
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs()), []);
    await assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' });
  });

  it('of an older key lets the newer one issue and leaves its certificates good', async (t) => {
    const bed = await CaTestBed.open(t);
    const older = await bed.issue();
    await bed.ca.renewal.prepare(tester);
    await bed.ca.renewal.switchOver(tester);
    const newer = await bed.issue();
    await bed.clock.advance(2_000);
    await bed.ca.cessations.report({ ...order, generation: 1, destroysKey: true });
    await bed.issue();
    await bed.ca.cessations.approve(id, tester);
    await runOn(bed);
    assert.equal(bed.ca.cessations.find(id).phase, 'closed');
    assert.equal((await bed.ca.findCertificate(older.serialNumber))?.state, 'revoked');
    assert.equal((await bed.ca.findCertificate(newer.serialNumber))?.state, 'good');
    const { lists } = await bed.ca.status();
    assert.ok(lists.every(({ published }) => published?.nextUpdateMs !== LAST_NEXT_UPDATE_MS));
    await assertConsistent(bed);
  });
});

describe('the links of a compromised key (RFC 9810 §4.4)', () => {
  for (const { generation, when } of [
    { generation: 1, when: 'renewed' },
    { generation: 2, when: 'renewed' },
    { generation: 1, when: 'prepared' },
  ]) {
    it(`are revoked from both sides: key ${generation}, ${when}`, async (t) => {
      const bed = await CaTestBed.open(t);
      const { links } = await bed.ca.renewal.prepare(tester);
      assert(links !== undefined);
      if (when === 'renewed') {
        await bed.ca.renewal.switchOver(tester);
      }
      await bed.clock.advance(2_000);
      await bed.ca.cessations.report({ ...order, generation, destroysKey: false });
      await bed.ca.cessations.approve(id, tester);
      await runOn(bed);
      const listed = [...(await newest(bed, 'arl')).entries()].map((one) => one.serialNumber);
      for (const link of [links.oldWithNew, links.newWithOld].map(parseCertificate)) {
        assert.equal((await bed.ca.findCertificate(link.serialNumber))?.state, 'revoked');
        assert.ok(listed.includes(link.serialNumber));
      }
      const { certificate } = bed.ca.authorities.of(3 - generation);
      assert.equal((await bed.ca.findCertificate(certificate.serialNumber))?.state, 'good');
      await assertConsistent(bed);
    });
  }
});

describe('a key that is made in the place of a compromised one (mic 4.8.3)', () => {
  it('issues, and has no links with it', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.ca.cessations.report({ ...order, destroysKey: false });
    await bed.ca.cessations.approve(id, tester);
    await runOn(bed);
    const made = await bed.ca.renewal.prepare(tester);
    assert.equal(made.links, undefined);
    await bed.ca.renewal.switchOver(tester);
    await bed.issue();
    await bed.reopen();
    await bed.issue();
    await assertConsistent(bed);
  });
});

describe('the end of the service (secom 4.12)', () => {
  it('is announced ahead, stops issuing at its time, revokes, and goes on with lists until all has ended', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.issue();
    const stopsMs = bed.clock.nowMs() + 90 * DAY_MS;
    await bed.ca.cessations.announce({ ...end, stopsMs, revokes: true });
    await assert.rejects(bed.ca.cessations.announce({ ...end, id: 'b', stopsMs, revokes: true }), {
      code: 'CA_CESSATION_STATE',
    });
    await bed.issue('10202');
    assert.equal(bed.ca.cessations.dueMs, stopsMs);
    await runOn(bed);
    assert.equal(bed.ca.cessations.find(end.id).phase, 'announced');
    await bed.clock.advance(stopsMs - bed.clock.nowMs());
    await assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' });
    await runOn(bed);
    const { phase, lastEndMs, revoked } = bed.ca.cessations.find(end.id);
    assert.deepEqual([phase, revoked], ['in-force', 2]);
    // Its own certificate stays: the lists are verified with it.
    assert.equal((await bed.ca.findCertificate(bed.ca.certificate.serialNumber))?.state, 'good');
    assert.equal((await newest(bed, '10202')).entryCount, 1);
    await bed.clock.advance(lastEndMs + 5 * DAY_MS - bed.clock.nowMs());
    await bed.ca.publishAll(tester);
    assert.ok((bed.ca.cessations.dueMs ?? 0) > bed.clock.nowMs());
    await bed.clock.advance(2 * DAY_MS);
    assert.ok((bed.ca.cessations.dueMs ?? 0) <= bed.clock.nowMs());
    await runOn(bed);
    assert.equal(bed.ca.cessations.find(end.id).phase, 'closed');
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs() + 9 * DAY_MS), []);
  });

  it('goes on answering by OCSP until its last lists, and not under a compromised key', async (t) => {
    const policy = { ...smallGunma, ...(ocsp === undefined ? {} : { ocsp }) };
    const bed = await CaTestBed.open(t, { policy });
    await bed.ca.responder.renew(tester);
    await bed.issue();
    await bed.ca.cessations.announce({ ...end, stopsMs: bed.clock.nowMs(), revokes: true });
    await bed.clock.advance(2_000);
    await runOn(bed);
    const serialNumber = bed.ca.responder.current?.certificate.serialNumber ?? 0n;
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'good');
    await bed.ca.responder.renew(tester);
    await assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' });
    assert.notEqual(bed.ca.responder.dueMs, undefined);
    await bed.ca.cessations.report({ ...order, destroysKey: false });
    await assert.rejects(bed.ca.responder.renew(tester), { code: 'CA_ISSUING_STOPPED' });
    assert.equal(bed.ca.responder.dueMs, undefined);
  });

  it('can leave certificates to end by themselves', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await bed.ca.cessations.announce({ ...end, stopsMs: bed.clock.nowMs(), revokes: false });
    await bed.clock.advance(2_000);
    await runOn(bed);
    assert.equal(bed.ca.cessations.find(end.id).phase, 'in-force');
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'good');
    await assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' });
  });

  it('stays begun when the clock goes back', async (t) => {
    const bed = await CaTestBed.open(t);
    const stopsMs = bed.clock.nowMs() + DAY_MS;
    await bed.ca.cessations.announce({ ...end, stopsMs, revokes: true });
    await bed.clock.advance(DAY_MS);
    await runOn(bed);
    bed.clock.setWallClock(stopsMs - 10_000);
    await assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' });
  });
});

describe('a cessation whose program is killed', () => {
  for (const moment of ['before', 'after'] as const) {
    it(`${moment} any of its transactions goes on after a restart`, async (t) => {
      let isOver = false;
      for (let countdown = 0; !isOver; countdown += 1) {
        const stores: MortalStore[] = [];
        const bed = await CaTestBed.open(t, {
          wrapStore: (inner: Store) => {
            const mortal = new MortalStore(inner);
            stores.push(mortal);
            return mortal;
          },
        });
        await bed.issue('10201');
        await bed.clock.advance(2_000);
        stores.at(-1)?.arm(countdown, moment);
        isOver = await carryOut(bed).then(
          () => true,
          () => false,
        );
        await bed.reopen();
        const reported = bed.ca.cessations.list.length > 0;
        await (reported
          ? assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' })
          : assert.doesNotReject(bed.issue('10202')));
        await carryOut(bed);
        assert.equal(bed.ca.cessations.find(id).phase, 'closed');
        await assertAllRevoked(bed, reported ? 2 : 3);
        assert.equal(
          (await bed.records('certificate.revoke')).filter(({ result }) => result === 'done')
            .length,
          reported ? 2 : 3,
        );
        assert.ok(countdown < 60, 'it ends');
      }
    });
  }
});

/** From wherever it stands to its end. */
async function carryOut(bed: CaTestBed): Promise<void> {
  const { cessations } = bed.ca;
  if (cessations.list.length === 0) {
    await cessations.report({ ...order, destroysKey: true });
  }
  if (cessations.find(id).phase === 'suspended') {
    await cessations.approve(id, tester);
  }
  await runOn(bed);
}

/** Does what is to be done, while time goes on. */
async function runOn(bed: CaTestBed): Promise<void> {
  let isRunning = true;
  const run = bed.ca.cessations.run(around(bed)).finally(() => {
    isRunning = false;
  });
  run.catch(() => undefined);
  while (isRunning) {
    await bed.clock.advance(250);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await run;
}
