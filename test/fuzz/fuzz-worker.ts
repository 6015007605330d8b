/**
 * The thread that tries inputs on one target, for as long as it is told.
 *
 * @module
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';

import { targetNamed } from './all-targets.ts';
import { type Finding, Fuzzer, minimise } from './fuzzer.ts';
import { SequenceRandom } from './sequence-random.ts';
import { WatchedInput } from './watched-input.ts';

export interface FuzzJob {
  readonly target: string;
  readonly seed: string;
  readonly durationMs: number;
  readonly memory: SharedArrayBuffer;
}

export interface FuzzReport {
  readonly tried: number;
  readonly outcomes: number;
  /** Memory in use after the first fifth of the time, and at the end, collected. */
  readonly heapBytes: readonly [before: number, after: number];
  readonly findings: readonly Finding[];
}

/** After so many there is enough to do. */
const MAX_FINDINGS = 20;
/** Let other work of the process have its turn after so long. */
const TURN_MS = 50;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What the target holds on to. */
async function heapBytes(): Promise<number> {
  // Twice, with a turn in between: finalisers let go of more.
  for (let round = 0; round < 2; round += 1) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function work({ target: name, seed, durationMs, memory }: FuzzJob): Promise<FuzzReport> {
  const target = targetNamed(name);
  const fuzzer = new Fuzzer(target, new SequenceRandom(`${seed} ${name}`));
  const watched = new WatchedInput(memory);
  const findings = new Map<string, Finding>();
  const startMs = performance.now();
  let turnMs = startMs;
  let before: number | undefined;
  for (let nowMs = startMs; nowMs - startMs < durationMs; nowMs = performance.now()) {
    if (before === undefined && nowMs - startMs > durationMs / 5) {
      before = await heapBytes();
    }
    const input = fuzzer.next();
    watched.set(input);
    const finding = await fuzzer.try(input);
    if (finding !== undefined) {
      const kind = finding.detail.split('\n').slice(0, 3).join(' ').replace(/\d+/g, '0');
      if (!findings.has(kind)) {
        findings.set(kind, { ...finding, input: await minimise(target, finding) });
      }
      if (findings.size === MAX_FINDINGS) {
        break;
      }
    }
    if (nowMs - turnMs > TURN_MS) {
      turnMs = nowMs;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const after = await heapBytes();
  await target.close?.();
  return {
    tried: fuzzer.tried,
    outcomes: fuzzer.outcomes,
    heapBytes: [before ?? after, after],
    findings: [...findings.values()],
  };
}

parentPort?.postMessage(await work(workerData as FuzzJob));
