import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Responder } from '../../src/ca/certificates/responder.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import { computeKeyIdentifier } from '../../src/x509/key-identifier.ts';
import { parseExtendedKeyUsage } from '../../src/x509/key-usage.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { encodeOcspCertId } from '../../src/x509/ocsp-request.ts';
import { encodeOcspResponseData } from '../../src/x509/ocsp-response.ts';
import { CaTestBed, smallGunma, tester, withoutCross } from '../support/ca-test-bed.ts';

const DAY_MS = 86_400_000;
const { ocsp } = smallGunma;
assert.ok(ocsp !== undefined, 'gunma has OCSP');

const policy: Policy = {
  ...withoutCross(smallGunma),
  ocsp: { ...ocsp, key: { type: 'ec-p256', signature: 'ecdsa-sha256' } },
};

function answerData(
  responder: Pick<Responder, 'certificate'>,
  issuerNameDer: Uint8Array,
  keyHash = computeKeyIdentifier(responder.certificate.spki),
): Uint8Array {
  const certId = encodeOcspCertId({
    hashAlgorithm: Oid.sha1,
    issuerNameHash: createHash('sha1').update(issuerNameDer).digest(),
    issuerKeyHash: new Uint8Array(20),
    serialNumber: 1n,
  });
  return encodeOcspResponseData({
    responderKeyHash: keyHash,
    producedMs: Date.UTC(2026, 0, 5),
    answers: [{ certId, status: { kind: 'good' }, thisUpdateMs: Date.UTC(2026, 0, 5) }],
  });
}

describe('the delegated responder (RFC 6960 §4.2.2.2)', () => {
  it('has a certificate of the CA for OCSP signing that needs no revocation check', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    assert.equal(bed.ca.responder.current, undefined);
    const { certificate } = await bed.ca.responder.renew(tester);
    assert.deepEqual(
      Buffer.from(certificate.issuer.der),
      Buffer.from(bed.ca.certificate.subject.der),
    );
    const usage = findExtension(certificate.extensions, Oid.extendedKeyUsage);
    assert.deepEqual(parseExtendedKeyUsage(usage?.value ?? new Uint8Array(0)), [Oid.ocspSigning]);
    assert.ok(findExtension(certificate.extensions, Oid.ocspNoCheck) !== undefined);
    assert.equal((await bed.records('ocsp.responder.renew')).length, 1);
  });

  it('signs answers about certificates of its CA, as the token finds out for itself', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const responder = await bed.ca.responder.renew(tester);
    const ours = bed.ca.certificate.subject.der;
    assert.ok((await bed.ca.responder.sign(responder, answerData(responder, ours))).length > 0);
    const refused = [
      answerData(responder, Uint8Array.of(0x30, 0)),
      answerData(responder, ours, new Uint8Array(20)),
      bed.ca.certificate.tbs,
      Uint8Array.of(0x30, 0),
    ];
    for (const data of refused) {
      await assert.rejects(bed.ca.responder.sign(responder, data), {
        code: 'SIGNING_USAGE_REFUSED',
      });
    }
  });

  it('cannot be the CA’s own key, and its key certifies nothing', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const { keyLabel, algorithm, certificate } = await bed.ca.responder.renew(tester);
    const content = [answerData({ certificate }, bed.ca.certificate.subject.der)];
    await assert.rejects(
      bed.signer.sign({ label: `${policy.id}-ca-1`, purpose: 'ocsp', algorithm, content }),
      { code: 'SIGNING_USAGE_REFUSED' },
    );
    await assert.rejects(
      bed.signer.sign({
        label: keyLabel,
        purpose: 'certificate',
        algorithm,
        content: [certificate.tbs],
      }),
      { code: 'SIGNING_USAGE_REFUSED' },
    );
  });

  it('is due at once while there is none, and so many days before its certificate ends', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    assert.ok((bed.ca.responder.dueMs ?? Number.NaN) <= bed.clock.nowMs());
    const first = await bed.ca.responder.renew(tester);
    assert.equal(
      bed.ca.responder.dueMs,
      first.certificate.notAfterMs - ocsp.renewBeforeDays * DAY_MS,
    );
    const second = await bed.ca.responder.renew(tester);
    assert.equal(second.number, 2);
    assert.notDeepEqual(Buffer.from(second.certificate.spki), Buffer.from(first.certificate.spki));
  });

  it('is not due where the policy has no OCSP, nor made', async (t) => {
    const bed = await CaTestBed.open(t, {
      policy: { ...policy, ocsp: { ...ocsp, access: 'off' } },
    });
    assert.equal(bed.ca.responder.dueMs, undefined);
    await assert.rejects(bed.ca.responder.renew(tester), { code: 'CA_OCSP_OFF' });
  });

  it('is the same after a restart', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const { certificate } = await bed.ca.responder.renew(tester);
    await bed.reopen();
    const { current } = bed.ca.responder;
    assert.deepEqual(Buffer.from(current?.certificate.der ?? []), Buffer.from(certificate.der));
    assert.ok(current !== undefined);
    const data = answerData(current, bed.ca.certificate.subject.der);
    assert.ok((await bed.ca.responder.sign(current, data)).length > 0);
  });

  it('takes up the key and the certificate of a run that was interrupted', async (t) => {
    const bed = await CaTestBed.open(t, {
      policy,
      wrapAudit: (audit) => {
        let isBroken = true;
        return {
          ...audit,
          head: audit.head.bind(audit),
          records: audit.records.bind(audit),
          append: (transaction, event) => {
            if (event.kind === 'ocsp.responder.renew' && isBroken) {
              isBroken = false;
              return Promise.reject(new Error('interrupted'));
            }
            return audit.append(transaction, event);
          },
        };
      },
    });
    await assert.rejects(bed.ca.responder.renew(tester), { message: 'interrupted' });
    assert.equal(bed.ca.responder.current, undefined);
    await bed.ca.responder.renew(tester);
    assert.equal((await bed.ca.status()).issuedCount, 2);
  });
});

describe('the responders after a renewal of the CA’s key', () => {
  const renewKey = async (bed: CaTestBed): Promise<void> => {
    await bed.ca.renewal.prepare(tester);
    await bed.ca.renewal.switchOver(tester);
  };
  const generationOf = async (bed: CaTestBed, one: Responder): Promise<number | undefined> =>
    (await bed.ca.findCertificate(one.certificate.serialNumber))?.generation;

  it('are one for each key, each certified by its own (RFC 6960 §4.2.2.2)', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const first = await bed.ca.responder.renew(tester);
    await renewKey(bed);
    assert.equal(bed.ca.responder.of(2), undefined);
    assert.ok((bed.ca.responder.dueMs ?? Number.NaN) <= bed.clock.nowMs());
    await bed.ca.responder.renewDue(tester);
    const current = bed.ca.responder.current ?? assert.fail();
    assert.deepEqual([current.number, current.generation], [2, 2]);
    assert.equal(bed.ca.responder.of(1), first);
    assert.deepEqual([await generationOf(bed, first), await generationOf(bed, current)], [1, 2]);
    await bed.reopen();
    assert.deepEqual(bed.ca.responder.of(1)?.keyLabel, 'gunma-ocsp-1');
    assert.deepEqual(bed.ca.responder.of(2)?.keyLabel, 'gunma-ocsp-2');
  });

  it('of the older key are certified by it until nothing is left that it issued', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    await bed.ca.responder.renewDue(tester);
    await renewKey(bed);
    await bed.ca.responder.renewDue(tester);
    const lastMs = bed.clock.nowMs() + 3 * 366 * DAY_MS;
    let ends = bed.ca.responder.of(1)?.certificate.notAfterMs ?? 0;
    for (let year = 1; year <= 6; year += 1) {
      bed.clock.setWallClock((bed.ca.responder.dueMs ?? assert.fail()) + DAY_MS);
      await bed.ca.responder.renewDue(tester);
      const older = bed.ca.responder.of(1) ?? assert.fail();
      assert.equal(await generationOf(bed, older), 1);
      ends = older.certificate.notAfterMs;
    }
    assert.ok(ends < lastMs + 366 * DAY_MS, 'not for ever');
    assert.ok(ends >= lastMs - 4 * DAY_MS, 'as long as it is asked');
    assert.ok(
      (bed.ca.responder.current?.certificate.notAfterMs ?? 0) > ends,
      'the newer one goes on',
    );
  });

  it('is made with another key when an interrupted run has left one of the older key', async (t) => {
    let isBroken = false;
    const bed = await CaTestBed.open(t, {
      policy,
      wrapAudit: (audit) => ({
        ...audit,
        head: audit.head.bind(audit),
        records: audit.records.bind(audit),
        append: (transaction, event) =>
          event.kind === 'ocsp.responder.renew' && isBroken
            ? Promise.reject(new Error('interrupted'))
            : audit.append(transaction, event),
      }),
    });
    isBroken = true;
    await assert.rejects(bed.ca.responder.renew(tester), { message: 'interrupted' });
    isBroken = false;
    await renewKey(bed);
    const made = await bed.ca.responder.renew(tester);
    assert.deepEqual([made.keyLabel, await generationOf(bed, made)], ['gunma-ocsp-2', 2]);
    const older = await bed.ca.responder.renew(tester, 1);
    assert.equal(await generationOf(bed, older), 1);
  });
});
