/**
 * Loading an LDIF file of small entries while no server runs: ours against `slapadd -q`, in turns in each
 * round, from nothing to everything durable. Beside the time the processor time of one entry, which a busy machine
 * changes less, and the memory of the whole process.
 *
 *     node dist/bench/ldif.js --entries 1000000     one round of a larger file, ours alone
 *
 * @module
 */

import { closeSync, openSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';

import type { ImportFigures, ImportOrder } from './support/ldif-import-child.ts';
import type { Measure, Report } from './support/report.ts';
import { timeSlapadd } from './support/slapd-server.ts';
import { Rounds } from './support/timing.ts';
import { runBenchmark, type Workshop } from './support/workshop.ts';

const ROUNDS = 3;
const ENTRIES = 100_000;
/** Rows that the store keeps of one such entry: itself, three ways to find it, five postings. */
const ROWS_PER_ENTRY = 7;
const LONG_RUN_MS = 600_000;

const { values: given } = parseArgs({
  strict: false,
  options: { entries: { type: 'string' }, json: { type: 'boolean' } },
});
const largeCount = given['entries'] === undefined ? undefined : Number(given['entries']);

/** A country, an organization, a unit, and persons below it. */
function writeEntries(file: string, count: number): void {
  const handle = openSync(file, 'w');
  let text =
    'dn: c=JP\nobjectClass: country\nc: JP\n\n' +
    'dn: o=Bench,c=JP\nobjectClass: organization\no: Bench\n\n' +
    'dn: ou=People,o=Bench,c=JP\nobjectClass: organizationalUnit\nou: People\n\n';
  for (let number = 0; number < count; number += 1) {
    const id = String(number).padStart(7, '0');
    text +=
      `dn: cn=Person ${id},ou=People,o=Bench,c=JP\nobjectClass: person\ncn: Person ${id}\n` +
      `sn: Suzuki${number % 1000}\ntelephoneNumber: +81 27 ${id}\n` +
      `description: a small entry of the load, number ${id}\n\n`;
    if (text.length > 1_000_000) {
      writeSync(handle, text);
      text = '';
    }
  }
  writeSync(handle, text);
  closeSync(handle);
}

async function inChild(workshop: Workshop, order: ImportOrder): Promise<ImportFigures> {
  const child = workshop.fork('ldif-import-child');
  const figures = await child.ask<ImportFigures>({ ...order });
  await child.close();
  return figures;
}

function note(rounds: Rounds, kind: string, figures: ImportFigures, entries: number): void {
  rounds.add(`${kind} rate`, (entries * 1000) / figures.elapsedMs);
  rounds.add(`${kind} cpu`, (figures.cpuSeconds * 1e6) / entries);
  rounds.add(`${kind} memory`, figures.peakMiB);
}

function measuresOf(rounds: Rounds, entries: number): readonly Measure[] {
  const figure = (suffix: string): Omit<Measure, 'name' | 'unit'> => ({
    ours: rounds.of(`ours ${suffix}`),
    peer: rounds.median(`peer ${suffix}`),
    limit: rounds.median(`limit ${suffix}`),
  });
  const name = `${entries.toLocaleString('en')} small entries`;
  return [
    { name: `${name}, loaded`, unit: '/s', ...figure('rate') },
    { name: `${name}, CPU of one`, unit: 'µs', ...figure('cpu') },
    { name: `${name}, peak memory`, unit: 'MiB', ...figure('memory') },
  ];
}

async function measure(workshop: Workshop): Promise<Report> {
  const rounds = new Rounds();
  const entries = largeCount ?? ENTRIES;
  const ldifFile = workshop.path('entries.ldif');
  writeEntries(ldifFile, entries);
  let peer = 'left out of a larger file';
  for (let round = 0; round < (largeCount === undefined ? ROUNDS : 1); round += 1) {
    const folder = workshop.path(`ours-${round}`);
    note(rounds, 'ours', await inChild(workshop, { kind: 'import', folder, ldifFile }), entries);
    if (largeCount === undefined) {
      const slapadd = await timeSlapadd(workshop, { ldifFile, name: `peer-${round}` });
      peer = slapadd?.version ?? 'slapd is not installed (Debian: apt-get install slapd): skipped';
      if (slapadd !== undefined) {
        note(rounds, 'peer', slapadd, entries);
      }
    }
    const rows: ImportOrder = {
      kind: 'rows',
      folder: workshop.path(`rows-${round}`),
      count: entries * ROWS_PER_ENTRY,
    };
    note(rounds, 'limit', await inChild(workshop, rows), entries);
  }
  return {
    program: 'ldif import, no server',
    peer: `slapadd -q of ${peer}, mdb, the same four indexes`,
    limit: `${ROWS_PER_ENTRY} rows for each entry into bare classic-level, in order, never synced`,
    measures: measuresOf(rounds, entries),
    notes: [
      'ours checks every value, class and name, and is durable at the end; slapadd -q checks less',
    ],
  };
}

await runBenchmark('ldif', measure, largeCount === undefined ? undefined : LONG_RUN_MS);
