/**
 * The software token: the contract, and what is its own: the file, the passphrase, damage.
 *
 * @module
 */

import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import type { Signer } from '../../src/signing/signer.ts';
import {
  openSoftwareToken,
  type SoftwareTokenOptions,
} from '../../src/signing/software/software-token.ts';
import {
  formatTokenDocument,
  parseTokenDocument,
} from '../../src/signing/software/token-document.ts';
import { contentOf, describeSigner } from '../contract/signer-contract.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PASSPHRASE = 'correct horse';
const ec = { kind: 'ec', curve: 'P-256' } as const;

function optionsFor(
  file: string,
  change: Partial<SoftwareTokenOptions> = {},
): SoftwareTokenOptions {
  return {
    file,
    passphrase: { text: PASSPHRASE },
    clock: new SimulatedClock(),
    random: new SeededRandom(file),
    create: true,
    scryptCost: 2 ** 10,
    ...change,
  };
}

describeSigner('software token', (life) => {
  const file = join(temporaryFolder(life), 'token.json');
  const random = new SeededRandom(file);
  return () => openSoftwareToken(optionsFor(file, { random }));
});

/** A token file with two keys, closed. */
async function makeToken(t: { after(fn: () => void): void }): Promise<string> {
  const file = join(temporaryFolder(t), 'token.json');
  const signer = await openSoftwareToken(optionsFor(file));
  await signer.activate();
  await signer.generate({ label: 'one', type: ec, purposes: ['crl'] });
  await signer.generate({ label: 'two', type: ec, purposes: ['certificate'] });
  await signer.close();
  return file;
}

async function activated(options: SoftwareTokenOptions): Promise<Signer> {
  const signer = await openSoftwareToken(options);
  await signer.activate();
  return signer;
}

function signWith(signer: Signer, label: string): Promise<Uint8Array> {
  const algorithm = { scheme: 'ecdsa', digest: 'sha256' } as const;
  return signer.sign({ label, purpose: 'crl', algorithm, content: contentOf() });
}

describe('software token file', () => {
  it('is made with mode 0600 and holds no private key in clear', async (t) => {
    const file = await makeToken(t);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(file, '..')), ['token.json']);
    const text = readFileSync(file, 'utf8');
    // DER of PKCS#8 with an EC key starts with these bytes; in base64 they would show.
    assert.ok(!text.includes('MIGHAgEAMBMGByqGSM49'));
    assert.ok(!text.includes(PASSPHRASE));
  });

  it('SIGNING_TOKEN_MISSING without create', async (t) => {
    const file = join(temporaryFolder(t), 'token.json');
    await assert.rejects(openSoftwareToken(optionsFor(file, { create: false })), {
      code: 'SIGNING_TOKEN_MISSING',
    });
  });

  it('SIGNING_TOKEN_MISSING when it goes away before activation', async (t) => {
    const file = await makeToken(t);
    const signer = await openSoftwareToken(optionsFor(file));
    rmSync(file);
    await assert.rejects(signer.activate(), { code: 'SIGNING_TOKEN_MISSING' });
  });

  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601]) {
    it(`SIGNING_TOKEN_EXPOSED with mode ${mode.toString(8)}`, async (t) => {
      const file = await makeToken(t);
      chmodSync(file, mode);
      await assert.rejects(openSoftwareToken(optionsFor(file)), { code: 'SIGNING_TOKEN_EXPOSED' });
    });
  }

  it('takes mode 0400', async (t) => {
    const file = await makeToken(t);
    chmodSync(file, 0o400);
    await activated(optionsFor(file));
  });

  it('SIGNING_TOKEN_ACCESS when a folder is in its place', async (t) => {
    const file = join(temporaryFolder(t), 'token.json');
    mkdirSync(file, { mode: 0o700 });
    await assert.rejects(openSoftwareToken(optionsFor(file)), { code: 'SIGNING_TOKEN_ACCESS' });
  });

  it('generates nothing that it cannot keep', async (t) => {
    const file = await makeToken(t);
    const signer = await activated(optionsFor(file));
    // The place of the new file is taken by a folder that cannot be unlinked.
    mkdirSync(`${file}.new`);
    await assert.rejects(signer.generate({ label: 'lost', type: ec, purposes: ['crl'] }), {
      code: 'SIGNING_TOKEN_ACCESS',
    });
    await assert.rejects(signer.describe('lost'), { code: 'SIGNING_KEY_UNKNOWN' });
    await signWith(signer, 'one');

    rmSync(`${file}.new`, { recursive: true });
    await signer.generate({ label: 'lost', type: ec, purposes: ['crl'] });
    await signWith(signer, 'lost');
  });

  it('overwrites what a crash left of a replacement', async (t) => {
    const file = await makeToken(t);
    writeFileSync(`${file}.new`, 'half a tok');
    const signer = await activated(optionsFor(file));
    await signer.generate({ label: 'three', type: ec, purposes: ['crl'] });
    assert.deepEqual(readdirSync(join(file, '..')), ['token.json']);
  });
});

describe('software token passphrase', () => {
  for (const text of ['correct horsf', 'correct horse ', 'Correct horse', 'x']) {
    it(`SIGNING_PASSPHRASE_WRONG: ${JSON.stringify(text)}`, async (t) => {
      const file = await makeToken(t);
      const signer = await openSoftwareToken(optionsFor(file, { passphrase: { text } }));
      await assert.rejects(signer.activate(), { code: 'SIGNING_PASSPHRASE_WRONG' });
      assert.equal(await signer.isActive(), false);
      await assert.rejects(signWith(signer, 'one'), { code: 'SIGNING_NOT_ACTIVE' });
    });
  }

  it('comes from a file, read again at each activation', async (t) => {
    const file = await makeToken(t);
    const secret = join(file, '..', 'passphrase');
    writeFileSync(secret, 'wrong\n', { mode: 0o600 });
    const signer = await openSoftwareToken(optionsFor(file, { passphrase: { file: secret } }));
    await assert.rejects(signer.activate(), { code: 'SIGNING_PASSPHRASE_WRONG' });
    writeFileSync(secret, `${PASSPHRASE}\n`);
    await signer.activate();
    await signWith(signer, 'one');
  });
});

describe('software token damage', () => {
  it('SIGNING_TOKEN_DAMAGED for the file cut anywhere', async (t) => {
    const file = await makeToken(t);
    const whole = readFileSync(file);
    for (let length = 0; length < whole.length; length += 37) {
      writeFileSync(file, whole.subarray(0, length));
      await assert.rejects(openSoftwareToken(optionsFor(file)), { code: 'SIGNING_TOKEN_DAMAGED' });
    }
    writeFileSync(file, whole.subarray(0, -1));
    await assert.rejects(openSoftwareToken(optionsFor(file)), { code: 'SIGNING_TOKEN_DAMAGED' });
  });

  it('SIGNING_TOKEN_DAMAGED when the file is damaged between opening and activation', async (t) => {
    const file = await makeToken(t);
    const signer = await openSoftwareToken(optionsFor(file));
    writeFileSync(file, readFileSync(file).fill(0x20, 100, 101));
    await assert.rejects(signer.activate(), { code: 'SIGNING_TOKEN_DAMAGED' });
  });

  // Someone who can compute the checksum, but does not know the passphrase.
  const forgeries: readonly {
    readonly why: string;
    readonly forge: (
      document: ReturnType<typeof parseTokenDocument>,
    ) => ReturnType<typeof parseTokenDocument>;
  }[] = [
    { why: 'a key removed', forge: (d) => ({ ...d, keys: d.keys.slice(1) }) },
    { why: 'keys in another order', forge: (d) => ({ ...d, keys: d.keys.toReversed() }) },
    {
      why: 'a purpose added',
      forge: (d) => ({ ...d, keys: d.keys.map((k) => ({ ...k, purposes: ['crl', 'tls'] })) }),
    },
    {
      why: 'labels exchanged',
      forge: (d) => ({
        ...d,
        keys: d.keys.map((k) => ({ ...k, label: k.label === 'one' ? 'two' : 'one' })),
      }),
    },
    {
      why: 'the time of a key changed',
      forge: (d) => ({ ...d, keys: d.keys.map((k) => ({ ...k, createdMs: k.createdMs + 1 })) }),
    },
  ];
  for (const { why, forge } of forgeries) {
    it(`SIGNING_TOKEN_DAMAGED: ${why} and the checksum made anew`, async (t) => {
      const file = await makeToken(t);
      const document = parseTokenDocument(readFileSync(file), file);
      writeFileSync(file, formatTokenDocument(forge(document)));
      const signer = await openSoftwareToken(optionsFor(file));
      await assert.rejects(signer.activate(), { code: 'SIGNING_TOKEN_DAMAGED' });
      assert.equal(await signer.isActive(), false);
    });
  }

  it('SIGNING_PASSPHRASE_WRONG when the derivation was made cheaper', async (t) => {
    const file = await makeToken(t);
    const document = parseTokenDocument(readFileSync(file), file);
    const passphrase = { ...document.passphrase, cost: 2 ** 11 };
    writeFileSync(file, formatTokenDocument({ ...document, passphrase }));
    const signer = await openSoftwareToken(optionsFor(file));
    await assert.rejects(signer.activate(), { code: 'SIGNING_PASSPHRASE_WRONG' });
  });
});

describe('software token changed under it', () => {
  it('keeps a key that another process added', async (t) => {
    const file = await makeToken(t);
    const [ours, theirs] = [await activated(optionsFor(file)), await activated(optionsFor(file))];
    await theirs.generate({ label: 'theirs', type: ec, purposes: ['crl'] });
    await ours.generate({ label: 'ours', type: ec, purposes: ['crl'] });
    const labels = (await ours.list()).map((key) => key.label);
    assert.deepEqual(labels, ['one', 'two', 'theirs', 'ours']);
    await signWith(ours, 'theirs');
  });

  it('SIGNING_TOKEN_CHANGED when it is another token now', async (t) => {
    const file = await makeToken(t);
    const other = await makeToken(t);
    const signer = await activated(optionsFor(file));
    const before = readFileSync(other);
    copyFileSync(other, file);
    await assert.rejects(signer.generate({ label: 'k', type: ec, purposes: ['crl'] }), {
      code: 'SIGNING_TOKEN_CHANGED',
    });
    await assert.rejects(signer.destroy('one'), { code: 'SIGNING_TOKEN_CHANGED' });
    assert.deepEqual(readFileSync(file), before);
  });
});
