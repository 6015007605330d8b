import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';

import type { CertificateChange } from '../../src/ca/accounts/verifier-entry.ts';
import {
  type VerifierChange,
  VerifierRegister,
  type VerifierRegistration,
} from '../../src/ca/accounts/verifier-register.ts';
import type { Caller } from '../../src/directory/service.ts';
import { CaTestBed, collect } from '../support/ca-test-bed.ts';
import { sampleCertificate, sampleKey } from '../support/x509-samples.ts';

const administrator: Caller = {
  principal: { kind: 'system', name: 'administrator' },
  session: { isProtected: true, address: '', channel: 'cli' },
};

const taxOffice = {
  name: 'tax-office',
  kind: 'signatureVerifier',
  agreementNumber: '2026-17',
  agreementFrom: '2026-01-05',
  agreementUntil: '2026-03-31',
  partitions: ['102016', '10202', '10201'],
  password: 'correct horse battery',
} satisfies VerifierRegistration;

async function open(
  t: TestContext,
): Promise<{ readonly bed: CaTestBed; readonly register: VerifierRegister }> {
  const bed = await CaTestBed.open(t);
  return { bed, register: new VerifierRegister(bed.directory, bed.policy) };
}

describe('VerifierRegister', () => {
  it('registers whole days of the policy calendar and each partition once', async (t) => {
    const { bed, register } = await open(t);
    const added = await register.add(taxOffice, administrator);
    assert.equal(added.agreementFromMs, Date.parse('2026-01-05T00:00:00+09:00'));
    assert.equal(added.agreementUntilMs, Date.parse('2026-03-31T23:59:59+09:00'));
    assert.deepEqual(new Set(added.partitions), new Set(['10201', '10202']));
    assert.equal(added.isDisabled, false);
    assert.deepEqual(await register.list(administrator), [added]);
    const records = await bed.records();
    assert.ok(records.some(({ subject }) => subject.includes('tax-office')));
    assert.ok(!JSON.stringify(records.map(({ details }) => details)).includes('correct horse'));
  });

  it('registers a certificate instead of a password, or beside it', async (t) => {
    const { bed, register } = await open(t);
    const certificate = sampleCertificate(sampleKey('p256'));
    const sha256 = createHash('sha256').update(certificate).digest('hex');
    const { password, ...rest } = taxOffice;
    const added = await register.add({ ...rest, certificate }, administrator);
    assert.deepEqual(added.certificates, [sha256]);
    const session = { ...administrator.session, clientCertificate: certificate };
    assert.equal((await bed.directory.bindCertificate(session)).kind, 'entry');
    const both = { ...rest, name: 'both', certificate, password };
    assert.deepEqual((await register.add(both, administrator)).certificates, [sha256]);
    assert.deepEqual(
      (await register.add({ ...both, name: 'old', certificate: undefined }, administrator))
        .certificates,
      [],
    );
  });

  it('keeps a name with every character that RFC 4514 escapes', async (t) => {
    const { register } = await open(t);
    const name = '#1, +"tax\\office"<;>= 税務署';
    await register.add({ ...taxOffice, name }, administrator);
    assert.equal((await register.find(name, administrator)).name, name);
  });

  it('disables at once and for good records', async (t) => {
    const { bed, register } = await open(t);
    const { dn } = await register.add(taxOffice, administrator);
    const password = Buffer.from(taxOffice.password);
    await bed.directory.bind(dn, password, administrator.session);
    assert.equal((await register.disable('tax-office', administrator)).isDisabled, true);
    await assert.rejects(bed.directory.bind(dn, password, administrator.session), {
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    });
  });

  it('gives a new password, which ends the old one', async (t) => {
    const { bed, register } = await open(t);
    const { dn } = await register.add(taxOffice, administrator);
    await register.setPassword('tax-office', 'another horse battery', administrator);
    const bind = (password: string) =>
      bed.directory.bind(dn, Buffer.from(password), administrator.session);
    assert.equal((await bind('another horse battery')).kind, 'entry');
    await assert.rejects(bind(taxOffice.password), { code: 'DIRECTORY_INVALID_CREDENTIALS' });
    await assert.rejects(register.setPassword('tax-office', 'short', administrator), {
      code: 'CA_VERIFIER_INVALID',
    });
  });

  it('changes an agreement: what is named, and nothing else', async (t) => {
    const { bed, register } = await open(t);
    const added = await register.add(taxOffice, administrator);
    const change = { agreementNumber: '2027-3', agreementUntil: '2027-03-31' };
    assert.deepEqual(await register.change('tax-office', change, administrator), {
      ...added,
      agreementNumber: '2027-3',
      agreementUntilMs: Date.parse('2027-03-31T23:59:59+09:00'),
    });
    const granted = { kind: 'organizationSignatureVerifier', partitions: ['102032', '10201'] };
    const changed = await register.change('tax-office', granted, administrator);
    assert.equal(changed.kind, 'organizationSignatureVerifier');
    assert.deepEqual(new Set(changed.partitions), new Set(['10203', '10201']));
    const records = (await bed.records()).filter(({ subject }) => subject.includes('tax-office'));
    assert.equal(records.length, 3, 'the registration and both changes are on record');
  });

  it('changes who may read what at once, in a session that is open', async (t) => {
    const { bed, register } = await open(t);
    const { dn } = await register.add(taxOffice, administrator);
    const session = administrator.session;
    const principal = await bed.directory.bind(dn, Buffer.from(taxOffice.password), session);
    const readsMaebashi = async (): Promise<boolean> => {
      const base = bed.ca.scopes.find('10201').dn;
      const request = {
        ...{ base, attributes: ['certificateRevocationList'] },
        scope: 'base',
        filter: { kind: 'present', attribute: 'objectClass' },
        ...{ typesOnly: true, sizeLimit: 0, timeLimitMs: 0 },
      } as const;
      const [entry] = await collect(bed.directory.search(request, { principal, session }));
      return entry?.attributes.length === 1;
    };
    const steps: readonly (readonly [VerifierChange, boolean])[] = [
      [{ partitions: ['10202'] }, false],
      [{ partitions: ['*'] }, true],
      [{ agreementFrom: '2025-01-01', agreementUntil: '2025-12-31' }, false],
      [{ agreementUntil: '2026-12-31' }, true],
      [{ agreementFrom: '2026-12-01' }, false],
    ];
    assert.equal(await readsMaebashi(), true);
    for (const [change, reads] of steps) {
      await register.change('tax-office', change, administrator);
      assert.equal(await readsMaebashi(), reads, JSON.stringify(change));
    }
  });

  it('gives access back to one that was disabled', async (t) => {
    const { bed, register } = await open(t);
    const { dn } = await register.add(taxOffice, administrator);
    await register.disable('tax-office', administrator);
    const enabled = await register.change('tax-office', { isEnabledAgain: true }, administrator);
    assert.equal(enabled.isDisabled, false);
    const password = Buffer.from(taxOffice.password);
    assert.equal((await bed.directory.bind(dn, password, administrator.session)).kind, 'entry');
  });

  it('changes the certificate: another one beside it, then it alone', async (t) => {
    const { bed, register } = await open(t);
    const [old, next] = [
      sampleCertificate(sampleKey('p256')),
      sampleCertificate(sampleKey('p384')),
    ];
    const { password: _none, ...rest } = taxOffice;
    await register.add({ ...rest, certificate: old }, administrator);
    const binds = async (clientCertificate: Uint8Array): Promise<boolean> =>
      bed.directory.bindCertificate({ ...administrator.session, clientCertificate }).then(
        () => true,
        () => false,
      );
    const change = async (certificateChange: CertificateChange): Promise<readonly boolean[]> => {
      await register.changeCertificate('tax-office', certificateChange, administrator);
      return [await binds(old), await binds(next)];
    };
    const removed = createHash('sha256').update(old).digest('hex').toUpperCase();
    const sha256 = removed.match(/../g)?.join(':') ?? '';
    assert.deepEqual(await change({ kind: 'add', certificate: next }), [true, true]);
    assert.deepEqual(await change({ kind: 'remove', sha256 }), [false, true]);
    assert.deepEqual(await change({ kind: 'replace', certificate: old }), [true, false]);
    const refusal = { code: 'CA_VERIFIER_INVALID' };
    await assert.rejects(change({ kind: 'remove', sha256 }), refusal, 'nothing would be left');
    await assert.rejects(change({ kind: 'remove', sha256: '00' }), refusal);
    await assert.rejects(change({ kind: 'add', certificate: Uint8Array.of(0x30, 0) }), refusal);
    await register.setPassword('tax-office', taxOffice.password, administrator);
    assert.deepEqual(await change({ kind: 'remove', sha256 }), [false, false]);
  });

  it('is removed once its access has ended, and not before', async (t) => {
    const { bed, register } = await open(t);
    const { agreementUntilMs = 0 } = await register.add(taxOffice, administrator);
    await register.add({ ...taxOffice, name: 'court' }, administrator);
    const remove = (name: string, nowMs: number) => register.remove(name, nowMs, administrator);
    await assert.rejects(remove('tax-office', agreementUntilMs + 999), {
      code: 'CA_VERIFIER_ACTIVE',
    });
    await remove('tax-office', agreementUntilMs + 1000);
    await register.disable('court', administrator);
    await remove('court', bed.clock.nowMs());
    assert.deepEqual(await register.list(administrator), []);
  });

  const unchangeable: readonly (readonly [why: string, change: VerifierChange, code?: string])[] = [
    ['nothing', {}],
    ['a kind that the policy does not know', { kind: 'anybody' }],
    ['an empty agreement number', { agreementNumber: ' ' }],
    ['a last day before the first', { agreementUntil: '2026-01-04' }],
    ['a first day after the last', { agreementFrom: '2026-04-01' }],
    ['the 31st of April', { agreementFrom: '2026-04-31' }],
    ['no partition', { partitions: [] }],
    ['a municipality of another CA', { partitions: ['13101'] }, 'CA_MUNICIPALITY_UNKNOWN'],
  ];
  for (const [why, change, code = 'CA_VERIFIER_INVALID'] of unchangeable) {
    it(`refuses a change with ${why}, and changes nothing`, async (t) => {
      const { register } = await open(t);
      const added = await register.add(taxOffice, administrator);
      await assert.rejects(register.change('tax-office', change, administrator), { code });
      assert.deepEqual(await register.find('tax-office', administrator), added);
    });
  }

  const refused: readonly {
    readonly why: string;
    readonly change: Partial<VerifierRegistration>;
    readonly code?: string;
  }[] = [
    { why: 'a kind that the policy does not know', change: { kind: 'anybody' } },
    { why: 'an empty name', change: { name: ' ' } },
    { why: 'a name with a control character', change: { name: 'tax\noffice' } },
    { why: 'an agreement that ends before it begins', change: { agreementUntil: '2026-01-04' } },
    { why: 'the 30th of February', change: { agreementFrom: '2026-02-30' } },
    { why: 'a day in another form', change: { agreementFrom: '5.1.2026' } },
    { why: 'no partition', change: { partitions: [] } },
    {
      why: 'a municipality of another CA',
      change: { partitions: ['13101'] },
      code: 'CA_MUNICIPALITY_UNKNOWN',
    },
    { why: 'neither password nor certificate', change: { password: undefined } },
    { why: 'a certificate that is none', change: { certificate: Uint8Array.of(0x30, 0) } },
    { why: 'a password of 11 characters', change: { password: 'x'.repeat(11) } },
  ];
  for (const { why, change, code = 'CA_VERIFIER_INVALID' } of refused) {
    it(`refuses ${why} and stores nothing`, async (t) => {
      const { register } = await open(t);
      await assert.rejects(register.add({ ...taxOffice, ...change }, administrator), { code });
      assert.deepEqual(await register.list(administrator), []);
    });
  }

  it('refuses a name twice, and a name that nobody has', async (t) => {
    const { register } = await open(t);
    await register.add(taxOffice, administrator);
    await assert.rejects(register.add(taxOffice, administrator), { code: 'CA_VERIFIER_EXISTS' });
    const unknown = { code: 'CA_VERIFIER_UNKNOWN' };
    await assert.rejects(register.find('nobody', administrator), unknown);
    await assert.rejects(register.disable('nobody', administrator), unknown);
    await assert.rejects(register.change('nobody', { kind: 'x' }, administrator), unknown);
    await assert.rejects(register.remove('nobody', 0, administrator), unknown);
    const password = 'a long enough one';
    await assert.rejects(register.setPassword('nobody', password, administrator), unknown);
  });
});
