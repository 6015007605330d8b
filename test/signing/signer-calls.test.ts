/**
 * The client of the signer process against a process that lies, drops, hangs and dies on demand, in
 * simulated time.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { Log } from '../../src/core/log.ts';
import {
  openSignerProcess,
  type SignerProcessOptions,
} from '../../src/signing/process/signer-process.ts';
import type { Signer, SignRequest } from '../../src/signing/signer.ts';
import { contentOf, isGoodSignature, type Lifetime } from '../contract/signer-contract.ts';
import { HostChannels, noReply } from '../support/host-channel.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MESSAGE = 'the bytes a certification authority signs';
const CALL_MS = 1_000;

const rsaRequest = {
  label: 'rsa',
  purpose: 'crl',
  algorithm: { scheme: 'rsa-pkcs1', digest: 'sha256' },
  content: contentOf(),
} as const;
const requests: readonly SignRequest[] = [
  rsaRequest,
  { ...rsaRequest, algorithm: { scheme: 'rsa-pss', digest: 'sha256' } },
  { ...rsaRequest, label: 'ec', algorithm: { scheme: 'ecdsa', digest: 'sha256' } },
];

interface Bench {
  readonly signer: Signer;
  readonly channels: HostChannels;
  readonly clock: SimulatedClock;
  readonly lines: string[];
}

function optionsFor(
  folder: string,
  channels: HostChannels,
  clock: SimulatedClock,
): SignerProcessOptions & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    token: {
      kind: 'software',
      file: join(folder, 'token.json'),
      create: true,
      scryptCost: 2 ** 10,
    },
    passphrase: { text: 'correct horse' },
    clock,
    log: logInto(lines),
    timeouts: { callMs: CALL_MS, generateMs: 10 * CALL_MS },
    openChannel: channels.open,
    lines,
  };
}

function logInto(lines: string[]): Log {
  const write = (message: string): void => void lines.push(message);
  const log: Log = { debug: write, info: write, warn: write, error: write, with: () => log };
  return log;
}

const templateFolder = temporaryFolder({ after });

/** Makes the token whose copies the tests use: generating RSA keys for each would take most of the time. */
before(async () => {
  const clock = new SimulatedClock();
  const { lines: _, ...options } = optionsFor(templateFolder, new HostChannels(clock), clock);
  const signer = await openSignerProcess(options);
  await signer.activate();
  for (const label of ['rsa', 'second']) {
    const type = { kind: 'rsa', modulusBits: 2048 } as const;
    await signer.generate({ label, type, purposes: ['crl'] });
  }
  await signer.generate({ label: 'ec', type: { kind: 'ec', curve: 'P-256' }, purposes: ['crl'] });
  await signer.close();
});

/** An active signer with the keys `rsa`, `second` and `ec`. */
async function openBench(t: Lifetime): Promise<Bench> {
  const clock = new SimulatedClock();
  const channels = new HostChannels(clock);
  const folder = temporaryFolder(t);
  copyFileSync(join(templateFolder, 'token.json'), join(folder, 'token.json'));
  const { lines, ...options } = optionsFor(folder, channels, clock);
  const signer = await openSignerProcess(options);
  t.after(() => signer.close());
  await signer.activate();
  return { signer, channels, clock, lines };
}

/** Replaces every signature by what `forge` makes of it. */
function forgeSignatures(channels: HostChannels, forge: (signature: Uint8Array) => unknown): void {
  channels.alter = (reply, call) =>
    call.method === 'sign' && reply.isOk && reply.value instanceof Uint8Array
      ? { ...reply, value: forge(Uint8Array.from(reply.value)) }
      : reply;
}

describe('a wrong signature', () => {
  const forgeries: readonly {
    readonly why: string;
    readonly forge: (signature: Uint8Array) => Uint8Array;
  }[] = [
    { why: 'first byte flipped', forge: (s) => s.map((b, i) => (i === 0 ? b ^ 1 : b)) },
    { why: 'last byte flipped', forge: (s) => s.map((b, i) => (i === s.length - 1 ? b ^ 1 : b)) },
    {
      why: 'a byte in the middle flipped',
      forge: (s) => s.map((b, i) => (i === 40 ? b ^ 0x80 : b)),
    },
    { why: 'cut by a byte', forge: (s) => s.subarray(0, -1) },
    { why: 'longer by a byte', forge: (s) => Uint8Array.from([...s, 0]) },
    { why: 'empty', forge: () => new Uint8Array() },
    { why: 'all zero', forge: (s) => new Uint8Array(s.length) },
    { why: 'all one bits', forge: (s) => new Uint8Array(s.length).fill(0xff) },
  ];
  for (const { why, forge } of forgeries) {
    for (const request of requests) {
      it(`is never released: ${request.algorithm.scheme}, ${why}`, async (t) => {
        const { signer, channels, lines } = await openBench(t);
        forgeSignatures(channels, forge);
        await assert.rejects(signer.sign(request), { code: 'SIGNING_SIGNATURE_WRONG' });
        assert.ok(lines.some((line) => line.includes('wrong signature')));
        assert.equal(channels.started, 1);

        channels.alter = (reply) => reply;
        await signer.sign(request);
        assert.equal(channels.started, 2, 'the process that lied is not asked again');
      });
    }
  }

  it('is never released: that of another digest', async (t) => {
    const { signer, channels } = await openBench(t);
    const other = await signer.sign({ ...rsaRequest, content: contentOf('other') });
    forgeSignatures(channels, () => other);
    await assert.rejects(signer.sign(rsaRequest), { code: 'SIGNING_SIGNATURE_WRONG' });
  });

  it('is never released: that of another key', async (t) => {
    const { signer, channels } = await openBench(t);
    const other = await signer.sign({ ...rsaRequest, label: 'second' });
    forgeSignatures(channels, () => other);
    await assert.rejects(signer.sign(rsaRequest), { code: 'SIGNING_SIGNATURE_WRONG' });
  });

  it('is never released: PKCS#1 v1.5 in place of PSS', async (t) => {
    const { signer, channels } = await openBench(t);
    const other = await signer.sign(rsaRequest);
    forgeSignatures(channels, () => other);
    const algorithm = { scheme: 'rsa-pss', digest: 'sha256' } as const;
    await assert.rejects(signer.sign({ ...rsaRequest, algorithm }), {
      code: 'SIGNING_SIGNATURE_WRONG',
    });
  });
});

describe('a senseless answer', () => {
  const answers: readonly { readonly why: string; readonly value: unknown }[] = [
    { why: 'nothing', value: undefined },
    { why: 'a string', value: 'signature' },
    { why: 'a plain array', value: [1, 2, 3] },
    { why: 'a number', value: 1 },
  ];
  for (const { why, value } of answers) {
    it(`to sign, twice, is SIGNING_UNAVAILABLE and ends two processes: ${why}`, async (t) => {
      const { signer, channels, clock } = await openBench(t);
      forgeSignatures(channels, () => value);
      await assert.rejects(signer.sign(rsaRequest), { code: 'SIGNING_UNAVAILABLE' });
      channels.alter = (reply) => reply;
      const next = signer.sign(rsaRequest);
      await clock.advance(250);
      await next;
      assert.equal(channels.started, 3);
    });
  }

  it('that is no reply ends the process, and the call is repeated', async (t) => {
    const { signer, channels } = await openBench(t);
    channels.alter = (reply, call) => (call.method === 'sign' ? 'hello' : reply);
    const calls: string[] = [];
    channels.onCall = (call) => {
      calls.push(call.method);
      if (calls.filter((method) => method === 'sign').length === 2) {
        channels.alter = (reply) => reply;
      }
    };
    await signer.sign(rsaRequest);
    assert.deepEqual(calls, ['describe', 'sign', 'open', 'activate', 'sign']);
  });

  it('about a key that does not fit together is SIGNING_INTERNAL', async (t) => {
    const { signer, channels } = await openBench(t);
    const ec = await signer.describe('ec');
    const lies = [
      { ...ec, label: 'rsa' },
      { ...ec, label: 'ec', type: { kind: 'ec', curve: 'P-384' } },
      { ...ec, spki: new Uint8Array(8) },
    ];
    for (const value of lies) {
      channels.alter = (reply) => ({ ...reply, value });
      await assert.rejects(signer.describe('ec'), { code: 'SIGNING_INTERNAL' });
    }
  });
});

describe('a process that dies', () => {
  it('is started at once the first time', async (t) => {
    const { signer, channels, clock } = await openBench(t);
    channels.crash();
    await signer.sign(rsaRequest);
    assert.equal(channels.started, 2);
    assert.equal(clock.monotonicMs(), 0);
  });

  it('fails a request that it dies of twice', async (t) => {
    const { signer, channels, clock } = await openBench(t);
    channels.onCall = (call) => {
      if (call.method === 'sign') {
        channels.crash();
      }
    };
    await assert.rejects(signer.sign(rsaRequest), { code: 'SIGNING_UNAVAILABLE' });
    channels.onCall = () => undefined;
    const next = signer.sign(rsaRequest);
    await clock.advance(250);
    await next;
    assert.equal(channels.started, 3);
  });

  it('is started again with a delay that doubles up to 30 s', async (t) => {
    const { channels, clock } = await openBench(t);
    channels.isStillborn = true;
    channels.crash();
    await clock.advance(0);
    assert.equal(channels.started, 2);
    const delays = [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
    for (const [index, delayMs] of delays.entries()) {
      await clock.advance(delayMs - 1);
      assert.equal(channels.started, 2 + index, `before ${delayMs}`);
      await clock.advance(1);
      assert.equal(channels.started, 3 + index, `after ${delayMs}`);
    }
  });

  it('is started at once again after a minute that went well', async (t) => {
    const { signer, channels, clock } = await openBench(t);
    channels.crash();
    await signer.sign(rsaRequest);
    await clock.advance(60_000);
    channels.crash();
    const beforeMs = clock.monotonicMs();
    await signer.sign(rsaRequest);
    assert.equal(clock.monotonicMs(), beforeMs);
    assert.equal(channels.started, 3);
  });

  it('SIGNING_UNAVAILABLE when none comes back in time; a later call finds it', async (t) => {
    const { signer, channels, clock } = await openBench(t);
    channels.isStillborn = true;
    channels.crash();
    const failing = assert.rejects(signer.sign(rsaRequest), { code: 'SIGNING_UNAVAILABLE' });
    await clock.advance(CALL_MS);
    await failing;
    channels.isStillborn = false;
    const next = signer.sign(rsaRequest);
    // The delays so far: 250 and 500 ms; the third, of a second, ends now.
    await clock.advance(750);
    await next;
  });

  it('fails a start that never succeeds', async (t) => {
    const clock = new SimulatedClock();
    const channels = new HostChannels(clock);
    channels.isStillborn = true;
    const { lines: _, ...options } = optionsFor(temporaryFolder(t), channels, clock);
    await assert.rejects(openSignerProcess(options), { code: 'SIGNING_UNAVAILABLE' });
    await clock.advance(60_000);
    assert.equal(channels.started, 1);
  });
});

describe('a process that hangs', () => {
  it('is ended after the time of a call; the call is repeated once', async (t) => {
    const { signer, channels, clock } = await openBench(t);
    channels.alter = (reply, call) => (call.method === 'sign' ? noReply : reply);
    const outcome = assert.rejects(signer.sign(rsaRequest), { code: 'SIGNING_UNAVAILABLE' });
    await clock.advance(CALL_MS - 1);
    assert.equal(channels.started, 1);
    await clock.advance(1);
    assert.equal(channels.started, 2);
    await clock.advance(CALL_MS);
    await outcome;
  });

  it('is not ended while it answers others', async (t) => {
    const { signer, channels, clock } = await openBench(t);
    channels.alter = (reply, call) => (call.method === 'sign' ? noReply : reply);
    const outcome = assert.rejects(signer.sign(rsaRequest), { code: 'SIGNING_UNAVAILABLE' });
    await clock.advance(CALL_MS / 2);
    await signer.list();
    await clock.advance(CALL_MS / 2);
    await outcome;
    assert.equal(channels.started, 1);
  });

  it('may take longer over a generation', async (t) => {
    const { signer, channels, clock } = await openBench(t);
    channels.alter = (reply, call) => (call.method === 'generate' ? noReply : reply);
    const request = {
      label: 'n',
      type: { kind: 'ec', curve: 'P-256' },
      purposes: ['crl'],
    } as const;
    const outcome = assert.rejects(signer.generate(request), { code: 'SIGNING_UNAVAILABLE' });
    await clock.advance(10 * CALL_MS - 1);
    assert.equal(channels.started, 1);
    await clock.advance(1);
    await outcome;
    assert.equal(channels.started, 2);
  });
});

/** Calls fail at once until the process that starts now is ready, which takes real time. */
async function readyAgain(signer: Signer): Promise<void> {
  for (let tries = 0; tries < 100_000; tries += 1) {
    try {
      await signer.list();
      return;
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

describe('a token that cannot be used again', () => {
  it('fails calls at once with the reason, and works when it is mended', async (t) => {
    const { signer, channels, clock } = await openBench(t);
    channels.alter = (reply, call) =>
      call.method === 'activate'
        ? { id: reply.id, isOk: false, code: 'SIGNING_PASSPHRASE_WRONG', message: 'no' }
        : reply;
    channels.crash();
    const wrong = { code: 'SIGNING_PASSPHRASE_WRONG' };
    await assert.rejects(signer.sign(rsaRequest), wrong);
    await assert.rejects(signer.list(), wrong);

    channels.alter = (reply) => reply;
    await clock.advance(250);
    await readyAgain(signer);
    const signature = await signer.sign(rsaRequest);
    const { spki } = await signer.describe('rsa');
    assert.ok(isGoodSignature(spki, rsaRequest.algorithm, { message: MESSAGE, signature }));
  });

  it('is tried at once when a person activates it', async (t) => {
    const { signer, channels, clock } = await openBench(t);
    channels.isStillborn = true;
    channels.crash();
    await clock.advance(10_000);
    channels.isStillborn = false;
    const beforeMs = clock.monotonicMs();
    await signer.activate();
    assert.equal(clock.monotonicMs(), beforeMs);
    await signer.sign(rsaRequest);
  });
});

describe('closing', () => {
  it('fails what is open with SIGNING_CLOSED and starts nothing more', async (t) => {
    const { signer, channels, clock } = await openBench(t);
    channels.alter = (reply, call) => (call.method === 'sign' ? noReply : reply);
    const open = assert.rejects(signer.sign(rsaRequest), { code: 'SIGNING_CLOSED' });
    await clock.advance(0);
    await signer.close();
    await open;
    await clock.advance(120_000);
    assert.equal(channels.started, 1);
    assert.equal(clock.pendingTimers, 0);
  });

  it('ends the wait for a restart', async (t) => {
    const { signer, channels, clock } = await openBench(t);
    channels.isStillborn = true;
    channels.crash();
    await clock.advance(0);
    const waiting = assert.rejects(signer.sign(rsaRequest), { code: 'SIGNING_CLOSED' });
    await clock.advance(0);
    await signer.close();
    await waiting;
    await clock.advance(120_000);
    assert.equal(channels.started, 2);
    assert.equal(clock.pendingTimers, 0);
  });
});
