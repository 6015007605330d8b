/**
 * Delta lists to OpenSSL: a full list and the delta list that starts from it, used together (RFC 5280 §6.3.3).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import type { Policy } from '../../src/ca/policy/policy.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { runCommand } from '../support/command-run.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HOUR = 3_600_000;
const { crl, profiles, revocation } = smallGunma;
const policy: Policy = {
  ...smallGunma,
  revocation: { ...revocation, hold: 'until-expiry' },
  crl: { ...crl, atOnceReasons: [], delta: { periodHours: 4, validityHours: 12 } },
  profiles: Object.fromEntries(
    Object.entries(profiles).map(([name, profile]) => [
      name,
      profile.kind === 'subscriber'
        ? {
            ...profile,
            extensions: [...profile.extensions, { type: 'freshestCRL', critical: false }],
          }
        : profile,
    ]),
  ),
};

describe('delta lists to OpenSSL', { skip: skipWithout('openssl') }, () => {
  it('refuse what only they have, and accept a hold that they release', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const folder = temporaryFolder(t);
    const file = (name: string): string => join(folder, `${name}.pem`);
    const [good, revoked, released] = [await bed.issue(), await bed.issue(), await bed.issue()];
    await bed.ca.hold({ serialNumber: released.serialNumber, origin: tester });
    await bed.clock.advance(HOUR);
    await bed.ca.publish('10201', tester);
    await bed.ca.release({ serialNumber: released.serialNumber, origin: tester });
    await bed.revoke(revoked.serialNumber);
    await bed.clock.advance(HOUR);
    await bed.ca.deltas.publish('10201', tester);
    writeFileSync(file('anchor'), encodePem('CERTIFICATE', bed.ca.certificate.der));
    for (const [name, { certificate }] of Object.entries({ good, revoked, released })) {
      writeFileSync(file(name), encodePem('CERTIFICATE', certificate.der));
    }
    const { dn } = bed.ca.scopes.find('10201');
    for (const attribute of ['certificateRevocationList', 'deltaRevocationList']) {
      const [der] = await bed.published(dn, attribute);
      writeFileSync(file(attribute), encodePem('X509 CRL', der ?? assert.fail(attribute)));
    }
    const verify = async (name: string, isWithDelta: boolean): Promise<string> => {
      const { status, stderr } = await runCommand('openssl', [
        ...['verify', '-attime', String(Math.floor(bed.clock.nowMs() / 1000))],
        ...['-CAfile', file('anchor'), '-crl_check', '-extended_crl'],
        ...['-CRLfile', file('certificateRevocationList')],
        ...(isWithDelta ? ['-use_deltas', '-CRLfile', file('deltaRevocationList')] : []),
        file(name),
      ]);
      return status === 0 ? '' : stderr;
    };
    assert.equal(await verify('good', true), '');
    assert.equal(await verify('revoked', false), '');
    assert.match(await verify('revoked', true), /certificate revoked/);
    assert.match(await verify('released', false), /certificate revoked/);
    assert.equal(await verify('released', true), '');
  });
});
