/**
 * How long LDAP reads take while the same program issues certificates: base searches for the CA's entry at a set rate over four
 * connections, at rest and while so many callers wait for certificates, in turns.
 *
 * @module
 */

import type { IssuingFigures, IssuingOrder } from './support/issuing-server-child.ts';
import { prepareBaseSearch } from './support/ldap-search-request.ts';
import type { Report } from './support/report.ts';
import { openLengthConnection, timesAtRate } from './support/socket-load.ts';
import { Rounds } from './support/timing.ts';
import { runBenchmark, type Workshop } from './support/workshop.ts';

const ROUNDS = 3;
const CALLERS = [4, 64] as const;
const READS_PER_SECOND = 500;
const PERIOD_MS = 3_000;
const CONNECTIONS = 4;
/** More than are issued in a period. */
const PREPARED = 8_000;
const WARM_UP = 1_500;

function timeAt(times: readonly number[], share: number): number {
  const sorted = [...times].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}

async function measure(workshop: Workshop): Promise<Report> {
  const server = workshop.fork('issuing-server-child');
  const order = (one: IssuingOrder): Promise<IssuingFigures> => server.ask<IssuingFigures>(one);
  const { port, caDn } = await order({ kind: 'start', folder: workshop.path('data') });
  const { bytes } = prepareBaseSearch(caDn);
  // An id that is not zero, the same each time: nothing else waits on the connection.
  const request = Buffer.from(bytes);
  request[prepareBaseSearch(caDn).idOffset] = 1;
  const open = () => openLengthConnection(port, request);
  const load = { perSecond: READS_PER_SECOND, periodMs: PERIOD_MS, connections: CONNECTIONS };
  const read = () => timesAtRate(open, () => request, load);
  const rounds = new Rounds();
  const note = (name: string, times: readonly number[]): void => {
    rounds.add(`${name}, median`, timeAt(times, 0.5));
    rounds.add(`${name}, p99`, timeAt(times, 0.99));
  };
  await order({ kind: 'prepare', count: WARM_UP });
  await order({ kind: 'issue', callers: 16 });
  await read();
  await order({ kind: 'stop' });
  for (let round = 0; round < ROUNDS; round += 1) {
    note('rest', await read());
    for (const callers of CALLERS) {
      await order({ kind: 'prepare', count: PREPARED });
      await order({ kind: 'issue', callers });
      note(`issuing ${callers}`, await read());
      const { perSecond, lateP99Ms } = await order({ kind: 'stop' });
      rounds.add(`issued ${callers}`, perSecond);
      rounds.add(`late ${callers}`, lateP99Ms);
    }
  }
  const atRest = (share: string) => rounds.of(`rest, ${share}`);
  return {
    program: 'reads',
    peer: 'none',
    limit: 'the same reads at rest',
    measures: CALLERS.flatMap((callers) => [
      ...['median', 'p99'].map((share) => ({
        name: `LDAP read, ${callers} waiting for certificates, ${share}`,
        unit: 'ms' as const,
        ours: rounds.of(`issuing ${callers}, ${share}`),
        limit: atRest(share),
      })),
      {
        name: `event loop late meanwhile, p99`,
        unit: 'ms' as const,
        ours: rounds.of(`late ${callers}`),
      },
      { name: 'certificates meanwhile', unit: '/s' as const, ours: rounds.of(`issued ${callers}`) },
    ]),
    notes: [
      `${READS_PER_SECOND} reads/s over ${CONNECTIONS} connections, timed from when each was due`,
    ],
  };
}

await runBenchmark('reads', measure);
