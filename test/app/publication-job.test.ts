import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { publicationJob } from '../../src/app/publication-job.ts';
import { silentLog } from '../../src/core/log.ts';
import type { Job } from '../../src/scheduler/job.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import type { Signer } from '../../src/signing/signer.ts';
import { CaTestBed } from '../support/ca-test-bed.ts';

const HOUR_MS = 3_600_000;

function jobOf(bed: CaTestBed): Job {
  const { clock, policy } = bed;
  return publicationJob({ authority: bed.ca, clock, policy, log: silentLog });
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
    destroy: (label) => signer.destroy(label),
    close: () => signer.close(),
  };
}
