/**
 * Loads an LDIF file into a directory of its own, as `certdir ldif import` does without a server; or puts as many
 * rows into bare LevelDB. In a process of its own, so that its memory and processor time are those of the load.
 *
 * @module
 */

import { createReadStream } from 'node:fs';
import { join } from 'node:path';

import { Level } from 'level';

import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { Directory } from '../../src/directory/directory.ts';
import { Schema } from '../../src/directory/schema/schema.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import { peakMemoryMiB } from './process-figures.ts';
import { answerQuestions } from './workshop.ts';

export type ImportOrder =
  | { readonly kind: 'import'; readonly folder: string; readonly ldifFile: string }
  /** Rows in order, 80 and 20 bytes, in unsynced batches: what the store cannot pass. */
  | { readonly kind: 'rows'; readonly folder: string; readonly count: number };

export interface ImportFigures {
  readonly elapsedMs: number;
  /** Of all threads. */
  readonly cpuSeconds: number;
  /** Of the whole process, Node's own included; 0 where the system does not say. */
  readonly peakMiB: number;
}

const KEY_BYTES = 80;
const BATCH_ROWS = 4096;

async function timed(work: () => Promise<void>): Promise<ImportFigures> {
  const startMs = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return {
    elapsedMs: performance.now() - startMs,
    cpuSeconds: (user + system) / 1e6,
    peakMiB: peakMemoryMiB('self') ?? 0,
  };
}

async function importFile(folder: string, ldifFile: string): Promise<ImportFigures> {
  const [clock, log] = [new SystemClock(), silentLog];
  const store = await openLevelStore({ folder, clock, log });
  const directory = await Directory.open({
    ...{ store, clock, log, random: new SystemRandom(), audit: openAuditLog({ clock }) },
    schema: await Schema.load(join(packageRoot, 'schema')),
    suffixes: ['c=JP'],
    access: [],
    indexes: ['objectClass', 'entryUUID', 'cn', 'uid'],
  });
  const figures = await timed(async () => {
    await directory.importLdif(createReadStream(ldifFile), {
      principal: { kind: 'system', name: 'bench' },
      session: { isProtected: true, address: 'local', channel: 'cli' },
    });
  });
  await directory.close();
  await store.close();
  return figures;
}

async function putRows(folder: string, count: number): Promise<ImportFigures> {
  const level = new Level<Uint8Array, Uint8Array>(folder, {
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  await level.open();
  const value = new Uint8Array(20);
  const figures = await timed(async () => {
    for (let row = 0; row < count; ) {
      const batch = level.batch();
      for (const end = Math.min(count, row + BATCH_ROWS); row < end; row += 1) {
        batch.put(Buffer.from(String(row).padStart(KEY_BYTES, '0'), 'latin1'), value);
      }
      await batch.write();
    }
  });
  await level.close();
  return figures;
}

answerQuestions(async (question) => {
  const order = question as ImportOrder;
  const figures =
    order.kind === 'import'
      ? await importFile(order.folder, order.ldifFile)
      : await putRows(order.folder, order.count);
  return { ...figures };
});
