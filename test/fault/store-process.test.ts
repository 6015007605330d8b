/**
 * A writing process that is killed, or whose disk is full: what it was told is durable is there
 * when the store is opened again, and nothing is there in part.
 *
 * A kill does not show that writes are synchronous, since the kernel keeps them: that is for
 * `power-cut.test.ts`.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { highestOf, linesOf, startWriter } from '../support/act-writer.ts';
import { skipWithoutMounts } from '../support/machine-abilities.ts';
import { act, checkActs, openActStore } from '../support/numbered-acts.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const isLong = process.env['CERTDIR_TEST_LONG'] === '1';
const CALLERS = 8;
/** What is given back to a full disk. */
const FILLER_MIB = 8;

describe('a store whose process is killed', () => {
  it('keeps every number that was given out, and none in part', async (t) => {
    const folder = temporaryFolder(t);
    const random = new SeededRandom('kill');
    let acknowledged = 0;
    for (let round = 0; round < (isLong ? 200 : 6); round += 1) {
      const killAt = 1 + random.below(150);
      const child = startWriter({
        folder,
        callers: CALLERS,
        segmentBytes: 300_000,
        largeEvery: 10,
      });
      const lines = await linesOf(child, (_, count) => {
        if (count === killAt) {
          child.kill('SIGKILL');
        }
      });
      assert.ok(lines.length >= killAt);
      // The last line may have been cut by the kill.
      const numbers = lines.map(Number).filter((number) => number <= acknowledged + lines.length);
      const count = await checkActs(folder);
      assert.ok(count >= Math.max(...numbers), `${count} of ${Math.max(...numbers)}`);
      assert.ok(Math.min(...numbers) > acknowledged, 'no number twice');
      acknowledged = count;
    }
  });
});

async function assertStopped(lines: readonly string[]): Promise<void> {
  const codes = lines.filter((line) => line.startsWith('STORE_'));
  assert.equal(codes.length, CALLERS);
  assert.ok(codes.includes('STORE_WRITE_FAILED'));
  assert.ok(codes.every((code) => code === 'STORE_WRITE_FAILED' || code === 'STORE_WRITER_CLOSED'));
  assert.deepEqual(lines.slice(-2), ['reads true', 'closed']);
  assert.ok(highestOf(lines) > 20);
}

async function assertNothingLost(folder: string, lines: readonly string[]): Promise<void> {
  const count = await checkActs(folder);
  assert.ok(count >= highestOf(lines), `${count} of ${highestOf(lines)}`);
  const store = await openActStore(folder);
  assert.equal(await act(store), count + 1, 'and there is room again');
  await store.close();
}

describe('a store whose disk is full', () => {
  const orders = { callers: CALLERS, readsOn: true, largeEvery: 20 };

  it('stops writing at a file’s largest size, goes on reading, and loses nothing', async (t) => {
    const folder = temporaryFolder(t);
    // In units of 512 or 1024 bytes, as the shell has it.
    const script = 'trap "" XFSZ; ulimit -f 2048; exec "$@"';
    const command = ['sh', '-c', script, 'sh'];
    const lines = await linesOf(startWriter({ ...orders, folder }, { command }));
    await assertStopped(lines);
    await assertNothingLost(folder, lines);
  });

  const skip = skipWithoutMounts();
  for (const [what, mebibytes, segmentBytes] of [
    ['in the journal or LevelDB’s log', 3, 64 * 1024 * 1024],
    ['while segments are begun and tables written', 4, 50_000],
    ['with hardly any room', 2, 20_000],
  ] as const) {
    it(`stops writing without room (${what}), goes on reading, and loses nothing`, {
      skip,
    }, async (t) => {
      // First the disk is taken away, then its folder goes.
      let disk = '';
      t.after(() => void spawnSync('umount', ['--lazy', disk]));
      disk = join(temporaryFolder(t), 'disk');
      mkdirSync(disk);
      const mount = ['-t', 'tmpfs', '-o', `size=${mebibytes + FILLER_MIB}m`, 'tmpfs', disk];
      const mounted = spawnSync('mount', mount);
      assert.equal(mounted.status, 0, String(mounted.stderr));
      const filler = join(disk, 'filler');
      writeFileSync(filler, Buffer.alloc(FILLER_MIB * 1024 * 1024, 1));
      const folder = join(disk, 'store');
      const sizes = { segmentBytes, writeBufferBytes: 65_536 };
      const lines = await linesOf(startWriter({ ...orders, ...sizes, folder }));
      await assertStopped(lines);
      // A second try on the full disk is refused or fails as the first; it loses nothing either.
      const again = await linesOf(startWriter({ ...orders, ...sizes, folder }));
      rmSync(filler);
      await assertNothingLost(folder, [...lines, ...again]);
    });
  }
});
