/**
 * What verifiers ask of the directory: small entries one by one and eight at a time, lists of three sizes, a connection
 * with bind, search and unbind for each question, a person among 100,000 by an indexed attribute. Our server
 * against slapd with the same entries, one after the other in each round, both readable by everyone.
 *
 * @module
 */

import { writeFileSync } from 'node:fs';

import { sampleEntries, sampleKey, sampleList } from '../test/support/x509-samples.ts';
import type { TransferFigures, TransferOrder } from './support/ldap-transfer-child.ts';
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
const suffix = 'c=JP';
const reader = `cn=reader,${suffix}`;
const password = 'correct horse';

/** Message ids have four octets, so that all answers have one length. */
const MESSAGE_ID = Buffer.of(0x02, 4, 1, 0, 0, 0);

function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >>> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

const octets = (text: string): Buffer => element(0x04, Buffer.from(text));

function searchRequest(base: string, scope: number, filter: Buffer): Uint8Array {
  const fixed = Buffer.of(0x0a, 1, scope, 0x0a, 1, 0, 0x02, 1, 0, 0x02, 1, 0, 0x01, 1, 0);
  return element(0x30, MESSAGE_ID, element(0x63, octets(base), fixed, filter, element(0x30)));
}

const baseSearch = (base: string): Uint8Array =>
  searchRequest(base, 0, element(0x87, Buffer.from('objectClass')));

const bindRequest = element(
  ...([0x30, MESSAGE_ID] as const),
  element(0x60, Buffer.of(0x02, 1, 3), octets(reader), element(0x80, Buffer.from(password))),
);

const personName = (index: number): string => `person ${String(index).padStart(6, '0')}`;

/** Every person once, in an order in which no two neighbours follow each other. */
const personSearches: readonly Uint8Array[] = Array.from({ length: PEOPLE }, (_none, index) =>
  searchRequest(
    suffix,
    2,
    element(0xa3, octets('cn'), octets(personName((index * 70_001) % PEOPLE))),
  ),
);

const lists = [
  { bytes: 100_000, name: '100 KB', connections: 16 },
  { bytes: 1_000_000, name: '1 MB', connections: 4 },
  { bytes: 20_000_000, name: '20 MB', connections: 2 },
];
const listDn = (name: string): string => `cn=CRL ${name},${suffix}`;

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

function ldifRecord(dn: string, lines: readonly string[]): string {
  return [`dn: ${dn}`, ...lines, '', ''].join('\n');
}

function entriesAsLdif(): string {
  const key = sampleKey('p256');
  const block = sampleEntries(5_000);
  const records = [
    ldifRecord(suffix, ['objectClass: country', 'c: JP']),
    ldifRecord(reader, [
      ...['objectClass: organizationalRole', 'objectClass: simpleSecurityObject'],
      ...['cn: reader', `userPassword: ${password}`],
    ]),
  ];
  for (const { name, bytes } of lists) {
    const entries = Buffer.alloc(Math.max(1, Math.round(bytes / block.length)) * block.length);
    for (let at = 0; at < entries.length; at += block.length) {
      entries.set(block, at);
    }
    const count = Math.round((bytes / block.length) * 5_000);
    const list = sampleList(key, bytes < block.length ? sampleEntries(count) : entries);
    const value = Buffer.from(list)
      .toString('base64')
      .replaceAll(/(.{70})/g, '$1\n ');
    records.push(
      ldifRecord(listDn(name), [
        ...['objectClass: cRLDistributionPoint', `cn: CRL ${name}`],
        `certificateRevocationList;binary:: ${value}`,
      ]),
    );
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
  const server = workshop.fork('ldap-directory-child');
  const order = { folder: workshop.path('store'), ldifFile, suffix };
  const port = await server.ask<number>(order);
  const slapd = await startSlapd(workshop, ldif, ['index objectClass,cn eq']);
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
