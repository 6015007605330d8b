/**
 * PKCS#12 files as OpenSSL, GnuTLS and the JDK read them (RFC 7292).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { SystemRandom } from '../../src/core/random.ts';
import { encryptPrivateKey } from '../../src/x509/password-encryption.ts';
import { deriveMacKey, encodePkcs12 } from '../../src/x509/pkcs12.ts';
import { runOpenssl } from '../support/openssl.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sampleCertificate, sampleKey } from '../support/x509-samples.ts';

const random = new SystemRandom();
const key = sampleKey('p256', 'pkcs12');
const own = sampleCertificate(key);
const issuer = sampleCertificate(sampleKey('p256', 'issuer of pkcs12'));
const PASSWORD = 'Kx7pQ2mWr9';

async function makeFile(): Promise<Uint8Array> {
  const pkcs8 = key.privateKey.export({ format: 'der', type: 'pkcs8' });
  const terms = { password: Buffer.from(PASSWORD), iterations: 5_000, random };
  return await encodePkcs12({
    ...terms,
    encryptedKey: await encryptPrivateKey(pkcs8, terms),
    certificates: [own, issuer],
    friendlyName: '群馬 花子',
  });
}

describe('a PKCS#12 file', () => {
  it('is read by OpenSSL: key, certificates, name, MAC', async (t) => {
    const file = join(temporaryFolder(t), 'a.p12');
    writeFileSync(file, await makeFile());
    const passin = ['-passin', `pass:${PASSWORD}`];
    const text = runOpenssl(['pkcs12', '-in', file, ...passin, '-nodes']).toString();
    const read = createPrivateKey(text.slice(text.indexOf('-----BEGIN PRIVATE KEY')));
    const spki = createPublicKey(read).export({ format: 'der', type: 'spki' });
    assert.deepEqual(new Uint8Array(spki), key.spki);
    assert.equal(text.match(/-----BEGIN CERTIFICATE-----/g)?.length, 2);
    const info = spawnSync('openssl', ['pkcs12', '-in', file, ...passin, '-info', '-noout']);
    assert.match(String(info.stderr), /MAC: sha256, Iteration 2048/);
    assert.match(
      String(info.stderr),
      /PBES2, PBKDF2, AES-256-CBC, Iteration 5000, PRF hmacWithSHA256/,
    );
    const wrong = spawnSync('openssl', ['pkcs12', '-in', file, '-passin', 'pass:Kx7pQ2mWr8']);
    assert.notEqual(wrong.status, 0);
  });

  it('is read by GnuTLS', { skip: skipWithout('certtool') }, async (t) => {
    const file = join(temporaryFolder(t), 'a.p12');
    writeFileSync(file, await makeFile());
    const args = ['--p12-info', '--inder', '--infile', file, '--password', PASSWORD];
    const run = spawnSync('certtool', args);
    assert.equal(run.status, 0, String(run.stderr));
    assert.match(String(run.stdout), /PRIVATE KEY/);
    assert.match(String(run.stdout), /MAC: SHA256/);
  });

  it('is read by the JDK', { skip: skipWithout('javac') }, async (t) => {
    const file = join(temporaryFolder(t), 'a.p12');
    writeFileSync(file, await makeFile());
    const store = ['-keystore', file, '-storepass', PASSWORD, '-storetype', 'PKCS12'];
    const run = spawnSync('keytool', ['-list', '-v', ...store]);
    assert.equal(run.status, 0, String(run.stdout));
    assert.match(String(run.stdout), /PrivateKeyEntry/);
  });

  it('derives the key of its MAC as RFC 7292 B.2 has it', () => {
    // From openssl kdf -keylen 32 -kdfopt digest:SHA256 … PKCS12KDF, id 3.
    const salt = Buffer.from('0102030405060708', 'hex');
    const args = ['kdf', '-keylen', '32', '-kdfopt', 'digest:SHA256', '-kdfopt', 'id:3'];
    const pass = Buffer.from('smeg\0', 'utf16le').swap16().toString('hex');
    const options = ['-kdfopt', 'iter:3', '-kdfopt', `hexpass:${pass}`];
    const kdf = [
      ...args,
      ...options,
      '-kdfopt',
      'hexsalt:0102030405060708',
      '-binary',
      'PKCS12KDF',
    ];
    assert.deepEqual(deriveMacKey(Buffer.from('smeg'), salt, 3), runOpenssl(kdf));
  });
});
