/**
 * Publishing every list of a nation: 1,741 partitions with so many revoked entries together, each list made, verified and
 * durable, while LDAP is served. Not part of `npm run bench`: 20,000,000 entries take minutes to load and 6 GB of disk.
 *
 *     node dist/bench/nation.js --entries 2000000
 *
 * @module
 */

import { searchOperation } from '../test/support/ldap-request-bytes.ts';
import { LdapTestClient } from '../test/support/ldap-test-client.ts';
import { makeNation, PARTITIONS } from './support/nation.ts';
import type { NationPublication } from './support/nation-server-child.ts';
import { formatNumber, type Report } from './support/report.ts';
import { runBenchmark, type Workshop } from './support/workshop.ts';

const DEFAULT_ENTRIES = 2_000_000;
const TIME_LIMIT_MS = 3_600_000;
const READ_EVERY_MS = 10;

function chosenEntries(): number {
  const at = process.argv.indexOf('--entries');
  return at > 0 ? Number(process.argv[at + 1]) : DEFAULT_ENTRIES;
}

interface Reads {
  /** Ends them. @returns how long each took, the shortest first. */
  stop(): Promise<readonly number[]>;
}

/** Base searches one after the other, with a pause between. */
async function startReading(port: number): Promise<Reads> {
  const client = await LdapTestClient.connect(port);
  const times: number[] = [];
  let isOver = false;
  const reading = (async () => {
    while (!isOver) {
      const startMs = performance.now();
      await client.request(searchOperation({ base: 'c=JP' }));
      times.push(performance.now() - startMs);
      await new Promise((resolve) => {
        setTimeout(resolve, READ_EVERY_MS);
      });
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await reading;
      client.socket.destroy();
      return times.sort((left, right) => left - right);
    },
  };
}

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;

async function measure(workshop: Workshop): Promise<Report> {
  const folder = workshop.path('data');
  const fixture = await makeNation(folder, chosenEntries());
  const server = workshop.fork('nation-server-child');
  const port = await server.ask<number>({ kind: 'open', folder });
  const before = await readFor(port, 2_000);
  const reads = await startReading(port);
  const done = await server.ask<NationPublication>({ kind: 'publish' });
  const times = await reads.stop();
  await server.close();
  const name = `${fixture.entries.toLocaleString('en')} entries, ${PARTITIONS} partitions`;
  return {
    program: 'nation',
    peer: 'none',
    limit: 'for LDAP: the same reads before',
    measures: [
      { name: `${name}: published`, unit: 'ms', ours: done.elapsedMs },
      { name: 'the same, CPU of the main process', unit: 'ms', ours: done.cpuMs },
      { name: 'one list', unit: 'ms', ours: done.elapsedMs / done.lists },
      { name: 'peak memory of the main process', unit: 'MiB', ours: done.peakMiB ?? Number.NaN },
      {
        name: 'LDAP read, median',
        unit: 'ms',
        ours: quantile(times, 0.5),
        limit: quantile(before, 0.5),
      },
      {
        name: 'LDAP read, p99',
        unit: 'ms',
        ours: quantile(times, 0.99),
        limit: quantile(before, 0.99),
      },
      { name: 'event loop held, p99', unit: 'ms', ours: done.loopP99Ms },
      { name: 'event loop held, longest', unit: 'ms', ours: done.loopMaxMs },
    ],
    notes: [
      `${done.lists} lists, ${done.entries.toLocaleString('en')} entries, ${formatNumber(done.bytes / 2 ** 20)} MiB; ${times.length} reads meanwhile`,
      `loaded in ${formatNumber(fixture.loadMs / 1000)} s, ${formatNumber(fixture.bytes / 2 ** 20)} MiB of lists`,
    ],
  };
}

async function readFor(port: number, periodMs: number): Promise<readonly number[]> {
  const reads = await startReading(port);
  await new Promise((resolve) => {
    setTimeout(resolve, periodMs);
  });
  return await reads.stop();
}

await runBenchmark('nation', measure, TIME_LIMIT_MS);
