/**
 * What the system knows of a process. On Linux, from `/proc`; elsewhere there are no figures.
 *
 * @module
 */

import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Of `utime` and `stime` in /proc; Linux shows hundredths of a second to every program. */
const TICKS_PER_SECOND = 100;
const SAMPLE_MS = 5;

/** The largest resident memory a process has had, in MiB. */
export function peakMemoryMiB(pid: number | 'self'): number | undefined {
  return statusMiB(pid, 'VmHWM');
}

/** Resident memory now, in MiB. */
export function memoryMiB(pid: number | 'self'): number | undefined {
  return statusMiB(pid, 'VmRSS');
}

/** Resident memory now without files that are mapped, which the system takes back when it needs room, in MiB. */
export function ownMemoryMiB(pid: number | 'self'): number | undefined {
  return statusMiB(pid, 'RssAnon');
}

function statusMiB(pid: number | 'self', field: string): number | undefined {
  const line = readProc(pid, 'status')
    ?.split('\n')
    .find((one) => one.startsWith(`${field}:`));
  return line === undefined ? undefined : Number.parseInt(line.slice(field.length + 1), 10) / 1024;
}

/** Processor time of a process so far, all threads, in seconds. */
export function cpuSeconds(pid: number): number | undefined {
  const stat = readProc(pid, 'stat');
  if (stat === undefined) {
    return undefined;
  }
  // The second field is the program's name in parentheses, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Of a process and the processes that it has started. */
export function familyCpuSeconds(pid: number): number | undefined {
  const children = readProc(pid, `task/${pid}/children`)?.trim().split(' ') ?? [];
  return [pid, ...children.filter((one) => one !== '').map(Number)].reduce(
    (sum, one) => sum + (cpuSeconds(one) ?? 0),
    0,
  );
}

/** Watches a child's memory until it ends. */
export function watchPeakMemory(child: ChildProcess): () => number | undefined {
  let peakMiB: number | undefined;
  const timer = setInterval(() => {
    peakMiB = peakMemoryMiB(child.pid ?? -1) ?? peakMiB;
  }, SAMPLE_MS);
  child.once('exit', () => clearInterval(timer));
  return () => peakMiB;
}

/** Watches memory and processor time of a child until it ends; the last few milliseconds are missing. */
export function watchFigures(
  child: ChildProcess,
): () => { readonly peakMiB: number; readonly cpuSeconds: number } {
  let figures = { peakMiB: 0, cpuSeconds: 0 };
  const timer = setInterval(() => {
    figures = {
      peakMiB: peakMemoryMiB(child.pid ?? -1) ?? figures.peakMiB,
      cpuSeconds: cpuSeconds(child.pid ?? -1) ?? figures.cpuSeconds,
    };
  }, SAMPLE_MS);
  child.once('exit', () => clearInterval(timer));
  return () => figures;
}

function readProc(pid: number | 'self', file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
