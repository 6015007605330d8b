import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';

import {
  VerifierRegister,
  type VerifierRegistration,
} from '../../src/ca/accounts/verifier-register.ts';
import type { Caller } from '../../src/directory/service.ts';
import { CaTestBed } from '../support/ca-test-bed.ts';
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
    const password = 'a long enough one';
    await assert.rejects(register.setPassword('nobody', password, administrator), unknown);
  });
});
