/**
 * The signer process as a real process: the contract, and its deaths.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { extname, join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { forkSignerChannel, type SignerChannel } from '../../src/signing/process/signer-channel.ts';
import {
  openSignerProcess,
  type SignerProcessOptions,
} from '../../src/signing/process/signer-process.ts';
import type { Signer } from '../../src/signing/signer.ts';
import {
  contentOf,
  describeSigner,
  isGoodSignature,
  type Lifetime,
} from '../contract/signer-contract.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const clock = new SystemClock();
const ec = { kind: 'ec', curve: 'P-256' } as const;
const algorithm = { scheme: 'ecdsa', digest: 'sha256' } as const;
const MESSAGE = 'the bytes a certification authority signs';
const request = { label: 'k', purpose: 'crl', algorithm, content: contentOf() } as const;

function optionsFor(folder: string): SignerProcessOptions {
  return {
    token: {
      kind: 'software',
      file: join(folder, 'token.json'),
      create: true,
      scryptCost: 2 ** 10,
    },
    passphrase: { text: 'correct horse' },
    clock,
    log: silentLog,
  };
}

describeSigner('signer process', (life) => {
  const folder = temporaryFolder(life);
  return () => openSignerProcess(optionsFor(folder));
});

interface Watched {
  readonly signer: Signer;
  readonly channels: readonly SignerChannel[];
  readonly spki: Uint8Array;
}

/** An active signer with key `k`, whose processes the test sees. */
async function openWatched(
  t: Lifetime,
  change: Partial<SignerProcessOptions> = {},
): Promise<Watched> {
  const channels: SignerChannel[] = [];
  const signer = await openSignerProcess({
    ...optionsFor(temporaryFolder(t)),
    openChannel: (events) => {
      const channel = forkSignerChannel(events);
      channels.push(channel);
      return channel;
    },
    ...change,
  });
  t.after(() => signer.close());
  await signer.activate();
  const { spki } = await signer.generate({ label: 'k', type: ec, purposes: ['crl'] });
  return { signer, channels, spki };
}

function pidOf(channel: SignerChannel | undefined): number {
  return channel?.pid ?? assert.fail('no process');
}

/** Waits for the end of a process that is nobody's child here. */
async function waitForEnd(pid: number): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await pause(20);
  }
  assert.fail(`process ${pid} did not end`);
}

describe('signer process, killed', () => {
  it('repeats the signatures it owed in a new process, active as before', async (t) => {
    const { signer, channels, spki } = await openWatched(t);
    const pid = pidOf(channels[0]);
    // Stopped, it can neither answer nor read: the requests are surely in flight when it dies.
    process.kill(pid, 'SIGSTOP');
    const owed = Array.from({ length: 5 }, () => signer.sign(request));
    process.kill(pid, 'SIGKILL');
    for (const signature of await Promise.all(owed)) {
      assert.ok(isGoodSignature(spki, algorithm, { message: MESSAGE, signature }));
    }
    assert.equal(channels.length, 2);
    assert.notEqual(pidOf(channels[1]), pid);
    assert.equal(await signer.isActive(), true);
  });

  it('does not repeat a generation', async (t) => {
    const { signer, channels } = await openWatched(t);
    process.kill(pidOf(channels[0]), 'SIGSTOP');
    const generation = signer.generate({ label: 'n', type: ec, purposes: ['crl'] });
    process.kill(pidOf(channels[0]), 'SIGKILL');
    await assert.rejects(generation, { code: 'SIGNING_UNAVAILABLE' });
    assert.deepEqual(
      (await signer.list()).map((key) => key.label),
      ['k'],
    );
  });

  it('stays locked when it was locked', async (t) => {
    const { signer, channels } = await openWatched(t);
    await signer.deactivate();
    process.kill(pidOf(channels[0]), 'SIGKILL');
    await assert.rejects(signer.sign(request), { code: 'SIGNING_NOT_ACTIVE' });
    assert.equal(await signer.isActive(), false);
  });

  it('ends a process that hangs, and repeats in another', async (t) => {
    const simulated = new SimulatedClock();
    const { signer, channels, spki } = await openWatched(t, {
      clock: simulated,
      timeouts: { callMs: 1_000 },
    });
    process.kill(pidOf(channels[0]), 'SIGSTOP');
    const hung = signer.sign(request);
    await simulated.advance(1_000);
    const signature = await hung;
    assert.ok(isGoodSignature(spki, algorithm, { message: MESSAGE, signature }));
    assert.equal(channels.length, 2);
  });

  it('repeats long content from its beginning', async (t) => {
    const { signer, channels, spki } = await openWatched(t);
    const pid = pidOf(channels[0]);
    const message = 'm'.repeat(8 * 1024 * 1024);
    process.kill(pid, 'SIGSTOP');
    const owed = signer.sign({ ...request, content: contentOf(message) });
    // As much as the lane takes is on its way.
    await pause(50);
    process.kill(pid, 'SIGKILL');
    assert.ok(isGoodSignature(spki, algorithm, { message, signature: await owed }));
    assert.equal(channels.length, 2);
  });

  it('ends a process that does not take long content', async (t) => {
    const simulated = new SimulatedClock();
    const { signer, channels, spki } = await openWatched(t, {
      clock: simulated,
      timeouts: { callMs: 1_000 },
    });
    const message = 'm'.repeat(8 * 1024 * 1024);
    const pid = pidOf(channels[0]);
    const begun = signer.sign({ ...request, content: contentOf(message) });
    process.kill(pid, 'SIGSTOP');
    await pause(50);
    await simulated.advance(1_000);
    assert.ok(isGoodSignature(spki, algorithm, { message, signature: await begun }));
    assert.equal(channels.length, 2);
  });

  it('misses a token that is gone instead of making an empty one', async (t) => {
    const folder = temporaryFolder(t);
    const { token } = optionsFor(folder);
    assert.ok(token.kind === 'software');
    const { signer, channels } = await openWatched(t, { token });
    renameSync(token.file, `${token.file}.away`);
    process.kill(pidOf(channels[0]), 'SIGKILL');
    await assert.rejects(signer.sign(request), { code: 'SIGNING_TOKEN_MISSING' });
    assert.ok(!existsSync(token.file));
    renameSync(`${token.file}.away`, token.file);
    await signer.activate();
    await signer.sign(request);
  });
});

describe('long content whose digest is known', () => {
  const message = 'm'.repeat(100_000);
  const content = contentOf(message);

  it('is signed by what the token hashed, and verified by it', async (t) => {
    const { signer, spki } = await openWatched(t);
    const digest = createHash('sha256').update(message).digest();
    for (const known of [digest, Promise.resolve(digest)]) {
      const signature = await signer.sign({ ...request, content, digest: known });
      assert.ok(isGoodSignature(spki, algorithm, { message, signature }));
    }
  });

  it('SIGNING_SIGNATURE_WRONG when it is another', async (t) => {
    const { signer } = await openWatched(t);
    const digest = createHash('sha256').update('another').digest();
    await assert.rejects(signer.sign({ ...request, content, digest }), {
      code: 'SIGNING_SIGNATURE_WRONG',
    });
  });
});

describe('signer process, its surroundings', () => {
  const withoutProc = existsSync('/proc/self/environ') ? false : 'needs /proc';
  it('has no environment but the channel and its number of threads', {
    skip: withoutProc,
  }, async (t) => {
    const { channels } = await openWatched(t);
    const proc = `/proc/${pidOf(channels[0])}`;
    const names = readFileSync(`${proc}/environ`, 'utf8')
      .split('\0')
      .map((line) => line.split('=')[0] ?? '');
    // The kernel shows the memory where the title was written over the environment's beginning.
    const foreign = names.filter((name) => /^[A-Z_]+$/.test(name));
    assert.deepEqual(
      foreign.filter((name) => !name.startsWith('NODE_CHANNEL_')),
      ['UV_THREADPOOL_SIZE'],
    );
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`goes on after ${signal}`, async (t) => {
      const { signer, channels } = await openWatched(t);
      process.kill(pidOf(channels[0]), signal);
      await signer.sign(request);
      await signer.sign(request);
      assert.equal(channels.length, 1);
    });
  }

  it('has ended when close resolves', async (t) => {
    const { signer, channels } = await openWatched(t);
    process.kill(pidOf(channels[0]), 0);
    await signer.close();
    assert.throws(() => process.kill(pidOf(channels[0]), 0), { code: 'ESRCH' });
  });

  it('ends when the main process is killed', async (t) => {
    const folder = temporaryFolder(t);
    const name = `../support/signer-main${extname(import.meta.url)}`;
    const program = fileURLToPath(new URL(name, import.meta.url));
    const main = spawn(process.execPath, [program, join(folder, 'token.json')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(main.stdout, 'data');
    const pid = Number(String(line));
    assert.ok(pid > 1);
    process.kill(pid, 0);
    main.kill('SIGKILL');
    await waitForEnd(pid);
  });

  it('SIGNING_TOKEN_MISSING at once when there is no token', async (t) => {
    const { token, ...rest } = optionsFor(temporaryFolder(t));
    await assert.rejects(openSignerProcess({ ...rest, token: { ...token, create: false } }), {
      code: 'SIGNING_TOKEN_MISSING',
    });
  });
});
