/**
 * Certificates issued durably, by a gunma CA with its signer process, against `openssl ca` and against the
 * signatures that node:crypto makes with all its threads, in the same run on the same disk.
 *
 * @module
 */

import { generateKeyPairSync, sign as signMessage } from 'node:crypto';
import { promisify } from 'node:util';

import type { CaInstance } from '../src/app/ca-instance.ts';
import { keyLabelOf } from '../src/ca/generations/authority-key.ts';
import { signatureAlgorithmOf } from '../src/ca/policy/policy.ts';
import { hasTool } from '../test/support/outside-tool.ts';
import { makeBenchFolder, makeRequests, withInstance } from './support/bench-instance.ts';
import { timeDurableWrite } from './support/disk.ts';
import { OpensslAuthority, opensslVersion } from './support/openssl-authority.ts';
import { formatNumber, type Report } from './support/report.ts';
import { Rounds, rateFor, rateOver } from './support/timing.ts';
import { runBenchmark, type Workshop } from './support/workshop.ts';

const ROUNDS = 3;
const PER_ROUND = 600;
const WARM_UP = 1000;
const CALLERS = [1, 16, 64] as const;
const SIGNATURES_MS = 700;
const SYNCS = 50;
const SYNCED_BYTES = 4096;

const signInPool = promisify(signMessage);

/** Signatures per second by the CA's own key, through the signer process as the CA uses it. */
function signerRate({ policy, signer, authority }: CaInstance, inFlight: number): Promise<number> {
  const request = {
    label: keyLabelOf(policy.id, 1),
    purpose: 'certificate',
    algorithm: signatureAlgorithmOf(policy.keys.authority.signature),
    content: [authority.certificate.tbs],
  } as const;
  return rateFor(SIGNATURES_MS, inFlight, () => signer.sign(request));
}

async function measureRound(
  rounds: Rounds,
  instance: CaInstance,
  openssl: OpensslAuthority | undefined,
): Promise<void> {
  const message = Buffer.from('to be signed');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  for (const callers of CALLERS) {
    const requests = makeRequests(PER_ROUND);
    const before = process.cpuUsage();
    const issue = rateOver(requests, callers, (request) => instance.authority.issue(request));
    rounds.add(`issued ${callers}`, await issue);
    const { user, system } = process.cpuUsage(before);
    rounds.add(`issued ${callers}, CPU`, (user + system) / requests.length);
  }
  for (const callers of CALLERS) {
    rounds.add(`signed ${callers}`, await signerRate(instance, callers));
  }
  const inPool = (): Promise<unknown> => signInPool('sha256', message, privateKey);
  rounds.add('pool', await rateFor(SIGNATURES_MS, 64, inPool));
  if (openssl !== undefined) {
    rounds.add('openssl', await openssl.issue(makeRequests(PER_ROUND).map(({ csr }) => csr)));
  }
}

async function measureRounds(
  instance: CaInstance,
  openssl: OpensslAuthority | undefined,
): Promise<Rounds> {
  const rounds = new Rounds();
  const warmUp = makeRequests(WARM_UP);
  await rateOver(warmUp, 16, (request) => instance.authority.issue(request));
  for (let round = 0; round < ROUNDS; round += 1) {
    await measureRound(rounds, instance, openssl);
  }
  return rounds;
}

async function measure(workshop: Workshop): Promise<Report> {
  const folder = workshop.path('data');
  await makeBenchFolder(folder);
  const openssl = hasTool('openssl') ? new OpensslAuthority(workshop) : undefined;
  const rounds = await withInstance(folder, (instance) => measureRounds(instance, openssl));
  const written = new Uint8Array(SYNCED_BYTES);
  const syncMs = await timeDurableWrite(workshop.path('synced'), written, SYNCS);
  const peer = rounds.median('openssl');
  const limit = rounds.of('pool');
  return {
    program: 'certificates',
    peer:
      peer === undefined
        ? 'openssl ca is not installed: skipped'
        : `${opensslVersion()}, openssl ca -batch -notext -infiles, ${PER_ROUND} requests in one process`,
    limit: 'RSA-2048 signatures by node:crypto in the libuv pool, 64 in flight',
    measures: [
      ...CALLERS.map((callers) => ({
        name: `issued durably, ${callers} at a time`,
        unit: '/s' as const,
        ours: rounds.of(`issued ${callers}`),
        peer,
        limit,
      })),
      ...CALLERS.map((callers) => ({
        name: `issued durably, ${callers} at a time, CPU of the main process`,
        unit: 'µs' as const,
        ours: rounds.of(`issued ${callers}, CPU`),
      })),
      ...CALLERS.map((callers) => ({
        name: `signatures of the token, ${callers} at a time`,
        unit: '/s' as const,
        ours: rounds.of(`signed ${callers}`),
        limit,
      })),
    ],
    notes: [syncNote(syncMs, peer), shareNote(rounds)],
  };
}

/** openssl ca answers before anything is durable. */
function syncNote(syncMs: number, peer: number | undefined): string {
  const cost = `a synchronous write of 4 KiB takes ${formatNumber(syncMs)} ms here`;
  if (peer === undefined) {
    return cost;
  }
  const synced = formatNumber(1000 / (1000 / peer + syncMs));
  return `openssl ca never syncs; ${cost}, so with one for each certificate it would reach ${synced}/s`;
}

function shareNote(rounds: Rounds): string {
  const shares = CALLERS.map((callers) => {
    const share = (100 * rounds.of(`issued ${callers}`)) / rounds.of(`signed ${callers}`);
    return `${formatNumber(share)} % with ${callers}`;
  });
  return `certificates by the token's signatures at the same concurrency: ${shares.join(', ')}`;
}

await runBenchmark('certificates', measure);
