/**
 * Signatures over a digest: the signer process against what node:crypto does with the same key on all its
 * threads, in the same run. Prints a table, or JSON with `--json`.
 *
 * @module
 */

import { generateKeyPairSync, sign as signMessage } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { SystemClock } from '../src/core/clock.ts';
import { silentLog } from '../src/core/log.ts';
import { SystemRandom } from '../src/core/random.ts';
import type { KeyType, SignatureAlgorithm, Signer } from '../src/signing/signer.ts';
import { forkSignerChannel } from '../src/signing/signer-channel.ts';
import { openSignerProcess } from '../src/signing/signer-process.ts';
import { openSoftwareToken } from '../src/signing/software-token.ts';

interface Figure {
  readonly name: string;
  /** node:crypto, whole messages, libuv pool. */
  readonly cryptoPerSecond: number;
  /** The token in this process, one thread, each signature verified. */
  readonly tokenPerSecond: number;
  /** Through the signer process, one request at a time. */
  readonly singlePerSecond: number;
  /** Through the signer process, 64 requests in flight. */
  readonly manyPerSecond: number;
}

const ROUND_MS = 700;
const ROUNDS = 3;
const IN_FLIGHT = 64;

const signInPool = promisify(signMessage);
const passphrase = { text: 'bench' };
/** As long as what is signed in a certificate. */
const message = Buffer.alloc(1_000, 'to be signed');

type X509KeyType = Exclude<KeyType, { readonly kind: 'ed25519' }>;

const rows: readonly { readonly type: X509KeyType; readonly algorithm: SignatureAlgorithm }[] = [
  {
    type: { kind: 'rsa', modulusBits: 2048 },
    algorithm: { scheme: 'rsa-pkcs1', digest: 'sha256' },
  },
  { type: { kind: 'rsa', modulusBits: 2048 }, algorithm: { scheme: 'rsa-pss', digest: 'sha256' } },
  {
    type: { kind: 'rsa', modulusBits: 3072 },
    algorithm: { scheme: 'rsa-pkcs1', digest: 'sha256' },
  },
  {
    type: { kind: 'rsa', modulusBits: 4096 },
    algorithm: { scheme: 'rsa-pkcs1', digest: 'sha256' },
  },
  { type: { kind: 'ec', curve: 'P-256' }, algorithm: { scheme: 'ecdsa', digest: 'sha256' } },
  { type: { kind: 'ec', curve: 'P-384' }, algorithm: { scheme: 'ecdsa', digest: 'sha256' } },
];

const nameOf = (type: X509KeyType): string =>
  type.kind === 'rsa' ? `rsa-${type.modulusBits}` : type.curve;

/** Operations per second with `inFlight` at a time: the best of a few rounds. */
async function rate(inFlight: number, operate: () => Promise<unknown>): Promise<number> {
  let best = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    let count = 0;
    const startMs = performance.now();
    const work = async (): Promise<void> => {
      while (performance.now() - startMs < ROUND_MS) {
        await operate();
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, work));
    best = Math.max(best, (count * 1000) / (performance.now() - startMs));
  }
  return Math.round(best);
}

async function measure(
  signers: { readonly token: Signer; readonly remote: Signer },
  type: X509KeyType,
  algorithm: SignatureAlgorithm,
): Promise<Figure> {
  const label = `${nameOf(type)}-${algorithm.scheme}`;
  const request = { label, purpose: 'certificate', algorithm, content: [message] } as const;
  for (const signer of [signers.token, signers.remote]) {
    await signer.generate({ label, type, purposes: ['certificate'] });
    await signer.sign(request);
  }
  const { privateKey } =
    type.kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: type.modulusBits })
      : generateKeyPairSync('ec', { namedCurve: type.curve });
  return {
    name: `${nameOf(type)} ${algorithm.scheme}`,
    cryptoPerSecond: await rate(IN_FLIGHT, () => signInPool('sha256', message, privateKey)),
    tokenPerSecond: await rate(1, () => signers.token.sign(request)),
    singlePerSecond: await rate(1, () => signers.remote.sign(request)),
    manyPerSecond: await rate(IN_FLIGHT, () => signers.remote.sign(request)),
  };
}

/** Milliseconds from the death of the process under a request to that request's signature. */
async function measureRestart(signer: Signer, pid: number | undefined): Promise<number> {
  process.kill(pid ?? 0, 'SIGSTOP');
  const request = {
    label: 'rsa-2048-rsa-pkcs1',
    purpose: 'certificate',
    content: [message],
  } as const;
  const owed = signer.sign({ ...request, algorithm: { scheme: 'rsa-pkcs1', digest: 'sha256' } });
  const startMs = performance.now();
  process.kill(pid ?? 0, 'SIGKILL');
  await owed;
  return Math.round(performance.now() - startMs);
}

function print(figures: readonly Figure[], restartMs: number): void {
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ figures, restartMs }, undefined, 2)}\n`);
    return;
  }
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, at) => (at === 0 ? String(cell).padEnd(20) : String(cell).padStart(14)))
      .join('');
  const head = ['signatures/s', 'node:crypto', 'token', 'process, 1', `process, ${IN_FLIGHT}`];
  const lines = figures.map((figure) => line(Object.values(figure)));
  process.stdout.write(`${[line(head), ...lines].join('\n')}\n`);
  process.stdout.write(`killed, restarted, activated (scrypt 128 MiB), signed: ${restartMs} ms\n`);
}

const folder = mkdtempSync(join(tmpdir(), 'certdir-bench-signer-'));
try {
  const clock = new SystemClock();
  const token = await openSoftwareToken({
    file: join(folder, 'token.json'),
    passphrase,
    clock,
    random: new SystemRandom(),
    create: true,
  });
  let pid: number | undefined;
  const remote = await openSignerProcess({
    token: { kind: 'software', file: join(folder, 'remote.json'), create: true },
    passphrase,
    clock,
    log: silentLog,
    openChannel: (events) => {
      const channel = forkSignerChannel(events);
      pid = channel.pid;
      return channel;
    },
  });
  await token.activate();
  await remote.activate();
  const figures: Figure[] = [];
  for (const { type, algorithm } of rows) {
    figures.push(await measure({ token, remote }, type, algorithm));
  }
  print(figures, await measureRestart(remote, pid));
  await remote.close();
  await token.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
