/**
 * The whole program on a nation's data folder, in a process of its own: serves LDAP, and publishes every list when asked.
 *
 * @module
 */

import { monitorEventLoopDelay } from 'node:perf_hooks';

import { type RunningServer, serve } from '../../src/app/server.ts';
import { silentLog } from '../../src/core/log.ts';
import { memoryMiB, peakMemoryMiB } from './process-figures.ts';
import { type Cost, costOf } from './timing.ts';
import { answerQuestions } from './workshop.ts';

export type NationQuestion =
  | { readonly kind: 'open'; readonly folder: string }
  | { readonly kind: 'publish' };

export interface NationPublication extends Cost {
  readonly lists: number;
  readonly bytes: number;
  readonly entries: number;
  readonly peakMiB: number | undefined;
  /** How long the event loop was held. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
}

let server: RunningServer | undefined;

async function answer(question: NationQuestion): Promise<number | NationPublication> {
  if (question.kind === 'open') {
    server = await serve({ folder: question.folder, log: silentLog });
    const url = server.endpoints.find((endpoint) => endpoint.startsWith('ldap:'));
    process.once('disconnect', () => void server?.close());
    return Number(new URL(url ?? '').port);
  }
  return await publishAll();
}

async function publishAll(): Promise<NationPublication> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  let lists = 0;
  let bytes = 0;
  let entries = 0;
  const cost = await costOf(async () => {
    const published = await server?.operations.publish(
      { scopes: 'all' },
      { name: 'bench' },
      () => undefined,
    );
    for (const list of published ?? []) {
      lists += 1;
      bytes += list.bytes;
      entries += list.entries;
    }
  });
  delays.disable();
  const peakMiB = peakMemoryMiB('self') ?? memoryMiB('self');
  const loopP99Ms = delays.percentile(99) / 1e6;
  return { ...cost, lists, bytes, entries, peakMiB, loopP99Ms, loopMaxMs: delays.max / 1e6 };
}

answerQuestions((question) => answer(question as NationQuestion));
