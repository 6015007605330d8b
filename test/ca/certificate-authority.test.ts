import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CertificateAuthority } from '../../src/ca/certificate-authority.ts';
import { Municipalities } from '../../src/ca/policy/municipality.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import { SigningError } from '../../src/signing/errors.ts';
import type { Signer } from '../../src/signing/signer.ts';
import { parseBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import { parseKeyUsage } from '../../src/x509/key-usage.ts';
import { formatName } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { CaTestBed, collect, gunma, smallGunma, tester } from '../support/ca-test-bed.ts';

describe('a new CA', () => {
  it('has a self-signed certificate as the policy says (7-1-3)', async (t) => {
    const bed = await CaTestBed.open(t, { policy: gunma });
    const { certificate } = bed.ca;
    assert.equal(formatName(certificate.subject), 'OU=Gunma Prefectural CA,O=JPKI,C=JP');
    assert.deepEqual(certificate.issuer.der, certificate.subject.der);
    assert.equal(new Date(certificate.notBeforeMs).toISOString(), '2026-01-05T00:00:00.000Z');
    assert.equal(new Date(certificate.notAfterMs).toISOString(), '2036-01-04T14:59:59.000Z');
    assert.deepEqual(
      certificate.extensions.map(({ oid, critical }) => [oid, critical]),
      [
        [Oid.subjectKeyIdentifier, false],
        [Oid.keyUsage, true],
        [Oid.basicConstraints, true],
        [Oid.subjectAltName, false],
        [Oid.cRLDistributionPoints, false],
      ],
    );
    const value = (oid: string): Uint8Array =>
      findExtension(certificate.extensions, oid)?.value ?? assert.fail();
    assert.deepEqual([...parseKeyUsage(value(Oid.keyUsage))], ['keyCertSign', 'cRLSign']);
    assert.deepEqual(parseBasicConstraints(value(Oid.basicConstraints)), { isCa: true });
  });

  it('publishes it in its entry, and a distribution point for each municipality', async (t) => {
    const bed = await CaTestBed.open(t, { policy: gunma });
    const [published, ...others] = await bed.published(gunma.names.issuer, 'cACertificate');
    assert.deepEqual([...(published ?? [])], [...bed.ca.certificate.der]);
    assert.equal(others.length, 0);
    for (const { id, dn } of bed.ca.scopes.list.slice(2)) {
      const [code] = await bed.published(dn, 'certdirPartitionCode');
      assert.equal(Buffer.from(code ?? []).toString(), id);
    }
  });

  it('has a first list everywhere, and everything fits together', async (t) => {
    const bed = await CaTestBed.open(t);
    await assertConsistent(bed);
    const { issuedCount, revokedCount, generation, lists } = await bed.ca.status();
    assert.deepEqual([issuedCount, revokedCount, generation, lists.length], [1, 0, 1, 5]);
    assert.ok(
      lists.every(({ lateness, pendingCount }) => lateness === 'on-time' && pendingCount === 0),
    );
  });

  it('is recorded: intent, certificate, creation, lists', async (t) => {
    const bed = await CaTestBed.open(t);
    const records = await bed.records();
    const own = records.filter(({ kind }) => !kind.startsWith('directory.'));
    assert.deepEqual(
      own.map(({ kind }) => kind),
      ['certificate.issue.intent', 'ca.create', ...new Array<string>(5).fill('crl.publish')],
    );
    assert.ok(own.every(({ origin, result }) => origin.actor === 'tester' && result === 'done'));
  });

  it('cannot be made twice', async (t) => {
    const bed = await CaTestBed.open(t);
    const before = await bed.signer.list();
    await assert.rejects(bed.create(), { code: 'CA_EXISTS' });
    assert.deepEqual(await bed.signer.list(), before);
  });

  it('takes up what an interrupted run has left', async (t) => {
    let failures = 1;
    const wrapSigner = (signer: Signer): Signer => ({
      ...bound(signer),
      sign: (request) => {
        failures -= 1;
        return failures < 0
          ? signer.sign(request)
          : Promise.reject(new SigningError('SIGNING_UNAVAILABLE', 'away'));
      },
    });
    const bed = await CaTestBed.openEmpty(t, { wrapSigner });
    await assert.rejects(bed.create(), { code: 'SIGNING_UNAVAILABLE' });
    await assert.rejects(CertificateAuthority.open(bed.options), { code: 'CA_MISSING' });
    await bed.create();
    assert.equal((await bed.signer.list()).length, 1);
    await assertConsistent(bed);
  });

  it('does not take a key of another type for its own', async (t) => {
    const bed = await CaTestBed.openEmpty(t);
    await bed.signer.generate({
      label: 'gunma-ca-1',
      type: { kind: 'ec', curve: 'P-384' },
      purposes: ['certificate', 'crl'],
    });
    await assert.rejects(bed.create(), { code: 'CA_KEY_MISMATCH' });
  });

  it('does not take a key for other purposes for its own', async (t) => {
    const bed = await CaTestBed.openEmpty(t);
    await bed.signer.generate({
      label: 'gunma-ca-1',
      type: { kind: 'ec', curve: 'P-256' },
      purposes: ['crl'],
    });
    await assert.rejects(bed.create(), { code: 'CA_KEY_MISMATCH' });
  });
});

describe('opening a CA', () => {
  it('needs one', async (t) => {
    const bed = await CaTestBed.openEmpty(t);
    await assert.rejects(CertificateAuthority.open(bed.options), { code: 'CA_MISSING' });
  });

  it('of another policy does not find this one', async (t) => {
    const bed = await CaTestBed.open(t);
    const policy = { ...smallGunma, id: 'tokyo' };
    await assert.rejects(CertificateAuthority.open({ ...bed.options, policy }), {
      code: 'CA_MISSING',
    });
  });

  it('goes on where it was', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await bed.revoke(serialNumber);
    const status = await bed.ca.status();
    await bed.reopen();
    assert.deepEqual(await bed.ca.status(), status);
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'revoked');
    await bed.clock.advance(1000);
    await bed.ca.publish('10201', tester);
    await assertConsistent(bed);
  });

  it('brings out first lists that were interrupted, as due', async (t) => {
    let remaining = 3;
    const wrapSigner = (signer: Signer): Signer => ({
      ...bound(signer),
      sign: (request) => {
        remaining -= 1;
        return remaining >= 0
          ? signer.sign(request)
          : Promise.reject(new SigningError('SIGNING_UNAVAILABLE', 'away'));
      },
    });
    const bed = await CaTestBed.openEmpty(t, { wrapSigner });
    await assert.rejects(bed.create(), { code: 'SIGNING_UNAVAILABLE' });
    remaining = 1_000;
    await bed.reopen();
    assert.equal(bed.ca.nextDueMs(), 0);
    const due = bed.ca.dueScopes(bed.clock.nowMs());
    assert.deepEqual(due, ['10201', '10202', '10203']);
    for (const scope of due) {
      await bed.ca.publish(scope, tester);
    }
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs()), []);
    await assertConsistent(bed);
  });

  it('makes the list of a municipality that is new in the policy', async (t) => {
    const bed = await CaTestBed.open(t);
    const municipalities = new Municipalities(gunma.municipalities.list.slice(0, 4));
    await bed.reopen({ ...smallGunma, municipalities });
    assert.deepEqual(bed.ca.dueScopes(bed.clock.nowMs()), ['10204']);
    await bed.ca.publish('10204', tester);
    const { scope } = await bed.issue('10204');
    assert.equal(scope.id, '10204');
    await assertConsistent(bed);
  });

  const changes: readonly { readonly why: string; readonly policy: Policy }[] = [
    {
      why: 'another issuer',
      policy: { ...smallGunma, names: { ...smallGunma.names, issuer: 'OU=Other CA,O=JPKI,C=JP' } },
    },
    {
      why: 'the issuer in other string types',
      policy: {
        ...smallGunma,
        names: { ...smallGunma.names, issuerAlternative: 'O=JPKI,C=JP', printable: ['C', 'O'] },
      },
    },
    {
      why: 'a municipality less',
      policy: {
        ...smallGunma,
        municipalities: new Municipalities(gunma.municipalities.list.slice(0, 2)),
      },
    },
    {
      why: 'a municipality under another name',
      policy: {
        ...smallGunma,
        municipalities: new Municipalities(
          smallGunma.municipalities.list.map((one) => ({ ...one, dnName: `New ${one.dnName}` })),
        ),
      },
    },
  ];
  for (const { why, policy } of changes) {
    it(`refuses a policy with ${why}`, async (t) => {
      const bed = await CaTestBed.open(t);
      await assert.rejects(bed.reopen(policy), { code: 'CA_POLICY_CHANGED' });
    });
  }

  it("refuses a token with another key under the CA's name", async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.signer.destroy('gunma-ca-1');
    await bed.signer.generate({
      label: 'gunma-ca-1',
      type: { kind: 'ec', curve: 'P-256' },
      purposes: ['certificate', 'crl'],
    });
    await assert.rejects(CertificateAuthority.open(bed.options), { code: 'CA_KEY_MISMATCH' });
  });

  it('works while the token is away; only signing does not', async (t) => {
    let isAway = false;
    const away = () => Promise.reject(new SigningError('SIGNING_UNAVAILABLE', 'away'));
    const wrapSigner = (signer: Signer): Signer => ({
      ...bound(signer),
      describe: (label) => (isAway ? away() : signer.describe(label)),
      sign: (request) => (isAway ? away() : signer.sign(request)),
    });
    const bed = await CaTestBed.open(t, { wrapSigner });
    const { serialNumber } = await bed.issue();
    isAway = true;
    await bed.reopen();
    await bed.revoke(serialNumber);
    await bed.clock.advance(1000);
    await assert.rejects(bed.ca.publish('10201', tester), { code: 'SIGNING_UNAVAILABLE' });
    isAway = false;
    await bed.ca.publish('10201', tester);
    await assertConsistent(bed);
  });

  it('refuses records that it cannot read', async (t) => {
    const bed = await CaTestBed.open(t);
    const tables = new CaTables('gunma');
    for (const key of [tables.scope('10201'), tables.authority]) {
      const snapshot = bed.store.snapshot();
      const good = (await snapshot.read(key)) ?? assert.fail();
      await snapshot.close();
      await put(bed, key, good.subarray(1));
      await assert.rejects(CertificateAuthority.open(bed.options), { code: 'CA_RECORD_DAMAGED' });
      await put(bed, key, good);
    }
    await bed.reopen();
  });

  async function put(bed: CaTestBed, key: Uint8Array, value: Uint8Array): Promise<void> {
    await bed.store.transact('test: damage', (transaction) => {
      transaction.put(key, value);
      return Promise.resolve();
    });
  }
});

describe('what is published', () => {
  it('cannot be written by anyone else', async (t) => {
    const bed = await CaTestBed.open(t);
    const caller = {
      principal: { kind: 'system', name: 'somebody' },
      session: { isProtected: true, address: 'local', channel: 'test' },
    } as const;
    for (const { dn, attribute } of bed.ca.scopes.list.slice(0, 3)) {
      const changes = [
        { operation: 'replace', attribute: `${attribute};binary`, values: [] },
      ] as const;
      await assert.rejects(bed.directory.modify({ dn, changes }, caller), {
        code: 'DIRECTORY_MANAGED_ATTRIBUTE',
      });
    }
  });
});

describe('closing', () => {
  it('waits for operations under way', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.clock.advance(1000);
    let isDone = false;
    void bed.ca.publish('10201', tester).then(() => {
      isDone = true;
    });
    await bed.ca.close();
    assert.ok(isDone);
    const certificates = await collect(bed.ca.listCertificates());
    assert.equal(parseCertificate(certificates[0]?.der ?? assert.fail()).version, 3);
  });
});

/** The methods of a signer as values, so that some can be replaced. */
function bound(signer: Signer): Signer {
  return {
    activate: () => signer.activate(),
    deactivate: () => signer.deactivate(),
    isActive: () => signer.isActive(),
    generate: (key) => signer.generate(key),
    describe: (label) => signer.describe(label),
    list: () => signer.list(),
    sign: (request) => signer.sign(request),
    makeSubjectKey: (key) => signer.makeSubjectKey(key),
    destroy: (label) => signer.destroy(label),
    close: () => signer.close(),
  };
}
