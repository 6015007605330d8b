/**
 * The server to OpenJDK: LDAPCertStore finding certificates, pairs and lists, path validation with lists over
 * LDAP, JNDI. What is asked and expected is in java/LdapClient.java.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { packageRoot } from '../../src/config/package-root.ts';
import { buildBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { encodeRevokedEntry } from '../../src/x509/certificate-list.ts';
import { encodeCertificatePair } from '../../src/x509/certificate-pair.ts';
import { buildCrlNumber } from '../../src/x509/crl-extensions.ts';
import { buildCrlDistributionPoints } from '../../src/x509/distribution-point.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import { buildKeyUsage } from '../../src/x509/key-usage.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { issueCitizen } from '../support/issued-citizen.ts';
import { makeTlsCredentials } from '../support/ldap-test-server.ts';
import { LdapTools } from '../support/ldap-tools.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { runRows } from '../support/reported-rows.ts';
import { sampleCertificate, sampleKey, sampleList } from '../support/x509-samples.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const points = `ou=CRL Distribution Points,${CA}`;
const bridge = `ou=Bridge CA,${CA}`;
const subordinate = `ou=Subordinate CA,${CA}`;

const HOUR_MS = 3_600_000;
const REVOKED_SERIAL = 18n;

const bridgeKey = sampleKey('p256', 'bridge');
const subordinateKey = sampleKey('p256', 'subordinate');
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** A CA certificate that the bridge signed, valid now. */
function signedByBridge(
  serialNumber: bigint,
  { subject, listAt }: { readonly subject: string; readonly listAt?: GeneralName },
): Uint8Array {
  const nowMs = Date.now();
  return sampleCertificate(
    subject === bridge ? bridgeKey : subordinateKey,
    {
      ...{ serialNumber, subject: nameFromText(subject), issuer: nameFromText(bridge) },
      ...{ notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + HOUR_MS },
      extensions: [
        buildBasicConstraints({ isCa: true }),
        buildKeyUsage(['keyCertSign', 'cRLSign']),
        ...(listAt === undefined ? [] : [buildCrlDistributionPoints([{ fullName: [listAt] }])]),
      ],
    },
    bridgeKey,
  );
}

/** A bridge and what it signed, and its list of CA certificates. */
function makeBridge(ldapUrl: string): {
  readonly certificates: Readonly<Record<string, Uint8Array>>;
  readonly entries: string;
} {
  const nowMs = Date.now();
  const byName: GeneralName = { kind: 'directoryName', name: nameFromText(bridge) };
  const path = encodeURIComponent(bridge).replaceAll('%3D', '=').replaceAll('%2C', ',');
  const byUri: GeneralName = { kind: 'uri', text: `${ldapUrl}/${path}?authorityRevocationList` };
  const own = signedByBridge(1n, { subject: bridge });
  const forward = signedByBridge(2n, { subject: bridge, listAt: byName });
  const certificates = {
    BRIDGE_CERTIFICATE: own,
    FORWARD_CERTIFICATE: forward,
    SUBORDINATE_CERTIFICATE: signedByBridge(16n, { subject: subordinate }),
    GOOD_BY_NAME: signedByBridge(17n, { subject: subordinate, listAt: byName }),
    REVOKED_BY_NAME: signedByBridge(REVOKED_SERIAL, { subject: subordinate, listAt: byName }),
    GOOD_BY_URI: signedByBridge(17n, { subject: subordinate, listAt: byUri }),
    REVOKED_BY_URI: signedByBridge(REVOKED_SERIAL, { subject: subordinate, listAt: byUri }),
    LEAF_CERTIFICATE: sampleCertificate(
      sampleKey('p256', 'leaf'),
      {
        ...{ subject: nameFromText('CN=leaf,C=JP'), issuer: nameFromText(subordinate) },
        ...{
          notBeforeMs: nowMs - HOUR_MS,
          notAfterMs: nowMs + HOUR_MS,
          extensions: [buildKeyUsage(['digitalSignature'])],
        },
      },
      subordinateKey,
    ),
  };
  const revoked = { serialNumber: REVOKED_SERIAL, revokedMs: nowMs - HOUR_MS, reason: 0 };
  const list = sampleList(bridgeKey, encodeRevokedEntry(revoked), {
    ...{ issuer: nameFromText(bridge), thisUpdateMs: nowMs - HOUR_MS },
    ...{ nextUpdateMs: nowMs + HOUR_MS, extensions: [buildCrlNumber(1n)] },
  });
  const pair = encodeCertificatePair({ issuedToThisCa: parseCertificate(forward) });
  const entries = [
    ...[`dn: ${bridge}`, 'objectClass: organizationalUnit', 'objectClass: pkiCA', 'ou: Bridge CA'],
    `cACertificate;binary:: ${base64(own)}`,
    `crossCertificatePair;binary:: ${base64(pair)}`,
    `authorityRevocationList;binary:: ${base64(list)}`,
    ...['', `dn: ${subordinate}`, 'objectClass: organizationalUnit', 'objectClass: pkiCA'],
    'ou: Subordinate CA',
    `cACertificate;binary:: ${base64(certificates.SUBORDINATE_CERTIFICATE)}`,
    '',
  ];
  return { certificates, entries: entries.join('\n') };
}

const skip = skipWithout('javac', 'ldapsearch');

describe('OpenJDK', { skip }, () => {
  const certdir = new CertdirFolder({ after });

  /** A verifier with a certificate, and the files of it. */
  async function addVerifier(): Promise<Readonly<Record<string, string>>> {
    const { certificate, key } = makeTlsCredentials('java');
    const file = certdir.write('verifier.pem', certificate);
    const { dn } = await certdir.answer<{ dn: string }>(
      ...['verifier', 'add', 'java', '--kind', 'signatureVerifier', '--agreement', 'java'],
      ...['--from', '2020-01-01', '--until', '2099-12-31', '--partitions', '*'],
      ...['--certificate', file],
    );
    return {
      VERIFIER_DN: dn,
      CERTIFICATE_FILE: file,
      KEY_FILE: certdir.write('verifier.key', key),
    };
  }

  async function certificatesOfTheCa({ httpUrl }: CertdirServer): Promise<Record<string, string>> {
    const answer = await fetch(`${httpUrl}/ca.pem`);
    const { certificateFile } = await issueCitizen(certdir, { name: 'java' });
    return {
      CA_CERTIFICATE: base64(new X509Certificate(await answer.text()).raw),
      CITIZEN_CERTIFICATE: base64(new X509Certificate(readFileSync(certificateFile)).raw),
    };
  }

  it('is served', async (t) => {
    const report = await certdir.init();
    const server = await certdir.serve();
    const caFile = join(certdir.folder, 'tls/server.pem');
    const { administratorDn: dn, administratorPasswordFile: passwordFile } = report;
    const { certificates, entries } = makeBridge(server.ldapUrl);
    const ldaps = new LdapTools({ url: server.ldapsUrl, caFile });
    const as = { dn, passwordFile };
    assert.equal(await ldaps.resultCode('ldapadd', [], { as, input: entries }), 0);
    const env = {
      ...(await addVerifier()),
      ...(await certificatesOfTheCa(server)),
      ...Object.fromEntries(Object.entries(certificates).map(([name, der]) => [name, base64(der)])),
      ...{ LDAP_URL: server.ldapUrl, CA_FILE: caFile, CA_DN: CA, BRIDGE_DN: bridge },
      OPERATIONS_DN: `cn=Operations CRLDP,${points}`,
      PARTITION_DN: `cn=Maebashi-shi CRLDP,ou=Gunma-ken,${points}`,
      ADMINISTRATOR_DN: dn,
      ADMINISTRATOR_PASSWORD: readFileSync(passwordFile, 'utf8').trimEnd(),
    };
    // One short program: what the second compiler would gain is less than it costs.
    const options = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
    await runRows(t, {
      command: 'java',
      args: [...options, join(packageRoot, 'test/interop/java/LdapClient.java')],
      env,
      timeoutMs: 60_000,
      leastRows: 18,
    });
  });
});
