/**
 * A PKCS#11 module that fails in every way at every call, in simulated time: nothing bad is released, every failure has
 * one of our codes, and once the device is well again the signer is, within a minute.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import {
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeOid,
  encodeSequence,
  encodeTime,
} from '../../src/asn1/der-writer.ts';
import { type Log, silentLog } from '../../src/core/log.ts';
import { isSigningErrorCode, SigningError } from '../../src/signing/errors.ts';
import {
  isProven,
  type KeyRecord,
  parseKeyRegister,
  readKeyRegister,
  recordContent,
  replaceKeyRegister,
} from '../../src/signing/key-register.ts';
import { Pkcs11Failure } from '../../src/signing/pkcs11/pkcs11-failure.ts';
import { openSignerProcess } from '../../src/signing/process/signer-process.ts';
import type { Signer } from '../../src/signing/signer.ts';
import { encodeCertificationRequestInfo } from '../../src/x509/csr.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { contentOf, isGoodSignature, type Lifetime } from '../contract/signer-contract.ts';
import {
  FAKE_LABEL,
  FAKE_PIN,
  FakeHsm,
  type ModuleCall,
  returnValue,
} from '../support/fake-hsm.ts';
import { HostChannels } from '../support/host-channel.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MESSAGE = 'the bytes a certification authority signs';
const algorithm = { scheme: 'rsa-pkcs1', digest: 'sha256' } as const;
const request = { label: 'k', purpose: 'crl', algorithm, content: contentOf() } as const;
const CALL_MS = 1_000;
const MINUTE_MS = 60_000;
const STEP_MS = 500;

type Timed = Pick<Bench, 'clock' | 'channels'>;

/** Every CK_RV of PKCS#11 v2.40 but CKR_OK, one of a vendor's, and one that nobody has. */
const returnValues: readonly number[] = [
  0x1, 0x2, 0x3, 0x5, 0x6, 0x7, 0x8, 0x9, 0xa, 0x10, 0x11, 0x12, 0x13, 0x1b, 0x20, 0x21, 0x30, 0x31,
  0x32, 0x40, 0x41, 0x50, 0x51, 0x54, 0x60, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a,
  0x70, 0x71, 0x82, 0x90, 0x91, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xb0, 0xb1, 0xb3, 0xb4, 0xb5, 0xb6,
  0xb7, 0xb8, 0xc0, 0xc1, 0xd0, 0xd1, 0xe0, 0xe1, 0xe2, 0xf0, 0xf1, 0xf2, 0x100, 0x101, 0x102,
  0x103, 0x104, 0x105, 0x110, 0x112, 0x113, 0x114, 0x115, 0x120, 0x121, 0x130, 0x140, 0x150, 0x160,
  0x170, 0x180, 0x190, 0x191, 0x1a0, 0x1a1, 0x1b0, 0x200, 0x201, 0x80000001, 0x7fffffff,
];

interface Bench {
  readonly hsm: FakeHsm;
  readonly signer: Signer;
  readonly clock: SimulatedClock;
  readonly channels: HostChannels;
  /** Messages of errors in the log. */
  readonly errors: string[];
  readonly registerFile: string;
}

async function openBench(t: Lifetime, pin: string = FAKE_PIN): Promise<Bench> {
  const hsm = new FakeHsm();
  const clock = new SimulatedClock();
  const channels = new HostChannels(clock, async () => hsm.library);
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (message) => void errors.push(message) };
  const registerFile = join(temporaryFolder(t), 'keys.json');
  const signer = await openSignerProcess({
    token: {
      kind: 'pkcs11',
      modulePath: '/fake.so',
      tokenLabel: FAKE_LABEL,
      registerFile,
      create: true,
      sessions: 2,
    },
    passphrase: { text: pin },
    clock,
    log,
    openChannel: channels.open,
    timeouts: { callMs: CALL_MS, generateMs: CALL_MS },
  });
  t.after(() => signer.close());
  return { hsm, signer, clock, channels, errors, registerFile };
}

/** Active, with the key `k`. */
async function openActive(t: Lifetime): Promise<Bench & { readonly spki: Uint8Array }> {
  const bench = await openBench(t);
  await bench.signer.activate();
  const type = { kind: 'rsa', modulusBits: 2048 } as const;
  const { spki } = await bench.signer.generate({ label: 'k', type, purposes: ['crl'] });
  return { ...bench, spki };
}

/** Lets simulated time pass until `promise` has settled. */
async function settled<T>({ clock, channels }: Timed, promise: Promise<T>): Promise<T> {
  let isDone = false;
  const done = promise.finally(() => {
    isDone = true;
  });
  done.catch(() => undefined);
  for (;;) {
    await channels.quiet();
    if (isDone) {
      return await done;
    }
    await clock.advance(STEP_MS);
  }
}

/** Simulated time, with everything done in it that it leads to. */
async function pass({ clock, channels }: Timed, forMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < forMs; passedMs += STEP_MS) {
    await clock.advance(STEP_MS);
    await channels.quiet();
  }
}

/** What a call that is answered with an error becomes: a good signature, or one of our codes. */
async function signOrCode(bench: Bench & { readonly spki: Uint8Array }): Promise<string> {
  const { signer, spki } = bench;
  try {
    const signature = await settled(bench, signer.sign(request));
    assert.ok(isGoodSignature(spki, algorithm, { message: MESSAGE, signature }));
    return 'signed';
  } catch (error) {
    assert.ok(error instanceof SigningError && isSigningErrorCode(error.code), String(error));
    return error.code;
  }
}

const callsOfSigning: readonly ModuleCall[] = [
  'C_Initialize',
  'C_GetSlotList',
  'C_GetTokenInfo',
  'C_OpenSession',
  'C_Login',
  'C_FindObjectsInit',
  'C_FindObjects',
  'C_FindObjectsFinal',
  'C_GetAttributeValue',
  'C_SignInit',
  'C_Sign',
  'C_CloseAllSessions',
  'C_Finalize',
];

describe('a device that fails at one call', () => {
  for (const call of callsOfSigning) {
    it(`${call}: ${returnValues.length} answers, and is well again within a minute`, async (t) => {
      const bench = await openActive(t);
      const { hsm, signer, clock, channels } = bench;
      for (const value of returnValues) {
        hsm.onCall = (name) => {
          if (name === call) {
            throw returnValue(value);
          }
        };
        // Another process, so that every call is made again.
        channels.crash();
        await signOrCode(bench);
        hsm.onCall = () => undefined;
        const startMs = clock.monotonicMs();
        let outcome = await signOrCode(bench);
        while (outcome !== 'signed' && clock.monotonicMs() - startMs < MINUTE_MS) {
          if (outcome === 'SIGNING_NOT_ACTIVE') {
            // A PIN that was refused is tried again by a person alone.
            assert.ok([0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0x102].includes(value), value.toString(16));
            await settled(bench, signer.activate());
          }
          await pass(bench, STEP_MS);
          outcome = await signOrCode(bench);
        }
        assert.equal(outcome, 'signed', `0x${value.toString(16)}`);
      }
    });
  }
});

describe('a session that is lost', () => {
  for (const value of [0xb0, 0xb3, 0x101]) {
    it(`is opened again in the same process, once for all: 0x${value.toString(16)}`, async (t) => {
      const { hsm, signer, channels, spki } = await openActive(t);
      await signer.sign(request);
      let left = 1;
      hsm.onCall = (name) => {
        if (name === 'C_SignInit' && left > 0) {
          left -= 1;
          throw returnValue(value);
        }
      };
      const started = channels.started;
      const logins = hsm.logins;
      const signatures = await Promise.all(Array.from({ length: 5 }, () => signer.sign(request)));
      for (const signature of signatures) {
        assert.ok(isGoodSignature(spki, algorithm, { message: MESSAGE, signature }));
      }
      assert.equal(channels.started, started);
      assert.equal(hsm.logins, logins + 1);
    });
  }
});

describe('CKR_DEVICE_ERROR for ever, as after a drop', () => {
  it('is cured by another process, and the request in hand is repeated', async (t) => {
    const { hsm, signer, channels, spki } = await openActive(t);
    let isIll = true;
    hsm.onCall = (name) => {
      if (name === 'C_Initialize') {
        isIll = false;
      }
      if (isIll) {
        throw returnValue(0x30);
      }
    };
    const signature = await signer.sign(request);
    assert.ok(isGoodSignature(spki, algorithm, { message: MESSAGE, signature }));
    assert.equal(channels.started, 2);
  });
});

describe('a token that is removed', () => {
  it('fails requests at once, is tried on, and is active when it is back', async (t) => {
    const bench = await openActive(t);
    const { hsm, signer, errors } = bench;
    hsm.onCall = (name) => {
      if (name !== 'C_Initialize' && name !== 'C_Finalize') {
        throw returnValue(name === 'C_GetSlotList' ? 0xe0 : 0x32);
      }
    };
    assert.equal(await signOrCode(bench), 'SIGNING_TOKEN_REMOVED');
    await pass(bench, 3 * MINUTE_MS);
    assert.equal(await signOrCode(bench), 'SIGNING_TOKEN_REMOVED');
    assert.ok(errors.length > 0);
    hsm.onCall = () => undefined;
    await pass(bench, 30_000);
    assert.equal(await signOrCode(bench), 'signed');
    assert.equal(await signer.isActive(), true);
  });

  it('is waited for at the start where it may be away', async (t) => {
    const { hsm, signer, clock, registerFile } = await openActive(t);
    await signer.close();
    hsm.onCall = (name) => {
      if (name === 'C_GetSlotList') {
        throw returnValue(0xe0);
      }
    };
    const channels = new HostChannels(clock, async () => hsm.library);
    const options = {
      token: {
        kind: 'pkcs11',
        modulePath: '/fake.so',
        tokenLabel: FAKE_LABEL,
        registerFile,
        sessions: 2,
      },
      passphrase: { text: FAKE_PIN },
      clock,
      log: silentLog,
      openChannel: channels.open,
      timeouts: { callMs: CALL_MS },
    } as const;
    await assert.rejects(openSignerProcess(options), { code: 'SIGNING_TOKEN_REMOVED' });
    const waiting = await openSignerProcess({ ...options, mayBeAway: true });
    t.after(() => waiting.close());
    await assert.rejects(settled({ clock, channels }, waiting.activate()), {
      code: 'SIGNING_TOKEN_REMOVED',
    });
    hsm.onCall = () => undefined;
    await pass({ clock, channels }, 30_000);
    await settled({ clock, channels }, waiting.sign(request));
  });
});

describe('a PIN', () => {
  it('that is wrong is tried once, and never again by itself', async (t) => {
    const bench = await openBench(t, 'wrong');
    const { hsm, signer, channels } = bench;
    await assert.rejects(signer.activate(), { code: 'SIGNING_PIN_WRONG' });
    channels.crash();
    await pass(bench, MINUTE_MS);
    assert.equal(hsm.logins, 1);
    await assert.rejects(signer.activate(), { code: 'SIGNING_PIN_WRONG' });
    assert.equal(hsm.logins, 2);
  });

  it('that was changed while the server ran is tried once, and the signer says that it is locked', async (t) => {
    const active = await openActive(t);
    const { hsm, signer, channels, errors } = active;
    hsm.onCall = (name) => {
      if (name === 'C_Login') {
        throw returnValue(0xa0);
      }
    };
    const before = hsm.logins;
    channels.crash();
    await pass(active, MINUTE_MS);
    assert.equal(hsm.logins, before + 1);
    await assert.rejects(signer.sign(request), { code: 'SIGNING_NOT_ACTIVE' });
    assert.ok(errors.length > 0);
  });

  const unusable = [
    { why: 'locked', flags: 0x40c | 0x40000 },
    { why: 'at its last try', flags: 0x40c | 0x20000 },
    { why: 'not set', flags: 0x404 },
  ];
  for (const { why, flags } of unusable) {
    it(`that is ${why} is not tried at all: SIGNING_PIN_LOCKED`, async (t) => {
      const { hsm, signer } = await openBench(t);
      hsm.flags = flags;
      await assert.rejects(signer.activate(), { code: 'SIGNING_PIN_LOCKED' });
      assert.equal(hsm.logins, 0);
    });
  }

  it('is tried while a few tries are left', async (t) => {
    const { hsm, signer } = await openBench(t);
    hsm.flags = 0x40c | 0x10000;
    await signer.activate();
  });
});

describe('a token with fewer sessions than were asked for', () => {
  it('signs on those it gives', async (t) => {
    const { hsm, signer } = await openBench(t);
    hsm.maxSessions = 1;
    await signer.activate();
    const type = { kind: 'ec', curve: 'P-256' } as const;
    await signer.generate({ label: 'k', type, purposes: ['crl'] });
    const ecdsa = { ...request, algorithm: { scheme: 'ecdsa', digest: 'sha256' } } as const;
    await Promise.all(Array.from({ length: 10 }, () => signer.sign(ecdsa)));
  });

  it('SIGNING_TOKEN_BUSY when it gives none', async (t) => {
    const { hsm, signer } = await openBench(t);
    hsm.maxSessions = 0;
    await assert.rejects(signer.activate(), { code: 'SIGNING_TOKEN_BUSY' });
    hsm.maxSessions = 2;
    await signer.activate();
  });
});

describe('a device that signs wrongly', () => {
  for (const position of [0, 100, 255]) {
    it(`releases nothing and gets another process: byte ${position}`, async (t) => {
      const { hsm, signer, channels } = await openActive(t);
      hsm.alter = (signature) => {
        signature[position] = (signature[position] ?? 0) ^ 1;
        return signature;
      };
      await assert.rejects(signer.sign(request), { code: 'SIGNING_SIGNATURE_WRONG' });
      hsm.alter = (signature) => signature;
      await signer.sign(request);
      assert.equal(channels.started, 2);
    });
  }

  it('keeps no key whose first signature is wrong', async (t) => {
    const { hsm, signer } = await openBench(t);
    await signer.activate();
    hsm.alter = (signature) => signature.fill(1);
    const type = { kind: 'ec', curve: 'P-256' } as const;
    const key = { label: 'k', type, purposes: ['crl'] } as const;
    await assert.rejects(signer.generate(key), { code: 'SIGNING_SIGNATURE_WRONG' });
    assert.deepEqual(hsm.objects, []);
    hsm.alter = (signature) => signature;
    await signer.generate(key);
  });
});

describe('a generation that is cut short', () => {
  const calls: readonly ModuleCall[] = [
    'C_FindObjectsInit',
    'C_GenerateKeyPair',
    'C_GetAttributeValue',
    'C_SignInit',
    'C_Sign',
  ];
  for (const call of calls) {
    it(`at ${call} leaves nothing that stands in the way of the next`, async (t) => {
      const bench = await openBench(t);
      const { hsm, signer } = bench;
      await signer.activate();
      const type = { kind: 'ec', curve: 'P-256' } as const;
      const key = { label: 'k', type, purposes: ['crl'] } as const;
      // From that call on nothing works, not even clearing up.
      let isDead = false;
      hsm.onCall = (name) => {
        isDead ||= name === call;
        if (isDead) {
          throw returnValue(0x30);
        }
      };
      await assert.rejects(settled(bench, signer.generate(key)), { code: 'SIGNING_DEVICE_FAILED' });
      hsm.onCall = () => undefined;
      await pass(bench, MINUTE_MS);
      await settled(bench, signer.generate(key));
      assert.equal(hsm.objects.length, 2);
    });
  }

  it('refuses a key of the token that is in no register: SIGNING_KEY_FOREIGN', async (t) => {
    const { hsm, signer, registerFile } = await openActive(t);
    await signer.close();
    const other = await openBench(t);
    other.hsm.objects = hsm.objects;
    await other.signer.activate();
    const key = { label: 'k', type: { kind: 'ec', curve: 'P-256' }, purposes: ['crl'] } as const;
    await assert.rejects(other.signer.generate(key), { code: 'SIGNING_KEY_FOREIGN' });
    assert.equal(hsm.objects.length, 2);
    assert.ok(existsSync(registerFile));
  });
});

describe('Pkcs11Failure', () => {
  for (const value of returnValues) {
    it(`0x${value.toString(16)} has a code, and advice`, () => {
      const failure = new Pkcs11Failure('C_Sign', returnValue(value));
      assert.ok(isSigningErrorCode(failure.code));
      assert.match(failure.message, /^C_Sign answered CKR_FAKE: .{20}/);
    });
  }
});

describe('a register that somebody else has written', () => {
  const ours = nameFromText('CN=Our CA');
  const use = { issuer: ours.der, certificates: ['link'] as const };
  const key = { label: 'k', type: { kind: 'rsa', modulusBits: 2048 }, use } as const;

  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const spki = pair.publicKey.export({ format: 'der', type: 'spki' });

  /** The record as of a key that is in somebody's hand, proven with that. */
  function forged(record: KeyRecord): KeyRecord {
    const { proof: _, ...facts } = { ...record, spki: spki.toString('base64') };
    const proof = sign('sha256', recordContent(facts), pair.privateKey).toString('base64');
    assert.ok(isProven({ ...facts, proof }));
    return { ...facts, proof };
  }

  async function changeRegister(
    { registerFile, signer }: Bench,
    change: (keys: readonly KeyRecord[]) => readonly KeyRecord[],
  ): Promise<void> {
    const register = await readKeyRegister(registerFile);
    assert.ok(register);
    await replaceKeyRegister(registerFile, { ...register, keys: change(register.keys) });
    // Has the token read it.
    const existing = signer.generate({ ...key, purposes: ['crl'] });
    await assert.rejects(existing, { code: 'SIGNING_KEY_EXISTS' });
  }

  function linkCertificate(): Uint8Array {
    const time = encodeTime(Date.UTC(2030, 0, 1));
    return encodeSequence(
      encodeExplicit(0, encodeInteger(2)),
      encodeInteger(7),
      encodeSequence(encodeOid('1.2.840.113549.1.1.11'), encodeNull()),
      ours.der,
      encodeSequence(time, time),
      ours.der,
      spki,
    );
  }

  for (const isUsed of [false, true]) {
    it(`has nothing signed by a key that it describes anew${isUsed ? ', in use or not' : ''}`, async (t) => {
      const bench = await openBench(t);
      const { signer } = bench;
      await signer.activate();
      await signer.generate({ ...key, purposes: ['certificate', 'crl', 'request'] });
      await assert.rejects(signer.sign(request), { code: 'SIGNING_USAGE_REFUSED' });
      if (isUsed) {
        const own = (await signer.describe('k')).spki;
        const info = encodeCertificationRequestInfo({ subject: ours, spki: own });
        await signer.sign({ label: 'k', purpose: 'request', algorithm, content: [info] });
      }
      await changeRegister(bench, (keys) => keys.map(({ use: _, ...record }) => forged(record)));
      await assert.rejects(signer.sign(request), { code: 'SIGNING_SIGNATURE_WRONG' });
    });
  }

  it('makes nobody else the next key of the CA', async (t) => {
    const bench = await openBench(t);
    const { signer } = bench;
    await signer.activate();
    const purposes = ['certificate', 'crl', 'request'] as const;
    await signer.generate({ ...key, purposes });
    const link = {
      label: 'k',
      purpose: 'certificate',
      algorithm,
      content: [linkCertificate()],
    } as const;
    await assert.rejects(signer.sign(link), { code: 'SIGNING_USAGE_REFUSED' });
    // One that the token does not have, then the name of one that it has.
    for (const label of ['x', 'newer']) {
      const id = label === 'x' ? 'ab'.repeat(16) : undefined;
      if (id === undefined) {
        await signer.generate({ ...key, label, purposes });
      }
      await changeRegister(bench, (keys) => {
        const known = keys.find((one) => one.label === label) ?? keys[0];
        assert.ok(known);
        const extra = forged({ ...known, label, id: id ?? known.id });
        return [...keys.filter((one) => one.label !== label && one.label !== 'x'), extra];
      });
      const code = label === 'x' ? 'SIGNING_KEY_UNKNOWN' : 'SIGNING_SIGNATURE_WRONG';
      await assert.rejects(signer.sign(link), { code });
    }
  });
});

describe('parseKeyRegister', () => {
  it('SIGNING_TOKEN_DAMAGED for what is no register', () => {
    for (const text of ['', '{}', '[]', '{"format":"certdir key register","version":1}']) {
      assert.throws(() => parseKeyRegister(Buffer.from(text), 'file'), {
        code: 'SIGNING_TOKEN_DAMAGED',
      });
    }
  });
});
