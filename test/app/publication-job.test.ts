import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { deltaJob, ListPublication } from '../../src/app/publication-job.ts';
import { silentLog } from '../../src/core/log.ts';
import type { PublishLists } from '../../src/http/local-operations.ts';
import type { Job, JobAlarm } from '../../src/scheduler/job.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import type { Signer } from '../../src/signing/signer.ts';
import { CaTestBed, type CaTestBedOptions, tester } from '../support/ca-test-bed.ts';
import { withDeltas } from '../support/delta-policy.ts';
import { ManualTicker } from '../support/manual-ticker.ts';

const HOUR_MS = 3_600_000;

function jobOf(bed: CaTestBed): Job {
  const { clock, policy } = bed;
  return new ListPublication({ authority: bed.ca, clock, policy, log: silentLog }).job;
}

async function numbers(bed: CaTestBed): Promise<Record<string, bigint | undefined>> {
  const { lists } = await bed.ca.status();
  return Object.fromEntries(lists.map(({ scope, published }) => [scope.id, published?.number]));
}

describe('publicationJob', () => {
  it('is due 24 hours after the last thisUpdate, also after a restart', async (t) => {
    const bed = await CaTestBed.open(t);
    const firstMs = (await bed.ca.status()).lists[0]?.published?.thisUpdateMs ?? 0;
    assert.equal(await jobOf(bed).nextDueMs(), firstMs + 24 * HOUR_MS);
    await bed.clock.advance(10 * HOUR_MS);
    await bed.reopen();
    assert.equal(await jobOf(bed).nextDueMs(), firstMs + 24 * HOUR_MS);
  });

  it('publishes every due list once and then rests', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.clock.advance(24 * HOUR_MS);
    await jobOf(bed).run(new AbortController().signal);
    const after = await numbers(bed);
    assert.deepEqual(new Set(Object.values(after)), new Set([2n]));
    assert.ok(((await jobOf(bed).nextDueMs()) ?? 0) > bed.clock.nowMs());
    await jobOf(bed).run(new AbortController().signal);
    assert.deepEqual(await numbers(bed), after);
  });

  it('publishes the other lists when one cannot be signed, and fails', async (t) => {
    let failures = 0;
    const wrapSigner = (signer: Signer): Signer => ({
      ...methodsOf(signer),
      sign: (request) => {
        failures -= 1;
        return failures === 0 ? Promise.reject(new Error('away')) : signer.sign(request);
      },
    });
    const bed = await CaTestBed.open(t, { wrapSigner });
    await bed.clock.advance(24 * HOUR_MS);
    failures = 2;
    await assert.rejects(jobOf(bed).run(new AbortController().signal), AggregateError);
    const after = Object.values(await numbers(bed));
    assert.equal(after.filter((number) => number === 1n).length, 1);
    assert.equal(after.filter((number) => number === 2n).length, after.length - 1);
    await jobOf(bed).run(new AbortController().signal);
    assert.deepEqual(new Set(Object.values(await numbers(bed))), new Set([2n]));
  });

  it('publishes what becomes due while it runs, and does not end still due', async (t) => {
    const clockOf: { bed?: CaTestBed } = {};
    const wrapSigner = (signer: Signer): Signer => ({
      ...methodsOf(signer),
      sign: async (request) => {
        const signature = await signer.sign(request);
        await clockOf.bed?.clock.advance(1_000);
        return signature;
      },
    });
    const bed = await CaTestBed.open(t, { wrapSigner });
    clockOf.bed = bed;
    for (const scope of bed.ca.scopes.list) {
      await bed.clock.advance(1_000);
      await bed.ca.publish(scope.id, tester);
    }
    const firstDueMs = bed.ca.nextDueMs();
    await bed.clock.advance(firstDueMs - bed.clock.nowMs());
    const job = jobOf(bed);
    assert.equal(bed.ca.dueScopes(bed.clock.nowMs()).length, 1);
    await job.run(new AbortController().signal);
    const published = new Set(Object.values(await numbers(bed)));
    assert.ok(((await job.nextDueMs()) ?? 0) > bed.clock.nowMs(), 'at rest');
    assert.ok(published.has(3n));
  });

  it('does not put off what is due when the clock is set back', async (t) => {
    const bed = await CaTestBed.open(t);
    const ticker = new ManualTicker();
    const alarms: JobAlarm[] = [];
    const onAlarm = (alarm: JobAlarm): void => void alarms.push(alarm);
    const scheduler = new Scheduler({ ticker, clock: bed.clock, log: silentLog, onAlarm });
    scheduler.add(jobOf(bed));
    scheduler.start();
    await bed.clock.advance(20 * HOUR_MS);
    bed.clock.setWallClock(bed.clock.nowMs() - HOUR_MS);
    await bed.clock.advance(4 * HOUR_MS);
    ticker.tick();
    await scheduler.trigger('publish lists');
    assert.deepEqual(new Set(Object.values(await numbers(bed))), new Set([2n]));
    assert.equal(scheduler.status()[0]?.failures, 0);
    assert.deepEqual(alarms, []);
    await scheduler.close();
  });

  it('stops between two lists when it is told to', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.clock.advance(24 * HOUR_MS);
    await jobOf(bed).run(AbortSignal.abort());
    assert.deepEqual(new Set(Object.values(await numbers(bed))), new Set([1n]));
  });

  it('keeps a valid list in every scope for a month of simulated days', async (t) => {
    const bed = await CaTestBed.open(t);
    const ticker = { onTick: (): void => undefined };
    const scheduler = new Scheduler({
      ticker: {
        start: (onTick) => {
          ticker.onTick = onTick;
        },
        stop: () => undefined,
      },
      clock: bed.clock,
      log: silentLog,
    });
    scheduler.add(jobOf(bed));
    scheduler.start();
    for (let hour = 0; hour < 30 * 24; hour += 1) {
      await bed.clock.advance(HOUR_MS);
      ticker.onTick();
      await scheduler.trigger('publish lists');
      for (const { scope, published } of (await bed.ca.status()).lists) {
        const left = (published?.nextUpdateMs ?? 0) - bed.clock.nowMs();
        assert.ok(left >= 47 * HOUR_MS, `${scope.id} has ${left / HOUR_MS} hours left`);
      }
    }
    await scheduler.close();
    assert.deepEqual(new Set(Object.values(await numbers(bed))), new Set([31n]));
  });
});

describe('the job of delta lists', () => {
  const jobOfDeltas = (bed: CaTestBed, authority: Parameters<typeof deltaJob>[0]['authority']) => {
    const { clock, policy } = bed;
    return deltaJob({ authority, clock, policy, log: silentLog });
  };
  const signal = new AbortController().signal;

  it('is due after the policy’s period, publishes every delta list once and rests', async (t) => {
    const bed = await CaTestBed.open(t, { policy: withDeltas });
    const job = jobOfDeltas(bed, bed.ca);
    const { lists } = await bed.ca.status();
    const firstMs = Math.min(...lists.map(({ delta }) => delta?.thisUpdateMs ?? Infinity));
    assert.equal(await job.nextDueMs(), firstMs + 4 * HOUR_MS);
    assert.deepEqual(job.lateAlarmsMs, [8 * HOUR_MS]);
    await bed.clock.advance(4 * HOUR_MS + 1000);
    await job.run(signal);
    for (const { scope, delta, published } of (await bed.ca.status()).lists) {
      assert.equal(delta?.number, scope.id === 'arl' ? undefined : 3n);
      assert.equal(published?.number, 1n);
    }
    assert.ok(((await job.nextDueMs()) ?? 0) > bed.clock.nowMs());
    assert.deepEqual(bed.ca.deltas.dueScopes(bed.clock.nowMs()), []);
  });

  it('is not held up by one that fails, and fails then', async (t) => {
    const bed = await CaTestBed.open(t, { policy: withDeltas });
    const { deltas } = bed.ca;
    const job = jobOfDeltas(bed, {
      deltas: {
        dueScopes: (nowMs) => deltas.dueScopes(nowMs),
        nextDueMs: () => deltas.nextDueMs(),
        publish: (scopeId, origin) =>
          scopeId === '10201' ? Promise.reject(new Error('away')) : deltas.publish(scopeId, origin),
      },
    });
    await bed.clock.advance(4 * HOUR_MS + 1000);
    await assert.rejects(job.run(signal), AggregateError);
    assert.deepEqual(deltas.dueScopes(bed.clock.nowMs()), ['10201']);
    await jobOfDeltas(bed, bed.ca).run(AbortSignal.abort());
    assert.deepEqual(deltas.dueScopes(bed.clock.nowMs()), ['10201'], 'told to stop');
    await jobOfDeltas(bed, bed.ca).run(signal);
    assert.deepEqual(deltas.dueScopes(bed.clock.nowMs()), []);
  });

  it('is never due where the policy has none', async (t) => {
    const bed = await CaTestBed.open(t);
    assert.equal(await jobOfDeltas(bed, bed.ca).nextDueMs(), undefined);
  });
});

describe('lists that are asked for', () => {
  interface Bench {
    readonly bed: CaTestBed;
    readonly scheduler: Scheduler;
    readonly publish: PublishLists;
    readonly asked: string[];
  }

  async function open(t: TestContext, options: CaTestBedOptions = {}): Promise<Bench> {
    const bed = await CaTestBed.open(t, options);
    const { clock, policy } = bed;
    const publication = new ListPublication({ authority: bed.ca, clock, policy, log: silentLog });
    const scheduler = new Scheduler({ ticker: new ManualTicker(), clock, log: silentLog });
    scheduler.add(publication.job);
    scheduler.start();
    const asked: string[] = [];
    const publish = publication.through((name) => {
      asked.push(name);
      return scheduler.trigger(name);
    });
    await bed.clock.advance(2_000);
    return { bed, scheduler, publish, asked };
  }

  it('are published by the job, with the origin of who asked, told one by one', async (t) => {
    const { bed, publish, asked } = await open(t);
    const done: number[] = [];
    const scopeIds = ['10202', 'arl'];
    const publications = await publish({ scopeIds, origin: tester }, (count) => done.push(count));
    assert.deepEqual(
      publications.map(({ scope, number }) => [scope.id, number]),
      [
        ['10202', 2n],
        ['arl', 2n],
      ],
    );
    assert.deepEqual(done, [1, 2]);
    assert.deepEqual(asked, ['publish lists']);
    const last = (await bed.records('crl.publish')).slice(-2);
    assert.deepEqual(
      last.map(({ origin }) => origin),
      [tester, tester],
    );
  });

  it('by several at a time are made once for all who asked before the run', async (t) => {
    const { bed, publish } = await open(t);
    const asking = ['10201', '10201', '10201', '10202'].map((scopeId) =>
      publish({ scopeIds: [scopeId], origin: tester }, () => undefined),
    );
    let isDone = false;
    const all = Promise.all(asking).finally(() => {
      isDone = true;
    });
    // The second list of a scope waits for the clock, whenever it is that the first is out.
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      await bed.clock.advance(100);
    }
    const found = await all;
    // The first run had begun; the three others shared the next.
    assert.deepEqual(
      found.map(([publication]) => publication?.number),
      [2n, 3n, 3n, 2n],
    );
  });

  it('come out although another list of the same run cannot', async (t) => {
    let isAway = false;
    const wrapSigner = (signer: Signer): Signer => ({
      ...methodsOf(signer),
      sign: (request) => {
        const fails = isAway;
        isAway = false;
        return fails ? Promise.reject(new Error('away')) : signer.sign(request);
      },
    });
    const { bed, publish, scheduler } = await open(t, { wrapSigner });
    const quiet = (): void => undefined;
    isAway = true;
    const bad = publish({ scopeIds: ['10203', '10201'], origin: tester }, quiet);
    await assert.rejects(bad, { message: 'away' });
    const after = await numbers(bed);
    // Which of the two is signed first is not said.
    const both = [after['10201'], after['10203']].map(Number).sort();
    assert.deepEqual(both, [1, 2], 'the rest of the order came out');
    assert.equal(scheduler.status()[0]?.failures, 1);
    const [good] = await publish({ scopeIds: ['10202'], origin: tester }, quiet);
    assert.equal(good?.number, 2n);
  });

  it('are refused, not forgotten, when the scheduler closes', async (t) => {
    const { publish, scheduler } = await open(t);
    await scheduler.close();
    const late = publish({ scopeIds: ['10201'], origin: tester }, () => undefined);
    await assert.rejects(late, { code: 'SCHEDULER_CLOSED' });
  });

  it('that stand behind the end of a run that was stopped are refused as well', async (t) => {
    const bed = await CaTestBed.open(t);
    const { clock, policy } = bed;
    const publication = new ListPublication({ authority: bed.ca, clock, policy, log: silentLog });
    const publish = publication.through(() => publication.job.run(AbortSignal.abort()));
    await assert.rejects(
      publish({ scopeIds: ['10201'], origin: tester }, () => undefined),
      { code: 'SCHEDULER_CLOSED' },
    );
  });
});

/** The methods of a signer as own properties, so that one can be replaced. */
function methodsOf(signer: Signer): Signer {
  return {
    activate: () => signer.activate(),
    deactivate: () => signer.deactivate(),
    isActive: () => signer.isActive(),
    generate: (key) => signer.generate(key),
    describe: (label) => signer.describe(label),
    list: () => signer.list(),
    sign: (request) => signer.sign(request),
    makeSubjectKey: (key) => signer.makeSubjectKey(key),
    destroy: (label) => signer.destroy(label),
    close: () => signer.close(),
  };
}
