import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';

import { makeTlsCertificate } from '../../src/setup/tls-certificate.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

function make(address: string): X509Certificate {
  const { certificatePem, keyPem } = makeTlsCertificate({
    address,
    clock: new SimulatedClock(Date.UTC(2026, 0, 5)),
    random: new SeededRandom('tls'),
  });
  const certificate = new X509Certificate(certificatePem);
  assert.ok(certificate.checkPrivateKey(createPrivateKey(keyPem)));
  assert.ok(certificate.verify(certificate.publicKey));
  return certificate;
}

describe('makeTlsCertificate', () => {
  it('is valid for the loopback from a day ago on', () => {
    const certificate = make('127.0.0.1');
    assert.equal(certificate.checkHost('localhost'), 'localhost');
    assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
    assert.equal(certificate.checkIP('::1'), '::1');
    assert.equal(certificate.checkIP('192.0.2.1'), undefined);
    assert.equal(certificate.validFrom, 'Jan  4 00:00:00 2026 GMT');
    assert.equal(certificate.ca, false);
  });

  const addresses = ['192.0.2.7', '2001:db8::7', '2001:db8:0:0:1:2:3:4', '::ffff:192.0.2.1'];
  for (const address of addresses) {
    it(`covers ${address}`, () => {
      assert.notEqual(make(address).checkIP(address), undefined);
    });
  }

  it('covers a host name and adds nothing for a wildcard', () => {
    assert.equal(make('ldap.example').checkHost('ldap.example'), 'ldap.example');
    assert.ok(!(make('0.0.0.0').subjectAltName ?? '').includes('0.0.0.0'));
  });
});
