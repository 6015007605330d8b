/**
 * What being audited costs: searches for a list with the access journal and without it, one after the other
 * in each round, and accesses into the journal alone; proofs of one record among ten million.
 *
 * @module
 */

import { sign } from 'node:crypto';
import { mkdirSync } from 'node:fs';

import { AccessAccounts } from '../src/app/access-accounts.ts';
import { AccessJournal } from '../src/audit/access-journal.ts';
import { putFrontier } from '../src/audit/audit-state.ts';
import { recordKey } from '../src/audit/audit-tiles.ts';
import { Checkpointer } from '../src/audit/checkpointer.ts';
import { openAuditLog } from '../src/audit/merkle-audit-log.ts';
import { RecordProofs } from '../src/audit/record-proofs.ts';
import { SystemClock } from '../src/core/clock.ts';
import { silentLog } from '../src/core/log.ts';
import { anonymous } from '../src/directory/accounts/principal.ts';
import type { ObservedAccess } from '../src/directory/service.ts';
import { encodeUint64, Keyspace, keyOf } from '../src/store/keyspace.ts';
import { openLevelStore } from '../src/store/level/level-store.ts';
import type { Store } from '../src/store/store.ts';
import { appendLeaf, emptyFrontier, hashComplete, hashLeaf } from '../src/tlog/merkle-tree.ts';
import { makeLogKey } from '../test/support/memory-log.ts';
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
const PROOFS = 2_000;

/** Spread over the whole log, the same in every run. */
const proven = Array.from({ length: PROOFS }, (_none, at) => (BigInt(at) * 7_919_777n) % SIZE);

/** A record as certdir writes them. */
function record(sequence: bigint): Uint8Array {
  const what = '"time":"2026-01-05T00:00:00.000Z","kind":"certificate.issue","result":"done"';
  const by = '"channel":"cli","actor":"cn=registrar","subject":"00000000"';
  return Buffer.from(`{"v":1,"sequence":"${sequence}",${what},${by}}`);
}

/** Tiles and the wanted records of a log of ten million, written without the way there. */
async function synthesise(store: Store): Promise<void> {
  let below: Uint8Array[] = [];
  let frontier = emptyFrontier;
  const full = SIZE / 256n;
  for (let first = 0n; first < full; first += 512n) {
    await store.transact('bench', async (transaction) => {
      for (let index = first; index < full && index < first + 512n; index += 1n) {
        const hashes = Array.from({ length: 256 }, (_none, at) =>
          hashLeaf(record(index * 256n + BigInt(at))),
        );
        const tile = Buffer.concat(hashes);
        const root = hashComplete(tile);
        transaction.put(tileKey(0, index), tile);
        below.push(root);
        frontier = appendLeaf(frontier, root);
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
    let last = emptyFrontier;
    for (let sequence = full * 256n; sequence < SIZE; sequence += 1n) {
      transaction.put(recordKey(sequence), record(sequence));
      last = appendLeaf(last, hashLeaf(record(sequence)));
    }
    for (const sequence of proven) {
      transaction.put(recordKey(sequence), record(sequence));
    }
    putFrontier(transaction, { size: SIZE, peaks: [...frontier.peaks, ...last.peaks] });
  });
}

function tileKey(level: number, index: bigint): Uint8Array {
  return keyOf(Keyspace.auditTile, Uint8Array.of(level), encodeUint64(index));
}

/** As `certdir audit prove` has them made; each is verified, and the time that takes is not in the figures. */
async function measureProofs(
  workshop: Workshop,
  store: Store,
): Promise<{ readonly measures: readonly Measure[]; readonly notes: readonly string[] }> {
  await synthesise(store);
  const key = makeLogKey('certdir/gunma/0123456789abcdef');
  const checkpointer = new Checkpointer({
    store,
    audit: openAuditLog({ clock: new SystemClock() }),
    key: { note: key.note, sign: async (message) => sign(null, message, key.privateKey) },
    file: workshop.path('audit/checkpoint'),
    log: silentLog,
  });
  await checkpointer.sign();
  const proofs = new RecordProofs({ store, checkpointer });
  const times: number[] = [];
  const cpuTimes: number[] = [];
  let longest = 0;
  for (const sequence of proven) {
    const before = process.cpuUsage();
    const startMs = performance.now();
    const { proof } = await proofs.prove(sequence);
    times.push(performance.now() - startMs);
    const { user, system } = process.cpuUsage(before);
    cpuTimes.push((user + system) / 1_000);
    longest = Math.max(longest, Buffer.byteLength(proof));
  }
  const within = (share: number): number => timeAt(times, share);
  const limit = 5;
  return {
    measures: [
      { name: 'proof of one among 10,000,000', unit: 'ms', ours: within(0.5), limit },
      { name: '95 of 100 take no longer than', unit: 'ms', ours: within(0.95), limit },
      { name: '99 of 100', unit: 'ms', ours: within(0.99), limit },
      { name: 'the slowest', unit: 'ms', ours: Math.max(...times) },
      { name: 'a proof, CPU', unit: 'ms', ours: timeAt(cpuTimes, 0.5), limit },
      { name: '95 of 100, CPU', unit: 'ms', ours: timeAt(cpuTimes, 0.95), limit },
      { name: '99 of 100, CPU', unit: 'ms', ours: timeAt(cpuTimes, 0.99), limit },
    ],
    notes: [`${PROOFS} proofs; the longest has ${longest} bytes, and the bound is 2,048`],
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
  const proofs = await measureProofs(workshop, store);
  return {
    program: 'audit, what it costs',
    peer: 'the same server without the access journal',
    limit: 'for proofs, the bound of 5 ms',
    measures: [...searches.measures, ...alone, ...proofs.measures],
    notes: [...searches.notes, ...proofs.notes],
  };
}

await runBenchmark('audit', measure);
