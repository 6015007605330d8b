/**
 * Revocations made durable with their entries and audit records: many in a run, and one by one from callers that each
 * wait for theirs, against bare durable transactions of as many bytes in the same store in the same run.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { CaInstance } from '../src/app/ca-instance.ts';
import { GROUP_SIZE, revokeInGroups } from '../src/ca/certificates/bulk-revocation.ts';
import { concatBytes, encodeUtf8 } from '../src/core/bytes.ts';
import { Keyspace, keyOf } from '../src/store/keyspace.ts';
import { addIssued } from '../test/support/ca-load.ts';
import {
  benchOrigin,
  makeBenchFolder,
  makeRequests,
  withInstance,
} from './support/bench-instance.ts';
import { formatNumber, type Report } from './support/report.ts';
import { Rounds, rateOver, timeOf } from './support/timing.ts';
import { runBenchmark, type Workshop } from './support/workshop.ts';

const ROUNDS = 3;
const BULK = 20_000;
const SINGLE = 1_500;
const CALLERS = [1, 64] as const;

/** What one revocation writes: status, entry and audit record, with their keys; scope and counts once a transaction. */
const ROWS: readonly number[] = [40, 50, 330];
const SHARED_ROWS: readonly number[] = [150, 40, 600];

/** A bare transaction of the same rows. */
async function writeBare({ store }: CaInstance, revocations: number): Promise<void> {
  const sizes = [...Array.from({ length: revocations }, () => ROWS).flat(), ...SHARED_ROWS];
  await store.transact('bench: bare rows', async (transaction) => {
    for (const size of sizes) {
      transaction.put(
        concatBytes(keyOf(Keyspace.recovery, encodeUtf8('bench')), randomBytes(32)),
        randomBytes(size),
      );
    }
  });
}

async function makeSerials(instance: CaInstance, count: number): Promise<readonly bigint[]> {
  const { authority: ca, store, random } = instance;
  const [request] = makeRequests(1);
  if (request === undefined) {
    throw new Error('no request was made');
  }
  const serials: bigint[] = [];
  const onSerial = (serialNumber: bigint): void => {
    serials.push(serialNumber);
  };
  await addIssued({ store, ca, random }, await ca.issue(request), { count, onSerial });
  return serials;
}

async function revokeBulk(instance: CaInstance, serials: readonly bigint[]): Promise<void> {
  const reason = 'keyCompromise';
  const orders = serials.map((serialNumber) => ({ serialNumber, reason }) as const);
  const run = revokeInGroups({ orders, origin: benchOrigin }, (group) =>
    instance.authority.revokeGroup(group),
  );
  for await (const { refused } of run) {
    if (refused.length > 0) {
      throw new Error(`${refused.length} were refused`);
    }
  }
}

/** Microseconds of processor time for each of `count`. */
async function cpuOf(count: number, work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

async function measureRound(rounds: Rounds, instance: CaInstance): Promise<void> {
  const serials = await makeSerials(instance, BULK);
  const lag = monitorEventLoopDelay({ resolution: 1 });
  lag.enable();
  const cpu = cpuOf(BULK, async () => {
    const ms = await timeOf(() => revokeBulk(instance, serials));
    rounds.add('bulk', (BULK * 1000) / ms);
  });
  rounds.add('bulk, CPU', await cpu);
  lag.disable();
  rounds.add('bulk, p99 lag', lag.percentile(99) / 1e6);
  rounds.add('bulk, longest lag', lag.max / 1e6);
  const groups = Array.from({ length: Math.ceil(BULK / GROUP_SIZE) }, () => GROUP_SIZE);
  const bareCpu = cpuOf(BULK, async () => {
    const groupRate = await rateOver(groups, 1, (size) => writeBare(instance, size));
    rounds.add('bulk, bare', groupRate * GROUP_SIZE);
  });
  rounds.add('bulk, bare CPU', await bareCpu);
  for (const callers of CALLERS) {
    const some = await makeSerials(instance, callers === 1 ? SINGLE / 5 : SINGLE);
    const revoke = (serialNumber: bigint): Promise<unknown> =>
      instance.authority.revoke({ serialNumber, reason: 'keyCompromise', origin: benchOrigin });
    const singleCpu = cpuOf(some.length, async () => {
      rounds.add(`single ${callers}`, await rateOver(some, callers, revoke));
    });
    rounds.add(`single ${callers}, CPU`, await singleCpu);
    const bare = await rateOver(some, callers, () => writeBare(instance, 1));
    rounds.add(`single ${callers}, bare`, bare);
  }
}

async function measure(workshop: Workshop): Promise<Report> {
  const folder = workshop.path('data');
  await makeBenchFolder(folder);
  const rounds = await withInstance(folder, async (instance) => {
    const measured = new Rounds();
    await revokeBulk(instance, await makeSerials(instance, 2_000));
    for (let round = 0; round < ROUNDS; round += 1) {
      await measureRound(measured, instance);
    }
    return measured;
  });
  const p99 = formatNumber(rounds.of('bulk, p99 lag'));
  const longest = formatNumber(rounds.of('bulk, longest lag'));
  return {
    program: 'revocation',
    peer: 'none: openssl ca revokes by rewriting a text file, without syncing it',
    limit: 'bare durable transactions of as many bytes in as many rows, on the same store',
    measures: [
      {
        ...{ name: `revoked in bulk, ${GROUP_SIZE} in a transaction`, unit: '/s' as const },
        ...{ ours: rounds.of('bulk'), limit: rounds.of('bulk, bare') },
      },
      {
        ...{ name: 'revoked in bulk, CPU', unit: 'µs' as const },
        ...{ ours: rounds.of('bulk, CPU'), limit: rounds.of('bulk, bare CPU') },
      },
      ...CALLERS.map((callers) => ({
        ...{ name: `revoked one by one, ${callers} callers`, unit: '/s' as const },
        ...{ ours: rounds.of(`single ${callers}`), limit: rounds.of(`single ${callers}, bare`) },
      })),
      ...CALLERS.map((callers) => ({
        ...{ name: `revoked one by one, ${callers} callers, CPU`, unit: 'µs' as const },
        ours: rounds.of(`single ${callers}, CPU`),
      })),
    ],
    notes: [`event loop while revoking in bulk: p99 ${p99} ms, longest ${longest} ms late`],
  };
}

await runBenchmark('revocation', measure);
