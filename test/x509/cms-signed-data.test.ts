/**
 * Requests signed by subscribers: CMS SignedData as OpenSSL makes it (RFC 5652), strictly; the request in it (RFC 5272).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import fc from 'fast-check';

import { isCertdirError } from '../../src/core/errors.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { parseSignedMessage, verifySignedMessage } from '../../src/x509/cms-signed-data.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { encodeRevokeRequest, parseRevokeRequest } from '../../src/x509/revoke-request.ts';
import { runOpenssl } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type SampleKeyType, sampleCertificate, sampleKey } from '../support/x509-samples.ts';

const issuer = nameFromText('CN=CA,C=JP');
const content = encodeRevokeRequest({ issuer, serialNumber: 77n, reason: 5, comment: '取りやめ' });

function sign(t: TestContext, type: SampleKeyType, ...options: readonly string[]): Uint8Array {
  const key = sampleKey(type, 'cms');
  const folder = temporaryFolder(t);
  const write = (name: string, bytes: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const certificate = sampleCertificate(key);
  const pem = key.privateKey.export({ format: 'pem', type: 'pkcs8' });
  return new Uint8Array(
    runOpenssl([
      ...['cms', '-sign', '-binary', '-nodetach', '-outform', 'DER'],
      ...['-econtent_type', Oid.pkiData, '-in', write('content', content)],
      ...['-signer', write('cert.pem', encodePem('CERTIFICATE', certificate))],
      ...['-inkey', write('key.pem', String(pem)), ...options],
    ]),
  );
}

describe('a request signed by a subscriber', () => {
  for (const type of ['p256', 'rsa-2048'] as const) {
    it(`is read and verified as OpenSSL signs it: ${type}`, async (t) => {
      const message = parseSignedMessage(sign(t, type));
      assert.equal(message.contentType, Oid.pkiData);
      assert.deepEqual(message.content, content);
      assert.ok(Math.abs(message.signingMs - Date.now()) < 60_000);
      const { spki } = sampleKey(type, 'cms');
      assert.ok(message.certificate !== undefined);
      assert.deepEqual(parseCertificate(message.certificate).spki, spki);
      assert.ok(await verifySignedMessage(message, spki));
      assert.ok(!(await verifySignedMessage(message, sampleKey('p256', 'another').spki)));
    });
  }

  it('is read without a certificate in it (RFC 5652 5.1)', async (t) => {
    const der = sign(t, 'p256', '-nocerts');
    const message = parseSignedMessage(der);
    assert.equal(message.signer.kind, 'issuer');
    assert.equal(message.certificate, undefined);
  });

  const refused: readonly [string, readonly string[]][] = [
    ['no signed attributes', ['-noattr']],
    ['SHA-1', ['-md', 'sha1']],
  ];
  for (const [why, options] of refused) {
    it(`is refused: ${why}`, (t) => {
      assert.throws(() => parseSignedMessage(sign(t, 'rsa-2048', ...options)), {
        name: 'X509Error',
      });
    });
  }

  it('is refused: more than 16 KiB, another content, bytes behind it', (t) => {
    const whole = sign(t, 'p256');
    assert.throws(() => parseSignedMessage(new Uint8Array(16_385)), { code: 'X509_SIGNED_DATA' });
    const changed = Uint8Array.from(whole);
    const at = Buffer.from(whole).indexOf(Buffer.from('取りやめ'));
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.throws(() => parseSignedMessage(changed), { code: 'X509_SIGNED_DATA' });
    assert.throws(() => parseSignedMessage(Uint8Array.from([...whole, 0])), {
      code: 'X509_SIGNED_DATA',
    });
  });

  it('ends in our error for anything else', (t) => {
    const whole = sign(t, 'p256');
    const property = fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
      const changed = Uint8Array.from(whole);
      changed[at] = byte;
      try {
        parseSignedMessage(changed);
      } catch (error) {
        assert.ok(isCertdirError(error), String(error));
      }
    });
    fc.assert(property, { seed: 7, numRuns: 2_000 });
  });
});

describe('a request to revoke (RFC 5272 6.11)', () => {
  it('is read as it was written', () => {
    const read = parseRevokeRequest(content);
    assert.deepEqual(
      { ...read, issuer: read.issuer.der },
      { issuer: issuer.der, serialNumber: 77n, reason: 5, comment: '取りやめ' },
    );
  });

  it('ends in our error for anything else', () => {
    const property = fc.property(fc.nat(content.length - 1), fc.nat(255), (at, byte) => {
      const changed = Uint8Array.from(content);
      changed[at] = byte;
      try {
        parseRevokeRequest(changed);
      } catch (error) {
        assert.ok(isCertdirError(error), String(error));
      }
    });
    fc.assert(property, { seed: 7, numRuns: 2_000 });
    assert.throws(() => parseRevokeRequest(new Uint8Array(5_000)), { code: 'X509_REVOKE_REQUEST' });
  });
});
