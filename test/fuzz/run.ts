/**
 * The fuzz command behind `npm run fuzz`. Each target gets its share of the time in a thread of its own;
 * what goes wrong is written to test/fuzz/findings/ and can be played again.
 *
 *     npm run fuzz                                        a minute, every target
 *     npm run fuzz -- names filters --seconds 600         ten minutes on two targets
 *     npm run fuzz -- --seed 42                           the same inputs again
 *     npm run fuzz -- --replay test/fuzz/findings/…       inputs that went wrong
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

import { packageRoot } from '../../src/config/package-root.ts';
import { allTargets, targetNamed } from './all-targets.ts';
import type { FuzzJob, FuzzReport } from './fuzz-worker.ts';
import { Fuzzer } from './fuzzer.ts';
import { SequenceRandom } from './sequence-random.ts';
import { WatchedInput } from './watched-input.ts';

/** An input that is not done after so long never will be. */
const HANG_MS = 20_000;
/** More than what is collected late or cached for good. */
const MAX_GROWTH_BYTES = 24 * 1024 * 1024;
const DEFAULT_SECONDS = 60;
const MEBIBYTE = 1024 * 1024;

const findingsFolder = join(packageRoot, 'test/fuzz/findings');

/** @returns the file, which `--replay` takes. */
function save(target: string, input: Uint8Array): string {
  const name = createHash('sha256').update(input).digest('hex').slice(0, 16);
  const folder = join(findingsFolder, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.bin`);
  writeFileSync(file, input);
  return file;
}

type JobEnd = FuzzReport | { readonly lost: string; readonly input: Uint8Array };

/** Runs one target, and ends it when it does not come back. */
async function runJob(job: Omit<FuzzJob, 'memory'>): Promise<JobEnd> {
  const watched = new WatchedInput();
  const workerData: FuzzJob = { ...job, memory: watched.memory };
  const file = import.meta.url.endsWith('.ts') ? './fuzz-worker.ts' : './fuzz-worker.js';
  const worker = new Worker(new URL(file, import.meta.url), { workerData });
  let watch: NodeJS.Timeout | undefined;
  try {
    return await new Promise<JobEnd>((resolve) => {
      const lose = (lost: string): void => resolve({ lost, input: watched.input });
      let counter = -1;
      watch = setInterval(() => {
        if (watched.counter === counter && counter > 0) {
          lose(`no end within ${HANG_MS / 1000} s`);
        }
        counter = watched.counter;
      }, HANG_MS);
      worker.once('message', (report: FuzzReport) => resolve(report));
      worker.once('error', (error) => lose(error.stack ?? error.message));
      worker.once('exit', (code) => lose(`the thread ended with ${code}`));
    });
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** @returns how much went wrong. */
function judge(target: string, end: JobEnd): number {
  if ('lost' in end) {
    say(`${target}: ${end.lost}\n  ${save(target, end.input)}`);
    return 1;
  }
  const { tried, outcomes, findings, heapBytes } = end;
  const growth = heapBytes[1] - heapBytes[0];
  const figures = `${tried} inputs, ${outcomes} outcomes, memory ${(growth / MEBIBYTE).toFixed(1)} MiB more`;
  say(`${target.padEnd(16)} ${figures}`);
  for (const { kind, detail, input } of findings) {
    say(`  ${kind}: ${detail}\n  ${save(target, input)}`);
  }
  const isLeaking = growth > MAX_GROWTH_BYTES;
  if (isLeaking) {
    say(`  leak: ${(growth / MEBIBYTE).toFixed(1)} MiB more in use after the same kind of work`);
  }
  return findings.length + (isLeaking ? 1 : 0);
}

/** The target is the name of the folder. */
async function replay(files: readonly string[]): Promise<number> {
  let wrong = 0;
  for (const file of files) {
    const target = targetNamed(basename(dirname(file)));
    const fuzzer = new Fuzzer(target, new SequenceRandom('replay'));
    const finding = await fuzzer.try(new Uint8Array(readFileSync(file)));
    say(`${file}: ${finding === undefined ? 'nothing wrong' : finding.detail}`);
    wrong += finding === undefined ? 0 : 1;
    await target.close?.();
  }
  return wrong;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: String(DEFAULT_SECONDS) },
      seed: { type: 'string' },
      replay: { type: 'boolean', default: false },
    },
  });
  if (values.replay) {
    return (await replay(positionals)) === 0 ? 0 : 1;
  }
  const seconds = Number(values.seconds);
  if (!Number.isFinite(seconds) || seconds <= 0) {
    throw new Error('--seconds takes a number above zero');
  }
  const targets = positionals.length === 0 ? allTargets : positionals.map(targetNamed);
  const seed = values.seed ?? String(Date.now());
  say(`${targets.length} targets, ${seconds} s in all, --seed ${seed}`);
  const durationMs = (seconds * 1000) / targets.length;
  let wrong = 0;
  for (const { name } of targets) {
    wrong += judge(name, await runJob({ target: name, seed, durationMs }));
  }
  say(
    wrong === 0 ? 'nothing went wrong' : `${wrong} things went wrong; play one again with --replay`,
  );
  return wrong === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
