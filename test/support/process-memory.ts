/**
 * The memory of another process of ours: everything that it can write to, as a core dump would have it (Linux).
 *
 * @module
 */

import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';

/** The `skip` option of tests that read memory. */
export const skipWithoutProc: string | false = existsSync('/proc/self/mem') ? false : 'needs /proc';

const CHUNK_BYTES = 16 * 1024 * 1024;

/** Which of the needles are in the memory of a process. */
export function findInMemory(pid: number, needles: readonly Buffer[]): ReadonlySet<Buffer> {
  const found = new Set<Buffer>();
  const overlap = Math.max(...needles.map((needle) => needle.length));
  const chunk = Buffer.alloc(CHUNK_BYTES + overlap);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const { start, end } of writableRegions(pid)) {
      for (let at = start; at < end; at += BigInt(CHUNK_BYTES)) {
        const wanted = Number(end - at < BigInt(chunk.length) ? end - at : BigInt(chunk.length));
        const bytes = chunk.subarray(0, readAt(memory, chunk.subarray(0, wanted), at));
        for (const needle of needles) {
          if (bytes.includes(needle)) {
            found.add(needle);
          }
        }
      }
    }
  } finally {
    closeSync(memory);
  }
  return found;
}

/** Some regions are of devices, or go away meanwhile: nothing of ours is in them. */
function readAt(memory: number, into: Buffer, position: bigint): number {
  try {
    return readSync(memory, into, 0, into.length, position);
  } catch {
    return 0;
  }
}

function writableRegions(pid: number): readonly { readonly start: bigint; readonly end: bigint }[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const match = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      return match === null
        ? []
        : [{ start: BigInt(`0x${match[1]}`), end: BigInt(`0x${match[2]}`) }];
    });
}
