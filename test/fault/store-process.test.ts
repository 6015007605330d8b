/**
 * A writing process that is killed, or whose disk is full: what it was told is durable is there
 * when the store is opened again, and nothing is there in part.
 *
 * A kill does not show that writes are synchronous, since the kernel keeps them; the power-cut
 * harness does that. A file size limit stands in for a full disk: the kernel fails the same calls.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { SystemClock } from '../../src/core/clock.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { openLevelStore } from '../../src/store/level-store.ts';
import type { Store } from '../../src/store/store.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CALLERS = 8;
const VALUE_BYTES = 3000;

const open = (folder: string): Promise<Store> =>
  openLevelStore({ folder, clock: new SystemClock(), log: silentLog });

const key = (half: string, number: number): Uint8Array => {
  const bytes = Buffer.from(`\x20${half}....`);
  bytes.writeUInt32BE(number, 2);
  return bytes;
};

const valueFor = (number: number): Uint8Array =>
  new SeededRandom(number).bytes(32 + (number % VALUE_BYTES));

const COUNT_KEY = Buffer.from('\x20count');

/** Takes the next number and writes its two halves. */
const act = (store: Store): Promise<number> =>
  store.transact('test: act', async (transaction) => {
    const before = await transaction.read(COUNT_KEY);
    const number = Number(before === undefined ? 0 : Buffer.from(before).toString()) + 1;
    transaction.put(COUNT_KEY, Buffer.from(String(number)));
    transaction.put(key('l', number), valueFor(number));
    transaction.put(key('r', number), valueFor(number));
    return number;
  });

/** The child: writes until it fails or is killed, and says each number that is durable. */
async function writeForEver(folder: string): Promise<void> {
  const store = await open(folder);
  const caller = async (): Promise<never> => {
    for (;;) {
      process.stdout.write(`${await act(store)}\n`);
    }
  };
  const answers = await Promise.allSettled(Array.from({ length: CALLERS }, caller));
  for (const answer of answers) {
    const reason: unknown = answer.status === 'rejected' ? answer.reason : undefined;
    process.stdout.write(`${isCertdirError(reason) ? reason.code : reason}\n`);
  }
  const snapshot = store.snapshot();
  process.stdout.write(`reads ${(await snapshot.read(key('l', 1))) !== undefined}\n`);
  await store.close();
}

/** Checks what is stored, gives the last number. */
async function countWholeActs(store: Store): Promise<number> {
  const snapshot = store.snapshot();
  const stored = await snapshot.read(COUNT_KEY);
  const count = Number(stored === undefined ? 0 : Buffer.from(stored).toString());
  let rows = 0;
  for await (const _ of snapshot.keys({})) {
    rows += 1;
  }
  assert.equal(rows, count === 0 ? 0 : 1 + 2 * count);
  for (let number = 1; number <= count; number += 1) {
    assert.deepEqual(await snapshot.read(key('l', number)), valueFor(number));
    assert.deepEqual(await snapshot.read(key('r', number)), valueFor(number));
  }
  await snapshot.close();
  return count;
}

async function linesOf(
  child: ChildProcess,
  onLine: (line: string, lines: readonly string[]) => void = () => undefined,
): Promise<string[]> {
  assert.ok(child.stdout !== null);
  const exited = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    onLine(line, lines);
  }
  await exited;
  return lines;
}

const self = fileURLToPath(import.meta.url);

if (process.argv[2] === 'write') {
  await writeForEver(process.argv[3] ?? '');
} else {
  describe('a store whose process is killed', () => {
    it('keeps every number that was given out, and none in part', async (t) => {
      const folder = temporaryFolder(t);
      const random = new SeededRandom('kill');
      let acknowledged = 0;
      for (let round = 0; round < 6; round += 1) {
        const killAt = 1 + random.below(150);
        const child = spawn(process.execPath, [self, 'write', folder], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const lines = await linesOf(child, (_, soFar) => {
          if (soFar.length === killAt) {
            child.kill('SIGKILL');
          }
        });
        // The last line may have been cut by the kill.
        const numbers = lines.map(Number).filter((number) => number <= acknowledged + lines.length);
        assert.ok(lines.length >= killAt);
        const store = await open(folder);
        const count = await countWholeActs(store);
        await store.close();
        assert.ok(count >= Math.max(...numbers), `${count} of ${Math.max(...numbers)}`);
        assert.ok(Math.min(...numbers) > acknowledged, 'no number twice');
        acknowledged = count;
      }
    });
  });

  describe('a store whose disk is full', () => {
    it('stops writing, goes on reading, and loses nothing it has acknowledged', async (t) => {
      const folder = temporaryFolder(t);
      // In units of 512 or 1024 bytes, as the shell has it.
      const limit = 2048;
      const script = 'trap "" XFSZ; ulimit -f "$1"; shift; exec "$@"';
      const child = spawn(
        'sh',
        ['-c', script, 'sh', String(limit), process.execPath, self, 'write', folder],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const lines = await linesOf(child);
      const numbers = lines.filter((line) => /^\d+$/.test(line)).map(Number);
      const codes = lines.filter((line) => line.startsWith('STORE_'));
      assert.equal(codes.length, CALLERS);
      assert.ok(codes.includes('STORE_WRITE_FAILED'));
      assert.ok(
        codes.every((code) => code === 'STORE_WRITE_FAILED' || code === 'STORE_WRITER_CLOSED'),
      );
      assert.equal(lines.at(-1), 'reads true');
      assert.ok(numbers.length > 20);

      const store = await open(folder);
      t.after(() => store.close());
      const count = await countWholeActs(store);
      assert.ok(count >= Math.max(...numbers), `${count} of ${Math.max(...numbers)}`);
      assert.equal(await act(store), count + 1, 'and there is room again');
    });
  });
}
