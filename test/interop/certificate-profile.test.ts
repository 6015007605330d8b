/**
 * What the CA issues, field for field, as OpenSSL and GnuTLS read it: the self-signed certificate
 * (gunma 7-1-3) and the citizen's (gunma 7-1-1, 4-2-2).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';

import { encodePem } from '../../src/x509/pem.ts';
import { dumpAsn1 } from '../support/asn1-dump.ts';
import {
  distributionPointLines,
  extensionLines,
  indent,
  issuerLines,
  japaneseIssuerLines,
  maebashiLines,
  nameLines,
  operationsLines,
  rsaSha256Lines,
  utcTime,
} from '../support/asn1-expectations.ts';
import { CaTestBed, gunma, tester } from '../support/ca-test-bed.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { citizenAddress, type IssuedCitizen, issueCitizen } from '../support/issued-citizen.ts';
import { runOpenssl } from '../support/openssl.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { responderRequest } from '../support/responder-request.ts';

const DAY_MS = 86_400_000;
const JST_MS = 9 * 3_600_000;

/** 23:59:59 Japan time on the day before the anniversary of the day of issue (Civil Code art. 143). */
function endOfYears(notBeforeMs: number, years: number): number {
  const day = new Date(notBeforeMs + JST_MS);
  const anniversary = Date.UTC(day.getUTCFullYear() + years, day.getUTCMonth(), day.getUTCDate());
  return anniversary - JST_MS - 1000;
}

describe('issued certificates', { skip: skipWithout('openssl', 'certtool') }, () => {
  const certdir = new CertdirFolder({ after });
  let server: CertdirServer;
  let citizen: IssuedCitizen;
  let caDer: Buffer;
  let citizenDer: Buffer;

  before(async () => {
    await certdir.init();
    server = await certdir.serve();
    citizen = await issueCitizen(certdir, { name: 'hanako', key: { kind: 'rsa', bits: 2048 } });
    writeFileSync(certdir.path('ca.pem'), await (await fetch(`${server.httpUrl}/ca.pem`)).text());
    caDer = derOf(certdir.path('ca.pem'));
    citizenDer = derOf(citizen.certificateFile);
  });

  const derOf = (file: string): Buffer =>
    runOpenssl(['x509', '-outform', 'DER'], readFileSync(file));

  const textOf = (file: string): string =>
    runOpenssl(
      ['x509', '-noout', '-text', '-nameopt', 'utf8,sep_comma_plus', '-certopt', 'no_sigdump'],
      readFileSync(file),
    ).toString('utf8');

  const serialOf = (file: string): string =>
    runOpenssl(['x509', '-noout', '-serial'], readFileSync(file)).toString('utf8').trim().slice(7);

  /** SHA-1 of the public key's bits (RFC 5280 §4.2.1.2 method 1). */
  function keyIdentifierOf(file: string): string {
    const spki = runOpenssl(
      ['pkey', '-pubin', '-outform', 'DER'],
      runOpenssl(['x509', '-noout', '-pubkey'], readFileSync(file)),
    );
    // RSA-2048: 24 bytes of algorithm and headers before the bits.
    return createHash('sha1').update(spki.subarray(24)).digest('hex').toUpperCase();
  }

  function validityOf(file: string): { readonly fromMs: number; readonly untilMs: number } {
    const text = runOpenssl(['x509', '-noout', '-dates'], readFileSync(file)).toString('utf8');
    const [, from = '', until = ''] = /notBefore=(.*)\nnotAfter=(.*)\n/.exec(text) ?? [];
    return { fromMs: Date.parse(from), untilMs: Date.parse(until) };
  }

  describe("the citizen's certificate", () => {
    it('is the profile field for field', () => {
      const { fromMs, untilMs } = validityOf(citizen.certificateFile);
      const issueId = /CN=([0-9A-F]{32})$/m.exec(textOf(citizen.certificateFile))?.[1] ?? '';
      const attribute = (number: number, value: string): string[] => [
        'cont [ 0 ]',
        ` OBJECT 1.2.392.200149.8.5.5.${number}`,
        ' cont [ 0 ]',
        `  UTF8STRING ${value}`,
      ];
      const name = '見本　花子';
      const address = citizenAddress('hanako');
      assert.deepEqual(dumpAsn1(citizenDer), [
        'SEQUENCE',
        ' SEQUENCE',
        '  cont [ 0 ]',
        '   INTEGER 02',
        `  INTEGER ${citizen.serialNumber}`,
        ...indent(2, rsaSha256Lines),
        ...indent(2, issuerLines),
        '  SEQUENCE',
        `   UTCTIME ${utcTime(fromMs)}`,
        `   UTCTIME ${utcTime(untilMs)}`,
        ...indent(
          2,
          nameLines(
            ['countryName', 'JP'],
            ['localityName', 'Gunma-ken'],
            ['localityName', 'Maebashi-shi'],
            ['commonName', issueId],
          ),
        ),
        ...indent(2, ['SEQUENCE', ' SEQUENCE', '  OBJECT rsaEncryption', '  NULL', ' BIT STRING']),
        '  cont [ 3 ]',
        '   SEQUENCE',
        ...indent(4, [
          ...extensionLines('X509v3 Authority Key Identifier', false, [
            'SEQUENCE',
            ` cont [ 0 ] ${keyIdentifierOf(certdir.path('ca.pem'))}`,
          ]),
          ...extensionLines('X509v3 Subject Key Identifier', false, [
            `OCTET STRING ${keyIdentifierOf(citizen.certificateFile)}`,
          ]),
          // digitalSignature (0) and nonRepudiation (1)
          ...extensionLines('X509v3 Key Usage', true, ['BIT STRING 06C0']),
          ...extensionLines('X509v3 Certificate Policies', true, [
            'SEQUENCE',
            ' SEQUENCE',
            '  OBJECT 1.2.392.200149.8.5.1.1.10',
          ]),
          ...extensionLines('X509v3 Subject Alternative Name', false, [
            'SEQUENCE',
            ...indent(1, [
              ...attribute(1, name),
              ...attribute(4, '419900401'),
              ...attribute(3, '2'),
              ...attribute(5, address),
              ...attribute(2, '00000'),
              ...attribute(6, '0'.repeat([...address].length)),
            ]),
          ]),
          ...extensionLines('X509v3 Issuer Alternative Name', false, [
            'SEQUENCE',
            ' cont [ 4 ]',
            ...indent(2, japaneseIssuerLines),
          ]),
          ...extensionLines(
            'X509v3 CRL Distribution Points',
            false,
            distributionPointLines(maebashiLines),
          ),
        ]),
        ...indent(1, rsaSha256Lines),
        ' BIT STRING',
      ]);
    });

    it('ends 23:59:59 Japan time, three years from its day of issue', () => {
      const { fromMs, untilMs } = validityOf(citizen.certificateFile);
      assert.equal(untilMs, endOfYears(fromMs, 3));
      assert.match(new Date(untilMs).toISOString(), /T14:59:59\.000Z$/);
      assert.ok(Math.abs(fromMs - Date.now()) < DAY_MS / 24);
    });

    it('has a serial number of twenty octets, positive', () => {
      assert.match(citizen.serialNumber, /^[0-7][0-9A-F]{39}$/);
      assert.notEqual(BigInt(`0x${citizen.serialNumber}`) >> 128n, 0n);
    });

    it('reads well in openssl x509 -text', () => {
      const text = textOf(citizen.certificateFile);
      assert.match(text, /Version: 3 \(0x2\)/);
      assert.match(text, /Issuer: C=JP,O=JPKI,OU=Gunma Prefectural CA\n/);
      assert.match(text, /Subject: C=JP,L=Gunma-ken,L=Maebashi-shi,CN=[0-9A-F]{32}\n/);
      assert.match(text, /Key Usage: critical\n +Digital Signature, Non Repudiation\n/);
      assert.match(
        text,
        /Certificate Policies: critical\n +Policy: 1\.2\.392\.200149\.8\.5\.1\.1\.10\n/,
      );
      assert.match(text, /CRL Distribution Points: \n +Full Name:\n +DirName:C ?= ?JP/);
      assert.doesNotMatch(text, /Basic Constraints/);
    });

    it('reads well in certtool -i', async () => {
      const { stdout } = await runCommand('certtool', ['-i', '--infile', citizen.certificateFile]);
      assert.match(stdout, /Version: 3\n/);
      assert.match(stdout, new RegExp(`Serial Number \\(hex\\): ${citizen.serialNumber}\\n`, 'i'));
      assert.match(stdout, /Issuer: OU=Gunma Prefectural CA,O=JPKI,C=JP\n/);
      assert.match(stdout, /Subject: CN=[0-9A-F]{32},L=Maebashi-shi,L=Gunma-ken,C=JP\n/);
      assert.match(
        stdout,
        /Key Usage \(critical\):\n\t+Digital signature\.\n\t+Non repudiation\.\n/,
      );
      assert.match(
        stdout,
        /Certificate Policies \(critical\):\n\t+1\.2\.392\.200149\.8\.5\.1\.1\.10\n/,
      );
      const oids = [...stdout.matchAll(/otherName OID: (\S+)/g)].map(([, oid]) => oid);
      assert.deepEqual(
        oids,
        [1, 4, 3, 5, 2, 6].map((number) => `1.2.392.200149.8.5.5.${number}`),
      );
      assert.match(stdout, /Signature Algorithm: RSA-SHA256\n/);
    });
  });

  describe("the CA's own certificate", () => {
    it('is the profile field for field', () => {
      const file = certdir.path('ca.pem');
      const { fromMs, untilMs } = validityOf(file);
      assert.deepEqual(dumpAsn1(caDer), [
        'SEQUENCE',
        ' SEQUENCE',
        '  cont [ 0 ]',
        '   INTEGER 02',
        `  INTEGER ${serialOf(file)}`,
        ...indent(2, rsaSha256Lines),
        ...indent(2, issuerLines),
        '  SEQUENCE',
        `   UTCTIME ${utcTime(fromMs)}`,
        `   UTCTIME ${utcTime(untilMs)}`,
        ...indent(2, issuerLines),
        ...indent(2, ['SEQUENCE', ' SEQUENCE', '  OBJECT rsaEncryption', '  NULL', ' BIT STRING']),
        '  cont [ 3 ]',
        '   SEQUENCE',
        ...indent(4, [
          ...extensionLines('X509v3 Subject Key Identifier', false, [
            `OCTET STRING ${keyIdentifierOf(file)}`,
          ]),
          // keyCertSign (5) and cRLSign (6)
          ...extensionLines('X509v3 Key Usage', true, ['BIT STRING 0106']),
          ...extensionLines('X509v3 Basic Constraints', true, ['SEQUENCE', ' BOOLEAN 255']),
          ...extensionLines('X509v3 Subject Alternative Name', false, [
            'SEQUENCE',
            ' cont [ 4 ]',
            ...indent(2, japaneseIssuerLines),
          ]),
          ...extensionLines(
            'X509v3 CRL Distribution Points',
            false,
            distributionPointLines(issuerLines),
          ),
        ]),
        ...indent(1, rsaSha256Lines),
        ' BIT STRING',
      ]);
    });

    it('ends 23:59:59 Japan time, ten years from the day it was made', () => {
      const { fromMs, untilMs } = validityOf(certdir.path('ca.pem'));
      assert.equal(untilMs, endOfYears(fromMs, 10));
    });

    it('is self-signed under a key of 2048 bits', async () => {
      const file = certdir.path('ca.pem');
      const { status } = await runCommand('openssl', [
        'verify',
        '-check_ss_sig',
        '-CAfile',
        file,
        file,
      ]);
      assert.equal(status, 0);
      assert.match(textOf(file), /Public-Key: \(2048 bit\)/);
    });

    it('has the fingerprint that init answered', () => {
      const fingerprint = createHash('sha256').update(caDer).digest('hex').toUpperCase();
      assert.equal(certdir.report.sha256Fingerprint.replaceAll(':', ''), fingerprint);
    });
  });

  it('has OCSP responders’ certificates, field for field', async (t) => {
    const bed = await CaTestBed.open(t, { policy: gunma });
    const { certificate } = await bed.ca.issue({
      profile: 'ocsp-responder',
      csr: await responderRequest(bed, 'responder', { kind: 'rsa', modulusBits: 2048 }),
      origin: tester,
    });
    const ca = bed.ca.certificate;
    const pem = (der: Uint8Array): string =>
      certdir.write('one.pem', encodePem('CERTIFICATE', der));
    const { notBeforeMs, notAfterMs } = certificate;
    assert.equal(notAfterMs, endOfYears(notBeforeMs, 1));
    const [, name = ''] =
      /CN=(OCSP Responder [0-9A-F]{32})$/m.exec(textOf(pem(certificate.der))) ?? [];
    assert.deepEqual(dumpAsn1(certificate.der), [
      'SEQUENCE',
      ' SEQUENCE',
      '  cont [ 0 ]',
      '   INTEGER 02',
      `  INTEGER ${serialOf(pem(certificate.der))}`,
      ...indent(2, rsaSha256Lines),
      ...indent(2, issuerLines),
      '  SEQUENCE',
      `   UTCTIME ${utcTime(notBeforeMs)}`,
      `   UTCTIME ${utcTime(notAfterMs)}`,
      ...indent(2, issuerLines),
      '   SET',
      '    SEQUENCE',
      '     OBJECT commonName',
      `     UTF8STRING ${name}`,
      ...indent(2, ['SEQUENCE', ' SEQUENCE', '  OBJECT rsaEncryption', '  NULL', ' BIT STRING']),
      '  cont [ 3 ]',
      '   SEQUENCE',
      ...indent(4, [
        ...extensionLines('X509v3 Authority Key Identifier', false, [
          'SEQUENCE',
          ` cont [ 0 ] ${keyIdentifierOf(pem(ca.der))}`,
        ]),
        ...extensionLines('X509v3 Subject Key Identifier', false, [
          `OCTET STRING ${keyIdentifierOf(pem(certificate.der))}`,
        ]),
        // digitalSignature (0)
        ...extensionLines('X509v3 Key Usage', true, ['BIT STRING 0780']),
        ...extensionLines('X509v3 Extended Key Usage', false, ['SEQUENCE', ' OBJECT OCSP Signing']),
        ...extensionLines('X509v3 Certificate Policies', true, [
          'SEQUENCE',
          ' SEQUENCE',
          '  OBJECT 1.2.392.200149.8.5.1.300',
        ]),
        ...extensionLines(
          'X509v3 CRL Distribution Points',
          false,
          distributionPointLines(operationsLines),
        ),
        ...extensionLines('OCSP No Check', false, ['NULL']),
      ]),
      ...indent(1, rsaSha256Lines),
      ' BIT STRING',
    ]);
  });
});
