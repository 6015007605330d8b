/**
 * What the presets of JPKI put into certificates (gunma and tokyo 7-1, jlis-auth 7.1), as OpenSSL and GnuTLS print it. Gunma's are
 * compared octet by octet in `certificate-profile.test.ts`, mic-ops' in `test/story/mic-ops.test.ts`.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import type { IssueRequest } from '../../src/ca/certificates/issue-request.ts';
import { Municipalities } from '../../src/ca/policy/municipality.ts';
import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { CaTestBed, hanako, tester } from '../support/ca-test-bed.ts';
import { runCommand } from '../support/command-run.ts';
import { runOpenssl } from '../support/openssl.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

/** A shipped policy with keys that are quick to make and the municipalities that a test needs. */
async function quick(preset: string, code5: string): Promise<Policy> {
  const policy = await loadPolicy(shippedPolicyFile(preset));
  const { authority, subject } = policy.keys;
  const wanted = policy.municipalities.list.filter((one) => one.code5 === code5);
  return {
    ...policy,
    keys: {
      authority: { ...authority, type: 'ec-p256', signature: 'ecdsa-sha256' },
      subject: { types: [...subject.types, 'ec-p256'] },
    },
    municipalities: new Municipalities(wanted),
  };
}

const utf8 = ['-nameopt', 'RFC2253,utf8,-esc_msb,show_type'];

function printed(der: Uint8Array): string {
  const args = ['x509', '-inform', 'DER', '-noout', '-text', ...utf8];
  return runOpenssl([...args, '-certopt', 'no_sigdump,no_pubkey'], der).toString('utf8');
}

/** Extensions with their criticality and values; identifiers of keys left out. */
function extensionsOf(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .slice(lines.indexOf('X509v3 extensions:') + 1)
    .filter((line) => line !== '' && !/^([0-9A-F]{2}:)+[0-9A-F]{2}$/.test(line))
    .map((line) => line.replace(/: *critical$/, ': critical'));
}

const lineOf = (text: string, name: string): string =>
  new RegExp(`${name}\\s*: ?(.*)`).exec(text)?.[1]?.trim() ?? '';

async function gnutlsOf(t: TestContext, der: Uint8Array): Promise<string> {
  const file = join(temporaryFolder(t), 'one.der');
  writeFileSync(file, der);
  const args = ['--certificate-info', '--inder', '--infile', file];
  const { status, stdout } = await runCommand('certtool', args);
  assert.equal(status, 0);
  return stdout;
}

interface Expected {
  readonly subject: RegExp;
  readonly notAfter: string;
  readonly extensions: readonly (string | RegExp)[];
}

function assertPrinted(text: string, { subject, notAfter, extensions }: Expected): void {
  assert.match(lineOf(text, 'Subject'), subject);
  assert.equal(lineOf(text, 'Not After '), notAfter);
  const found = extensionsOf(text);
  assert.equal(found.length, extensions.length, found.join('\n'));
  for (const [index, expected] of extensions.entries()) {
    if (typeof expected === 'string') {
      assert.equal(found[index], expected);
    } else {
      assert.match(found[index] ?? '', expected);
    }
  }
}

const pointLines = (name: RegExp): readonly (string | RegExp)[] => [
  'X509v3 CRL Distribution Points:',
  'Full Name:',
  name,
];

const startMs = Date.parse('2026-03-01T00:00:00Z');

describe('certificates of the presets', { skip: skipWithout('openssl', 'certtool') }, () => {
  it('tokyo: the self-signed one and a citizen’s (7-1-1, 7-1-3)', async (t) => {
    const bed = await CaTestBed.open(t, { policy: await quick('tokyo', '13101'), startMs });
    const caText = printed(bed.ca.certificate.der);
    assertPrinted(caText, {
      subject: /^OU=UTF8STRING:Tokyo Metropolitan CA,O=UTF8STRING:JPKI,C=PRINTABLESTRING:JP$/,
      notAfter: 'Feb 29 14:59:59 2036 GMT',
      extensions: [
        'X509v3 Subject Key Identifier:',
        'X509v3 Key Usage: critical',
        'Certificate Sign, CRL Sign',
        'X509v3 Basic Constraints: critical',
        'CA:TRUE',
        'X509v3 Subject Alternative Name:',
        /^DirName:/,
        ...pointLines(/^DirName:.*Tokyo Metropolitan CA$/),
      ],
    });
    const issued = await bed.ca.issue({
      profile: 'end-entity',
      csr: sampleRequest(sampleKey('p256', 'tokyo')),
      municipality: '13101',
      subjectAttributes: hanako,
      origin: tester,
    });
    assertPrinted(printed(issued.certificate.der), {
      subject:
        /^CN=UTF8STRING:[0-9A-F]{32},L=UTF8STRING:Chiyoda-ku,L=UTF8STRING:Tokyo-to,C=PRINTABLESTRING:JP$/,
      notAfter: 'Feb 28 14:59:59 2029 GMT',
      extensions: [
        'X509v3 Authority Key Identifier:',
        'X509v3 Subject Key Identifier:',
        'X509v3 Key Usage: critical',
        'Digital Signature, Non Repudiation',
        'X509v3 Certificate Policies: critical',
        'Policy: 1.2.392.200149.8.5.1.1.10',
        'X509v3 Subject Alternative Name:',
        /^(othername: ?1\.2\.392\.200149\.8\.5\.5\.[1-6]:.*|othername:.*)$/i,
        'X509v3 Issuer Alternative Name:',
        /^DirName:/,
        ...pointLines(/^DirName:.*Chiyoda-ku CRLDP$/),
      ],
    });
    const gnutls = await gnutlsOf(t, issued.certificate.der);
    for (const type of [1, 2, 3, 4, 5, 6]) {
      assert.ok(
        gnutls.includes(`otherName OID: 1.2.392.200149.8.5.5.${type}`),
        `otherName ${type}`,
      );
    }
  });

  it('jlis-auth: the self-signed one, a citizen’s and a server’s (7.1)', async (t) => {
    const bed = await CaTestBed.open(t, { policy: await quick('jlis-auth', '01514'), startMs });
    const caText = printed(bed.ca.certificate.der);
    assert.equal(
      lineOf(caText, 'Issuer'),
      'OU=UTF8STRING:Japan Agency for Local Authority Information Systems,' +
        'OU=UTF8STRING:JPKI for user authentication,O=UTF8STRING:JPKI,C=PRINTABLESTRING:JP',
    );
    assertPrinted(caText, {
      subject: /^OU=UTF8STRING:Japan Agency for Local Authority Information Systems,/,
      notAfter: 'Feb 29 14:59:59 2036 GMT',
      extensions: [
        'X509v3 Subject Key Identifier:',
        'X509v3 Key Usage: critical',
        'Certificate Sign, CRL Sign',
        'X509v3 Basic Constraints: critical',
        'CA:TRUE',
        'X509v3 Subject Alternative Name:',
        /^DirName:/,
        ...pointLines(/^DirName:.*Information Systems$/),
      ],
    });
    const request = (more: Partial<IssueRequest>): IssueRequest => ({
      profile: 'end-entity',
      csr: sampleRequest(sampleKey('p256', JSON.stringify(more))),
      origin: tester,
      ...more,
    });
    const citizen = await bed.ca.issue(
      request({ municipality: '01514', subjectAttributes: hanako, cardExpiry: '2036-03-01' }),
    );
    assertPrinted(printed(citizen.certificate.der), {
      subject: /^CN=UTF8STRING:[0-9A-F]{32},C=PRINTABLESTRING:JP$/,
      notAfter: 'Apr  1 14:59:59 2030 GMT',
      extensions: [
        'X509v3 Authority Key Identifier:',
        'X509v3 Subject Key Identifier:',
        'X509v3 Key Usage: critical',
        'Digital Signature',
        'X509v3 Certificate Policies: critical',
        'Policy: 1.2.392.200149.8.5.1.3.30',
        'X509v3 Issuer Alternative Name:',
        /^DirName:/,
        ...pointLines(/^DirName:.*Esashi-cho Soya CRLDP$/),
      ],
    });
    const gnutls = await gnutlsOf(t, citizen.certificate.der);
    assert.match(
      gnutls,
      /Issuer Alternative Name \(not critical\):\n\s+directoryName: .*地方公共団体情報システム機構/,
    );
  });

  it('jlis-auth: servers on the internet for a year, inside for five (6.3.2.3)', async (t) => {
    const policy = await quick('jlis-auth', '01514');
    const bed = await CaTestBed.open(t, { policy, startMs });
    for (const [profile, notAfter] of [
      ['tls-internet', 'Feb 28 14:59:59 2027 GMT'],
      ['tls-inside', 'Feb 28 14:59:59 2031 GMT'],
    ] as const) {
      const { certificate } = await bed.ca.issue({
        profile,
        csr: sampleRequest(sampleKey('rsa-2048', profile)),
        fields: { serverName: `${profile}.jpki.go.jp` },
        origin: tester,
      });
      assertPrinted(printed(certificate.der), {
        subject: new RegExp(
          `^CN=UTF8STRING:${profile}\\.jpki\\.go\\.jp,OU=UTF8STRING:JPKI for user`,
        ),
        notAfter,
        extensions: [
          'X509v3 Authority Key Identifier:',
          'X509v3 Subject Key Identifier:',
          'X509v3 Key Usage: critical',
          'Digital Signature, Key Encipherment',
          'X509v3 Extended Key Usage:',
          'TLS Web Server Authentication',
          'X509v3 Certificate Policies:',
          'Policy: 1.2.392.200149.8.5.1.3.130',
          'X509v3 Subject Alternative Name:',
          `DNS:${profile}.jpki.go.jp`,
          ...pointLines(/^DirName:.*Operations CRLDP$/),
        ],
      });
    }
  });
});
