/**
 * The product's main job with stock tools alone: OpenSSL makes the request, certdir issues, OpenLDAP's
 * ldapsearch fetches the municipality's list over LDAPS as a registered verifier, and OpenSSL accepts
 * or refuses the certificate accordingly.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { IssuedReport, PublishedReport, RevokedReport } from '../../src/http/operations.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { type CommandResult, runCommand } from '../support/command-run.ts';
import { citizenOptions, issueCitizen } from '../support/issued-citizen.ts';
import { type LdapIdentity, LdapTools } from '../support/ldap-tools.ts';
import { runOpenssl } from '../support/openssl.ts';
import { makeOpensslRequest, type RequestKey } from '../support/openssl-request.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { registerVerifier } from '../support/registered-verifier.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const maebashi = `cn=Maebashi-shi CRLDP,ou=Gunma-ken,ou=CRL Distribution Points,${CA}`;
const takasaki = `cn=Takasaki-shi CRLDP,ou=Gunma-ken,ou=CRL Distribution Points,${CA}`;

const keys: readonly (readonly [label: string, key: RequestKey])[] = [
  ['RSA-2048', { kind: 'rsa', bits: 2048 }],
  ['P-256', { kind: 'ec', curve: 'P-256' }],
  ['P-384', { kind: 'ec', curve: 'P-384' }],
];

describe('a citizen, a municipality, a verifier', {
  skip: skipWithout('openssl', 'ldapsearch', 'certtool'),
}, () => {
  const certdir = new CertdirFolder({ after });
  let server: CertdirServer;
  let verifier: LdapIdentity;
  let ldaps: LdapTools;

  before(async () => {
    await certdir.init();
    server = await certdir.serve();
    verifier = await registerVerifier(certdir, 'tax-office', { partitions: ['10201', '10202'] });
    ldaps = new LdapTools({ url: server.ldapsUrl, caFile: join(certdir.folder, 'tls/server.pem') });
    const answer = await fetch(`${server.httpUrl}/ca.pem`);
    writeFileSync(certdir.path('ca.pem'), await answer.text());
  });

  /** Fetches a list as the verifier and leaves it where OpenSSL finds it. */
  async function fetchList(distributionPoint: string, name: string): Promise<string> {
    const [list, ...others] = await ldaps.values({
      base: distributionPoint,
      attributes: ['certificateRevocationList'],
      as: verifier,
    });
    assert.ok(list !== undefined && others.length === 0, 'one list');
    const file = certdir.path(name);
    writeFileSync(file, runOpenssl(['crl', '-inform', 'DER', '-outform', 'PEM'], list));
    return file;
  }

  function verify(certificateFile: string, listFile: string): Promise<CommandResult> {
    const anchor = ['-CAfile', certdir.path('ca.pem'), '-CRLfile', listFile];
    return runCommand('openssl', [
      ...['verify', '-x509_strict', '-crl_check', ...anchor],
      certificateFile,
    ]);
  }

  for (const [label, key] of keys) {
    it(`accepts a ${label} certificate until the list that revokes it is out`, async () => {
      const name = `citizen-${label}`;
      const issued = await issueCitizen(certdir, { name, key });
      const before = await fetchList(maebashi, `${name}-before.crl`);
      const good = await verify(issued.certificateFile, before);
      assert.equal(good.status, 0, good.stderr);

      const { serialNumber } = issued;
      const receipt = await certdir.answer<RevokedReport>(
        ...['ca', 'revoke', serialNumber, '--reason', 'keyCompromise'],
      );
      assert.equal(receipt.reason, 'keyCompromise');
      assert.equal(receipt.partition, '10201');
      const [published] = await certdir.answer<readonly PublishedReport[]>(
        ...['ca', 'publish', '--partition', '10201'],
      );
      assert.ok(published !== undefined && published.entries > 0);

      const after = await fetchList(maebashi, `${name}-after.crl`);
      const refused = await verify(issued.certificateFile, after);
      assert.equal(refused.status, 2);
      assert.match(refused.stderr, /error 23 at 0 depth lookup: certificate revoked/);
      const stillGood = await verify(issued.certificateFile, before);
      assert.equal(stillGood.status, 0, 'the older list did not name it');
    });
  }

  it('keeps the certificates of one municipality out of the list of another', async () => {
    const issued = await issueCitizen(certdir, { name: 'takasaki', municipality: '10202' });
    const own = await verify(issued.certificateFile, await fetchList(takasaki, 'takasaki.crl'));
    assert.equal(own.status, 0, own.stderr);
    const other = await verify(issued.certificateFile, await fetchList(maebashi, 'maebashi.crl'));
    assert.equal(other.status, 2);
    assert.match(other.stderr, /error 44 at 0 depth lookup: Different CRL scope/i);
  });

  it('publishes lists that GnuTLS verifies under the CA certificate', async () => {
    const list = await fetchList(maebashi, 'gnutls.crl');
    const anchor = ['--load-ca-certificate', certdir.path('ca.pem'), '--infile', list];
    const { status, stdout } = await runCommand('certtool', ['--verify-crl', ...anchor]);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /Verification output: Verified\./);
  });

  it('issues certificates that GnuTLS verifies under the CA certificate', async () => {
    const issued = await issueCitizen(certdir, { name: 'gnutls' });
    const anchor = ['--load-ca-certificate', certdir.path('ca.pem')];
    const { status, stdout, stderr } = await runCommand('certtool', [
      ...['--verify', '--verify-profile', 'medium', ...anchor],
      ...['--infile', issued.certificateFile],
    ]);
    assert.equal(status, 0, `${stdout}${stderr}`);
  });

  it('takes a request in DER as well, and the key in it', async () => {
    const { der, keyFile } = makeOpensslRequest(certdir.workFolder, 'der');
    const command = ['ca', 'issue', '--csr', certdir.write('der.csr', der)];
    const { certificate } = await certdir.answer<IssuedReport>(
      ...[...command, '--municipality', '10201', ...citizenOptions('der')],
    );
    const wanted = runOpenssl(['pkey', '-pubout'], readFileSync(keyFile)).toString('utf8');
    const issuedKey = new X509Certificate(certificate).publicKey;
    assert.equal(issuedKey.export({ type: 'spki', format: 'pem' }), wanted);
  });

  it('answers with what is in the certificate', async () => {
    const issued = await issueCitizen(certdir, { name: 'answer' });
    const certificate = new X509Certificate(readFileSync(issued.certificateFile));
    assert.equal(issued.serialNumber, certificate.serialNumber);
    assert.equal(issued.sha256Fingerprint, certificate.fingerprint256);
    assert.equal(Date.parse(issued.notBefore), Date.parse(certificate.validFrom));
    assert.equal(Date.parse(issued.notAfter), Date.parse(certificate.validTo));
    assert.equal(issued.partition, '10201');
  });
});
