/**
 * Delta lists to others: with OpenSSL a full list and the delta list that starts from it, used together (RFC 5280 §6.3.3); by
 * themselves to those that know no delta lists.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { packageRoot } from '../../src/config/package-root.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { CaTestBed, tester } from '../support/ca-test-bed.ts';
import { runCommand } from '../support/command-run.ts';
import { withFreshest } from '../support/delta-policy.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HOUR = 3_600_000;
const policy = withFreshest;

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

describe('delta lists to others, as lists', () => {
  const folder = temporaryFolder({ after });
  const file = (name: string): string => join(folder, name);

  before(async () => {
    // GnuTLS goes by the machine's clock.
    const bed = await CaTestBed.open({ after }, { policy, startMs: Date.now() - 3 * HOUR });
    const [revoked, held] = [await bed.issue(), await bed.issue()];
    await bed.ca.hold({ serialNumber: held.serialNumber, origin: tester });
    await bed.clock.advance(HOUR);
    await bed.ca.publish('10201', tester);
    await bed.ca.release({ serialNumber: held.serialNumber, origin: tester });
    await bed.revoke(revoked.serialNumber);
    await bed.clock.advance(HOUR);
    await bed.ca.deltas.publish('10201', tester);
    const { dn } = bed.ca.scopes.find('10201');
    const [full] = await bed.published(dn, 'certificateRevocationList');
    const [delta] = await bed.published(dn, 'deltaRevocationList');
    writeFileSync(file('full.crl'), full ?? assert.fail('no full list'));
    writeFileSync(file('delta.crl'), delta ?? assert.fail('no delta list'));
    writeFileSync(file('ca.der'), bed.ca.certificate.der);
  });

  it('OpenSSL shows the indicator and removeFromCRL', {
    skip: skipWithout('openssl'),
  }, async () => {
    const args = ['crl', '-inform', 'DER', '-noout', '-text', '-in'];
    const { stdout } = await runCommand('openssl', [...args, file('delta.crl')]);
    assert.match(stdout, /Delta CRL Indicator: critical\s+3\s/);
    assert.match(stdout, /Remove From CRL/);
    assert.match(stdout, /CRL Number:\s+5\s/);
    const full = await runCommand('openssl', [...args, file('full.crl')]);
    assert.match(full.stdout, /Freshest CRL:/);
  });

  it('GnuTLS verifies them', { skip: skipWithout('certtool') }, async () => {
    for (const name of ['full.crl', 'delta.crl']) {
      const args = ['--verify-crl', '--load-ca-certificate', file('ca.der'), '--inder'];
      const { stdout, stderr } = await runCommand('certtool', [...args, '--infile', file(name)]);
      assert.match(stdout + stderr, /Verified/, name);
    }
  });

  it('Go verifies them, and counts as many entries', { skip: skipWithout('go') }, async () => {
    const program = join(packageRoot, 'test/interop/go/read-lists.go');
    const files = [file('full.crl'), file('delta.crl')];
    const { stdout } = await runCommand('go', ['run', program, file('ca.der'), ...files], {
      timeoutMs: 300_000,
      env: { GOCACHE: join(folder, 'go'), GOFLAGS: '-mod=mod', GO111MODULE: 'off' },
    });
    assert.deepEqual(stdout.trim().split('\n'), ['1', '2']);
  });

  it('OpenJDK verifies them, and counts as many entries', {
    skip: skipWithout('javac'),
  }, async () => {
    const program = join(packageRoot, 'test/interop/java/ReadLists.java');
    const files = [file('full.crl'), file('delta.crl')];
    const { stdout } = await runCommand('java', [program, file('ca.der'), ...files], {
      timeoutMs: 120_000,
    });
    assert.deepEqual(stdout.trim().split('\n'), ['1', '2']);
  });
});
