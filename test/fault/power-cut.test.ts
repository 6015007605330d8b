/**
 * Power cuts: a process writes to a file system in a file; the file is copied in the middle of it, which is what a
 * disk would have at that moment; the copy is mounted and the store in it opened. Everything that had been said
 * to be durable is there.
 *
 * The same with a journal that does not wait for the disk must lose something, or this finds nothing out. 20 cuts;
 * 1,000 with `npm test -- --long`.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { highestOf, linesOf, startWriter } from '../support/act-writer.ts';
import { skipWithoutLoopMounts } from '../support/machine-abilities.ts';
import { checkActs, countWholeActs, openActStore } from '../support/numbered-acts.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const isLong = process.env['CERTDIR_TEST_LONG'] === '1';
const LIVES = isLong ? 200 : 4;
/** More would fill the disk. */
const CUTS_PER_LIFE = 5;
const DISK_MIB = 96;
const MAX_PAUSE_MS = 120;

/** In memory where there is room: a copy must take no longer than a moment. */
const root = mkdtempSync(join(hasRoom('/dev/shm') ? '/dev/shm' : tmpdir(), 'certdir-test-'));
const image = join(root, 'disk');
const copy = join(root, 'copy');
const [disk, mounted] = [join(root, 'mnt'), join(root, 'mnt-copy')];

function hasRoom(folder: string): boolean {
  if (!existsSync(folder)) {
    return false;
  }
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize > 3 * DISK_MIB * 1024 * 1024;
}

function run(...[program = '', ...args]: readonly string[]): string {
  const { status, stderr } = spawnSync(program, args);
  return status === 0 ? '' : `${program}: ${stderr}`;
}

/** @returns why it cannot be done here, or nothing. */
function mountNewDisk(): string {
  mkdirSync(disk, { recursive: true });
  mkdirSync(mounted, { recursive: true });
  return (
    run('dd', 'if=/dev/zero', `of=${image}`, 'bs=1M', `count=${DISK_MIB}`) ||
    run('mkfs.ext4', '-q', '-F', image) ||
    run('mount', '-o', 'loop', image, disk)
  );
}

const pause = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs));

interface Losses {
  /** What was said to be durable and is not there; summed over all cuts. */
  lost: number;
  acknowledged: number;
  cuts: number;
}

/** One life of a writer, with cuts at random moments. */
async function live(random: SeededRandom, isUnsynced: boolean): Promise<Losses> {
  const failure = mountNewDisk();
  assert.equal(failure, '');
  const losses: Losses = { lost: 0, acknowledged: 0, cuts: 0 };
  const orders = { folder: join(disk, 'store'), callers: 4, isUnsynced, largeEvery: 40 };
  const child = startWriter({ ...orders, segmentBytes: 400_000, writeBufferBytes: 131_072 });
  const said: string[] = [];
  const ended = linesOf(child, (line) => said.push(line));
  try {
    while (said.length < 20) {
      await pause(5);
    }
    for (let cut = 0; cut < CUTS_PER_LIFE; cut += 1) {
      await pause(random.below(MAX_PAUSE_MS));
      await cutPower(child, { said, losses, isUnsynced });
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
    run('umount', disk);
  }
  return losses;
}

async function cutPower(
  child: ChildProcess,
  {
    said,
    losses,
    isUnsynced,
  }: { readonly said: readonly string[]; readonly losses: Losses; readonly isUnsynced: boolean },
): Promise<void> {
  const acknowledged = highestOf(said);
  // What is acknowledged from here on may be there too. It does not fill the disk while its copy is looked at.
  child.kill('SIGSTOP');
  try {
    copyFileSync(image, copy);
    assert.equal(run('mount', '-o', 'loop', copy, mounted), '');
    const count = isUnsynced ? await countWhatIsThere() : await checkActs(join(mounted, 'store'));
    losses.lost += Math.max(0, acknowledged - count);
    losses.acknowledged += acknowledged;
    losses.cuts += 1;
  } finally {
    assert.equal(run('umount', mounted), '');
    child.kill('SIGCONT');
  }
}

/** Of a store that has not waited for the disk anything can be left. */
async function countWhatIsThere(): Promise<number> {
  try {
    const store = await openActStore(join(mounted, 'store'));
    return await countWholeActs(store).finally(() => store.close());
  } catch {
    return 0;
  }
}

describe('a store whose machine loses power', { skip: skipWithoutLoopMounts() }, () => {
  after(() => {
    run('umount', '--lazy', disk);
    run('umount', '--lazy', mounted);
    rmSync(root, { recursive: true, force: true });
  });

  it('has everything that was acknowledged', async (t) => {
    const random = new SeededRandom('power');
    const sum: Losses = { lost: 0, acknowledged: 0, cuts: 0 };
    for (let lived = 0; lived < LIVES; lived += 1) {
      const { lost, acknowledged, cuts } = await live(random, false);
      sum.lost += lost;
      sum.acknowledged += acknowledged;
      sum.cuts += cuts;
    }
    t.diagnostic(JSON.stringify(sum));
    assert.equal(sum.cuts, LIVES * CUTS_PER_LIFE);
    assert.equal(sum.lost, 0);
  });

  it('would lose something if the journal did not wait for the disk', async (t) => {
    const losses = await live(new SeededRandom('control'), true);
    t.diagnostic(JSON.stringify(losses));
    assert.ok(losses.lost > 0, 'this harness finds out nothing');
  });
});
