/**
 * What the server does by itself about cross certificates: a word in the log once a day from the policy's days on, louder
 * when it is near (gunma 4-9), and pairs that have ended leave the directory.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { crossJobs } from '../../src/app/cross-job.ts';
import type { Log, LogFields } from '../../src/core/log.ts';
import { CaTestBed, smallGunma, withoutCross } from '../support/ca-test-bed.ts';
import { crossCertify, pairsOf, smallBca } from '../support/cross-exchange.ts';

const DAY_MS = 86_400_000;

interface Line {
  readonly level: string;
  readonly fields: LogFields | undefined;
}

function logInto(lines: Line[]): Log {
  const at =
    (level: string) =>
    (_message: string, fields?: LogFields): void => {
      lines.push({ level, fields });
    };
  const log: Log = {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    with: () => log,
  };
  return log;
}

describe('the job of cross certificates', () => {
  it('warns once a day, and takes out what has ended', async (t) => {
    const gunma = { id: 'gunma', bed: await CaTestBed.open(t, { policy: smallGunma }) };
    const bca = { id: 'bca', bed: await CaTestBed.open(t, { policy: smallBca }) };
    await crossCertify(gunma, bca);
    const { clock, ca: authority } = gunma.bed;
    const lines: Line[] = [];
    const log = logInto(lines);
    const [job, ...others] = crossJobs({ authority, clock, log });
    assert(job !== undefined);
    assert.equal(others.length, 0);
    const signal = new AbortController().signal;
    const endMs = ((await authority.bridge.dueMs()) ?? 0) - 1000;
    const told = async (daysLeft: number): Promise<readonly unknown[]> => {
      clock.setWallClock(endMs - daysLeft * DAY_MS);
      lines.length = 0;
      assert.ok(((await job.nextDueMs()) ?? 0) <= clock.nowMs());
      await job.run(signal);
      return lines.map(({ level, fields }) => [level, fields?.['case']]);
    };
    assert.deepEqual(await told(181), []);
    assert.equal(await job.nextDueMs(), clock.nowMs() + DAY_MS);
    const both = (level: string): unknown[] => [
      [level, 'theirs-ends'],
      [level, 'ours-ends'],
    ];
    assert.deepEqual(await told(180), both('warn'));
    assert.deepEqual(await told(31), both('warn'));
    assert.deepEqual(await told(30), both('error'));
    assert.equal((await pairsOf(gunma)).length, 1);
    assert.deepEqual(await told(-1), []);
    assert.deepEqual(await pairsOf(gunma), []);
  });

  it('is none where the policy has no peers', async (t) => {
    const bed = await CaTestBed.open(t, { policy: withoutCross(smallGunma) });
    const { clock, ca: authority } = bed;
    assert.deepEqual(crossJobs({ authority, clock, log: logInto([]) }), []);
    assert.equal((await bed.records('cross.end')).length, 0);
  });
});
