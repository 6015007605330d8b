/**
 * The responder behind a bare listener, asked by OpenSSL and GnuTLS: what the policies of a whole server do not have, and
 * several CAs in one.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { silentLog } from '../../src/core/log.ts';
import { type OcspServer, openOcspServer } from '../../src/http/ocsp-server.ts';
import { buildBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { buildExtendedKeyUsage, buildKeyUsage } from '../../src/x509/key-usage.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { runCommand } from '../support/command-run.ts';
import {
  caCertificate,
  caKey,
  delegateKey,
  type OcspBed,
  openOcspBed,
  validityMs,
} from '../support/ocsp-bed.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sampleCertificate, sampleKey, signSample } from '../support/x509-samples.ts';

const YEAR_MS = 365 * 86_400_000;
const otherKey = sampleKey('rsa-2048', 'other ocsp ca');
const otherName = nameFromText('CN=Other OCSP test CA,C=JP');
const forCa = [buildBasicConstraints({ isCa: true }), buildKeyUsage(['keyCertSign', 'cRLSign'])];

describe('the OCSP responder and other programs', { skip: skipWithout('openssl') }, () => {
  const folder = temporaryFolder({ after });
  const at = (name: string): string => join(folder, name);
  let bed: OcspBed;
  let server: OcspServer;

  before(async () => {
    const { subject, notBeforeMs } = caCertificate;
    // The bed's key and name with what programs demand of a CA, and now.
    const nowMs = Date.now();
    const times = {
      notBeforeMs: Math.min(notBeforeMs, nowMs - YEAR_MS),
      notAfterMs: nowMs + YEAR_MS,
    };
    const ca = sampleCertificate(caKey, { subject, issuer: subject, ...times, extensions: forCa });
    const other = sampleCertificate(otherKey, {
      ...{ subject: otherName, issuer: otherName, ...times, extensions: forCa },
    });
    writeFileSync(at('ca.pem'), encodePem('CERTIFICATE', ca));
    writeFileSync(at('other.pem'), encodePem('CERTIFICATE', other));
    const delegate = sampleCertificate(
      delegateKey,
      {
        ...{ subject: nameFromText('CN=responder,C=JP'), issuer: subject, ...times },
        extensions: [buildKeyUsage(['digitalSignature']), buildExtendedKeyUsage([Oid.ocspSigning])],
      },
      caKey,
    );
    const otherCa = parseCertificate(other);
    bed = openOcspBed({
      startMs: nowMs,
      delegate: parseCertificate(delegate),
      issuer: { archiveCutoffMs: 10 * YEAR_MS },
      others: [
        {
          certificate: otherCa,
          findStatus: async () => ({ status: { kind: 'good' }, scopeId: 'single' }),
          // This one signs its answers itself.
          signer: () => ({
            certificate: otherCa,
            algorithm: otherKey.algorithm,
            sign: async (data) => signSample(otherKey, data),
          }),
          ...{ validityMs, httpMaxAgeMs: 0, archiveCutoffMs: undefined },
        },
      ],
    });
    bed.register.set(1n, { kind: 'good' });
    bed.revoke(2n, 6);
    bed.revoke(3n, 0);
    const listener = { address: '127.0.0.1', port: 0 };
    server = await openOcspServer({
      ...{ service: bed.responder, ...listener, clock: bed.clock, log: silentLog },
    });
  });
  after(() => server.close());

  async function ask(ca: string, ...args: readonly string[]): Promise<string> {
    const trust = ['-issuer', at(ca), '-CAfile', at(ca), '-url', `${server.url}/`];
    const { stdout, stderr } = await runCommand('openssl', ['ocsp', ...trust, ...args]);
    return `${stdout}${stderr}`;
  }

  for (const hash of ['-sha1', '-sha256']) {
    it(`each CA by its own hashes (${hash})`, async () => {
      for (const { ca, expected } of [
        { ca: 'ca.pem', expected: /^4: unknown$/m },
        { ca: 'other.pem', expected: /^4: good$/m },
      ]) {
        const text = await ask(ca, hash, '-serial', '4');
        assert.match(text, /Response verify OK/);
        assert.match(text, expected);
      }
    });
  }

  it('refuses other hashes as it does other issuers', async () => {
    assert.match(await ask('ca.pem', '-sha384', '-serial', '1'), /Error: unauthorized \(6\)/);
  });

  it('held is revoked with certificateHold; unspecified says no reason', async () => {
    const text = await ask('ca.pem', '-serial', '1', '-serial', '2', '-serial', '3');
    assert.match(text, /^1: good$/m);
    assert.match(text, /^2: revoked\n(.*\n){2}\tReason: certificateHold$/m);
    assert.match(text, /^3: revoked\n(.*\n){2}\tRevocation Time: /m);
    assert.equal(text.match(/Reason:/g)?.length, 1);
  });

  it('says how far back it knows (archive cutoff)', async () => {
    const text = await ask('ca.pem', '-serial', '1', '-resp_text');
    assert.match(text, /OCSP Archive Cutoff: *\n? *[A-Z][a-z]{2} .* GMT/);
    assert.doesNotMatch(await ask('other.pem', '-serial', '1', '-resp_text'), /Archive Cutoff/);
  });

  it('malformed is answered as such', async () => {
    const answered = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request' },
      body: Buffer.from('3009300730053003020101', 'hex'),
    });
    writeFileSync(at('malformed.resp'), Buffer.from(await answered.arrayBuffer()));
    const shown = await runCommand('openssl', [
      ...['ocsp', '-respin', at('malformed.resp'), '-resp_text', '-noverify'],
    ]);
    assert.match(`${shown.stdout}${shown.stderr}`, /malformedrequest/i);
  });

  it('GnuTLS reads an answer about three certificates', {
    skip: skipWithout('certtool'),
  }, async () => {
    const response = at('three.resp');
    await ask('ca.pem', '-serial', '1', '-serial', '2', '-serial', '3', '-respout', response);
    const { stdout } = await runCommand('ocsptool', ['--response-info', '--infile', response]);
    assert.deepEqual(
      [...stdout.matchAll(/Certificate Status: (\w+)/g)].map(([, status]) => status),
      ['good', 'revoked', 'revoked'],
    );
  });
});
