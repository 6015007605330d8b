import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseCertificateList } from '../../src/x509/certificate-list.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { CaTestBed, collect, tester } from '../support/ca-test-bed.ts';

describe('a revocation', () => {
  it('is answered with a receipt (4-4-2-2)', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await bed.clock.advance(1500);
    const receipt = await bed.ca.revoke({ serialNumber, reason: 'superseded', origin: tester });
    assert.equal(receipt.serialNumber, serialNumber);
    assert.equal(receipt.reason, 'superseded');
    assert.equal(receipt.scope.id, '10201');
    assert.equal(new Date(receipt.revokedMs).toISOString(), '2026-01-05T00:00:01.000Z');
    assert.equal(new Date(receipt.publicationDueMs).toISOString(), '2026-01-06T00:00:00.000Z');
  });

  it('holds at once, and is in the next list with its date and reason', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await bed.revoke(serialNumber, 'cessationOfOperation');
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'revoked');
    assert.equal(
      (await bed.ca.status()).lists.find(({ scope }) => scope.id === '10201')?.pendingCount,
      1,
    );
    await bed.clock.advance(1000);
    await bed.ca.publish('10201', tester);
    const list = parseCertificateList((await bed.ca.readList('10201')) ?? assert.fail());
    const [entry, ...others] = [...list.entries()];
    assert.deepEqual([entry?.serialNumber, entry?.reason, others.length], [serialNumber, 5, 0]);
    assert.equal(entry?.revocationMs, Date.UTC(2026, 0, 5));
    await assertConsistent(bed);
  });

  it('is due at once when its list is late already', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await bed.clock.advance(30 * 3_600_000);
    const receipt = await bed.ca.revoke({ serialNumber, reason: 'superseded', origin: tester });
    assert.equal(receipt.publicationDueMs, bed.clock.nowMs());
  });

  it('for cACompromise makes its list due at once, and no other (4-4-9)', async (t) => {
    const bed = await CaTestBed.open(t);
    const told: string[] = [];
    bed.ca.onUrgentRevocation((scopeId) => told.push(scopeId));
    const revoke = async (reason: string) => {
      const { serialNumber } = await bed.issue();
      return await bed.ca.revoke({ serialNumber, reason, origin: tester });
    };
    await bed.clock.advance(3_600_000);
    await revoke('keyCompromise');
    assert.deepEqual([bed.ca.dueScopes(bed.clock.nowMs()), told], [[], []]);
    const receipt = await revoke('cACompromise');
    assert.equal(receipt.publicationDueMs, bed.clock.nowMs());
    assert.deepEqual([bed.ca.dueScopes(bed.clock.nowMs()), told], [['10201'], ['10201']]);
    await bed.clock.advance(5_000);
    await bed.reopen();
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs()), ['10201'], 'also after a restart');
    assert.equal(bed.ca.nextDueMs(), bed.clock.nowMs() - 5_000);
    const publication = await bed.ca.publish('10201', tester);
    assert.equal(publication.isRegular, false, 'it does not count for the removal of entries');
    assert.equal(publication.entryCount, 2);
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs()), []);
    await bed.reopen();
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs()), []);
    await assertConsistent(bed);
  });

  it('for cACompromise beside a publication is in a list or due, never forgotten', async (t) => {
    const bed = await CaTestBed.open(t);
    const all = await Promise.all(Array.from({ length: 8 }, () => bed.issue()));
    for (const [at, { serialNumber }] of all.entries()) {
      await bed.clock.advance(2_000);
      const origin = tester;
      const revoking = bed.ca.revoke({ serialNumber, reason: 'cACompromise', origin });
      for (let turns = 0; turns < at; turns += 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all([bed.ca.publish('10201', tester), revoking]);
      const lists = (await bed.ca.status()).lists;
      const pending = lists.find(({ scope }) => scope.id === '10201')?.pendingCount;
      const due = bed.ca.dueScopes(bed.clock.nowMs());
      assert.deepEqual(due, pending === 0 ? [] : ['10201']);
    }
  });

  it('outlives the certificate', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber, certificate } = await bed.issue();
    await bed.revoke(serialNumber);
    bed.clock.setWallClock(certificate.notAfterMs + 10_000);
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'revoked');
  });

  it('is recorded with who asked, what and why', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    const origin = { channel: 'http', actor: 'cn=counter', address: '192.0.2.7' };
    await bed.ca.revoke({ serialNumber, reason: 'superseded', origin });
    const [record] = await bed.records('certificate.revoke');
    assert.equal(record?.result, 'done');
    assert.deepEqual(record?.origin, origin);
    assert.equal(record?.subject, serialNumber.toString(16).toUpperCase());
    assert.deepEqual(record?.details, { reason: 'superseded', scope: '10201', sequence: 1 });
  });
});

describe('a revocation is refused, with a code, and nothing is stored:', () => {
  it('for reasons that the policy does not know (4-4-4-2)', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    const before = await bed.digestOfRecords();
    const reasons = [
      'unspecified',
      'certificateHold',
      'removeFromCRL',
      'privilegeWithdrawn',
      'keycompromise',
      '1',
      '',
      '__proto__',
    ];
    for (const reason of reasons) {
      const request = { serialNumber, reason, origin: tester };
      await assert.rejects(bed.ca.revoke(request), { code: 'CA_REASON_NOT_ALLOWED' }, reason);
    }
    assert.equal(await bed.digestOfRecords(), before);
    const records = await bed.records('certificate.revoke');
    assert.ok(records.every(({ result }) => result === 'refused'));
    assert.equal(records.length, reasons.length);
  });

  it('of a certificate that is revoked already, also for another reason', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await bed.revoke(serialNumber);
    const before = await bed.digestOfRecords();
    await assert.rejects(bed.revoke(serialNumber), { code: 'CA_ALREADY_REVOKED' });
    await assert.rejects(bed.revoke(serialNumber, 'superseded'), { code: 'CA_ALREADY_REVOKED' });
    assert.equal(await bed.digestOfRecords(), before);
  });

  it('of a number that was never issued, reserved ones included', async (t) => {
    const bed = await CaTestBed.open(t);
    const before = await bed.digestOfRecords();
    await assert.rejects(bed.revoke(0x1234n), { code: 'CA_SERIAL_UNKNOWN' });
    assert.equal(await bed.digestOfRecords(), before);
  });

  it('of a certificate that has expired, from the second after notAfter', async (t) => {
    const bed = await CaTestBed.open(t);
    const last = await bed.issue();
    const late = await bed.issue();
    bed.clock.setWallClock(last.certificate.notAfterMs + 999);
    await bed.revoke(last.serialNumber);
    bed.clock.setWallClock(late.certificate.notAfterMs + 1000);
    await assert.rejects(bed.revoke(late.serialNumber), { code: 'CA_CERTIFICATE_EXPIRED' });
  });

  it("of the CA's own certificate", async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = bed.ca.certificate;
    await assert.rejects(bed.revoke(serialNumber, 'cACompromise'), { code: 'CA_NOT_REVOCABLE' });
  });

  it('of two that come at the same time, one', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    const results = await Promise.allSettled([
      bed.revoke(serialNumber),
      bed.revoke(serialNumber, 'superseded'),
    ]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    const revoked = await collect(bed.ca.listCertificates({ state: 'revoked' }));
    assert.equal(revoked.length, 1);
    await bed.clock.advance(1000);
    await bed.ca.publish('10201', tester);
    await assertConsistent(bed);
  });
});
