/**
 * Revocation lists of 10,000 and 100,000 entries: from asking for the next list to the list that is durable
 * and visible, against `openssl ca -gencrl` over as many entries and against what cannot be saved: hashing
 * the bytes, one signature, one synchronous write.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { Instance } from '../src/app/instance.ts';
import { keyLabelOf } from '../src/ca/generations/authority-key.ts';
import { signatureAlgorithmOf } from '../src/ca/policy/policy.ts';
import { addRevoked } from '../test/support/ca-load.ts';
import { hasTool } from '../test/support/outside-tool.ts';
import { makeBenchFolder, makeRequests, withInstance } from './support/bench-instance.ts';
import type { PublishFigures, PublishOrder } from './support/crl-publisher-child.ts';
import { timeDurableWrite } from './support/disk.ts';
import { OpensslAuthority, opensslVersion } from './support/openssl-authority.ts';
import { formatNumber, type Measure, type Report } from './support/report.ts';
import { median, timeOf } from './support/timing.ts';
import { runBenchmark, type Workshop } from './support/workshop.ts';

interface ListSize {
  readonly entries: number;
  /** A municipality for each, so that one CA holds both lists. */
  readonly scopeId: string;
}

interface Limit {
  readonly hashMs: number;
  readonly signMs: number;
  readonly writeMs: number;
}

const sizes: readonly ListSize[] = [
  { entries: 10_000, scopeId: '10201' },
  { entries: 100_000, scopeId: '10202' },
];
const ROUNDS = 3;

/** One certificate is issued and copied under other serial numbers. */
async function load(instance: Instance, { entries, scopeId }: ListSize): Promise<number> {
  const { authority: ca, store, random } = instance;
  const [request] = makeRequests(1, scopeId);
  if (request === undefined) {
    throw new Error('no request was made');
  }
  const model = await ca.issue(request);
  return await timeOf(() => addRevoked({ store, ca, random }, model, entries));
}

async function loadAll(instance: Instance): Promise<readonly string[]> {
  const notes: string[] = [];
  for (const size of sizes) {
    const seconds = formatNumber((await load(instance, size)) / 1000);
    const entries = size.entries.toLocaleString('en');
    notes.push(`${entries} revoked certificates loaded in ${seconds} s, 5,000 in a transaction`);
  }
  return notes;
}

/** What the newest list of a scope would cost if nothing but the unavoidable were done. */
async function measureLimit(
  workshop: Workshop,
  { authority, policy, signer }: Instance,
  { scopeId }: ListSize,
): Promise<Limit> {
  const der = await authority.readList(scopeId);
  if (der === undefined) {
    throw new Error(`no list of ${scopeId} was published`);
  }
  const hashTimes: number[] = [];
  const signTimes: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    hashTimes.push(
      await timeOf(async () => {
        createHash('sha256').update(der).digest();
      }),
    );
    const request = {
      label: keyLabelOf(policy.id, 1),
      purpose: 'certificate',
      algorithm: signatureAlgorithmOf(policy.keys.authority.signature),
      content: [authority.certificate.tbs],
    } as const;
    signTimes.push(await timeOf(() => signer.sign(request)));
  }
  const writeMs = await timeDurableWrite(workshop.path(`list-${scopeId}`), der, 5);
  return { hashMs: median(hashTimes), signMs: median(signTimes), writeMs };
}

async function measureSize(
  workshop: Workshop,
  size: ListSize,
  openssl: OpensslAuthority | undefined,
): Promise<{ readonly measures: readonly Measure[]; readonly notes: readonly string[] }> {
  const publisher = workshop.fork('crl-publisher-child');
  const order: PublishOrder = {
    folder: workshop.path('data'),
    scopeId: size.scopeId,
    rounds: ROUNDS,
  };
  const ours = await publisher.ask<PublishFigures>({ ...order });
  await publisher.close();
  const limit = await withInstance(order.folder, (instance) =>
    measureLimit(workshop, instance, size),
  );
  const limitMs = limit.hashMs + limit.signMs + limit.writeMs;
  const peer = await measurePeer(openssl, size);
  const name = size.entries.toLocaleString('en');
  return {
    measures: [
      measureOf(`${name} entries, one new`, median(ours.nextMs), peer?.elapsedMs, limitMs),
      measureOf(`${name} entries, all new`, ours.firstMs, peer?.elapsedMs, limitMs),
      ...(ours.peakMiB === undefined
        ? []
        : [
            {
              name: `${name} entries, peak memory`,
              unit: 'MiB' as const,
              ours: ours.peakMiB,
              peer: peer?.peakMiB,
            },
          ]),
    ],
    notes: [noteOf(name, ours, limit)],
  };
}

function measureOf(name: string, ours: number, peer: number | undefined, limit: number): Measure {
  return { name, unit: 'ms', ours, peer, limit };
}

async function measurePeer(
  openssl: OpensslAuthority | undefined,
  { entries }: ListSize,
): Promise<{ readonly elapsedMs: number; readonly peakMiB: number | undefined } | undefined> {
  if (openssl === undefined) {
    return undefined;
  }
  openssl.writeIndex(entries);
  const runs = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    runs.push(await openssl.makeList());
  }
  return {
    elapsedMs: median(runs.map(({ elapsedMs }) => elapsedMs)),
    peakMiB: runs.at(-1)?.peakMiB,
  };
}

function noteOf(name: string, ours: PublishFigures, limit: Limit): string {
  const { hashMs, signMs, writeMs } = limit;
  const parts = `${formatNumber(hashMs)} + ${formatNumber(signMs)} + ${formatNumber(writeMs)} ms`;
  const idle = ours.idleMiB === undefined ? '' : `; ${formatNumber(ours.idleMiB)} MiB when opened`;
  const bytes = ours.byteLength.toLocaleString('en');
  return `${name} entries: ${bytes} bytes; limit ${parts} (hash, sign, write)${idle}`;
}

async function measure(workshop: Workshop): Promise<Report> {
  const folder = workshop.path('data');
  await makeBenchFolder(folder);
  const loadNotes = await withInstance(folder, loadAll);
  const openssl = hasTool('openssl') ? new OpensslAuthority(workshop) : undefined;
  const found = [];
  for (const size of sizes) {
    found.push(await measureSize(workshop, size, openssl));
  }
  return {
    program: 'crl',
    peer:
      openssl === undefined
        ? 'openssl ca is not installed: skipped'
        : `${opensslVersion()}, openssl ca -gencrl over an index of as many lines, a process for each list`,
    limit: 'SHA-256 of the bytes, one signature through the signer process, one synchronous write',
    measures: found.flatMap(({ measures }) => measures),
    notes: [...loadNotes, ...found.flatMap(({ notes }) => notes)],
  };
}

await runBenchmark('crl', measure);
