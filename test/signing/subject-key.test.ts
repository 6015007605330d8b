/**
 * Keys made for subscribers: what comes out is opened by whom it was made for, with programs that are not ours, and
 * nothing stays in the token.
 *
 * @module
 */

import assert from 'node:assert/strict';
import {
  constants,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
} from 'node:crypto';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { openSignerProcess } from '../../src/signing/process/signer-process.ts';
import type { KeyType, Signer } from '../../src/signing/signer.ts';
import { openSoftwareToken } from '../../src/signing/software/software-token.ts';
import type { SubjectKey, SubjectKeyRequest } from '../../src/signing/subject-key.ts';
import { parseCertificationRequest, verifyProofOfPossession } from '../../src/x509/csr.ts';
import { makeSofthsm, skipWithoutSofthsm, softhsmSettings, TOKEN_PIN } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const card = generateKeyPairSync('rsa', { modulusLength: 2048 });
const cardSpki = new Uint8Array(card.publicKey.export({ format: 'der', type: 'spki' }));
const p256: KeyType = { kind: 'ec', curve: 'P-256' };
const rsa: KeyType = { kind: 'rsa', modulusBits: 2048 };

function forCard(type: KeyType, oaep: 'sha1' | 'sha256' = 'sha256'): SubjectKeyRequest {
  return { type, protection: { kind: 'transport', spki: cardSpki, oaep } };
}

function forPassword(type: KeyType, password = 'geheim8!'): SubjectKeyRequest {
  return {
    type,
    protection: { kind: 'password', password: Buffer.from(password), iterations: 2_000 },
  };
}

/** As the card does it: RSAES-OAEP, then RFC 5649. */
function unwrap(encryptedKey: Uint8Array, oaepHash: 'sha1' | 'sha256'): Buffer {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const key = privateDecrypt(
    { key: card.privateKey, padding, oaepHash },
    encryptedKey.subarray(0, 256),
  );
  assert.equal(key.length, 32);
  const cipher = createDecipheriv('id-aes256-wrap-pad', key, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([cipher.update(encryptedKey.subarray(256)), cipher.final()]);
}

async function assertPair({ csr }: SubjectKey, pkcs8: Buffer): Promise<void> {
  const request = parseCertificationRequest(csr);
  assert.ok(await verifyProofOfPossession(request));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  assert.deepEqual(Buffer.from(request.spki), spki);
}

async function softwareToken(t: TestContext): Promise<Signer> {
  const signer = await openSoftwareToken({
    file: join(temporaryFolder(t), 'token.json'),
    passphrase: { text: 'correct horse' },
    clock: new SystemClock(),
    random: new SystemRandom(),
    create: true,
    scryptCost: 2 ** 10,
  });
  t.after(() => signer.close());
  return signer;
}

describe('keys for subscribers from a software token', () => {
  for (const type of [p256, rsa]) {
    it(`are wrapped for a card (PKCS#11 2.1.21, RFC 5649): ${type.kind}`, async (t) => {
      const signer = await softwareToken(t);
      await signer.activate();
      const made = await signer.makeSubjectKey(forCard(type));
      await assertPair(made, unwrap(made.encryptedKey, 'sha256'));
      assert.deepEqual(await signer.list(), [], 'nothing stays in the token');
    });
  }

  it('are encrypted under a password (RFC 8018 6.2)', async (t) => {
    const signer = await softwareToken(t);
    await signer.activate();
    const made = await signer.makeSubjectKey(forPassword(p256));
    const open = (passphrase: string): Buffer =>
      createPrivateKey({
        ...{ key: Buffer.from(made.encryptedKey), format: 'der', type: 'pkcs8' },
        passphrase,
      } as const).export({ format: 'der', type: 'pkcs8' });
    await assertPair(made, open('geheim8!'));
    assert.throws(() => open('geheim9!'));
  });

  it('are not made while the token is locked', async (t) => {
    const signer = await softwareToken(t);
    await assert.rejects(signer.makeSubjectKey(forCard(p256)), { code: 'SIGNING_NOT_ACTIVE' });
  });

  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  const refused: readonly [string, SubjectKeyRequest][] = [
    ['Ed25519', forCard({ kind: 'ed25519' })],
    ['a password of seven bytes', forPassword(p256, 'geheim8')],
    ['a password of 257 bytes', forPassword(p256, 'x'.repeat(257))],
    [
      'a transport key of 1024 bits',
      {
        type: p256,
        protection: {
          kind: 'transport',
          spki: small.export({ format: 'der', type: 'spki' }),
          oaep: 'sha256',
        },
      },
    ],
    [
      'a transport key that is none',
      { type: p256, protection: { kind: 'transport', spki: Buffer.from('00'), oaep: 'sha256' } },
    ],
  ];
  for (const [why, request] of refused) {
    it(`are refused: ${why}`, async (t) => {
      const signer = await softwareToken(t);
      await signer.activate();
      await assert.rejects(signer.makeSubjectKey(request), { code: 'SIGNING_KEY_REFUSED' });
    });
  }
});

describe('keys for subscribers from SoftHSM', { skip: await skipWithoutSofthsm() }, () => {
  it('leave it wrapped for the card, and nothing stays', async (t) => {
    const signer = await openSignerProcess({
      token: softhsmSettings(makeSofthsm(t)),
      passphrase: { text: TOKEN_PIN },
      clock: new SystemClock(),
      log: silentLog,
    });
    t.after(() => signer.close());
    await signer.activate();
    for (const type of [p256, rsa]) {
      // SoftHSM 2.6 has OAEP with SHA-1 alone.
      const made = await signer.makeSubjectKey(forCard(type, 'sha1'));
      await assertPair(made, unwrap(made.encryptedKey, 'sha1'));
    }
    const sealed = await signer.makeSubjectKey(forPassword(p256));
    assert.ok(sealed.encryptedKey.length > 100);
    assert.deepEqual(await signer.list(), []);
    await assert.rejects(signer.makeSubjectKey(forCard(p256, 'sha256')), {
      name: 'SigningError',
    });
    assert.ok(await signer.isActive(), 'a refusal does no harm');
  });
});
