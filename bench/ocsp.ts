/**
 * OCSP by the whole program, the access journal included, in turns with Node's HTTP server that has the body prepared,
 * with `openssl ocsp` as responder, and with signatures that node:crypto makes with all its threads.
 *
 * @module
 */

import { createHash, generateKeyPairSync, randomFillSync, sign as signMessage } from 'node:crypto';
import { createServer } from 'node:net';
import { promisify } from 'node:util';

import { readPublicKeyBits } from '../src/x509/algorithms.ts';
import { parseCertificate } from '../src/x509/certificate.ts';
import { Oid } from '../src/x509/object-identifiers.ts';
import {
  encodeOcspCertId,
  encodeOcspRequest,
  encodeTbsOcspRequest,
} from '../src/x509/ocsp-request.ts';
import { readOcspResponse } from '../test/support/ocsp-reader.ts';
import { hasTool } from '../test/support/outside-tool.ts';
import type { OcspProgramOrder, OcspProgramReport } from './support/ocsp-program-child.ts';
import { OpensslAuthority, opensslVersion } from './support/openssl-authority.ts';
import type { PreparedHttpOrder } from './support/prepared-http-child.ts';
import { cpuSeconds, familyCpuSeconds } from './support/process-figures.ts';
import type { Report } from './support/report.ts';
import {
  freshRate,
  type HttpLoad,
  keptRate,
  openConnection,
  timesAtRate,
} from './support/socket-load.ts';
import { Rounds, rateFor } from './support/timing.ts';
import { runBenchmark, type Workshop } from './support/workshop.ts';

const ROUNDS = 3;
const PERIOD_MS = 1_000;
const HALF_LOAD_MS = 4_000;
const CONNECTIONS = 16;
const UNCACHED_CONNECTIONS = 64;
const CERTIFICATES = 64;
const NONCE_BYTES = 32;

const signInPool = promisify(signMessage);

/** Requests about these certificates of a CA. */
class Requests {
  readonly #certIds: readonly Uint8Array[];
  #next = 0;

  constructor(authority: Uint8Array, serialNumbers: readonly bigint[]) {
    const { subject, spki } = parseCertificate(authority);
    const digest = (bytes: Uint8Array): Uint8Array => createHash('sha1').update(bytes).digest();
    const hashes = {
      hashAlgorithm: Oid.sha1,
      issuerNameHash: digest(subject.der),
      issuerKeyHash: digest(readPublicKeyBits(spki)),
    };
    this.#certIds = serialNumbers.map((serialNumber) =>
      encodeOcspCertId({ ...hashes, serialNumber }),
    );
  }

  /** One after another by GET, without a nonce: answers are given again. */
  prepared(connection: 'keep-alive' | 'close'): () => Uint8Array {
    const requests = this.#certIds.map((certId) => {
      const der = encodeOcspRequest(encodeTbsOcspRequest({ certIds: [certId] }));
      const path = encodeURIComponent(Buffer.from(der).toString('base64'));
      return Buffer.from(`GET /${path} HTTP/1.1\r\nhost: a\r\nconnection: ${connection}\r\n\r\n`);
    });
    return () => {
      this.#next += 1;
      return requests[this.#next % requests.length] ?? Buffer.alloc(0);
    };
  }

  /** By POST, each with another nonce: every answer is signed. */
  withNonces(): () => Uint8Array {
    const nonce = Buffer.alloc(NONCE_BYTES, 0xaa);
    const requests = this.#certIds.map((certId) => {
      const der = encodeOcspRequest(encodeTbsOcspRequest({ certIds: [certId], nonce }));
      const head =
        'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/ocsp-request\r\n' +
        `content-length: ${der.length}\r\n\r\n`;
      const bytes = Buffer.concat([Buffer.from(head), der]);
      return { bytes, at: bytes.lastIndexOf(nonce) };
    });
    return () => {
      this.#next += 1;
      const { bytes, at } = requests[this.#next % requests.length] ?? { bytes: nonce, at: 0 };
      const fresh = Buffer.from(bytes);
      randomFillSync(fresh, at, NONCE_BYTES);
      return fresh;
    };
  }
}

interface Subjects {
  readonly workshop: Workshop;
  readonly ours: { readonly port: number; readonly pid: number; readonly requests: Requests };
  readonly bare: { readonly port: number; readonly pid: number };
  readonly openssl: { readonly port: number; readonly requests: Requests } | undefined;
}

async function open(workshop: Workshop): Promise<Subjects> {
  const program = workshop.fork('ocsp-program-child');
  const order: OcspProgramOrder = { folder: workshop.path('data'), count: CERTIFICATES };
  const { url, authority, serialNumbers } = await program.ask<OcspProgramReport>(order);
  const requests = new Requests(authority, serialNumbers);
  const ours = { port: Number(new URL(url).port), pid: program.pid, requests };
  const bare = workshop.fork('prepared-http-child');
  const body = await answerOf({ port: ours.port, next: requests.prepared('close') });
  const prepared: PreparedHttpOrder = { contentType: 'application/ocsp-response', body };
  const port = await bare.ask<number>(prepared);
  const openssl = hasTool('openssl') ? await openOpenssl(workshop) : undefined;
  return { workshop, ours, bare: { port, pid: bare.pid }, openssl };
}

async function openOpenssl(workshop: Workshop): Promise<Subjects['openssl']> {
  const openssl = new OpensslAuthority(workshop);
  const port = await freePort();
  const serialNumbers = openssl.writeIndex(CERTIFICATES);
  openssl.respond(port);
  const requests = new Requests(openssl.certificate, serialNumbers);
  const load = { port, next: requests.prepared('close') };
  await answerOf(load);
  return { port, requests };
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The body of an answer, which has to be one; waits until somebody listens. */
async function answerOf({ port, next }: HttpLoad): Promise<Uint8Array> {
  const path = /^GET (\S+)/.exec(Buffer.from(next()).toString('latin1'))?.[1] ?? '/';
  for (let attempt = 0; ; attempt += 1) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      const body = new Uint8Array(await answer.arrayBuffer());
      const { responseStatus, singles } = readOcspResponse(body);
      if (responseStatus !== 0 || singles[0]?.status === 'unknown') {
        throw new Error(`no answer: ${responseStatus}, ${singles[0]?.status}`);
      }
      return body;
    } catch (error) {
      if (attempt === 100) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Rate and processor time of one answer. */
async function measureOne(
  rounds: Rounds,
  name: string,
  { rate, cpu }: { readonly rate: () => Promise<number>; readonly cpu: () => number },
): Promise<void> {
  const [cpuBefore, startMs] = [cpu(), performance.now()];
  const perSecond = await rate();
  const count = (perSecond * (performance.now() - startMs)) / 1000;
  rounds.add(name, perSecond);
  rounds.add(`${name}, CPU`, ((cpu() - cpuBefore) * 1e6) / count);
}

async function measureRound(rounds: Rounds, { ours, bare, openssl }: Subjects): Promise<void> {
  const kept = { connections: CONNECTIONS, periodMs: PERIOD_MS };
  const fresh = { atATime: CONNECTIONS, periodMs: PERIOD_MS };
  const uncached = { connections: UNCACHED_CONNECTIONS, periodMs: PERIOD_MS };
  const { requests, port } = ours;
  const [cpuOfOurs, cpuOfBare] = [
    () => familyCpuSeconds(ours.pid) ?? 0,
    () => cpuSeconds(bare.pid) ?? 0,
  ];
  const next = requests.prepared('keep-alive');
  const close = requests.prepared('close');
  const withNonces = requests.withNonces();
  await measureOne(rounds, 'kept', { rate: () => keptRate({ port, next }, kept), cpu: cpuOfOurs });
  await measureOne(rounds, 'bare kept', {
    rate: () => keptRate({ port: bare.port, next }, kept),
    cpu: cpuOfBare,
  });
  await measureOne(rounds, 'fresh', {
    rate: () => freshRate({ port, next: close }, fresh),
    cpu: cpuOfOurs,
  });
  await measureOne(rounds, 'bare fresh', {
    rate: () => freshRate({ port: bare.port, next: close }, fresh),
    cpu: cpuOfBare,
  });
  await measureOne(rounds, 'signed', {
    rate: () => keptRate({ port, next: withNonces }, uncached),
    cpu: cpuOfOurs,
  });
  await measureOne(rounds, 'pool', { rate: poolRate, cpu: () => process.cpuUsage().user / 1e6 });
  if (openssl !== undefined) {
    const load = { port: openssl.port, next: openssl.requests.prepared('close') };
    rounds.add('openssl', await freshRate(load, fresh));
  }
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const message = Buffer.alloc(300, 'ResponseData');

function poolRate(): Promise<number> {
  return rateFor(PERIOD_MS, 64, () => signInPool('sha256', message, privateKey));
}

async function measure(workshop: Workshop): Promise<Report> {
  const subjects = await open(workshop);
  const rounds = new Rounds();
  // The first warms up.
  await measureRound(new Rounds(), subjects);
  for (let round = 0; round < ROUNDS; round += 1) {
    await measureRound(rounds, subjects);
  }
  const { ours } = subjects;
  const perSecond = rounds.of('signed') / 2;
  const times = await timesAtRate(() => openConnection(ours), ours.requests.withNonces(), {
    perSecond,
    periodMs: HALF_LOAD_MS,
    connections: UNCACHED_CONNECTIONS,
  });
  const sorted = [...times].sort((left, right) => left - right);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  const row = (name: string, rate: string, limit: string): Report['measures'] => [
    {
      ...{ name, unit: '/s' as const, ours: rounds.of(rate) },
      ...{ peer: rounds.median('openssl'), limit: rounds.of(limit) },
    },
    {
      ...{ name: `${name}, CPU`, unit: 'µs' as const, ours: rounds.of(`${rate}, CPU`) },
      limit: rounds.of(`${limit}, CPU`),
    },
  ];
  return {
    program: 'ocsp',
    peer:
      subjects.openssl === undefined
        ? 'openssl is not installed: skipped'
        : `${opensslVersion()}, openssl ocsp as responder, RSA-2048, which signs each answer and closes each connection`,
    limit:
      'Node’s HTTP server with the body prepared; of signed answers RSA-2048 signatures by node:crypto in the libuv pool, 64 in flight',
    measures: [
      ...row(`given again, ${CONNECTIONS} connections`, 'kept', 'bare kept'),
      ...row(`given again, a connection each, ${CONNECTIONS} at a time`, 'fresh', 'bare fresh'),
      ...row(`signed, ${UNCACHED_CONNECTIONS} connections`, 'signed', 'pool'),
      { name: 'signed, at half of that rate, median', unit: 'ms', ours: at(0.5) },
      { name: 'signed, at half of that rate, p99', unit: 'ms', ours: at(0.99) },
    ],
    notes: ['processor time of ours is that of the program and its signer process'],
  };
}

await runBenchmark('ocsp', measure);
