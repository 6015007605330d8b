/**
 * What being audited costs: searches for a list with the access journal and without it, one after the other
 * in each round, and accesses into the journal alone; proofs of one record among ten million.
 *
 * @module
 */

import { mkdirSync } from 'node:fs';

import { AccessAccounts } from '../src/app/access-accounts.ts';
import { AccessJournal } from '../src/audit/access-journal.ts';
import { putFrontier } from '../src/audit/audit-state.ts';
import { readTile, recordKey } from '../src/audit/audit-tiles.ts';
import { openAuditLog } from '../src/audit/merkle-audit-log.ts';
import { SystemClock } from '../src/core/clock.ts';
import { silentLog } from '../src/core/log.ts';
import { anonymous } from '../src/directory/accounts/principal.ts';
import type { ObservedAccess } from '../src/directory/service.ts';
import { encodeUint64, Keyspace, keyOf } from '../src/store/keyspace.ts';
import { openLevelStore } from '../src/store/level/level-store.ts';
import type { Store } from '../src/store/store.ts';
import { formatCheckpoint } from '../src/tlog/checkpoint.ts';
import { hashComplete, hashLeaf } from '../src/tlog/merkle-tree.ts';
import { verifyInclusion } from '../src/tlog/proof.ts';
import { formatProofFile } from '../src/tlog/proof-file.ts';
import { TreeReader } from '../src/tlog/tree-reader.ts';
import { sampleEntries, sampleKey, sampleList } from '../test/support/x509-samples.ts';
import type { AccessServerOrder } from './support/access-server-child.ts';
import type { LoadFigures, LoadOrder } from './support/ldap-load-child.ts';
import { cpuSeconds } from './support/process-figures.ts';
import { formatNumber, type Measure, type Report } from './support/report.ts';
import { Rounds } from './support/timing.ts';
import { type Helper, runBenchmark, type Workshop } from './support/workshop.ts';

const ROUNDS = 5;
const suffix = 'c=JP';
const base = `cn=list,${suffix}`;

interface Target {
  readonly kind: 'with' | 'without';
  readonly server: Helper;
  readonly port: number;
}

const loads = [
  { name: 'list of 4 KB, 16 connections', connections: 16, outstanding: 1 },
  { name: 'list of 4 KB, 16 connections × 8', connections: 16, outstanding: 8 },
];

async function startTargets(workshop: Workshop): Promise<readonly Target[]> {
  const list = sampleList(sampleKey('p256'), sampleEntries(100));
  const targets: Target[] = [];
  for (const kind of ['with', 'without'] as const) {
    const server = workshop.fork('access-server-child');
    const folder = workshop.path(kind);
    mkdirSync(folder);
    const order: AccessServerOrder = { folder, suffix, list, hasJournal: kind === 'with' };
    targets.push({ kind, server, port: await server.ask<number>(order) });
  }
  return targets;
}

async function measureSearches(workshop: Workshop): Promise<{
  readonly measures: readonly Measure[];
  readonly notes: readonly string[];
}> {
  const targets = await startTargets(workshop);
  const generator = workshop.fork('ldap-load-child');
  const rounds = new Rounds();
  for (const { name, connections, outstanding } of loads) {
    for (let round = 0; round < ROUNDS; round += 1) {
      // Who comes first changes, since the machine may not stay the same.
      for (const target of round % 2 === 0 ? targets : targets.toReversed()) {
        const wish: LoadOrder = {
          ...{ port: target.port, base, connections, outstanding },
          ...{ warmUpMs: 300, periodMs: 1_200 },
        };
        const before = cpuSeconds(target.server.pid) ?? Number.NaN;
        const figures = await generator.ask<LoadFigures>(wish);
        const after = cpuSeconds(target.server.pid) ?? Number.NaN;
        rounds.add(`${name} ${target.kind}`, (figures.operations * 1_000) / figures.elapsedMs);
        rounds.add(`${name} ${target.kind} cpu`, ((after - before) * 1e6) / figures.allOperations);
      }
    }
  }
  const counted = await targets.find(({ kind }) => kind === 'with')?.server.ask<number>('accesses');
  const measures = loads.flatMap(({ name }): readonly Measure[] => [
    { name, unit: '/s', ours: rounds.of(`${name} with`), peer: rounds.of(`${name} without`) },
    {
      name: `${name}, CPU`,
      unit: 'µs',
      ours: rounds.of(`${name} with cpu`),
      peer: rounds.of(`${name} without cpu`),
    },
  ]);
  return { measures, notes: [`${formatNumber(counted ?? 0)} accesses in the journal at the end`] };
}

/** What the observer of the directory costs by itself, with everything that it hands on written and synced. */
async function measureJournal(workshop: Workshop, store: Store): Promise<readonly Measure[]> {
  const clock = new SystemClock();
  const audit = openAuditLog({ clock });
  const journal = await AccessJournal.open({
    ...{ folder: workshop.path('alone'), store, audit, clock, log: silentLog, utcOffsetMs: 0 },
  });
  const accounts = new AccessAccounts(journal);
  const attribute = 'certificateRevocationList';
  const looks = [{ dn: base, attribute, outcome: 'given', bytes: 4_000 }] as const;
  const accesses = Array.from({ length: 16 }, (_none, at): ObservedAccess => {
    const session = { isProtected: false, address: `192.0.2.${at}`, channel: 'ldap' };
    const caller = { principal: anonymous, session };
    const facts = { operation: 'search', base, asked: [], entries: 1, result: 'success' } as const;
    return { ...facts, caller, looks, isRepeated: true };
  });
  const count = 2_000_000;
  const before = process.cpuUsage();
  const startMs = performance.now();
  for (let at = 0; at < count; at += 1) {
    const access = accesses[at % accesses.length];
    if (access !== undefined) {
      accounts.accessed(access);
    }
    if (at % 10_000 === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await journal.sync();
  const elapsedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(before);
  await journal.close();
  return [
    { name: 'accesses, synced', unit: '/s', ours: (count * 1_000) / elapsedMs },
    { name: 'an access, CPU', unit: 'µs', ours: (user + system) / count },
  ];
}

const SIZE = 10_000_000n;

/** Tiles and the last records of a log of ten million, written without the way there. */
async function synthesise(store: Store): Promise<void> {
  const record = (sequence: bigint): Uint8Array => Buffer.from(`record ${sequence}`);
  let below: Uint8Array[] = [];
  const full = SIZE / 256n;
  for (let first = 0n; first < full; first += 512n) {
    await store.transact('bench', async (transaction) => {
      for (let index = first; index < full && index < first + 512n; index += 1n) {
        const hashes = Array.from({ length: 256 }, (_none, at) =>
          hashLeaf(record(index * 256n + BigInt(at))),
        );
        const tile = Buffer.concat(hashes);
        transaction.put(tileKey(0, index), tile);
        below.push(hashComplete(tile));
      }
    });
  }
  await store.transact('bench', async (transaction) => {
    for (let level = 1; below.length > 0; level += 1) {
      const next: Uint8Array[] = [];
      for (let at = 0; at < below.length; at += 256) {
        const tile = Buffer.concat(below.slice(at, at + 256));
        transaction.put(tileKey(level, BigInt(at / 256)), tile);
        if (tile.length === 8_192) {
          next.push(hashComplete(tile));
        }
      }
      below = next;
    }
    for (let sequence = full * 256n; sequence < SIZE; sequence += 1n) {
      transaction.put(recordKey(sequence), record(sequence));
    }
    putFrontier(transaction, { size: 0n, peaks: [] });
  });
}

function tileKey(level: number, index: bigint): Uint8Array {
  return keyOf(Keyspace.auditTile, Uint8Array.of(level), encodeUint64(index));
}

async function measureProofs(store: Store): Promise<{
  readonly measures: readonly Measure[];
  readonly notes: readonly string[];
}> {
  await synthesise(store);
  const times: number[] = [];
  let longest = 0;
  const snapshot = store.snapshot();
  const head = {
    size: SIZE,
    rootHash: await new TreeReader(SIZE, (place) => readTile(snapshot, place)).rootHash(),
  };
  for (let at = 0n; at < 300n; at += 1n) {
    const index = (at * 7_919_777n) % SIZE;
    const startMs = performance.now();
    const tree = new TreeReader(SIZE, (place) => readTile(snapshot, place));
    const path = await tree.inclusionProof(index);
    const elapsedMs = performance.now() - startMs;
    times.push(elapsedMs);
    const leafHash = hashLeaf(Buffer.from(`record ${index}`));
    verifyInclusion({ index, leafHash, path }, head);
    // The signature line of an Ed25519 checkpoint has some 130 characters with a name like ours.
    const checkpoint = formatCheckpoint({ origin: 'certdir/gunma/0123456789abcdef', ...head });
    longest = Math.max(longest, formatProofFile({ index, path, checkpoint }).length + 140);
  }
  await snapshot.close();
  return {
    measures: [
      { name: 'proof of one among 10,000,000', unit: 'ms', ours: timeAt(times, 0.5), limit: 5 },
      { name: '95 of 100 take no longer than', unit: 'ms', ours: timeAt(times, 0.95), limit: 5 },
    ],
    notes: [`the longest proof file has ${longest} bytes; the bound is 2,048`],
  };
}

/** Up to where a share of the times goes. */
function timeAt(times: readonly number[], share: number): number {
  const sorted = times.toSorted((left, right) => left - right);
  return sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
}

async function measure(workshop: Workshop): Promise<Report> {
  const searches = await measureSearches(workshop);
  const store = await openLevelStore({
    folder: workshop.path('log'),
    clock: new SystemClock(),
    log: silentLog,
  });
  workshop.closing.push(store, { name: 'store', close: (opened) => opened.close() });
  const alone = await measureJournal(workshop, store);
  const proofs = await measureProofs(store);
  return {
    program: 'audit, what it costs',
    peer: 'the same server without the access journal',
    limit: 'for proofs, the bound of 5 ms',
    measures: [...searches.measures, ...alone, ...proofs.measures],
    notes: [...searches.notes, ...proofs.notes],
  };
}

await runBenchmark('audit', measure);
