/**
 * The operations-support CA of the ministry as its statement tells it, certificates and lists held against its tables
 * (7.1.1 to 7.2.2) by what OpenSSL and GnuTLS print.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { IssuedCertificate } from '../../src/ca/certificates/issuance.ts';
import { loadPolicy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { anonymous } from '../../src/directory/accounts/principal.ts';
import { parseFilter } from '../../src/directory/filters/filter-text.ts';
import type { Session } from '../../src/directory/service.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { CaTestBed, collect, tester } from '../support/ca-test-bed.ts';
import { runCommand } from '../support/command-run.ts';
import { runOpenssl } from '../support/openssl.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { readFixture, sampleKey, sampleRequest } from '../support/x509-samples.ts';

const policy = await loadPolicy(shippedPolicyFile('mic-ops'));
const CA = 'OU=MPHPT Certification Authority,OU=MPHPT,O=Japanese Government,C=JP';
const DAY_MS = 86_400_000;

/** OpenSSL's words for a certificate's or list's extensions, without the identifiers' values. */
function extensionsOf(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  const start = lines.findIndex((line) => /^(X509v3 |CRL )extensions:$/.test(line)) + 1;
  return lines
    .slice(start)
    .filter((line) => line !== '' && !/^([0-9A-F]{2}:)+[0-9A-F]{2}$/.test(line));
}

function printed(der: Uint8Array): string {
  const options = ['-nameopt', 'RFC2253,show_type', '-certopt', 'no_sigdump,no_pubkey'];
  return runOpenssl(['x509', '-inform', 'DER', '-noout', '-text', ...options], der).toString(
    'utf8',
  );
}

const fieldOf = (text: string, name: string): string =>
  new RegExp(`${name}\\s*: ?(.*)`).exec(text)?.[1]?.trim() ?? '';

async function printedByGnutls(der: Uint8Array, folder: string): Promise<string> {
  const file = join(folder, 'certificate.der');
  writeFileSync(file, der);
  const args = ['--certificate-info', '--inder', '--infile', file];
  const { status, stdout } = await runCommand('certtool', args);
  assert.equal(status, 0);
  return stdout;
}

const typed = (name: string): string => name.replace(/=/g, '=PRINTABLESTRING:');

/** 7.1.1; identifiers are SHA-1 of the keys. */
const selfSignedTable = [
  'X509v3 Authority Key Identifier:',
  'X509v3 Subject Key Identifier:',
  'X509v3 Key Usage:',
  'Certificate Sign, CRL Sign',
  'X509v3 Basic Constraints:',
  'CA:TRUE',
  'Netscape Cert Type:',
  'SSL CA, Object Signing CA',
];

/** 7.1.2 */
const serverTable = [
  'X509v3 Authority Key Identifier:',
  'X509v3 Subject Key Identifier:',
  'X509v3 Key Usage: critical',
  'Digital Signature, Key Encipherment, Data Encipherment',
  'Netscape Cert Type:',
  'SSL Server',
];

/** 7.1.3 */
const codeSigningTable = [
  'X509v3 Authority Key Identifier:',
  'X509v3 Subject Key Identifier:',
  'X509v3 Key Usage:',
  'Digital Signature',
  'Netscape Cert Type:',
  'Object Signing',
];

/** 7.2.1, 7.2.2, without the point's name, which certificates do not have either. */
const listTable = (what: string, number: number): readonly string[] => [
  'X509v3 Authority Key Identifier:',
  'X509v3 CRL Number:',
  `${number}`,
  'X509v3 Issuing Distribution Point: critical',
  `Only ${what} Certificates`,
];

const asTable = (text: string): readonly string[] =>
  extensionsOf(text).map((line) => line.trim().replace(/: *critical$/, ': critical'));

describe('the story of the operations-support CA', {
  skip: skipWithout('openssl', 'certtool'),
}, () => {
  // What is opened in a hook is closed when all is over.
  const closing: (() => unknown)[] = [];
  const life = { after: (close: () => unknown) => void closing.push(close) };
  const folder = temporaryFolder({ after });
  let bed: CaTestBed;
  let server: IssuedCertificate;
  let signer: Uint8Array;

  const file = (name: string, content: Uint8Array | string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };

  /** What the Web shows: what everyone may read. */
  const published = async (dn: string, attribute: string): Promise<readonly Uint8Array[]> => {
    const request = {
      base: dn,
      scope: 'base',
      filter: parseFilter('(objectClass=*)'),
      attributes: [attribute],
      typesOnly: false,
      sizeLimit: 0,
      timeLimitMs: 0,
    } as const;
    const session: Session = { isProtected: false, address: '192.0.2.1', channel: 'http' };
    const caller = { principal: anonymous, session };
    const entries = await collect(bed.directory.search(request, caller));
    return entries.flatMap(({ attributes }) =>
      attributes.flatMap(({ values }) => values.map((value) => Uint8Array.from(value))),
    );
  };

  /** Full lists of several keys come out one second after the other. */
  async function publish(): Promise<void> {
    let isDone = false;
    const publishing = bed.ca.publishAll(tester).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      await bed.clock.advance(1000);
    }
    await publishing;
  }

  /** `openssl verify` with the CA's certificate and everything that is published. */
  async function verify(
    certificate: Uint8Array,
    roots = [bed.ca.certificate.der],
  ): Promise<string> {
    const lists = [
      ...(await published(`CN=CRL,${CA}`, 'certificateRevocationList')),
      ...(await published(CA, 'certificateRevocationList')),
    ];
    const at = Math.floor(bed.clock.nowMs() / 1000).toString();
    const args = ['verify', '-crl_check', '-attime', at];
    const pem = (label: string, all: readonly Uint8Array[]): string =>
      all.map((der) => encodePem(label, der)).join('');
    args.push('-CAfile', file('roots.pem', pem('CERTIFICATE', roots)));
    args.push('-CRLfile', file('lists.pem', pem('X509 CRL', lists)));
    args.push(file('one.pem', encodePem('CERTIFICATE', certificate)));
    const { stdout, stderr } = await runCommand('openssl', args);
    return `${stdout}${stderr}`;
  }

  before(async () => {
    bed = await CaTestBed.open(life, { policy, startMs: Date.parse('2026-03-31T15:00:00Z') });
  });

  after(async () => {
    for (const close of closing.toReversed()) {
      await close();
    }
  });

  it('begins with the key and its certificate (4.2.1), as table 7.1.1 has it', async () => {
    const { der } = bed.ca.certificate;
    const text = printed(der);
    assert.equal(fieldOf(text, 'Version'), '3 (0x2)');
    assert.equal(
      fieldOf(text, 'Signature Algorithm'),
      'sha256WithRSAEncryption',
      '7.1 prints SHA-1',
    );
    assert.equal(fieldOf(text, 'Issuer'), typed(CA));
    assert.equal(fieldOf(text, 'Subject'), typed(CA));
    // 1 April, 0:00 in Japan, to the end of 31 March ten years later.
    assert.equal(fieldOf(text, 'Not Before'), 'Mar 31 15:00:00 2026 GMT');
    assert.equal(fieldOf(text, 'Not After '), 'Mar 31 14:59:59 2036 GMT');
    assert.deepEqual(asTable(text), selfSignedTable);
    const gnutls = await printedByGnutls(der, folder);
    for (const line of [
      'Authority Key Identifier (not critical):',
      'Subject Key Identifier (not critical):',
      'Key Usage (not critical):',
      'Basic Constraints (not critical):',
      // Bits 5 and 7 of netscape-cert-type
      'Unknown extension 2.16.840.1.113730.1.1 (not critical):',
      'Hexdump: 03020005',
      'Subject Public Key Algorithm: RSA',
    ]) {
      assert.ok(gnutls.includes(line), line);
    }
  });

  it('is the certificate in use but for what docs/profiles.md says', () => {
    const real = printed(readFixture('ca-certs/MPHPT_CA.cer'));
    const ours = printed(bed.ca.certificate.der);
    for (const field of ['Version', 'Issuer', 'Subject']) {
      assert.equal(fieldOf(real, field), fieldOf(ours, field), field);
    }
    // Both end 23:59:59 in Japan, on the day before the tenth anniversary.
    assert.equal(fieldOf(real, 'Not Before'), 'Mar 14 07:50:26 2002 GMT');
    assert.equal(fieldOf(real, 'Not After '), 'Mar 13 14:59:59 2012 GMT');
    // In another order, and with a critical keyUsage.
    const expected = selfSignedTable.map((line) =>
      line === 'X509v3 Key Usage:' ? 'X509v3 Key Usage: critical' : line,
    );
    assert.deepEqual(asTable(real).toSorted(), expected.toSorted());
    assert.equal(fieldOf(real, 'Serial Number'), '0 (0x0)');
  });

  it('issues a server certificate for a request (4.2.3), as table 7.1.2 has it', async () => {
    server = await bed.ca.issue({
      profile: 'server',
      csr: sampleRequest(sampleKey('rsa-2048', 'server')),
      fields: { domainName: 'www.soumu.go.jp' },
      origin: tester,
    });
    const text = printed(server.certificate.der);
    const subject = 'CN=www.soumu.go.jp,OU=MPHPT,O=Japanese Government,C=JP';
    assert.equal(fieldOf(text, 'Subject'), typed(subject));
    assert.equal(fieldOf(text, 'Issuer'), typed(CA));
    assert.equal(fieldOf(text, 'Not Before'), 'Mar 31 15:00:00 2026 GMT');
    assert.equal(fieldOf(text, 'Not After '), 'Mar 31 14:59:59 2029 GMT');
    assert.deepEqual(asTable(text), serverTable);
    const gnutls = await printedByGnutls(server.certificate.der, folder);
    assert.ok(gnutls.includes('Hexdump: 03020640'), 'bit 1 of netscape-cert-type');
  });

  it('makes a key for a signer of programs and hands it over against a receipt (6.1.2, 4.3.3), as table 7.1.3 has it', async () => {
    const password = Buffer.from('LongEnough26word');
    const record = await bed.ca.delivery.prepare({
      order: 'order 1',
      password: Uint8Array.from(password),
      issue: { profile: 'code-signing', fields: { signer: 'MPHPT(Soumu-sho)' }, origin: tester },
    });
    const act = { serialNumber: BigInt(`0x${record.serialNumber}`), origin: tester };
    const { bytes } = await bed.ca.delivery.fetch(act, tester);
    const args = ['pkcs12', '-in', file('signer.p12', bytes), '-passin', `pass:${password}`];
    signer = runOpenssl(['x509', '-outform', 'DER'], runOpenssl([...args, '-nokeys', '-clcerts']));
    const key = runOpenssl(['pkey', '-pubout'], runOpenssl([...args, '-nocerts', '-nodes']));
    assert.deepEqual(key, runOpenssl(['x509', '-inform', 'DER', '-noout', '-pubkey'], signer));
    await bed.ca.delivery.handOver({ ...act, to: 'Programmer in charge', by: 'Reception' });
    await bed.ca.delivery.deliver({ ...act, receipt: {} });

    const text = printed(signer);
    const subject = 'CN=MPHPT(Soumu-sho),OU=MPHPT,O=Japanese Government,C=JP';
    assert.equal(fieldOf(text, 'Subject'), typed(subject));
    assert.deepEqual(asTable(text), codeSigningTable);
    const gnutls = await printedByGnutls(signer, folder);
    assert.ok(gnutls.includes('Hexdump: 03020410'), 'bit 3 of netscape-cert-type');
  });

  it('publishes lists as tables 7.2.1 and 7.2.2 have them, by which both are verified', async () => {
    for (const [dn, attribute, what] of [
      [`CN=CRL,${CA}`, 'certificateRevocationList', 'User'],
      [CA, 'authorityRevocationList', 'CA'],
    ] as const) {
      const [list] = await published(dn, attribute);
      const text = runOpenssl(['crl', '-inform', 'DER', '-noout', '-text'], list).toString('utf8');
      assert.match(text, /Version 2 \(0x1\)/);
      assert.match(text, /Last Update: .* GMT\n +Next Update: .* GMT/);
      const table = extensionsOf(text.slice(0, text.indexOf('No Revoked')));
      assert.deepEqual(table, listTable(what, 1), what);
    }
    assert.match(await verify(server.certificate.der), /one\.pem: OK/);
    assert.match(await verify(signer), /one\.pem: OK/);
  });

  it('revokes, publishes, and nobody accepts it any more (4.4.3, 4.8.2)', async () => {
    bed.clock.setWallClock(bed.clock.nowMs() + DAY_MS);
    await bed.revoke(server.serialNumber, 'keyCompromise');
    await publish();
    assert.match(await verify(server.certificate.der), /certificate revoked/);
    assert.match(await verify(signer), /one\.pem: OK/);
    const [list] = await published(`CN=CRL,${CA}`, 'certificateRevocationList');
    const text = runOpenssl(['crl', '-inform', 'DER', '-noout', '-text'], list).toString('utf8');
    assert.match(text, /X509v3 CRL Reason Code: *\n +Key Compromise/);
    await assert.rejects(bed.revoke(server.serialNumber), { code: 'CA_ALREADY_REVOKED' });
  });

  it('issues anew for the same site, by the same procedure (3.3, 4.8.2)', async () => {
    server = await bed.ca.issue({
      profile: 'server',
      csr: sampleRequest(sampleKey('rsa-2048', 'next server')),
      fields: { domainName: 'www.soumu.go.jp' },
      origin: tester,
    });
    assert.match(await verify(server.certificate.der), /one\.pem: OK/);
  });

  it('renews its key every five years, and what the older key issued stays good (4.7)', async () => {
    const older = bed.ca.certificate.der;
    bed.clock.setWallClock(bed.clock.nowMs() + 2 * 365 * DAY_MS);
    const lasting = server.certificate.der;
    await bed.ca.renewal.prepare(tester);
    await bed.ca.renewal.switchOver(tester);
    await publish();
    assert.equal((await published(CA, 'cACertificate')).length, 2, 'no link certificates');
    const next = await bed.ca.issue({
      profile: 'code-signing',
      csr: sampleRequest(sampleKey('rsa-2048', 'next signer')),
      fields: { signer: 'MPHPT(Next)' },
      origin: tester,
    });
    const roots = [older, bed.ca.certificate.der];
    assert.match(await verify(next.certificate.der, roots), /one\.pem: OK/);
    assert.match(await verify(lasting, roots), /one\.pem: OK/);
    await bed.revoke(server.serialNumber, 'cessationOfOperation');
    await publish();
    assert.match(await verify(lasting, roots), /certificate revoked/);
  });
});
