import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { BrokenInvariants } from '../../src/app/broken-invariants.ts';
import { judgeList, watchListsJob } from '../../src/app/list-watch.ts';
import { latenessAt } from '../../src/ca/policy/cadence.ts';
import type { PublishedDelta } from '../../src/ca/records/scope-record.ts';
import { type Log, silentLog } from '../../src/core/log.ts';
import { CaTestBed, smallGunma } from '../support/ca-test-bed.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const thisUpdateMs = Date.UTC(2026, 0, 5);
const published = {
  ...{ number: 1n, thisUpdateMs, nextUpdateMs: thisUpdateMs + 72 * HOUR },
  ...{ entryCount: 0, byteLength: 500, sha256: new Uint8Array(32), sequence: 0n },
};

function recordingLog(lines: string[]): Log {
  const write = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const log: Log = {
    ...{ debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    with: () => log,
  };
  return log;
}

describe('a list that is out, watched over time', () => {
  const rows = [
    // The clock was ahead when it came out.
    { hours: -1 / 60 - 1 / 3600, shows: ['error I7'] },
    { hours: -1 / 60, shows: [] },
    { hours: 24, shows: [] },
    { hours: 26 - 1 / 3600, shows: [] },
    { hours: 26, shows: ['warn age'] },
    { hours: 36 - 1 / 3600, shows: ['warn age'] },
    { hours: 36, shows: ['error age'] },
    { hours: 48, shows: ['error age'] },
    { hours: 48 + 1 / 3600, shows: ['error I7', 'error age'] },
    { hours: 73, shows: ['error I7', 'error age'] },
  ];
  for (const { hours, shows } of rows) {
    it(`shows ${shows.join(' and ') || 'nothing'} at ${hours.toFixed(4)} h (I7, 26 h, 36 h)`, () => {
      const nowMs = thisUpdateMs + hours * HOUR;
      const lateness = latenessAt(nowMs, { published }, smallGunma);
      const list = { scope: { id: 'arl' }, published, lateness, oldestPendingMs: undefined };
      const found = judgeList(list, smallGunma, nowMs);
      assert.deepEqual(
        found.map(({ level, invariant }) => `${level} ${invariant}`),
        shows,
      );
    });
  }

  it('shows a revocation that waits for longer than the policy lets it (I15)', () => {
    const nowMs = thisUpdateMs + HOUR;
    const atEach = {
      crl: { ...smallGunma.crl, atEachRevocation: { coalesceSeconds: 5, alarmMinutes: 15 } },
    };
    const judge = (waitMs: number): number => {
      const oldestPendingMs = nowMs - waitMs;
      const list = {
        scope: { id: 'arl' },
        published,
        lateness: 'on-time',
        oldestPendingMs,
      } as const;
      return judgeList(list, atEach, nowMs).filter(({ invariant }) => invariant === 'I15').length;
    };
    assert.deepEqual([judge(15 * MINUTE), judge(15 * MINUTE + 1)], [0, 1]);
  });

  describe('with a delta list', () => {
    const crl = { ...smallGunma.crl, delta: { periodHours: 4, validityHours: 12 } };
    const delta = { ...published, number: 2n, nextUpdateMs: thisUpdateMs + 12 * HOUR };
    const judge = (hours: number, facts: { delta?: PublishedDelta; hasDelta?: boolean }) =>
      judgeList(
        {
          ...{ scope: { id: '10201' }, published, lateness: 'on-time', delta: undefined },
          ...{ oldestPendingMs: undefined, hasDelta: true, ...facts },
        },
        { crl },
        thisUpdateMs + hours * HOUR,
      ).map(({ invariant }) => invariant);
    const shown = { delta: { ...delta, baseNumber: 1n } };

    it('shows one that has less than half of what it has when it is on time (I7)', () => {
      assert.deepEqual([judge(8, shown), judge(8 + 1 / 3600, shown)], [[], ['I7']]);
    });

    it('shows one that does not come behind its full list (I7)', () => {
      assert.deepEqual([judge(8, {}), judge(8 + 1 / 3600, {})], [[], ['I7']]);
      assert.deepEqual(judge(9, { hasDelta: false }), []);
    });
  });

  it('shows one that never came out (I7)', () => {
    const list = {
      ...{ scope: { id: 'crl-2' }, published: undefined, lateness: 'alarm' as const },
      oldestPendingMs: undefined,
    };
    const found = judgeList(list, smallGunma, thisUpdateMs);
    assert.deepEqual(
      found.map(({ invariant }) => invariant),
      ['I7'],
    );
  });

  it('is told once, worse once more, and when it is well again', async (t) => {
    const bed = await CaTestBed.open(t);
    const lines: string[] = [];
    const broken = new BrokenInvariants(recordingLog(lines));
    const job = watchListsJob({ authority: bed.ca, clock: bed.clock, policy: bed.policy }, broken);
    const signal = new AbortController().signal;
    const look = async (hours: number): Promise<string[]> => {
      await bed.clock.advance(hours * HOUR);
      await job.run(signal);
      return lines.splice(0).map((line) => line.split(' ')[0] ?? '');
    };
    const lists = bed.ca.scopes.list.length;
    assert.deepEqual(await look(1), []);
    assert.deepEqual(await look(25), Array(lists).fill('warn'));
    assert.deepEqual(await look(1), []);
    assert.deepEqual(await look(10), Array(lists).fill('error'));
    assert.equal(broken.count('age'), lists);
    assert.equal(await job.nextDueMs(), bed.clock.nowMs() + MINUTE);
    for (const { id } of bed.ca.scopes.list) {
      await bed.ca.publish(id, { channel: 'cli', actor: 'tester' });
    }
    assert.deepEqual(await look(0), Array(lists).fill('info'));
    assert.deepEqual(broken.all, []);
    assert.ok(silentLog);
  });
});
