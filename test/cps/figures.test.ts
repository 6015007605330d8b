/**
 * The figures that statements print, held against the policies that are shipped: whoever changes one here changes what
 * the CA promises.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';

const load = (preset: string): Promise<Policy> => loadPolicy(shippedPolicyFile(preset));

/** The years of each profile that says so; others have a rule of their own. */
function yearsOf({ profiles }: Policy): Readonly<Record<string, number | undefined>> {
  return Object.fromEntries(
    Object.entries(profiles).map(([name, { validity }]) => [
      name,
      validity !== undefined && 'years' in validity ? validity.years : undefined,
    ]),
  );
}

describe('figures of the statements', () => {
  for (const preset of ['gunma', 'tokyo']) {
    it(`of ${preset}`, async () => {
      const policy = await load(preset);
      const { crl, keys, revocation } = policy;
      const { cross, 'end-entity': subscriber, 'ocsp-responder': responder } = yearsOf(policy);
      // 1-3-2, 6-3-1-2
      assert.deepEqual([subscriber, cross, responder], [3, 5, 1]);
      assert.equal(yearsOf(policy)['self-signed'], 10);
      // 4-13; 6-1-1-2
      assert.deepEqual([keys.authority.renewAfterYears, keys.authority.type], [5, 'rsa-2048']);
      // 4-4-9; 4-4-4-2; 4-4-5
      assert.deepEqual([crl.periodHours, crl.validityHours, crl.nextPublish], [24, 72, true]);
      assert.deepEqual([revocation.reasons.length, revocation.hold], [5, 'never']);
    });
  }

  it('of jlis-auth: 4.9.7, 4.9.9, 5.6, 6.3.2.1', async () => {
    const policy = await load('jlis-auth');
    const { crl, keys, revocation } = policy;
    assert.deepEqual([crl.periodHours, crl.validityHours, crl.nextPublish], [24, 72, true]);
    // Reasons 0 to 6, the last of them as a hold.
    assert.deepEqual([revocation.reasons.length, revocation.hold], [6, 'until-expiry']);
    assert.ok(revocation.reasons.includes('unspecified'));
    assert.deepEqual([keys.authority.renewAfterYears, keys.authority.type], [4, 'rsa-2048']);
    const { 'self-signed': own, 'ocsp-responder': responder } = yearsOf(policy);
    assert.deepEqual([own, responder], [10, 5]);
  });

  it('of jlis-auth 6.3.2.3: a year on the internet, five inside', async () => {
    const { 'tls-internet': outside, 'tls-inside': inside } = yearsOf(await load('jlis-auth'));
    assert.deepEqual([outside, inside], [1, 5]);
  });

  it('of secom-gid: 4.5.3, 4.10, 6.1.4, 6.3.2, 7', async () => {
    const policy = await load('secom-gid');
    const { crl, keys, profiles, revocation } = policy;
    assert.deepEqual([crl.earliestHours, crl.periodHours], [23, 24]);
    assert.ok(crl.atEachRevocation !== undefined);
    assert.ok(keys.authority.renewForLongest);
    assert.deepEqual(
      [keys.authority.type, keys.authority.signature],
      ['rsa-2048', 'rsa-pkcs1-sha256'],
    );
    const own = profiles['self-signed']?.validity;
    assert.ok(own !== undefined && 'years' in own);
    assert.deepEqual([own.years, own.minutes], [10, 30]);
    assert.ok((yearsOf(policy)['cross'] ?? 99) <= 5);
    assert.equal(revocation.hold, 'never');
  });

  it('of mic-ops: 1.3.2, 4.4.5, 4.7, 6.3.2', async () => {
    const policy = await load('mic-ops');
    const { 'self-signed': own, server, 'code-signing': signer } = yearsOf(policy);
    assert.deepEqual([own, server, signer], [10, 3, 3]);
    const { keys, revocation, crl } = policy;
    assert.deepEqual([keys.authority.renewAfterYears, keys.authority.type], [5, 'rsa-2048']);
    assert.equal(revocation.hold, 'never');
    assert.ok(crl.atEachRevocation !== undefined, 'a list with each revocation');
    // 4.1.2: none of cross certificates, and no link certificates anywhere.
    assert.deepEqual([...keys.authority.certificates].sort(), ['end-entity', 'self-signed']);
  });

  it('of mic-ops: what is kept and looked at (4.5.2, 4.5.3, 4.6.2, 4.6.7)', async () => {
    const { retention, keeping } = await load('mic-ops');
    assert.deepEqual([retention['auditLog']?.years, retention['archive']?.years], [3, 30]);
    assert.ok((keeping.auditReviewDays ?? 99) <= 31);
    assert.deepEqual([keeping.backupHours, keeping.readabilityMonths], [24, 12]);
  });

  it('of jlis-auth: what is kept and looked at (5.4.3, 5.4.5, 5.5.7.2)', async () => {
    const { retention, keeping } = await load('jlis-auth');
    assert.equal(retention['auditLog']?.years, 1);
    const { backupHours, monthlyExport, readabilityMonths } = keeping;
    assert.deepEqual([backupHours, monthlyExport, readabilityMonths], [24, true, 12]);
  });

  it('of secom-gid: what is kept (4.8.3, 4.9.2)', async () => {
    const { retention } = await load('secom-gid');
    const audit = Object.values(retention).find(({ covers }) => covers.includes('auditRecords'));
    assert.deepEqual([audit?.onLineWeeks, audit?.years, audit?.from], [6, 10, 'certificateEnd']);
  });
});
