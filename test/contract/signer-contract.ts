/**
 * What every `Signer` must do, whatever its token and whichever side of the process border it is.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { constants, createPublicKey, verify } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import type {
  DigestName,
  KeyDescription,
  KeyType,
  SignatureAlgorithm,
  Signer,
  SignRequest,
} from '../../src/signing/signer.ts';

/** Opens the same token again and again: empty the first time, locked each time. */
export type OpenSigner = () => Promise<Signer>;

/** Anything with an end: a test or a suite. */
export interface Lifetime {
  after(fn: () => void): void;
}

const digestNames: readonly DigestName[] = ['sha256', 'sha384', 'sha512'];

/** Of what signs X.509 objects: digests. */
export type X509KeyType = Exclude<KeyType, { readonly kind: 'ed25519' }>;

const keyTypes: readonly X509KeyType[] = [
  { kind: 'rsa', modulusBits: 2048 },
  { kind: 'rsa', modulusBits: 3072 },
  { kind: 'rsa', modulusBits: 4096 },
  { kind: 'ec', curve: 'P-256' },
  { kind: 'ec', curve: 'P-384' },
];

const MESSAGE = 'the bytes a certification authority signs';

/** `rsa-2048`, `ec-P-256`, …: the labels of the keys that the suite makes. */
export function labelOf(type: X509KeyType): string {
  return type.kind === 'rsa' ? `rsa-${type.modulusBits}` : `ec-${type.curve}`;
}

/** Every algorithm that a key of this type signs with. */
export function algorithmsOf(type: X509KeyType): readonly SignatureAlgorithm[] {
  const schemes = type.kind === 'rsa' ? (['rsa-pkcs1', 'rsa-pss'] as const) : (['ecdsa'] as const);
  return schemes.flatMap((scheme) => digestNames.map((digest) => ({ scheme, digest })));
}

/** A message as it is handed to a signer. */
export function contentOf(message: string = MESSAGE): readonly Uint8Array[] {
  return [Buffer.from(message)];
}

/** True when node:crypto accepts the signature over the whole message. */
export function isGoodSignature(
  spki: Uint8Array,
  algorithm: SignatureAlgorithm,
  signed: { readonly message: string; readonly signature: Uint8Array },
): boolean {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const options =
    algorithm.scheme === 'rsa-pss'
      ? { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : key;
  return verify(algorithm.digest, Buffer.from(signed.message), options, signed.signature);
}

function requestFor(
  type: X509KeyType,
  change: Partial<SignRequest> & { readonly algorithm?: SignatureAlgorithm } = {},
): SignRequest {
  const algorithm = algorithmsOf(type)[0] ?? { scheme: 'ecdsa', digest: 'sha256' };
  return { label: labelOf(type), purpose: 'crl', algorithm, content: contentOf(), ...change };
}

const rsa: X509KeyType = { kind: 'rsa', modulusBits: 2048 };
const ec: X509KeyType = { kind: 'ec', curve: 'P-256' };

/** Registers the suite. `prepare` is called once per group of tests. */
export function describeSigner(name: string, prepare: (life: Lifetime) => OpenSigner): void {
  describe(`Signer contract: ${name}`, () => {
    describeSignatures(prepare);
    describeRefusals(prepare);
    describeLocking(prepare);
    describeKeys(prepare);
  });
}

function describeSignatures(prepare: (life: Lifetime) => OpenSigner): void {
  describe('signatures', () => {
    const open = prepare({ after });
    const keys = new Map<string, KeyDescription>();
    let signer: Signer;
    before(async () => {
      signer = await open();
      await signer.activate();
      for (const type of keyTypes) {
        const label = labelOf(type);
        keys.set(label, await signer.generate({ label, type, purposes: ['certificate', 'crl'] }));
      }
    });
    after(() => signer.close());

    for (const type of keyTypes) {
      for (const algorithm of algorithmsOf(type)) {
        it(`${labelOf(type)} ${algorithm.scheme} ${algorithm.digest} verifies`, async () => {
          const signature = await signer.sign(requestFor(type, { algorithm }));
          const { spki } = keys.get(labelOf(type)) ?? assert.fail('no key');
          assert.ok(isGoodSignature(spki, algorithm, { message: MESSAGE, signature }));
          assert.ok(!isGoodSignature(spki, algorithm, { message: 'another', signature }));
        });
      }
    }

    // Around the border between content that is handed over whole and content that is hashed on the way.
    for (const length of [0, 1, 65_536, 65_537, 600_000]) {
      it(`signs content of ${length} bytes in pieces`, async () => {
        const message = 'm'.repeat(length);
        const bytes = Buffer.from(message);
        const content = [bytes.subarray(0, 1_000), Buffer.alloc(0), bytes.subarray(1_000)];
        for (const type of [rsa, ec]) {
          const { spki } = keys.get(labelOf(type)) ?? assert.fail('no key');
          for (const algorithm of algorithmsOf(type)) {
            const signature = await signer.sign(requestFor(type, { algorithm, content }));
            assert.ok(isGoodSignature(spki, algorithm, { message, signature }));
          }
        }
      });
    }

    it('makes two different PSS signatures of one digest', async () => {
      const request = requestFor(rsa, { algorithm: { scheme: 'rsa-pss', digest: 'sha256' } });
      const [one, two] = await Promise.all([signer.sign(request), signer.sign(request)]);
      assert.notDeepEqual(one, two);
    });

    it('keeps many requests in flight apart', async () => {
      const algorithm = { scheme: 'rsa-pkcs1', digest: 'sha256' } as const;
      const { spki } = keys.get(labelOf(rsa)) ?? assert.fail('no key');
      const messages = Array.from({ length: 100 }, (_, index) => `message ${index}`);
      const signatures = await Promise.all(
        messages.map((message) => signer.sign(requestFor(rsa, { content: contentOf(message) }))),
      );
      for (const [index, message] of messages.entries()) {
        const signature = signatures[index] ?? assert.fail('no signature');
        assert.ok(isGoodSignature(spki, algorithm, { message, signature }), message);
      }
    });

    it('describes what it generated, and lists it in order', async () => {
      const listed = await signer.list();
      assert.deepEqual(
        listed.map((key) => key.label),
        keyTypes.map(labelOf),
      );
      for (const key of listed) {
        assert.deepEqual(await signer.describe(key.label), key);
        assert.deepEqual(keys.get(key.label), key);
        assert.deepEqual(key.purposes, ['certificate', 'crl']);
        assert.ok(Number.isSafeInteger(key.createdMs));
      }
    });

    it('hands out arrays that the caller may change', async () => {
      const described = await signer.describe(labelOf(rsa));
      described.spki.fill(0);
      assert.deepEqual(await signer.describe(labelOf(rsa)), keys.get(labelOf(rsa)));
    });
  });
}

function describeRefusals(prepare: (life: Lifetime) => OpenSigner): void {
  describe('refusals', () => {
    const open = prepare({ after });
    let signer: Signer;
    before(async () => {
      signer = await open();
      await signer.activate();
      for (const type of [rsa, ec]) {
        await signer.generate({ label: labelOf(type), type, purposes: ['crl'] });
      }
    });
    after(() => signer.close());

    for (const purpose of ['certificate', 'ocsp', 'audit', 'request', 'tls'] as const) {
      it(`SIGNING_USAGE_REFUSED: a CRL key signs no ${purpose}`, async () => {
        await assert.rejects(signer.sign(requestFor(rsa, { purpose })), {
          code: 'SIGNING_USAGE_REFUSED',
        });
      });
    }

    const wrongAlgorithms = [
      { type: rsa, algorithm: { scheme: 'ecdsa', digest: 'sha256' } },
      { type: ec, algorithm: { scheme: 'rsa-pkcs1', digest: 'sha256' } },
      { type: ec, algorithm: { scheme: 'rsa-pss', digest: 'sha256' } },
    ] as const;
    for (const { type, algorithm } of wrongAlgorithms) {
      it(`SIGNING_ALGORITHM_REFUSED: ${labelOf(type)} with ${algorithm.scheme}`, async () => {
        await assert.rejects(signer.sign(requestFor(type, { algorithm })), {
          code: 'SIGNING_ALGORITHM_REFUSED',
        });
      });
    }

    describe('of an Ed25519 key', () => {
      const algorithm = { scheme: 'ed25519' } as const;
      const request = {
        label: 'audit',
        purpose: 'audit',
        algorithm,
        content: contentOf(),
      } as const;

      it('are not made for a message that it takes', async () => {
        const type = { kind: 'ed25519' } as const;
        const key = await signer.generate({ label: 'audit', type, purposes: ['audit'] });
        assert.deepEqual(key.type, type);
        const signature = await signer.sign(request);
        const spki = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' });
        assert.ok(verify(null, Buffer.from(MESSAGE), spki, signature));
        assert.ok(!verify(null, Buffer.from('another'), spki, signature));
        const longest = { ...request, content: [new Uint8Array(16_383), new Uint8Array(1)] };
        assert.equal((await signer.sign(longest)).length, 64);
      });

      for (const length of [0, 16_385]) {
        it(`SIGNING_ALGORITHM_REFUSED: a message of ${length} bytes`, async () => {
          await assert.rejects(signer.sign({ ...request, content: [new Uint8Array(length)] }), {
            code: 'SIGNING_ALGORITHM_REFUSED',
          });
        });
      }

      it('SIGNING_ALGORITHM_REFUSED: with an algorithm of X.509, and the reverse', async () => {
        const refused = { code: 'SIGNING_ALGORITHM_REFUSED' };
        const ecdsa = { scheme: 'ecdsa', digest: 'sha256' } as const;
        await assert.rejects(signer.sign({ ...request, algorithm: ecdsa }), refused);
        await assert.rejects(signer.sign({ ...requestFor(ec), algorithm }), refused);
        await assert.rejects(signer.sign({ ...requestFor(rsa), algorithm }), refused);
      });

      it('SIGNING_KEY_REFUSED: for anything but audit', async () => {
        const type = { kind: 'ed25519' } as const;
        await assert.rejects(signer.generate({ label: 'x', type, purposes: ['audit', 'crl'] }), {
          code: 'SIGNING_KEY_REFUSED',
        });
      });
    });

    for (const label of ['absent', '', '__proto__', 'constructor', `${labelOf(rsa)} `]) {
      it(`SIGNING_KEY_UNKNOWN: ${JSON.stringify(label)}`, async () => {
        const unknown = { code: 'SIGNING_KEY_UNKNOWN' };
        await assert.rejects(signer.describe(label), unknown);
        await assert.rejects(signer.sign(requestFor(rsa, { label })), unknown);
        await assert.rejects(signer.destroy(label), unknown);
      });
    }

    it('SIGNING_KEY_EXISTS: a label that is taken, and the key stays', async () => {
      const before = await signer.describe(labelOf(ec));
      await assert.rejects(
        signer.generate({ label: labelOf(ec), type: ec, purposes: ['certificate'] }),
        { code: 'SIGNING_KEY_EXISTS' },
      );
      assert.deepEqual(await signer.describe(labelOf(ec)), before);
    });

    const refusedKeys = [
      { why: 'no label', key: { label: '', type: ec, purposes: ['crl'] } },
      { why: 'label of 128', key: { label: 'k'.repeat(128), type: ec, purposes: ['crl'] } },
      { why: 'line break in label', key: { label: 'a\nb', type: ec, purposes: ['crl'] } },
      { why: 'no purpose', key: { label: 'k', type: ec, purposes: [] } },
      { why: 'purpose twice', key: { label: 'k', type: ec, purposes: ['crl', 'crl'] } },
      { why: 'RSA-1024', key: { label: 'k', type: { kind: 'rsa', modulusBits: 1024 } } },
      { why: 'P-521', key: { label: 'k', type: { kind: 'ec', curve: 'P-521' } } },
    ];
    for (const { why, key } of refusedKeys) {
      it(`SIGNING_KEY_REFUSED: ${why}`, async () => {
        const request = { purposes: ['crl'], ...key } as Parameters<Signer['generate']>[0];
        await assert.rejects(signer.generate(request), { code: 'SIGNING_KEY_REFUSED' });
      });
    }

    it('takes a label of 127', async () => {
      const label = 'k'.repeat(127);
      assert.equal((await signer.generate({ label, type: ec, purposes: ['crl'] })).label, label);
    });
  });
}

function describeLocking(prepare: (life: Lifetime) => OpenSigner): void {
  describe('locking', () => {
    const open = prepare({ after });

    it('is locked when opened, and signs only between activate and deactivate', async () => {
      const signer = await open();
      const locked = { code: 'SIGNING_NOT_ACTIVE' };
      assert.equal(await signer.isActive(), false);
      const request = { label: 'k', type: ec, purposes: ['crl'] } as const;
      await assert.rejects(signer.generate(request), locked);
      await signer.activate();
      await signer.activate();
      assert.equal(await signer.isActive(), true);
      const key = await signer.generate(request);
      const sign = (): Promise<Uint8Array> => signer.sign(requestFor(ec, { label: 'k' }));
      await sign();

      await signer.deactivate();
      await signer.deactivate();
      assert.equal(await signer.isActive(), false);
      await assert.rejects(sign(), locked);
      await assert.rejects(signer.destroy('k'), locked);
      assert.deepEqual(await signer.describe('k'), key);

      await signer.activate();
      await sign();
      await signer.close();
    });

    it('keeps its keys over closing and opening', async () => {
      const first = await open();
      await first.activate();
      const key = await first.generate({ label: 'kept', type: rsa, purposes: ['crl', 'ocsp'] });
      await first.close();

      const second = await open();
      assert.deepEqual(await second.describe('kept'), key);
      assert.equal(await second.isActive(), false);
      await second.activate();
      const signature = await second.sign(requestFor(rsa, { label: 'kept' }));
      const algorithm = { scheme: 'rsa-pkcs1', digest: 'sha256' } as const;
      assert.ok(isGoodSignature(key.spki, algorithm, { message: MESSAGE, signature }));
      await second.close();
    });

    it('refuses everything once closed, and closes twice', async () => {
      const signer = await open();
      await signer.close();
      await signer.close();
      const closed = { code: 'SIGNING_CLOSED' };
      await assert.rejects(signer.activate(), closed);
      await assert.rejects(signer.deactivate(), closed);
      await assert.rejects(signer.isActive(), closed);
      await assert.rejects(signer.describe('kept'), closed);
      await assert.rejects(signer.list(), closed);
      await assert.rejects(signer.sign(requestFor(rsa, { label: 'kept' })), closed);
      await assert.rejects(signer.generate({ label: 'n', type: ec, purposes: ['crl'] }), closed);
      await assert.rejects(signer.destroy('kept'), closed);
    });
  });
}

function describeKeys(prepare: (life: Lifetime) => OpenSigner): void {
  describe('keys', () => {
    const open = prepare({ after });
    let signer: Signer;
    before(async () => {
      signer = await open();
      await signer.activate();
    });
    after(() => signer.close());

    it('destroys a key for ever; its label makes another key', async () => {
      const request = { label: 'doomed', type: ec, purposes: ['crl'] } as const;
      const first = await signer.generate(request);
      await signer.sign(requestFor(ec, { label: 'doomed' }));
      await signer.destroy('doomed');
      const unknown = { code: 'SIGNING_KEY_UNKNOWN' };
      await assert.rejects(signer.sign(requestFor(ec, { label: 'doomed' })), unknown);
      await assert.rejects(signer.describe('doomed'), unknown);
      assert.deepEqual(await signer.list(), []);

      const second = await signer.generate(request);
      assert.notDeepEqual(second.spki, first.spki);
      const signature = await signer.sign(requestFor(ec, { label: 'doomed' }));
      const algorithm = { scheme: 'ecdsa', digest: 'sha256' } as const;
      assert.ok(isGoodSignature(second.spki, algorithm, { message: MESSAGE, signature }));
      assert.ok(!isGoodSignature(first.spki, algorithm, { message: MESSAGE, signature }));
    });

    it('makes one key of two requests for one label', async () => {
      const request = { label: 'twice', type: ec, purposes: ['crl'] } as const;
      const outcomes = await Promise.allSettled([
        signer.generate(request),
        signer.generate(request),
      ]);
      const made = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      assert.equal(made.length, 1);
      assert.equal(refused[0]?.reason.code, 'SIGNING_KEY_EXISTS');
      assert.deepEqual(await signer.describe('twice'), made[0]?.value);
    });
  });
}
