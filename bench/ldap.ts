/**
 * What verifiers ask of the directory: small entries, near the root and eight names deep, one by one and eight at a time, lists of three
 * sizes, a connection
 * with bind, search and unbind for each question, a person among 100,000 by an indexed attribute. Our server
 * against slapd with the same entries, one after the other in each round, both readable by everyone.
 *
 * @module
 */

import { writeFileSync } from 'node:fs';

import type { ServedPorts } from './support/ldap-directory-child.ts';
import {
  baseRecords,
  baseSearch,
  bindRequest,
  ldifRecord,
  listDn,
  listRecord,
  nameSearch,
  reader,
  suffix,
} from './support/ldap-requests.ts';
import type { TransferFigures, TransferOrder } from './support/ldap-transfer-child.ts';
import { loadDirectory } from './support/loaded-directory.ts';
import { cpuSeconds, peakMemoryMiB } from './support/process-figures.ts';
import { formatNumber, type Measure, type Report } from './support/report.ts';
import { startSlapd } from './support/slapd-server.ts';
import { Rounds } from './support/timing.ts';
import { type Helper, runBenchmark, type Workshop } from './support/workshop.ts';

interface Target {
  readonly kind: 'ours' | 'peer';
  readonly pid: number;
  readonly port: number;
}

interface Case {
  readonly name: string;
  readonly requests: readonly Uint8Array[];
  readonly connections: number;
  readonly outstanding: number;
  readonly bind?: Uint8Array;
  /** Requests are not repeated, so nothing of them is warm. */
  readonly warmUpMs: number;
  readonly periodMs: number;
}

const ROUNDS = 3;
const PEOPLE = 100_000;
const personName = (index: number): string => `person ${String(index).padStart(6, '0')}`;

/** Every person once, in an order in which no two neighbours follow each other. */
const personSearches: readonly Uint8Array[] = Array.from({ length: PEOPLE }, (_none, index) =>
  nameSearch(personName((index * 70_001) % PEOPLE)),
);

const lists = [
  { bytes: 100_000, name: '100 KB', connections: 16 },
  { bytes: 1_000_000, name: '1 MB', connections: 4 },
  { bytes: 20_000_000, name: '20 MB', connections: 2 },
];

const DEPTH = 8;
const deepName = (depth: number): string =>
  Array.from({ length: depth - 1 }, (_none, index) => `ou=level ${depth - index},`).join('') +
  suffix;

const small = { warmUpMs: 400, periodMs: 900 };
const cases: readonly Case[] = [
  {
    name: 'base, 16 connections',
    requests: [baseSearch(suffix)],
    ...{ connections: 16, outstanding: 1, ...small },
  },
  {
    name: 'base, 16 connections × 8',
    requests: [baseSearch(suffix)],
    ...{ connections: 16, outstanding: 8, ...small },
  },
  {
    name: `base ${DEPTH} names deep, 16 connections`,
    requests: [baseSearch(deepName(DEPTH))],
    ...{ connections: 16, outstanding: 1, ...small },
  },
  {
    name: `base ${DEPTH} names deep, 16 connections × 8`,
    requests: [baseSearch(deepName(DEPTH))],
    ...{ connections: 16, outstanding: 8, ...small },
  },
  ...lists.map(({ name, connections }) => ({
    name: `list of ${name}, ${connections} connections`,
    requests: [baseSearch(listDn(name))],
    ...{ connections, outstanding: 1, warmUpMs: 500, periodMs: 1_500 },
  })),
  {
    name: 'bind, search, unbind, 8 at a time',
    requests: [baseSearch(reader)],
    // Long enough for the first binds, which cost a scrypt each.
    ...{ bind: bindRequest, connections: 8, outstanding: 1, warmUpMs: 1_500, periodMs: 900 },
  },
  {
    name: 'one of 100,000 by cn, 16 connections',
    requests: personSearches,
    ...{ connections: 16, outstanding: 1, warmUpMs: 200, periodMs: 900 },
  },
  {
    name: 'one of 1,000 of 100,000 by cn',
    requests: personSearches.slice(0, 1_000),
    ...{ connections: 16, outstanding: 1, ...small },
  },
];

function entriesAsLdif(): string {
  const records = [...baseRecords(), ...lists.map(({ name, bytes }) => listRecord(name, bytes))];
  for (let depth = 2; depth <= DEPTH; depth += 1) {
    const lines = ['objectClass: organizationalUnit', `ou: level ${depth}`];
    records.push(ldifRecord(deepName(depth), lines));
  }
  for (let index = 0; index < PEOPLE; index += 1) {
    const cn = personName(index);
    records.push(ldifRecord(`cn=${cn},${suffix}`, ['objectClass: person', `cn: ${cn}`, 'sn: x']));
  }
  return records.join('');
}

async function startTargets(workshop: Workshop): Promise<readonly Target[]> {
  const ldif = entriesAsLdif();
  const ldifFile = workshop.path('entries.ldif');
  writeFileSync(ldifFile, `version: 1\n\n${ldif}`);
  const folder = workshop.path('store');
  await loadDirectory(workshop, { folder, ldifFile, suffix });
  const server = workshop.fork('ldap-directory-child');
  const { port } = await server.ask<ServedPorts>({ kind: 'serve', folder, suffix });
  const slapd = await startSlapd(workshop, ldif, {
    database: ['index objectClass,cn eq'],
  });
  const ours: Target = { kind: 'ours', pid: server.pid, port };
  return slapd === undefined ? [ours] : [ours, { kind: 'peer', ...slapd }];
}

/** By case and target: asked for once. */
const answerLengths = new Map<string, readonly number[]>();

async function measureTarget(
  rounds: Rounds,
  generator: Helper,
  { one, target, round }: { readonly one: Case; readonly target: Target; readonly round: number },
): Promise<void> {
  const { name, ...wish } = one;
  const startAt = Math.floor((round * one.requests.length) / ROUNDS);
  const order: TransferOrder = { ...wish, startAt, port: target.port, answerBytes: 0 };
  const known = `${name} ${target.kind}`;
  const lengths =
    answerLengths.get(known) ?? (await generator.ask<readonly number[]>({ isFirst: true, order }));
  answerLengths.set(known, lengths);
  const [bindAnswerBytes, answerBytes] = lengths.length === 2 ? lengths : [0, ...lengths];
  const before = cpuSeconds(target.pid);
  const figures = await generator.ask<TransferFigures>({
    isFirst: false,
    order: { ...order, answerBytes: answerBytes ?? 0, bindAnswerBytes: bindAnswerBytes ?? 0 },
  });
  const after = cpuSeconds(target.pid);
  rounds.add(`${name} ${target.kind}`, (figures.operations * 1000) / figures.elapsedMs);
  rounds.add(`busy ${target.kind}`, figures.busy);
  if (before !== undefined && after !== undefined) {
    rounds.add(`${name} ${target.kind} cpu`, ((after - before) * 1e6) / figures.allOperations);
  }
}

function measuresOf(rounds: Rounds, { name }: Case): readonly Measure[] {
  const figure = (suffixed: string): Omit<Measure, 'name' | 'unit'> => ({
    ours: rounds.of(`${name} ours${suffixed}`),
    peer: rounds.median(`${name} peer${suffixed}`),
  });
  const rate: Measure = { name, unit: '/s', ...figure('') };
  const hasCpu = rounds.median(`${name} ours cpu`) !== undefined;
  return hasCpu ? [rate, { name: `${name}, CPU`, unit: 'µs', ...figure(' cpu') }] : [rate];
}

async function measure(workshop: Workshop): Promise<Report> {
  const targets = await startTargets(workshop);
  const generator = workshop.fork('ldap-transfer-child');
  const rounds = new Rounds();
  for (const one of cases) {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const target of targets) {
        await measureTarget(rounds, generator, { one, target, round });
      }
    }
  }
  const memory = targets.flatMap(({ kind, pid }) => {
    const peakMiB = peakMemoryMiB(pid);
    return peakMiB === undefined ? [] : [`${kind} ${formatNumber(peakMiB)} MiB`];
  });
  const busy = targets.map(
    ({ kind }) => `${formatNumber(100 * (rounds.largest(`busy ${kind}`) ?? 0))} % with ${kind}`,
  );
  return {
    program: 'ldap, what verifiers ask',
    peer:
      targets.length === 1
        ? 'slapd is not installed (Debian: apt-get install slapd): skipped'
        : 'slapd, mdb, index on cn, no access rules, no log; the same entries',
    limit: 'none: bench search has one',
    measures: cases.flatMap((one) => measuresOf(rounds, one)),
    notes: [
      `the load generator used of one core, at most: ${busy.join(', ')}`,
      `peak memory, loading included: ${memory.join(', ')}`,
    ],
  };
}

await runBenchmark('ldap', measure);
