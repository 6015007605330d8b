/**
 * Revocation lists of 1,000,000 and, with `--large`, 5,000,000 entries: the bytes of the next list, signed and
 * verified, and the list that is durable and visible; against `openssl ca -gencrl` over as many entries and against
 * what cannot be saved. And one of 100,000 entries of which each is new.
 *
 * `--entries 200000` measures one list of that size instead.
 *
 * @module
 */

import type { CaInstance } from '../src/app/ca-instance.ts';
import { addRevoked } from '../test/support/ca-load.ts';
import { hasTool } from '../test/support/outside-tool.ts';
import { loadPublished } from '../test/support/published-load.ts';
import {
  benchOrigin,
  makeBenchFolder,
  makeRequests,
  withInstance,
} from './support/bench-instance.ts';
import type { PublishFigures, PublishOrder } from './support/crl-publisher-child.ts';
import { timeDurableWrite } from './support/disk.ts';
import { openEngine } from './support/engine-core.ts';
import { OpensslAuthority, opensslVersion } from './support/openssl-authority.ts';
import { formatNumber, type Measure, type Report } from './support/report.ts';
import { type Cost, costOf, median, timeOf } from './support/timing.ts';
import { runBenchmark, type Workshop } from './support/workshop.ts';

interface ListSize {
  readonly entries: number;
  /** A municipality for each, so that one CA holds all lists. */
  readonly scopeId: string;
}

const ROUNDS = 3;
const NEW_ENTRIES = 100_000;
/** Where every entry is new. */
const NEW_SCOPE = '10209';
/** OpenSSL takes 11 s for a million; above this it is given fewer entries, and its time multiplied. */
const MAX_PEER_ENTRIES = 1_000_000;
const YESTERDAY_MS = 25 * 3_600_000;
const TIME_LIMIT_MS = 900_000;

function chosenSizes(): readonly ListSize[] {
  const at = process.argv.indexOf('--entries');
  if (at > 0) {
    return [{ entries: Number(process.argv[at + 1]), scopeId: '10201' }];
  }
  const million = { entries: 1_000_000, scopeId: '10201' };
  return process.argv.includes('--large')
    ? [million, { entries: 5_000_000, scopeId: '10202' }]
    : [million];
}

async function load(instance: CaInstance, sizes: readonly ListSize[]): Promise<readonly string[]> {
  const core = await openEngine(instance);
  const publishedMs = Date.now() - YESTERDAY_MS;
  const notes: string[] = [];
  for (const { entries, scopeId } of sizes) {
    const scope = core.scopes.find(scopeId);
    // A certificate lasts three years; about one in a thousand ends on a day.
    const list = { scope, entries, servedEvery: 1_000, publishedMs };
    const seconds = (await timeOf(() => loadPublished(core, list))) / 1000;
    const count = entries.toLocaleString('en');
    notes.push(`${count} entries loaded as of yesterday in ${formatNumber(seconds)} s`);
  }
  return notes;
}

/** A list whose entries all have to be looked up. */
async function measureNew(instance: CaInstance): Promise<Cost> {
  const { authority: ca, store, random } = instance;
  const [request] = makeRequests(1, NEW_SCOPE);
  if (request === undefined) {
    throw new Error('no request was made');
  }
  const model = await ca.issue(request);
  await addRevoked({ store, ca, random }, model, NEW_ENTRIES);
  return await costOf(() => ca.publish(NEW_SCOPE, benchOrigin));
}

interface PeerFigures {
  readonly elapsedMs: number;
  readonly peakMiB: number | undefined;
  readonly note: string | undefined;
}

async function measurePeer(
  openssl: OpensslAuthority | undefined,
  entries: number,
): Promise<PeerFigures | undefined> {
  if (openssl === undefined) {
    return undefined;
  }
  const given = Math.min(entries, MAX_PEER_ENTRIES);
  const times = entries / given;
  openssl.writeIndex(given);
  const { elapsedMs, peakMiB } = await openssl.makeList();
  const peak = peakMiB === undefined ? undefined : peakMiB * times;
  const note = times === 1 ? undefined : `peer: ${given} entries, times ${formatNumber(times)}`;
  return { elapsedMs: elapsedMs * times, peakMiB: peak, note };
}

const elapsed = (costs: readonly Cost[]): number => median(costs.map((cost) => cost.elapsedMs));
const cpu = (costs: readonly Cost[]): number => median(costs.map((cost) => cost.cpuMs));

async function measureSize(
  workshop: Workshop,
  { entries, scopeId }: ListSize,
  openssl: OpensslAuthority | undefined,
): Promise<{ readonly measures: readonly Measure[]; readonly notes: readonly string[] }> {
  const order: PublishOrder = { folder: workshop.path('data'), scopeId, rounds: ROUNDS };
  const publisher = workshop.fork('crl-publisher-child');
  const ours = await publisher.ask<PublishFigures>({ ...order });
  await publisher.close();
  const bytes = new Uint8Array(ours.byteLength);
  const writeMs = await timeDurableWrite(workshop.path(`list-${scopeId}`), bytes, ROUNDS);
  const peer = await measurePeer(openssl, entries);
  const name = `${entries.toLocaleString('en')} entries`;
  const limit = elapsed(ours.limit);
  const measures: Measure[] = [
    measureOf(`${name}: signed and verified`, elapsed(ours.made), peer?.elapsedMs, limit),
    measureOf(`${name}: the same, CPU`, cpu(ours.made), undefined, cpu(ours.limit)),
    measureOf(`${name}: durable`, elapsed(ours.published), peer?.elapsedMs, limit + writeMs),
    measureOf(`${name}: the same, CPU`, cpu(ours.published), undefined, undefined),
  ];
  if (ours.peakMiB !== undefined) {
    const sizeMiB = ours.byteLength / 2 ** 20;
    const peak = { name: `${name}: peak memory`, unit: 'MiB', peer: peer?.peakMiB } as const;
    measures.push({ ...peak, ours: ours.peakMiB, limit: sizeMiB });
  }
  const idle = ours.idleMiB === undefined ? '' : `; ${formatNumber(ours.idleMiB)} MiB when opened`;
  const notes = [
    `${name}: ${ours.byteLength.toLocaleString('en')} bytes, written with fdatasync in ${formatNumber(writeMs)} ms${idle}`,
    ...(peer?.note === undefined ? [] : [`${name}: ${peer.note}`]),
  ];
  return { measures, notes };
}

function measureOf(
  name: string,
  ours: number,
  ...[peer, limit]: readonly (number | undefined)[]
): Measure {
  return { name, unit: 'ms', ours, peer, limit };
}

async function measure(workshop: Workshop): Promise<Report> {
  const folder = workshop.path('data');
  const sizes = chosenSizes();
  await makeBenchFolder(folder);
  const loadNotes = await withInstance(folder, (instance) => load(instance, sizes));
  const openssl = hasTool('openssl') ? new OpensslAuthority(workshop) : undefined;
  const found = [];
  for (const size of sizes) {
    found.push(await measureSize(workshop, size, openssl));
  }
  const fresh = await withInstance(folder, measureNew);
  const name = `${NEW_ENTRIES.toLocaleString('en')} entries, all new`;
  return {
    program: 'crl',
    peer:
      openssl === undefined
        ? 'openssl ca is not installed: skipped'
        : `${opensslVersion()}, openssl ca -gencrl over an index of as many lines, once`,
    limit:
      'one copy, SHA-256 and one signature; durable: and one write with fdatasync; memory: the list',
    measures: [
      ...found.flatMap(({ measures }) => measures),
      { name: `${name}: durable`, unit: 'ms', ours: fresh.elapsedMs },
      { name: `${name}: durable, CPU`, unit: 'ms', ours: fresh.cpuMs },
    ],
    notes: [...loadNotes, ...found.flatMap(({ notes }) => notes)],
  };
}

await runBenchmark('crl', measure, TIME_LIMIT_MS);
