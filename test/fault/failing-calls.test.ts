/**
 * System calls that fail: strace makes the k-th open, write, fdatasync or rename on the store's files fail in a
 * writing process. Whatever it was, the process says nothing to be durable that is not there when the store is
 * opened again, and the store is whole.
 *
 * A sample of the k in CI, every one with `npm test -- --long`.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { highestOf, linesOf, startWriter } from '../support/act-writer.ts';
import { skipWithoutTracing } from '../support/machine-abilities.ts';
import { checkActs } from '../support/numbered-acts.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const isLong = process.env['CERTDIR_TEST_LONG'] === '1';
const ACTS = 24;
const FILES = 60;

interface Failing {
  readonly calls: string;
  readonly error: string;
  /** The k that CI tries: the first, and others on the way. */
  readonly sample: readonly number[];
  /** A thread of the writer makes no more such calls; strace counts those of each. */
  readonly most: number;
}

const failing: readonly Failing[] = [
  { calls: 'openat', error: 'EMFILE', sample: [4, 17], most: 40 },
  { calls: 'write', error: 'ENOSPC', sample: [3, 12, 40], most: 60 },
  { calls: 'pwrite64,pwritev,writev', error: 'EIO', sample: [1, 9, 20], most: 30 },
  { calls: 'fdatasync,fsync', error: 'EIO', sample: [3, 11, 19, 33], most: 80 },
  { calls: 'rename,renameat,renameat2', error: 'EIO', sample: [2, 4], most: 12 },
];

/** The files that the store can have; strace knows whole paths only. */
function pathsOf(folder: string): readonly string[] {
  const numbers = Array.from({ length: FILES }, (_, at) => at + 1);
  const [level, journal] = [join(folder, 'level'), join(folder, 'journal')];
  const segments = numbers.map((at) => join(journal, `${String(at).padStart(16, '0')}.journal`));
  return [
    ...[folder, level, journal, join(folder, 'FORMAT'), join(folder, 'FORMAT.new')],
    ...[join(level, 'CURRENT'), join(level, 'LOCK')],
    ...segments.flatMap((path) => [path, `${path}.new`]),
    ...numbers.flatMap((at) => {
      const six = String(at).padStart(6, '0');
      const names = [`${six}.log`, `${six}.ldb`, `${six}.dbtmp`, `MANIFEST-${six}`];
      return names.map((name) => join(level, name));
    }),
  ];
}

/** A writer whose k-th such call fails, alone or with all that follow. */
async function liveWith(
  folder: string,
  { calls, error, from }: { readonly calls: string; readonly error: string; readonly from: string },
): Promise<readonly string[]> {
  const paths = pathsOf(folder).flatMap((path) => ['-P', path]);
  const inject = `inject=${calls}:error=${error}:when=${from}`;
  const command = ['strace', '-f', '-qq', '-o', '/dev/null', ...paths, '-e', inject];
  // One thread, so that the k-th call is the same in every run.
  const env = { UV_THREADPOOL_SIZE: '1' };
  const sizes = { segmentBytes: 12_000, writeBufferBytes: 65_536, largeEvery: 5 };
  return linesOf(startWriter({ folder, callers: 2, acts: ACTS / 2, ...sizes }, { command, env }));
}

describe('a store whose system calls fail', { skip: skipWithoutTracing() }, () => {
  for (const { calls, error, sample, most } of failing) {
    it(`keeps what it has acknowledged: ${calls} with ${error}`, async (t) => {
      const folder = join(temporaryFolder(t), 'store');
      let met = 0;
      for (const k of isLong ? Array.from({ length: most }, (_, at) => at + 1) : sample) {
        for (const from of isLong ? [`${k}`, `${k}+`] : [k % 2 === 0 ? `${k}` : `${k}+`]) {
          rmSync(folder, { recursive: true, force: true });
          const lines = await liveWith(folder, { calls, error, from });
          const isDisturbed = !lines.includes('closed') || highestOf(lines) < ACTS;
          met += isDisturbed ? 1 : 0;
          const count = await checkActs(folder);
          assert.ok(count >= highestOf(lines), `call ${from}: ${count} of ${highestOf(lines)}`);
          const codes = lines.filter((line) => !/^\d+$/.test(line) && line !== 'closed');
          for (const code of codes) {
            assert.match(code, /^STORE_(WRITE_FAILED|WRITER_CLOSED|OPEN_FAILED|DAMAGED)$/, from);
          }
        }
      }
      assert.ok(met > 0, 'no call was in the way of anything');
    });
  }
});
