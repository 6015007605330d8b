/**
 * Signatures through the signer process, in turns with what is below it in the same run: node:crypto with a key of the same
 * kind on all threads of its pool, and pkcs11js with SoftHSM on as many sessions. Prints a table, or JSON with `--json`.
 *
 * @module
 */

import { generateKeyPairSync, type KeyObject, sign as signMessage } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { SystemClock } from '../src/core/clock.ts';
import { silentLog } from '../src/core/log.ts';
import { forkSignerChannel, openPkcs11Channel } from '../src/signing/process/signer-channel.ts';
import { openSignerProcess } from '../src/signing/process/signer-process.ts';
import type { TokenSettings } from '../src/signing/process/signer-protocol.ts';
import type { KeyType, SignatureAlgorithm, Signer } from '../src/signing/signer.ts';
import {
  makeSofthsm,
  skipWithoutSofthsm,
  softhsmSettings,
  TOKEN_PIN,
} from '../test/support/softhsm.ts';
import { openRawSoftHsm } from './support/raw-softhsm.ts';

/** Best of the rounds, and processor time over all of them. */
interface Rate {
  readonly perSecond: number;
  /** Microseconds of this process for one signature. */
  readonly mainCpu: number;
  /** Of the signer process. */
  readonly signerCpu: number;
}

interface Figure {
  readonly name: string;
  /** The limit: what lies below the signer process, with 64 calls in flight. */
  readonly below: Rate;
  /** Through the signer process, each signature verified, 1 and 64 in flight. */
  readonly one: Rate;
  readonly many: Rate;
}

const ROUND_MS = 700;
const ROUNDS = 5;
const IN_FLIGHT = 64;
const SESSIONS = 8;
/** Of /proc/…/stat. */
const TICK_US = 10_000;

const signInPool = promisify(signMessage);
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

/** Processor time of another process so far, in microseconds; 0 where there is no /proc. */
function cpuOf(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  } catch {
    return 0;
  }
}

class Measurement {
  #best = 0;
  #count = 0;
  #mainCpu = 0;
  #signerCpu = 0;

  async round(
    workers: readonly (() => Promise<unknown>)[],
    pid: number | undefined,
  ): Promise<void> {
    let count = 0;
    const startMs = performance.now();
    const mainStart = process.cpuUsage();
    const signerStart = cpuOf(pid);
    const work = async (operate: () => Promise<unknown>): Promise<void> => {
      while (performance.now() - startMs < ROUND_MS) {
        await operate();
        count += 1;
      }
    };
    await Promise.all(workers.map(work));
    this.#best = Math.max(this.#best, (count * 1000) / (performance.now() - startMs));
    const { user, system } = process.cpuUsage(mainStart);
    this.#mainCpu += user + system;
    this.#signerCpu += cpuOf(pid) - signerStart;
    this.#count += count;
  }

  get rate(): Rate {
    return {
      perSecond: Math.round(this.#best),
      mainCpu: Math.round(this.#mainCpu / this.#count),
      signerCpu: Math.round(this.#signerCpu / this.#count),
    };
  }
}

interface Subject {
  readonly signer: Signer;
  readonly pid: () => number | undefined;
}

async function measure(
  name: string,
  below: readonly (() => Promise<unknown>)[],
  { subject, sign }: { readonly subject: Subject; readonly sign: () => Promise<unknown> },
): Promise<Figure> {
  const [limit, one, many] = [new Measurement(), new Measurement(), new Measurement()];
  await sign();
  for (let round = 0; round < ROUNDS; round += 1) {
    await limit.round(below, undefined);
    await many.round(new Array(IN_FLIGHT).fill(sign), subject.pid());
    await one.round([sign], subject.pid());
  }
  return { name, below: limit.rate, one: one.rate, many: many.rate };
}

async function openSubject(token: TokenSettings, passphrase: string): Promise<Subject> {
  let pid: number | undefined;
  const open =
    token.kind === 'software'
      ? forkSignerChannel
      : openPkcs11Channel({ threads: token.sessions, environment: token.environment ?? {} });
  const signer = await openSignerProcess({
    token,
    passphrase: { text: passphrase },
    clock: new SystemClock(),
    log: silentLog,
    openChannel: (events) => {
      const channel = open(events);
      pid = channel.pid;
      return channel;
    },
  });
  await signer.activate();
  return { signer, pid: () => pid };
}

async function measureSoftware(
  subject: Subject,
  { type, algorithm }: (typeof rows)[number],
): Promise<Figure> {
  const label = `${nameOf(type)}-${algorithm.scheme}`;
  await subject.signer.generate({ label, type, purposes: ['certificate'] });
  const { privateKey } = keyPairOf(type);
  const request = { label, purpose: 'certificate', algorithm, content: [message] } as const;
  return await measure(
    `${nameOf(type)} ${algorithm.scheme}`,
    new Array(IN_FLIGHT).fill(() => signInPool('sha256', message, privateKey)),
    { subject, sign: () => subject.signer.sign(request) },
  );
}

function keyPairOf(type: X509KeyType): { readonly privateKey: KeyObject } {
  return type.kind === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: type.modulusBits })
    : generateKeyPairSync('ec', { namedCurve: type.curve });
}

async function measureSoftHsm(life: { after(fn: () => void): void }): Promise<Figure> {
  const settings = { ...softhsmSettings(makeSofthsm(life)), sessions: SESSIONS };
  const subject = await openSubject(settings, TOKEN_PIN);
  const type = { kind: 'rsa', modulusBits: 2048 } as const;
  await subject.signer.generate({ label: 'k', type, purposes: ['certificate'] });
  const algorithm = { scheme: 'rsa-pkcs1', digest: 'sha256' } as const;
  const request = { label: 'k', purpose: 'certificate', algorithm, content: [message] } as const;
  const raw = await openRawSoftHsm(makeSofthsm(life), SESSIONS);
  const below = raw.map((sign) => () => sign(message));
  const sign = (): Promise<unknown> => subject.signer.sign(request);
  const figure = await measure(`SoftHSM rsa-2048, ${SESSIONS} sessions`, below, { subject, sign });
  await subject.signer.close();
  return figure;
}

/** Milliseconds from the death of the process under a request to that request's signature. */
async function measureRestart({ signer, pid }: Subject): Promise<number> {
  process.kill(pid() ?? 0, 'SIGSTOP');
  const owed = signer.sign({
    label: 'rsa-2048-rsa-pkcs1',
    purpose: 'certificate',
    algorithm: { scheme: 'rsa-pkcs1', digest: 'sha256' },
    content: [message],
  });
  const startMs = performance.now();
  process.kill(pid() ?? 0, 'SIGKILL');
  await owed;
  return Math.round(performance.now() - startMs);
}

/** Long lists go through the signer process whole; megabytes per second. */
async function measureLong({ signer }: Subject): Promise<number> {
  const content = [Buffer.alloc(100 * 2 ** 20, 'entry')];
  const startMs = performance.now();
  await signer.sign({
    label: 'rsa-2048-rsa-pkcs1',
    purpose: 'certificate',
    algorithm: { scheme: 'rsa-pkcs1', digest: 'sha256' },
    content,
  });
  return Math.round((100 * 1000) / (performance.now() - startMs));
}

interface Summary {
  readonly figures: readonly Figure[];
  readonly restartMs: number;
  readonly longPerSecond: number;
}

function print(summary: Summary): void {
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify(summary, undefined, 2)}\n`);
    return;
  }
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, at) => (at === 0 ? String(cell).padEnd(28) : String(cell).padStart(13)))
      .join('');
  const head = ['signatures/s', 'below', `process, ${IN_FLIGHT}`, 'of below', 'process, 1'];
  const cpu = ['µs below', 'µs main', 'µs signer', 'CPU, of below'];
  const percent = (part: number, whole: number): string => `${Math.round((part * 100) / whole)} %`;
  const lines = summary.figures.map(({ name, below, one, many }) =>
    line([
      ...[name, below.perSecond, many.perSecond, percent(many.perSecond, below.perSecond)],
      ...[one.perSecond, below.mainCpu, many.mainCpu, many.signerCpu],
      percent(below.mainCpu, many.mainCpu + many.signerCpu),
    ]),
  );
  const { restartMs, longPerSecond } = summary;
  process.stdout.write(`${[line([...head, ...cpu]), ...lines].join('\n')}\n`);
  process.stdout.write(`killed, restarted, activated (scrypt 128 MiB), signed: ${restartMs} ms\n`);
  process.stdout.write(`content of 100 MiB, fed in, hashed on both sides: ${longPerSecond} MB/s\n`);
}

const folder = mkdtempSync(join(tmpdir(), 'certdir-bench-signer-'));
const endings: (() => void)[] = [() => rmSync(folder, { recursive: true, force: true })];
try {
  const token = { kind: 'software', file: join(folder, 'token.json'), create: true } as const;
  const subject = await openSubject(token, 'bench');
  const figures: Figure[] = [];
  for (const row of rows) {
    figures.push(await measureSoftware(subject, row));
  }
  if ((await skipWithoutSofthsm()) === false) {
    figures.push(await measureSoftHsm({ after: (ending) => endings.push(ending) }));
  }
  const longPerSecond = await measureLong(subject);
  print({ figures, restartMs: await measureRestart(subject), longPerSecond });
  await subject.signer.close();
} finally {
  for (const end of endings) {
    end();
  }
}
