/**
 * The whole program in a process of its own, which issues certificates when it is told to, as many at a time as it is told.
 *
 * @module
 */

import { monitorEventLoopDelay } from 'node:perf_hooks';

import { serve } from '../../src/app/server.ts';
import { silentLog } from '../../src/core/log.ts';
import type { IssueInput } from '../../src/http/operations.ts';
import { makeBenchFolder, makeRequests } from './bench-instance.ts';
import { answerQuestions } from './workshop.ts';

export type IssuingOrder =
  | { readonly kind: 'start'; readonly folder: string }
  /** Requests to be made beforehand, which takes as long as issuing. */
  | { readonly kind: 'prepare'; readonly count: number }
  /** Issues what was prepared until it is told to stop. */
  | { readonly kind: 'issue'; readonly callers: number }
  | { readonly kind: 'stop' };

export interface IssuingFigures {
  readonly port: number;
  readonly caDn: string;
  readonly perSecond: number;
  /** Of the event loop while issuing, in milliseconds. */
  readonly lateP99Ms: number;
}

const operator = { name: 'bench' };
let server: Awaited<ReturnType<typeof serve>>;
let inputs: IssueInput[] = [];
let issuing: { stop: boolean; readonly done: Promise<number> } | undefined;
const lateness = monitorEventLoopDelay({ resolution: 1 });

async function issueAll(callers: number, state: { stop: boolean }): Promise<number> {
  const startMs = performance.now();
  let count = 0;
  lateness.reset();
  lateness.enable();
  const work = async (): Promise<void> => {
    for (let input = inputs.pop(); input !== undefined && !state.stop; input = inputs.pop()) {
      await server.operations.issue(input, operator);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, work));
  lateness.disable();
  return (count * 1000) / (performance.now() - startMs);
}

async function obey(order: IssuingOrder): Promise<IssuingFigures> {
  let perSecond = 0;
  switch (order.kind) {
    case 'start':
      await makeBenchFolder(order.folder);
      server = await serve({ folder: order.folder, log: silentLog });
      break;
    case 'prepare':
      inputs = makeRequests(order.count).map(({ csr, municipality = '', subjectAttributes }) => ({
        request: Buffer.from(csr).toString('base64'),
        municipality,
        attributes: subjectAttributes as IssueInput['attributes'],
      }));
      break;
    case 'issue': {
      const state = { stop: false };
      issuing = Object.assign(state, { done: issueAll(order.callers, state) });
      break;
    }
    case 'stop':
      if (issuing !== undefined) {
        issuing.stop = true;
        perSecond = await issuing.done;
      }
  }
  const url = server.endpoints.find((one) => one.startsWith('ldap:')) ?? 'ldap://x:0';
  const { caDn } = await server.operations.status();
  const lateP99Ms = Math.max(0, lateness.percentile(99) / 1e6 - 1);
  return { port: Number(new URL(url).port), caDn, perSecond, lateP99Ms };
}

answerQuestions((order) => obey(order as IssuingOrder));
