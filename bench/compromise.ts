/**
 * A compromise of a key that has issued 100,000 certificates (`--certificates N`): from the approval until every one is
 * revoked, durably and on record, and every list that says so is out. Memory and the event loop are watched meanwhile.
 *
 * @module
 */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import type { CaInstance } from '../src/app/ca-instance.ts';
import type { CessationPhase } from '../src/ca/records/service-record.ts';
import { addIssued } from '../test/support/ca-load.ts';
import {
  benchOrigin,
  makeBenchFolder,
  makeRequests,
  withInstance,
} from './support/bench-instance.ts';
import { ownMemoryMiB } from './support/process-figures.ts';
import { formatNumber, type Report } from './support/report.ts';
import { runBenchmark, type Workshop } from './support/workshop.ts';

const { values } = parseArgs({
  options: {
    certificates: { type: 'string', default: '100000' },
    json: { type: 'boolean', default: false },
  },
});
const COUNT = Number(values.certificates);
const PARTITIONS = ['10201', '10202', '10203', '10204'] as const;
const SAMPLE_MS = 100;

interface Figures {
  readonly loadMs: number;
  readonly revokeMs: number;
  readonly publishMs: number;
  readonly cpuSeconds: number;
  readonly idleMiB: number;
  readonly peakMiB: number;
  readonly p99LagMs: number;
  readonly longestLagMs: number;
}

async function load({ authority: ca, store, random }: CaInstance): Promise<number> {
  const startMs = performance.now();
  for (const partition of PARTITIONS) {
    const [request] = makeRequests(1, partition);
    if (request === undefined) {
      throw new Error('no request was made');
    }
    const model = await ca.issue(request);
    await addIssued({ store, ca, random }, model, { count: COUNT / PARTITIONS.length });
  }
  return performance.now() - startMs;
}

async function carryOut(instance: CaInstance, loadMs: number): Promise<Figures> {
  const { authority } = instance;
  const { cessations } = authority;
  const id = 'compromise-of-the-benchmark';
  const explanation = { ja: '', en: '' };
  await cessations.report({ id, explanation, origin: benchOrigin, destroysKey: false });
  await cessations.approve(id, benchOrigin);
  const idleMiB = ownMemoryMiB('self') ?? Number.NaN;
  let peakMiB = idleMiB;
  const sampling = setInterval(() => {
    peakMiB = Math.max(peakMiB, ownMemoryMiB('self') ?? 0);
  }, SAMPLE_MS);
  const lag = monitorEventLoopDelay({ resolution: 1 });
  lag.enable();
  const startMs = performance.now();
  const entered = new Map<CessationPhase, number>();
  const before = process.cpuUsage();
  await cessations.run({
    origin: benchOrigin,
    publish: async (scopeIds, origin) => {
      for (const scopeId of scopeIds) {
        await authority.publish(scopeId, origin);
      }
    },
    onStep: ({ phase }) => {
      if (!entered.has(phase)) {
        entered.set(phase, performance.now());
      }
    },
  });
  const endMs = performance.now();
  const { user, system } = process.cpuUsage(before);
  lag.disable();
  clearInterval(sampling);
  const revokedMs = entered.get('publishing') ?? Number.NaN;
  return {
    ...{ loadMs, revokeMs: revokedMs - startMs, publishMs: endMs - revokedMs },
    ...{ cpuSeconds: (user + system) / 1e6, idleMiB, peakMiB },
    ...{ p99LagMs: lag.percentile(99) / 1e6, longestLagMs: lag.max / 1e6 },
  };
}

async function measure(workshop: Workshop): Promise<Report> {
  const folder = workshop.path('data');
  await makeBenchFolder(folder);
  const loadMs = await withInstance(folder, load);
  const figures = await withInstance(folder, (instance) => carryOut(instance, loadMs));
  const count = COUNT.toLocaleString('en');
  return {
    program: 'compromise',
    peer: 'none: openssl ca has no such procedure',
    limit: 'npm run bench -- revocation has that of durable transactions',
    measures: [
      {
        ...{ name: `${count} revoked, on record and durable`, unit: '/s' as const },
        ours: (COUNT * 1000) / figures.revokeMs,
      },
      {
        ...{ name: `${count} revoked: their lists out, last`, unit: 'ms' as const },
        ours: figures.publishMs,
      },
      { name: 'memory before, without mapped files', unit: 'MiB' as const, ours: figures.idleMiB },
      { name: 'memory at most, without mapped files', unit: 'MiB' as const, ours: figures.peakMiB },
    ],
    notes: [
      `${formatNumber(figures.cpuSeconds)} s of processor time from the approval to the last list; loading took ${formatNumber(loadMs / 1000)} s`,
      `event loop meanwhile: p99 ${formatNumber(figures.p99LagMs)} ms, longest ${formatNumber(figures.longestLagMs)} ms late`,
    ],
  };
}

await runBenchmark('compromise', measure);
