/**
 * A small disk in memory that can be filled to its last byte. Needs root: see machine-abilities.ts.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';

/** Larger than any write of the program, so that what is left over is less than one. */
const FILLER_BYTES = 64 * 1024;

/** Makes the folder where it is missing, and a disk of `size` in it, as mount's option says it. */
export function mountSmallDisk(folder: string, size: string): void {
  mkdirSync(folder, { recursive: true });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  assert.equal(mounted.status, 0, String(mounted.stderr));
}

/** Lazily: a process that was killed may hold it for a moment longer. */
export function unmountSmallDisk(folder: string): void {
  spawnSync('umount', ['--lazy', folder]);
}

/** Writes a file that takes all the room there is on its disk. */
export function fillDisk(path: string): void {
  const file = openSync(path, 'w');
  for (let size = FILLER_BYTES; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) {
        if (writeSync(file, Buffer.alloc(size, 1)) < size) {
          break;
        }
      }
    } catch (error) {
      assert.ok(error instanceof Error && 'code' in error && error.code === 'ENOSPC');
    }
  }
  closeSync(file);
}
