/**
 * A clock that jumps, also before 1970, while a process writes: nothing depends on what time it is.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { readJournal } from '../../src/store/journal/journal-scan.ts';
import { highestOf, linesOf, startWriter } from '../support/act-writer.ts';
import { checkActs } from '../support/numbered-acts.ts';
import { hasTool, outsideTools, skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Seconds from the machine's clock. */
const JUMPS = ['+2592000', '-3600', '-1893456000', '+2524608000', '+0'];
const ACTS_PER_JUMP = 40;

const library = outsideTools
  .find(({ command }) => command === 'libfaketime')
  ?.files?.find(() => hasTool('libfaketime'));

describe('a store whose clock jumps', { skip: skipWithout('libfaketime') }, () => {
  it('goes on, keeps everything in order, and says in the journal what the clock said', async (t) => {
    const folder = temporaryFolder(t);
    const timeFile = join(folder, 'time');
    writeFileSync(timeFile, '+0\n');
    const child = startWriter(
      { folder: join(folder, 'store'), callers: 2, segmentBytes: 100_000 },
      {
        env: {
          LD_PRELOAD: library,
          FAKETIME_TIMESTAMP_FILE: timeFile,
          FAKETIME_NO_CACHE: '1',
          FAKETIME_DONT_FAKE_MONOTONIC: '1',
        },
      },
    );
    const lines = await linesOf(child, (_, count) => {
      if (count % ACTS_PER_JUMP === 0) {
        const jump = JUMPS[count / ACTS_PER_JUMP - 1];
        if (jump === undefined) {
          child.kill('SIGTERM');
        } else {
          writeFileSync(timeFile, `${jump}\n`);
        }
      }
    });
    const numbers = lines.filter((line) => /^\d+$/.test(line)).map(Number);
    assert.ok(numbers.length >= JUMPS.length * ACTS_PER_JUMP);
    assert.deepEqual(
      numbers.toSorted((left, right) => left - right),
      numbers,
    );
    assert.ok((await checkActs(join(folder, 'store'))) >= highestOf(lines));
    const years = new Set<number>();
    for await (const { header } of readJournal(join(folder, 'store', 'journal'), undefined)) {
      years.add(new Date(header.atMs).getUTCFullYear());
    }
    assert.ok(years.size >= 3, [...years].join());
  });
});
