/**
 * What the CA publishes, field for field, as OpenSSL and GnuTLS read it: a municipality's list with and
 * without entries (gunma 7-2-1) and the ARL (gunma 7-2-3).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { PublishedReport, RevokedReport } from '../../src/http/operations.ts';
import { dumpAsn1 } from '../support/asn1-dump.ts';
import {
  extensionLines,
  indent,
  issuerLines,
  maebashiLines,
  rsaSha256Lines,
  utcTime,
} from '../support/asn1-expectations.ts';
import { CertdirFolder } from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { type IssuedCitizen, issueCitizen } from '../support/issued-citizen.ts';
import { LdapTools } from '../support/ldap-tools.ts';
import { runOpenssl } from '../support/openssl.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { registerVerifier } from '../support/registered-verifier.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const pointOf = (municipality: string): string =>
  `cn=${municipality} CRLDP,ou=Gunma-ken,ou=CRL Distribution Points,${CA}`;
const HOUR_MS = 3_600_000;

/** Every reason of the statement's table (gunma 4-4-4-2) and its number in RFC 5280 §5.3.1. */
const reasons: readonly (readonly [name: string, number: number])[] = [
  ['keyCompromise', 1],
  ['cACompromise', 2],
  ['affiliationChanged', 3],
  ['superseded', 4],
  ['cessationOfOperation', 5],
];

describe('published lists', { skip: skipWithout('openssl', 'ldapsearch', 'certtool') }, () => {
  const certdir = new CertdirFolder({ after });
  const revoked: { readonly citizen: IssuedCitizen; readonly receipt: RevokedReport }[] = [];
  let report: PublishedReport;
  let full: Buffer;
  let empty: Buffer;
  let arl: Buffer;

  before(async () => {
    await certdir.init();
    const server = await certdir.serve();
    const caFile = join(certdir.folder, 'tls/server.pem');
    const ldaps = new LdapTools({ url: server.ldapsUrl, caFile });
    const verifier = await registerVerifier(certdir, 'office');
    for (const [reason] of reasons) {
      const citizen = await issueCitizen(certdir, { name: reason });
      const { serialNumber } = citizen;
      const receipt = await certdir.answer<RevokedReport>(
        ...['ca', 'revoke', serialNumber, '--reason', reason],
      );
      revoked.push({ citizen, receipt });
    }
    const [published] = await certdir.answer<readonly PublishedReport[]>(
      ...['ca', 'publish', '--partition', '10201'],
    );
    assert.ok(published !== undefined);
    report = published;
    const fetch = async (base: string, attribute: string): Promise<Buffer> => {
      const [value] = await ldaps.values({ base, attributes: [attribute], as: verifier });
      assert.ok(value !== undefined, `${attribute} of ${base}`);
      return value;
    };
    full = await fetch(pointOf('Maebashi-shi'), 'certificateRevocationList');
    empty = await fetch(pointOf('Takasaki-shi'), 'certificateRevocationList');
    arl = await fetch(CA, 'authorityRevocationList');
    const page = await globalThis.fetch(`${server.httpUrl}/ca.pem`);
    writeFileSync(certdir.path('ca.pem'), await page.text());
    for (const [name, list] of Object.entries({ full, empty, arl })) {
      certdir.write(`${name}.crl`, runOpenssl(['crl', '-inform', 'DER'], list));
    }
  });

  const crl = (list: Buffer, ...options: readonly string[]): string =>
    runOpenssl(['crl', '-inform', 'DER', '-noout', ...options], list)
      .toString('utf8')
      .trim();

  function timesOf(list: Buffer): { readonly thisMs: number; readonly nextMs: number } {
    const text = crl(list, '-lastupdate', '-nextupdate');
    const [, last = '', next = ''] = /lastUpdate=(.*)\nnextUpdate=(.*)/.exec(text) ?? [];
    return { thisMs: Date.parse(last), nextMs: Date.parse(next) };
  }

  function caFact(option: string): string {
    const pem = readFileSync(certdir.path('ca.pem'));
    return runOpenssl(['x509', '-noout', option], pem).toString('utf8').trim();
  }

  function keyIdentifierOfCa(): string {
    const spki = runOpenssl(['pkey', '-pubin', '-outform', 'DER'], caFact('-pubkey'));
    // RSA-2048: 24 bytes of algorithm and headers before the bits.
    return createHash('sha1').update(spki.subarray(24)).digest('hex').toUpperCase();
  }

  /** The whole list, with these entries and this distribution point. */
  function expectedDump(
    list: Buffer,
    {
      entries,
      point,
      onlyContains,
    }: {
      readonly entries: readonly string[];
      readonly point: readonly string[];
      readonly onlyContains: string;
    },
  ): readonly string[] {
    const { thisMs, nextMs } = timesOf(list);
    const number = crl(list, '-crlnumber').replace('crlNumber=0x', '');
    return [
      'SEQUENCE',
      ' SEQUENCE',
      '  INTEGER 01',
      ...indent(2, rsaSha256Lines),
      ...indent(2, issuerLines),
      `  UTCTIME ${utcTime(thisMs)}`,
      `  UTCTIME ${utcTime(nextMs)}`,
      ...(entries.length === 0 ? [] : ['  SEQUENCE', ...indent(3, entries)]),
      '  cont [ 0 ]',
      '   SEQUENCE',
      ...indent(4, [
        ...extensionLines('X509v3 Authority Key Identifier', false, [
          'SEQUENCE',
          ` cont [ 0 ] ${keyIdentifierOfCa()}`,
        ]),
        ...extensionLines('X509v3 CRL Number', false, [`INTEGER ${number}`]),
        ...extensionLines('X509v3 Issuing Distribution Point', true, [
          'SEQUENCE',
          ' cont [ 0 ]',
          '  cont [ 0 ]',
          '   cont [ 4 ]',
          ...indent(4, point),
          ` cont [ ${onlyContains} ] FF`,
        ]),
        // CRL Next Publish
        ...extensionLines('1.3.6.1.4.1.311.21.4', false, [
          `UTCTIME ${utcTime(thisMs + 24 * HOUR_MS)}`,
        ]),
      ]),
      ...indent(1, rsaSha256Lines),
      ' BIT STRING',
    ];
  }

  it('name each revoked certificate with date and reason, field for field', () => {
    const entries = revoked.flatMap(({ citizen, receipt }, index) => [
      'SEQUENCE',
      ` INTEGER ${citizen.serialNumber}`,
      ` UTCTIME ${utcTime(Date.parse(receipt.revokedAt))}`,
      ' SEQUENCE',
      ...indent(
        2,
        extensionLines('X509v3 CRL Reason Code', false, [
          `ENUMERATED ${String(reasons[index]?.[1]).padStart(2, '0')}`,
        ]),
      ),
    ]);
    const expected = expectedDump(full, { entries, point: maebashiLines, onlyContains: '1' });
    assert.deepEqual(dumpAsn1(full), expected);
  });

  it('have no revokedCertificates when nothing is revoked', () => {
    const point = maebashiLines.map((line) => line.replace('Maebashi-shi', 'Takasaki-shi'));
    const expected = expectedDump(empty, { entries: [], point, onlyContains: '1' });
    assert.deepEqual(dumpAsn1(empty), expected);
  });

  it('are an ARL, for CA certificates only, in the CA entry', () => {
    const expected = expectedDump(arl, { entries: [], point: issuerLines, onlyContains: '2' });
    assert.deepEqual(dumpAsn1(arl), expected);
  });

  it('end 72 hours after they begin', () => {
    for (const list of [full, empty, arl]) {
      const { thisMs, nextMs } = timesOf(list);
      assert.equal(nextMs - thisMs, 72 * HOUR_MS);
      assert.ok(thisMs <= Date.now());
    }
  });

  it('are what the publication answered', () => {
    const { thisMs, nextMs } = timesOf(full);
    assert.equal(report.scope, '10201');
    assert.equal(
      BigInt(report.crlNumber),
      BigInt(crl(full, '-crlnumber').replace('crlNumber=', '')),
    );
    assert.equal(Date.parse(report.thisUpdate), thisMs);
    assert.equal(Date.parse(report.nextUpdate), nextMs);
    assert.equal(report.entries, reasons.length);
    assert.equal(report.bytes, full.length);
    assert.equal(report.sha256.toLowerCase(), createHash('sha256').update(full).digest('hex'));
  });

  it('are verified by OpenSSL and read well in openssl crl -text', async () => {
    for (const name of ['full', 'empty', 'arl']) {
      const anchor = ['-CAfile', certdir.path('ca.pem'), '-in', certdir.path(`${name}.crl`)];
      const { status, stderr } = await runCommand('openssl', [
        'crl',
        '-noout',
        '-verify',
        ...anchor,
      ]);
      assert.equal(status, 0, stderr);
      assert.match(stderr, /verify OK/);
    }
    const text = crl(full, '-text', '-nameopt', 'utf8,sep_comma_plus');
    assert.match(text, /Version 2 \(0x1\)/);
    assert.match(text, /Issuer: C=JP,O=JPKI,OU=Gunma Prefectural CA\n/);
    assert.match(text, /X509v3 Issuing Distribution Point: critical\n +Full Name:\n/);
    assert.match(text, /Only User Certificates/);
    assert.match(crl(arl, '-text'), /Only CA Certificates/);
    const found = [...text.matchAll(/X509v3 CRL Reason Code: \n +(.*)\n/g)].map(
      ([, reason]) => reason,
    );
    assert.deepEqual(found, [
      'Key Compromise',
      'CA Compromise',
      'Affiliation Changed',
      'Superseded',
      'Cessation Of Operation',
    ]);
  });

  it('read well in certtool --crl-info', async () => {
    const { status, stdout } = await runCommand('certtool', [
      ...['--crl-info', '--infile', certdir.path('full.crl')],
    ]);
    assert.equal(status, 0);
    assert.match(stdout, /Version: 2\n/);
    assert.match(stdout, /Issuer: OU=Gunma Prefectural CA,O=JPKI,C=JP\n/);
    assert.match(stdout, new RegExp(`Revoked certificates \\(${reasons.length}\\):`));
    for (const { citizen } of revoked) {
      assert.match(stdout, new RegExp(`Serial Number \\(hex\\): ${citizen.serialNumber}`, 'i'));
    }
    const number = BigInt(report.crlNumber).toString(16).padStart(2, '0');
    assert.match(stdout, new RegExp(`CRL Number \\(not critical\\): 0*${number}\\n`, 'i'));
    assert.match(stdout, /Authority Key Identifier \(not critical\):\n/);
    assert.match(stdout, /2\.5\.29\.28 \(critical\)/);
    assert.match(stdout, /Signature Algorithm: RSA-SHA256\n/);
  });
});
