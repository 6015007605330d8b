/**
 * LDAP base searches of a small entry, near the root and six names deep, over 16 connections with one and with
 * 16 requests waiting on each: our server against slapd with the same entries and against a Node server that
 * answers with prepared bytes, one after the other in each round. Beside each rate the server's processor time for
 * one search, which a busy machine changes less.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import type { CaInstance } from '../src/app/ca-instance.ts';
import { packageRoot } from '../src/config/package-root.ts';
import { encodeUtf8 } from '../src/core/bytes.ts';
import { makeBenchFolder, withInstance } from './support/bench-instance.ts';
import type { LoadFigures, LoadOrder } from './support/ldap-load-child.ts';
import type { PreparedAnswer } from './support/prepared-server-child.ts';
import { cpuSeconds } from './support/process-figures.ts';
import { formatNumber, type Measure, type Report } from './support/report.ts';
import { startSlapd } from './support/slapd-server.ts';
import { Rounds } from './support/timing.ts';
import { type Helper, runBenchmark, type Workshop } from './support/workshop.ts';

interface Target {
  readonly kind: 'ours' | 'peer' | 'limit';
  readonly pid: number;
  readonly port: number;
}

interface Case {
  readonly name: string;
  readonly base: string;
  readonly outstanding: number;
}

const ROUNDS = 3;
const CONNECTIONS = 16;
const FIRST_MS = 1_000;
const WARM_UP_MS = 250;
const PERIOD_MS = 650;

const deepEntry =
  'ou=Sample,ou=Gunma-ken,ou=CRL Distribution Points,ou=Gunma Prefectural CA,o=JPKI,c=JP';

const entryLdif = `version: 1

dn: ${deepEntry}
objectClass: top
objectClass: organizationalUnit
ou: Sample
`;

const bases = [
  { depth: 1, base: 'c=JP' },
  { depth: 6, base: deepEntry },
];

const cases: readonly Case[] = bases.flatMap(({ depth, base }) =>
  [1, 16].map((outstanding) => ({
    name: `depth ${depth}, ${CONNECTIONS} connections × ${outstanding} waiting`,
    base,
    outstanding,
  })),
);

const baseTreeFile = join(packageRoot, 'ldif/gunma.ldif');

/** Adds the deep entry to ours; the base tree is there already. */
async function addEntry({ directory }: CaInstance): Promise<void> {
  await directory.importLdif(Readable.from([encodeUtf8(entryLdif)]), {
    principal: { kind: 'system', name: 'bench' },
    session: { isProtected: true, address: 'local', channel: 'cli' },
  });
}

async function startOurs(workshop: Workshop): Promise<Target> {
  const folder = workshop.path('data');
  await makeBenchFolder(folder);
  await withInstance(folder, (instance) => addEntry(instance));
  const server = workshop.fork('ldap-server-child');
  const port = await server.ask<number>(folder);
  return { kind: 'ours', pid: server.pid, port };
}

/** A server that gives the answer that ours gives. */
async function startPrepared(workshop: Workshop, answer: Uint8Array): Promise<Target> {
  const server = workshop.fork('prepared-server-child');
  const prepared: PreparedAnswer = { answer };
  return { kind: 'limit', pid: server.pid, port: await server.ask<number>({ ...prepared }) };
}

async function measureTarget(
  rounds: Rounds,
  generator: Helper,
  { one, target }: { readonly one: Case; readonly target: Target },
): Promise<void> {
  const order: LoadOrder = {
    port: target.port,
    base: one.base,
    connections: CONNECTIONS,
    outstanding: one.outstanding,
    warmUpMs: WARM_UP_MS,
    periodMs: PERIOD_MS,
  };
  const before = cpuSeconds(target.pid);
  const figures = await generator.ask<LoadFigures>({ ...order });
  const after = cpuSeconds(target.pid);
  rounds.add(`${one.name} ${target.kind}`, (figures.operations * 1000) / figures.elapsedMs);
  rounds.add(`busy ${target.kind}`, figures.busy);
  if (before !== undefined && after !== undefined) {
    const microseconds = ((after - before) * 1e6) / figures.allOperations;
    rounds.add(`${one.name} ${target.kind} cpu`, microseconds);
  }
}

function measuresOf(rounds: Rounds, { name }: Case): readonly Measure[] {
  const figure = (suffix: string): Omit<Measure, 'name' | 'unit'> => ({
    ours: rounds.of(`${name} ours${suffix}`),
    peer: rounds.median(`${name} peer${suffix}`),
    limit: rounds.median(`${name} limit${suffix}`),
  });
  const rate: Measure = { name, unit: '/s', ...figure('') };
  const hasCpu = rounds.median(`${name} ours cpu`) !== undefined;
  return hasCpu ? [rate, { name: `${name}, CPU`, unit: 'µs', ...figure(' cpu') }] : [rate];
}

/** Searches for a while, so that what is measured is not the first, and shows what one is answered. */
async function firstAnswer(generator: Helper, { port }: Target, base: string): Promise<Uint8Array> {
  const order: LoadOrder = {
    ...{ port, base, connections: CONNECTIONS, outstanding: CONNECTIONS },
    ...{ warmUpMs: 0, periodMs: FIRST_MS },
  };
  return (await generator.ask<LoadFigures>({ ...order })).answer;
}

async function measure(workshop: Workshop): Promise<Report> {
  const ours = await startOurs(workshop);
  const slapd = await startSlapd(workshop, `${readFileSync(baseTreeFile, 'utf8')}\n${entryLdif}`);
  const generator = workshop.fork('ldap-load-child');
  const rounds = new Rounds();
  const sizes: string[] = [];
  const peers: readonly Target[] = slapd === undefined ? [] : [{ kind: 'peer', ...slapd }];
  for (const { base, depth } of bases) {
    const answer = await firstAnswer(generator, ours, base);
    const limit = await startPrepared(workshop, answer);
    const lengths = [`${answer.length} bytes of ours`];
    for (const peer of peers) {
      const { length } = await firstAnswer(generator, peer, base);
      lengths.push(`${length} of slapd`);
    }
    sizes.push(`an answer at depth ${depth} has ${lengths.join(', ')}`);
    for (const one of cases.filter((candidate) => candidate.base === base)) {
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const target of [ours, ...peers, limit]) {
          await measureTarget(rounds, generator, { one, target });
        }
      }
    }
  }
  return {
    program: 'search, base, anonymous',
    peer:
      slapd === undefined
        ? 'slapd is not installed (Debian: apt-get install slapd): skipped'
        : `${slapd.version}, mdb, no access rules, no log; the same entries`,
    limit: 'a node:net server that finds the requests and answers with prepared bytes',
    measures: cases.flatMap((one) => measuresOf(rounds, one)),
    notes: [...sizes, busyNote(rounds)],
  };
}

function busyNote(rounds: Rounds): string {
  const shares = (['ours', 'peer', 'limit'] as const).flatMap((kind) => {
    const busy = rounds.largest(`busy ${kind}`);
    return busy === undefined ? [] : [`${formatNumber(100 * busy)} % with ${kind}`];
  });
  return `the load generator used of one core, at most: ${shares.join(', ')}`;
}

await runBenchmark('search', measure);
