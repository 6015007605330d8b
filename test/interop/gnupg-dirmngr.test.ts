/**
 * Lists over LDAP for GnuPG: `dirmngr --fetch-crl`, its daemon that loads lists and judges certificates by them,
 * and gpgsm, which asks it.
 *
 * Alone, `dirmngr --fetch-crl` takes the issuer's certificate from /etc/gnupg/trusted-certs and nowhere else, so
 * here it comes no further than wanting it. Lists with an issuing distribution point are fetched and verified,
 * but dirmngr 2.2 does not know that extension, which has to be critical (RFC 5280 §5.2.5), and uses none of them:
 * verifiers with GnuPG need lists without partitions.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { buildBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { encodeRevokedEntry } from '../../src/x509/certificate-list.ts';
import { buildCrlNumber } from '../../src/x509/crl-extensions.ts';
import { buildCrlDistributionPoints } from '../../src/x509/distribution-point.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import { buildKeyUsage } from '../../src/x509/key-usage.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { type CommandResult, runCommand } from '../support/command-run.ts';
import { LdapTools } from '../support/ldap-tools.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { sampleCertificate, sampleKey, sampleList } from '../support/x509-samples.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const issuer = `ou=GnuPG CA,${CA}`;
const operations = `cn=Operations CRLDP,ou=CRL Distribution Points,${CA}`;

const HOUR_MS = 3_600_000;
const REVOKED_SERIAL = 18n;

const issuerKey = sampleKey('rsa-2048', 'gnupg');
const ownerKey = sampleKey('rsa-2048', 'gnupg owner');
const keyIdentifier = Uint8Array.of(1, 2, 3, 4);

const urlOf = (ldapUrl: string, dn: string, attribute: string): string =>
  `${ldapUrl}/${encodeURI(dn)}?${attribute}`;

/** A certificate that the issuer signed, its own included, valid now. */
function signedByIssuer(serialNumber: bigint, subject: string, listUrl?: string): Uint8Array {
  const nowMs = Date.now();
  const isOwn = subject === issuer;
  return sampleCertificate(
    isOwn ? issuerKey : ownerKey,
    {
      ...{ serialNumber, subject: nameFromText(subject), issuer: nameFromText(issuer) },
      ...{ notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + HOUR_MS },
      extensions: [
        ...(isOwn ? [buildBasicConstraints({ isCa: true })] : []),
        buildKeyUsage(isOwn ? ['keyCertSign', 'cRLSign'] : ['digitalSignature']),
        ...(isOwn ? [buildSubjectKeyIdentifier(keyIdentifier)] : []),
        buildAuthorityKeyIdentifier({ keyIdentifier }),
        ...(listUrl === undefined
          ? []
          : [buildCrlDistributionPoints([{ fullName: [{ kind: 'uri', text: listUrl }] }])]),
      ],
    },
    issuerKey,
  );
}

function makeList(): Uint8Array {
  const nowMs = Date.now();
  const entry = { serialNumber: REVOKED_SERIAL, revokedMs: nowMs - HOUR_MS, reason: 0 };
  return sampleList(issuerKey, encodeRevokedEntry(entry), {
    ...{
      issuer: nameFromText(issuer),
      thisUpdateMs: nowMs - HOUR_MS,
      nextUpdateMs: nowMs + HOUR_MS,
    },
    extensions: [buildCrlNumber(7n), buildAuthorityKeyIdentifier({ keyIdentifier })],
  });
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

describe('GnuPG', { skip: skipWithout('dirmngr-client', 'gpgsm', 'ldapsearch') }, () => {
  const homes: string[] = [];
  // Before their folder goes.
  after(async () => {
    for (const home of homes) {
      await runCommand('gpgconf', ['--homedir', home, '--kill', 'all']);
    }
  });
  const certdir = new CertdirFolder({ after });
  let server: CertdirServer;
  let listUrl: string;

  before(async () => {
    const report = await certdir.init();
    server = await certdir.serve();
    listUrl = urlOf(server.ldapUrl, issuer, 'authorityRevocationList');
    const ldaps = new LdapTools({
      url: server.ldapsUrl,
      caFile: join(certdir.folder, 'tls/server.pem'),
    });
    const input = [
      ...[`dn: ${issuer}`, 'objectClass: organizationalUnit', 'objectClass: pkiCA', 'ou: GnuPG CA'],
      `cACertificate;binary:: ${base64(signedByIssuer(1n, issuer))}`,
      `authorityRevocationList;binary:: ${base64(makeList())}`,
      '',
    ].join('\n');
    const as = { dn: report.administratorDn, passwordFile: report.administratorPasswordFile };
    assert.equal(await ldaps.resultCode('ldapadd', [], { as, input }), 0);
  });
  /** A home of GnuPG, with a dirmngr of its own that does not outlive the tests. */
  function makeHome(name: string): string {
    const home = certdir.path(name);
    mkdirSync(home, { mode: 0o700 });
    certdir.write(`${name}/gpgsm.conf`, 'disable-policy-checks\n');
    homes.push(home);
    return home;
  }

  const writePem = (name: string, der: Uint8Array): string =>
    certdir.write(name, encodePem('CERTIFICATE', der));

  const run = (home: string, command: string, ...args: readonly string[]): Promise<CommandResult> =>
    runCommand(command, args, { env: { GNUPGHOME: home, LC_ALL: 'C' } });

  /** A home whose dirmngr runs and has a certificate. */
  async function startDirmngr(name: string, certificateFile: string): Promise<string> {
    const home = makeHome(name);
    await run(home, 'dirmngr', '--daemon', '--homedir', home);
    const cached = await run(home, 'dirmngr-client', '--pem', '--cache-cert', certificateFile);
    assert.equal(cached.status, 0, cached.stderr);
    return home;
  }

  it('dirmngr --fetch-crl gets the list, and would know its issuer in /etc/gnupg', async () => {
    const home = makeHome('fetch');
    const { stderr } = await run(home, 'dirmngr', '--homedir', home, '--fetch-crl', listUrl);
    // The key identifier and the name stand in the list and nowhere else.
    assert.match(stderr, /CRL issuer certificate \{01020304\} .*not found/);
  });

  it('dirmngr --fetch-crl of an entry that is not there: nothing', async () => {
    const home = makeHome('absent');
    const url = urlOf(server.ldapUrl, `cn=nobody,${issuer}`, 'certificateRevocationList');
    const { status, stderr } = await run(home, 'dirmngr', '--homedir', home, '--fetch-crl', url);
    assert.notEqual(status, 0);
    assert.match(stderr, /No data|No such object|failed/);
  });

  it('a list is loaded and verified', async () => {
    const home = await startDirmngr('load', writePem('issuer.pem', signedByIssuer(1n, issuer)));
    const loaded = await run(home, 'dirmngr-client', '--load-crl', '--url', listUrl);
    assert.equal(loaded.status, 0, loaded.stderr);
    const { stdout } = await run(home, 'dirmngr', '--homedir', home, '--list-crls');
    assert.match(stdout, /Issuer:\tOU=GnuPG CA,OU=Gunma Prefectural CA,O=JPKI,C=JP/);
    assert.match(stdout, /CRL Number :\t0*7$/m);
    assert.doesNotMatch(stdout, /ERROR/);
  });

  it('a list of the CA is fetched and verified; that it is one of several, dirmngr does not know', async () => {
    const ca = await (await fetch(`${server.httpUrl}/ca.pem`)).text();
    const home = await startDirmngr('own', certdir.write('ca.pem', ca));
    const url = urlOf(server.ldapUrl, operations, 'certificateRevocationList');
    const loaded = await run(home, 'dirmngr-client', '--load-crl', '--url', url);
    assert.match(loaded.stderr, /Invalid CRL/);
    const { stdout } = await run(home, 'dirmngr', '--homedir', home, '--list-crls');
    assert.match(stdout, /Issuer:\tOU=Gunma Prefectural CA,O=JPKI,C=JP/);
    assert.match(stdout, /CRL Number :\t0*1$/m);
    assert.match(stdout, /will not be used due to an unknown critical extension/);
  });

  it('gpgsm finds the list by the address in the certificate: revoked, and not', async () => {
    const home = makeHome('gpgsm');
    const own = signedByIssuer(1n, issuer);
    const fingerprint = createHash('sha1').update(own).digest('hex').toUpperCase();
    certdir.write('gpgsm/trustlist.txt', `${fingerprint} S relax\n`);
    const good = signedByIssuer(17n, `cn=good,${issuer}`, listUrl);
    const revoked = signedByIssuer(REVOKED_SERIAL, `cn=revoked,${issuer}`, listUrl);
    const files = [own, good, revoked].map((der, index) => writePem(`gpgsm-${index}.pem`, der));
    const imported = await run(home, 'gpgsm', '--batch', '--import', ...files);
    assert.match(imported.stderr, /imported: 3/, imported.stderr);
    const list = await run(home, 'gpgsm', '--batch', '--with-validation', '--list-keys');
    assert.equal(list.status, 0, list.stderr);
    const verdictOf = (name: string): string | undefined =>
      new RegExp(`CN=${name}/.*?\\[(certificate[^\\]]*)\\]`, 's').exec(list.stdout)?.[1];
    assert.equal(verdictOf('good'), 'certificate is good', list.stderr);
    assert.equal(verdictOf('revoked'), 'certificate has been revoked');
  });
});
