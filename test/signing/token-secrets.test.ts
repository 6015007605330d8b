/**
 * The secrets of an unlocked token: what is taken over and what is refused.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { KeyType } from '../../src/signing/signer.ts';
import { generatePrivateKey, openPrivateKey } from '../../src/signing/software/private-key.ts';
import { newScryptParameters } from '../../src/signing/software/sealing.ts';
import { newTokenDocument, type TokenDocument } from '../../src/signing/software/token-document.ts';
import { TokenSecrets } from '../../src/signing/software/token-secrets.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const ec: KeyType = { kind: 'ec', curve: 'P-256' };
const algorithm = { scheme: 'ecdsa', digest: 'sha256' } as const;
const content = { kind: 'whole', bytes: new Uint8Array(32) } as const;
const passphrase = encodeUtf8('correct horse');
const random = new SeededRandom('secrets');

async function makeSecrets(): Promise<{
  readonly secrets: TokenSecrets;
  readonly document: TokenDocument;
}> {
  const draft = newTokenDocument(0, newScryptParameters(2 ** 10, random));
  const document = await TokenSecrets.create(draft, passphrase, random);
  const secrets = await TokenSecrets.unlock({ document, file: 'file' }, passphrase, random);
  return { secrets, document };
}

async function makeKey(): Promise<{ readonly pkcs8: Buffer; readonly spki: string }> {
  const pkcs8 = await generatePrivateKey(ec);
  const { spki } = openPrivateKey(pkcs8, random) ?? assert.fail('no key');
  return { pkcs8, spki: Buffer.from(spki).toString('base64') };
}

describe('TokenSecrets', () => {
  it('adopts a key it sealed, and signs with it until it forgets', async () => {
    const { secrets, document } = await makeSecrets();
    const { pkcs8, spki } = await makeKey();
    const facts = { label: 'k', type: ec, purposes: ['crl'], createdMs: 0, spki } as const;
    assert.ok(secrets.adopt(secrets.withKeys(document, [secrets.seal(facts, pkcs8)])));
    const key = secrets.privateKey('k') ?? assert.fail('no key');
    await key.sign(algorithm, content);
    secrets.forget();
    assert.equal(secrets.privateKey('k'), undefined);
    await assert.rejects(key.sign(algorithm, content), { code: 'SIGNING_NOT_ACTIVE' });
  });

  it('refuses a key beside the public key or type of another, and keeps what it had', async () => {
    const { secrets, document } = await makeSecrets();
    const [one, two] = [await makeKey(), await makeKey()];
    const facts = {
      label: 'k',
      type: ec,
      purposes: ['crl'],
      createdMs: 0,
      spki: one.spki,
    } as const;
    const good = secrets.seal(facts, one.pkcs8);
    assert.ok(secrets.adopt(secrets.withKeys(document, [good])));
    const mixed = [
      secrets.seal({ ...facts, spki: two.spki }, one.pkcs8),
      secrets.seal({ ...facts, type: { kind: 'ec', curve: 'P-384' } }, one.pkcs8),
      secrets.seal(facts, encodeUtf8('no key')),
    ];
    for (const bad of mixed) {
      assert.equal(secrets.adopt(secrets.withKeys(document, [bad])), false);
      await secrets.privateKey('k')?.sign(algorithm, content);
    }
  });

  it('refuses a list without its tag', async () => {
    const { secrets, document } = await makeSecrets();
    const { pkcs8, spki } = await makeKey();
    const facts = { label: 'k', type: ec, purposes: ['crl'], createdMs: 0, spki } as const;
    const keys = [secrets.seal(facts, pkcs8)];
    assert.equal(secrets.adopt({ ...document, keys }), false);
  });
});
