/**
 * Connections: what idle ones and slow readers cost in memory, what large lists do to the event loop, and how many
 * connections with bind, search and unbind there are in a second over TLS when sessions are resumed.
 *
 * @module
 */

import { writeFileSync } from 'node:fs';

import { SystemClock } from '../src/core/clock.ts';
import { SystemRandom } from '../src/core/random.ts';
import { makeTlsCertificate } from '../src/setup/tls-certificate.ts';
import type { LoopDelays, ServedPorts } from './support/ldap-directory-child.ts';
import type { IdleOrder } from './support/ldap-idle-child.ts';
import {
  baseRecords,
  baseSearch,
  bindRequest,
  listDn,
  listRecord,
  reader,
  suffix,
} from './support/ldap-requests.ts';
import type { TransferFigures, TransferOrder } from './support/ldap-transfer-child.ts';
import { loadDirectory } from './support/loaded-directory.ts';
import { cpuSeconds, memoryMiB } from './support/process-figures.ts';
import { formatNumber, type Measure, type Report } from './support/report.ts';
import { startSlapd } from './support/slapd-server.ts';
import { Rounds } from './support/timing.ts';
import { type Helper, runBenchmark, type Workshop } from './support/workshop.ts';

const ROUNDS = 3;
const IDLE = 10_000;
const SLOW_STEPS = [8, 56];
const KIB_PER_MIB = 1024;
const SETTLE_MS = 1_500;
const smallList = '1 MB';
const largeList = '20 MB';
const versions = ['TLSv1.2', 'TLSv1.3'] as const;

interface Target {
  readonly kind: 'ours' | 'peer';
  readonly pid: number;
  readonly tlsPort: number;
}

const sleep = (delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });

async function settledMiB(pid: number): Promise<number> {
  await sleep(SETTLE_MS);
  return memoryMiB(pid) ?? Number.NaN;
}

/** Memory of the server for each idle connection, the kernel's own not counted. */
async function measureIdle(workshop: Workshop, server: Helper, port: number): Promise<Measure> {
  const clients = workshop.fork('ldap-idle-child');
  const order: IdleOrder = { port, connections: IDLE, request: baseSearch(suffix), reads: true };
  // The first ones pay for what is there once for all.
  await clients.ask({ ...order, connections: IDLE / 10 });
  const before = await settledMiB(server.pid);
  await clients.ask({ ...order });
  const after = await settledMiB(server.pid);
  await clients.close();
  const name = `an idle connection of ${IDLE.toLocaleString('en')}`;
  return { name, unit: 'KiB', ours: ((after - before) * KIB_PER_MIB) / IDLE };
}

/** Memory of the server with few and with many clients that have asked for a large list and do not read. */
async function measureSlow(workshop: Workshop, { pid }: Helper, port: number): Promise<Measure[]> {
  const clients = workshop.fork('ldap-idle-child');
  const request = baseSearch(listDn(largeList));
  const measures: Measure[] = [];
  for (const connections of SLOW_STEPS) {
    const order: IdleOrder = { port, connections, request, reads: false };
    const all = await clients.ask<number>({ ...order });
    measures.push({
      name: `memory with ${all} slow readers of ${largeList}`,
      unit: 'MiB',
      ours: await settledMiB(pid),
    });
  }
  await clients.close();
  return measures;
}

async function measureLoop(workshop: Workshop, server: Helper, port: number): Promise<Measure[]> {
  const generator = workshop.fork('ldap-transfer-child');
  const order: TransferOrder = {
    ...{ port, requests: [baseSearch(listDn(smallList))], startAt: 0, outstanding: 1 },
    ...{ connections: 16, answerBytes: 0, warmUpMs: 500, periodMs: 4_000 },
  };
  const [answerBytes = 0] = await generator.ask<readonly number[]>({ isFirst: true, order });
  await server.ask({ kind: 'watch' });
  await generator.ask({ isFirst: false, order: { ...order, answerBytes } });
  const { p99Ms, maxMs } = await server.ask<LoopDelays>({ kind: 'watched' });
  await generator.close();
  const name = `event loop late, 16 pull ${smallList}`;
  return [
    { name: `${name}, p99`, unit: 'ms', ours: p99Ms },
    { name: `${name}, longest`, unit: 'ms', ours: maxMs },
  ];
}

async function measureTls(
  rounds: Rounds,
  generator: Helper,
  { target, tls }: { readonly target: Target; readonly tls: (typeof versions)[number] },
): Promise<void> {
  const order: TransferOrder = {
    ...{ port: target.tlsPort, requests: [baseSearch(reader)], startAt: 0, bind: bindRequest, tls },
    ...{ connections: 8, outstanding: 1, answerBytes: 0, warmUpMs: 1_500, periodMs: 1_500 },
  };
  const lengths = await generator.ask<readonly number[]>({ isFirst: true, order });
  const [bindAnswerBytes = 0, answerBytes = 0] = lengths;
  const before = cpuSeconds(target.pid) ?? Number.NaN;
  const figures = await generator.ask<TransferFigures>({
    isFirst: false,
    order: { ...order, answerBytes, bindAnswerBytes },
  });
  const after = cpuSeconds(target.pid) ?? Number.NaN;
  const name = `${tls} ${target.kind}`;
  rounds.add(name, (figures.operations * 1000) / figures.elapsedMs);
  rounds.add(`${name} cpu`, ((after - before) * 1e6) / figures.allOperations);
  rounds.add(`${name} resumed`, (100 * figures.resumed) / figures.connections);
}

function tlsMeasures(rounds: Rounds): Measure[] {
  return versions.flatMap((tls) => {
    const figure = (suffixed: string): Omit<Measure, 'name' | 'unit'> => ({
      ours: rounds.of(`${tls} ours${suffixed}`),
      peer: rounds.median(`${tls} peer${suffixed}`),
    });
    const name = `bind, search, unbind, ${tls}`;
    return [
      { name, unit: '/s', ...figure('') },
      { name: `${name}, CPU`, unit: 'µs', ...figure(' cpu') },
    ];
  });
}

async function measure(workshop: Workshop): Promise<Report> {
  const ldif = [...baseRecords(), listRecord(smallList, 1_000_000), listRecord(largeList, 2e7)];
  const ldifFile = workshop.path('entries.ldif');
  writeFileSync(ldifFile, `version: 1\n\n${ldif.join('')}`);
  const folder = workshop.path('store');
  await loadDirectory(workshop, { folder, ldifFile, suffix });
  const made = makeTlsCertificate({
    address: '127.0.0.1',
    ...{ clock: new SystemClock(), random: new SystemRandom() },
  });
  const tls = { certificate: made.certificatePem, key: made.keyPem };
  const server = workshop.fork('ldap-directory-child');
  const ports = await server.ask<ServedPorts>({ kind: 'serve', folder, suffix, tls });
  const slapd = await startSlapd(workshop, baseRecords().join(''), { tls });
  const ours: Target = { kind: 'ours', pid: server.pid, tlsPort: ports.tlsPort ?? 0 };
  const targets: readonly Target[] =
    slapd === undefined ? [ours] : [ours, { kind: 'peer', ...slapd }];
  const idle = await measureIdle(workshop, server, ports.port);
  const loop = await measureLoop(workshop, server, ports.port);
  const slow = await measureSlow(workshop, server, ports.port);
  const rounds = new Rounds();
  const generator = workshop.fork('ldap-transfer-child');
  for (const version of versions) {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const target of targets) {
        await measureTls(rounds, generator, { target, tls: version });
      }
    }
  }
  const resumed = targets.flatMap(({ kind }) =>
    versions.map(
      (version) => `${formatNumber(rounds.of(`${version} ${kind} resumed`))} % ${version} ${kind}`,
    ),
  );
  return {
    program: 'connections',
    peer: 'slapd, mdb, TLS as it comes; the same certificate and account',
    limit: 'none',
    measures: [idle, ...loop, ...slow, ...tlsMeasures(rounds)],
    notes: [`TLS sessions resumed: ${resumed.join(', ')}`],
  };
}

await runBenchmark('connections', measure);
