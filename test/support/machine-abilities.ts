/**
 * What a kernel may forbid and no package brings: mounting and tracing, as in many containers. Tests that need
 * them are skipped there with the reason, in CI too; what `outside-tool.ts` can install is another matter.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { skipWithout } from './outside-tool.ts';

/** The `skip` option of tests that mount small disks in memory. */
export function skipWithoutMounts(): string | false {
  if (process.getuid?.() !== 0) {
    return 'needs root, to mount a small file system';
  }
  return skipWithout('mount') || failureOfTmpfs();
}

/** The `skip` option of tests that make disks of files (`mount -o loop`). */
export function skipWithoutLoopMounts(): string | false {
  return skipWithoutMounts() || skipWithout('mkfs.ext4', 'losetup') || failureOfLoopMount();
}

/** The `skip` option of tests that let strace fail system calls. */
export function skipWithoutTracing(): string | false {
  return skipWithout('strace') || failureOf('strace', '-f', '-e', 'trace=none', 'true');
}

function failureOfTmpfs(): string | false {
  return inFolder((folder) => mountOnce(folder, ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs']));
}

function failureOfLoopMount(): string | false {
  return inFolder((folder) => {
    const image = join(folder, 'image');
    return (
      failureOf('dd', 'if=/dev/zero', `of=${image}`, 'bs=1M', 'count=4', 'status=none') ||
      failureOf('mkfs.ext4', '-q', '-F', image) ||
      mountOnce(folder, ['-o', 'loop', image])
    );
  });
}

function mountOnce(folder: string, mount: readonly string[]): string | false {
  const point = join(folder, 'mounted');
  mkdirSync(point);
  const failure = failureOf('mount', ...mount, point);
  return failure || failureOf('umount', point);
}

function inFolder(act: (folder: string) => string | false): string | false {
  const folder = mkdtempSync(join(tmpdir(), 'certdir-ability-'));
  try {
    return act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function failureOf(program: string, ...args: readonly string[]): string | false {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? false : `not allowed here: ${program}: ${(stderr ?? '').trim()}`;
}
