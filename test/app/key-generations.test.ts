/**
 * The keys of a CA as a server and its operators see them: the report, a renewal without custodians, what the log is told
 * and when.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { keyJobs, LocalKeys } from '../../src/app/key-generations.ts';
import type { Log } from '../../src/core/log.ts';
import { CaTestBed } from '../support/ca-test-bed.ts';

const DAY_MS = 86_400_000;
const operator = { name: 'tester' };

function recordingLog(lines: string[]): Log {
  const write = (level: string) => (message: string, fields?: object) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const log: Log = {
    ...{ debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    with: () => log,
  };
  return log;
}

function keysOf(
  bed: CaTestBed,
  {
    custodiansFile,
    lines = [],
    fails = false,
  }: {
    readonly custodiansFile?: string;
    readonly lines?: string[];
    readonly fails?: boolean;
  } = {},
): LocalKeys {
  const token = { kind: 'software', ...(custodiansFile === undefined ? {} : { custodiansFile }) };
  return new LocalKeys({
    authority: bed.ca,
    ...{ clock: bed.clock, policy: bed.policy, log: recordingLog(lines) },
    ...{ store: bed.store, audit: bed.options.audit, signer: bed.signer as never },
    configuration: { token } as never,
    publishLists: async ({ scopeIds, origin }) => {
      if (fails) {
        throw new Error('the disk is full');
      }
      await bed.clock.advance(1000);
      return await Promise.all(scopeIds.map((scopeId) => bed.ca.publish(scopeId, origin)));
    },
  });
}

describe('certdir ca renew-key', () => {
  it('makes a key, lets it issue, and brings out the lists', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.issue();
    const revoked = await bed.issue();
    await bed.revoke(revoked.serialNumber);
    const { generations, renewalDue, renewalWarning } = await keysOf(bed).renew(
      { isEarly: true },
      operator,
    );
    assert.deepEqual(
      generations.map(({ generation, state, certificates: { issued, valid } }) => [
        ...[generation, state, issued, valid],
      ]),
      [
        // A responder of each key is counted too.
        [1, 'retiring', 3, 2],
        [2, 'current', 1, 1],
      ],
    );
    assert.equal(renewalDue, '2031-01-04T14:59:59Z');
    assert.equal(renewalWarning, null);
    const { lists } = await bed.ca.status();
    assert.ok(lists.every(({ published }) => published?.number === 2n));
  });

  it('CA_RENEWAL_EARLY unless a renewal is near, or one was begun', async (t) => {
    const bed = await CaTestBed.open(t);
    const keys = keysOf(bed);
    await assert.rejects(keys.renew({ isEarly: false }, operator), { code: 'CA_RENEWAL_EARLY' });
    await bed.ca.renewal.prepare({ channel: 'cli', actor: 'tester' });
    assert.equal((await keys.renew({ isEarly: false }, operator)).generations.length, 2);
    await assert.rejects(keys.renew({ isEarly: false }, operator), { code: 'CA_RENEWAL_EARLY' });
    bed.clock.setWallClock(bed.ca.renewal.dueMs - 30 * DAY_MS);
    assert.equal((await keys.renew({ isEarly: false }, operator)).generations.length, 3);
  });

  it('SIGNING_CEREMONY_REFUSED where there are custodians', async (t) => {
    const bed = await CaTestBed.open(t);
    const keys = keysOf(bed, { custodiansFile: 'custodians.json' });
    await assert.rejects(keys.renew({ isEarly: true }, operator), {
      code: 'SIGNING_CEREMONY_REFUSED',
    });
    assert.equal((await bed.signer.list()).length, 1);
  });

  it('is done when the key issues: what does not follow is told, and not made twice', async (t) => {
    const bed = await CaTestBed.open(t);
    const lines: string[] = [];
    const { generations } = await keysOf(bed, { lines, fails: true }).renew(
      { isEarly: true },
      operator,
    );
    assert.equal(generations.length, 2);
    assert.match(lines.join('\n'), /error the key is renewed; lists or responder follow/);
  });
});

describe('the jobs about keys', () => {
  it('tell the log once a day of a renewal that is near, and louder at the end', async (t) => {
    const bed = await CaTestBed.open(t);
    const lines: string[] = [];
    const [, job] = keyJobs({ authority: bed.ca, clock: bed.clock, log: recordingLog(lines) });
    const { dueMs } = bed.ca.renewal;
    const said = async (beforeDays: number): Promise<string | undefined> => {
      bed.clock.setWallClock(dueMs - beforeDays * DAY_MS);
      await job?.run(new AbortController().signal);
      assert.equal(await job?.nextDueMs(), bed.clock.nowMs() + DAY_MS);
      return lines.splice(0).join('\n').split(' ')[0];
    };
    assert.equal(await said(400), '');
    assert.equal(await said(300), 'warn');
    assert.equal(await said(80), 'warn');
    assert.equal(await said(20), 'error');
    assert.equal(await said(-1), 'error');
  });

  it('look at what is over when the server starts', async (t) => {
    const bed = await CaTestBed.open(t);
    const [job] = keyJobs({ authority: bed.ca, clock: bed.clock, log: recordingLog([]) });
    assert.equal(await job?.nextDueMs(), 0);
    await job?.run(new AbortController().signal);
    assert.equal(await job?.nextDueMs(), bed.ca.certificate.notAfterMs);
  });
});
