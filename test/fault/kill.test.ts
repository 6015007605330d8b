/**
 * The whole program killed at random moments, with certificates being issued, revoked and published and
 * the directory being changed: after each restart everything that was answered is there, no serial
 * number and no list's number came twice, and the audit log verifies; in the end everything fits together.
 *
 * A kill does not show that writes are synchronous, since the kernel keeps them (see
 * `store-process.test.ts`); it shows that nothing is answered before it is written, and that what is
 * written together is there together. 200 kills; 10,000 with `npm test -- --long`.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { extname, join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { childEnvironment } from '../support/command-run.ts';
import { type DataFolder, makeDataFolder } from '../support/data-folder.ts';
import type { KillOrders, KillReport } from '../support/kill-acts.ts';
import { KillLedger } from '../support/kill-ledger.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { StoppedInstance } from '../support/stopped-instance.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KILLS_PER_FOLDER = 25;
const FOLDERS = process.env['CERTDIR_TEST_LONG'] === '1' ? 400 : 8;
/** Folders that are worked on side by side. */
const LANES = 2;
/** One kill in so many comes while the server starts. */
const STARTS_KILLED = 5;
const MAX_START_MS = 800;
/** Otherwise after some of what it has to say, and a moment into what it then does. */
const MAX_REPORTS = 50;
const MAX_MOMENT_MS = 30;
const LIFE_TIMEOUT_MS = 120_000;

const worker = fileURLToPath(
  new URL(`../support/kill-worker${extname(import.meta.url)}`, import.meta.url),
);

const pause = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs));

/** Starts a worker, kills it, and returns when all that it said was taken down. */
async function liveAndDie(
  orders: KillOrders,
  ledger: KillLedger,
  random: SeededRandom,
): Promise<void> {
  const child = fork(worker, [], {
    env: childEnvironment(),
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const faults: unknown[] = [];
  child.on('message', (report: KillReport) => {
    try {
      ledger.note(report);
    } catch (error) {
      faults.push(error);
    }
  });
  const gone = Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
  child.send(orders);
  const isStartKilled = random.below(STARTS_KILLED) === 0;
  if (isStartKilled) {
    await pause(random.below(MAX_START_MS));
  } else {
    await untilReported(child, 1 + random.below(MAX_REPORTS));
    await pause(random.below(MAX_MOMENT_MS));
  }
  child.kill('SIGKILL');
  const [[status]] = await gone;
  assert.deepEqual(faults, []);
  assert.equal(status, null, 'killed, not ended by itself');
}

/** Resolves when the worker has said so much, or has ended instead. */
async function untilReported(child: ChildProcess, count: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let reports = 0;
  await new Promise<void>((resolve, reject) => {
    timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${reports} of ${count} reports within ${LIFE_TIMEOUT_MS} ms`));
    }, LIFE_TIMEOUT_MS);
    child.on('message', () => {
      reports += 1;
      if (reports >= count) {
        resolve();
      }
    });
    child.once('exit', () => resolve());
  }).finally(() => clearTimeout(timer));
}

/** Kills servers on one data folder, and looks after each kill at what is there. */
async function killOften(made: DataFolder, name: string): Promise<KillLedger> {
  const ledger = new KillLedger();
  const random = new SeededRandom(`kill ${name}`);
  for (let life = 1; life <= KILLS_PER_FOLDER; life += 1) {
    const seed = `${name}-${life}`;
    const orders = { ...made, seed, revocable: ledger.revocable };
    await liveAndDie(orders, ledger, random);
    const instance = await StoppedInstance.open(made.folder);
    try {
      await ledger.verify(instance);
      if (life === KILLS_PER_FOLDER) {
        await instance.assertConsistent();
      }
    } finally {
      await instance.close();
    }
  }
  return ledger;
}

describe('a server that is killed while it works', () => {
  const workFolder = temporaryFolder({ after: (fn) => process.once('exit', fn) });
  let model: DataFolder;

  before(async () => {
    model = await makeDataFolder(join(workFolder, 'model'));
  });

  it(`loses nothing it has answered, ${FOLDERS * KILLS_PER_FOLDER} times`, async (t) => {
    const total = { issued: 0, revoked: 0, published: 0, written: 0 };
    const names = Array.from({ length: FOLDERS }, (_none, index) => String(index + 1));
    const lane = async (): Promise<void> => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        const folder = join(workFolder, name);
        cpSync(model.folder, folder, { recursive: true });
        const { counts } = await killOften({ ...model, folder }, name);
        rmSync(folder, { recursive: true });
        total.issued += counts.issued;
        total.revoked += counts.revoked;
        total.published += counts.published;
        total.written += counts.written;
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    t.diagnostic(JSON.stringify(total));
    // What would make the rest true of nothing.
    for (const [what, count] of Object.entries(total)) {
      assert.ok(count >= (FOLDERS * KILLS_PER_FOLDER) / 2, `${what}: ${count}`);
    }
  });
});
