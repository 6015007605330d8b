/**
 * Jobs by due times from facts, in simulated time with ticks by hand.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { silentLog } from '../../src/core/log.ts';
import type { Job, JobAlarm } from '../../src/scheduler/job.ts';
import { Scheduler, type SchedulerOptions } from '../../src/scheduler/scheduler.ts';
import { ManualTicker } from '../support/manual-ticker.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MINUTE_MS = 60_000;

/** A CRL published every 24 hours: the last thisUpdate is the stored fact. */
class CrlJob implements Job {
  readonly name: string;
  readonly lateAlarmsMs: readonly number[] = [2 * HOUR_MS, 12 * HOUR_MS];
  /** Wall-clock times of the runs that began. */
  readonly runsMs: number[] = [];
  thisUpdateMs: number;
  /** What a run throws instead of publishing. */
  failure: Error | undefined;
  /** What reading the fact throws. */
  readFailure: Error | undefined;
  /** When set, a run goes on until it resolves. */
  gate: Promise<void> | undefined;
  overlaps = 0;
  signal: AbortSignal | undefined;
  readonly #clock: SimulatedClock;
  #isRunning = false;

  constructor(clock: SimulatedClock, name = 'crl') {
    this.name = name;
    this.#clock = clock;
    this.thisUpdateMs = clock.nowMs();
  }

  async nextDueMs(): Promise<number> {
    if (this.readFailure !== undefined) {
      throw this.readFailure;
    }
    return this.thisUpdateMs + DAY_MS;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.overlaps += this.#isRunning ? 1 : 0;
    this.#isRunning = true;
    this.signal = signal;
    this.runsMs.push(this.#clock.nowMs());
    try {
      await this.gate;
      if (this.failure !== undefined) {
        throw this.failure;
      }
      this.thisUpdateMs = this.#clock.nowMs();
    } finally {
      this.#isRunning = false;
    }
  }
}

interface Bench {
  readonly clock: SimulatedClock;
  readonly ticker: ManualTicker;
  readonly scheduler: Scheduler;
  readonly job: CrlJob;
  readonly alarms: JobAlarm[];
  /** Moves time on, ticking every `everyMs`. */
  readonly pass: (forMs: number, everyMs?: number) => Promise<void>;
}

function openBench(startMs?: number, change: Partial<SchedulerOptions> = {}): Bench {
  const clock = new SimulatedClock(startMs);
  const ticker = new ManualTicker();
  const alarms: JobAlarm[] = [];
  const onAlarm = (alarm: JobAlarm): void => void alarms.push(alarm);
  const scheduler = new Scheduler({ ticker, clock, log: silentLog, onAlarm, ...change });
  const job = new CrlJob(clock);
  scheduler.add(job);
  const pass = async (forMs: number, everyMs = MINUTE_MS): Promise<void> => {
    for (let passedMs = 0; passedMs < forMs; passedMs += everyMs) {
      await clock.advance(Math.min(everyMs, forMs - passedMs));
      ticker.tick();
      await clock.advance(0);
    }
  };
  return { clock, ticker, scheduler, job, alarms, pass };
}

/** A promise and the way to resolve it. */
function openGate(): { readonly gate: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { gate, open };
}

const kindsOf = (alarms: readonly JobAlarm[]): string[] =>
  alarms.map((alarm) =>
    alarm.kind === 'late' ? `late ${alarm.thresholdMs / HOUR_MS} h` : alarm.kind,
  );

describe('due times', () => {
  it('runs at its due time, not a tick before', async () => {
    const { clock, job, pass, scheduler } = openBench();
    const startMs = clock.nowMs();
    scheduler.start();
    await pass(DAY_MS - MINUTE_MS);
    assert.deepEqual(job.runsMs, []);
    await pass(MINUTE_MS);
    assert.deepEqual(job.runsMs, [startMs + DAY_MS]);
  });

  it('runs once in every period', async () => {
    const { clock, job, pass, scheduler } = openBench();
    const startMs = clock.nowMs();
    scheduler.start();
    await pass(5 * DAY_MS, 10 * MINUTE_MS);
    assert.deepEqual(
      job.runsMs,
      [1, 2, 3, 4, 5].map((days) => startMs + days * DAY_MS),
    );
  });

  it('runs nothing before start', async () => {
    const { job, pass } = openBench();
    await pass(2 * DAY_MS, HOUR_MS);
    assert.deepEqual(job.runsMs, []);
  });

  it('never runs a job that is due never', async () => {
    const { scheduler, pass } = openBench();
    let runs = 0;
    scheduler.add({
      name: 'never',
      nextDueMs: async () => undefined,
      run: async () => {
        runs += 1;
      },
    });
    scheduler.start();
    await pass(3 * DAY_MS, HOUR_MS);
    assert.equal(runs, 0);
  });

  it('follows the fact when something else moved it', async () => {
    const { clock, job, pass, scheduler } = openBench();
    scheduler.start();
    await pass(20 * HOUR_MS, HOUR_MS);
    job.thisUpdateMs = clock.nowMs();
    await pass(20 * HOUR_MS, HOUR_MS);
    assert.deepEqual(job.runsMs, []);
    await pass(4 * HOUR_MS, HOUR_MS);
    assert.equal(job.runsMs.length, 1);
  });

  it('catches up once at start, however long it was down', async () => {
    const { clock, job, pass, scheduler } = openBench();
    job.thisUpdateMs = clock.nowMs() - 10 * DAY_MS;
    scheduler.start();
    await clock.advance(0);
    assert.deepEqual(job.runsMs, [clock.nowMs()]);
    await pass(DAY_MS - MINUTE_MS);
    assert.equal(job.runsMs.length, 1);
  });

  it('looks at once at a job added while it runs', async () => {
    const { clock, scheduler } = openBench();
    scheduler.start();
    const late = new CrlJob(clock, 'late');
    late.thisUpdateMs -= 2 * DAY_MS;
    scheduler.add(late);
    await clock.advance(0);
    assert.equal(late.runsMs.length, 1);
  });

  it('SCHEDULER_JOB_EXISTS for a name that is taken', () => {
    const { clock, scheduler } = openBench();
    assert.throws(() => scheduler.add(new CrlJob(clock)), { code: 'SCHEDULER_JOB_EXISTS' });
  });
});

describe('clocks that jump', () => {
  const jumps = [
    { why: 'a second back', byMs: -1_000 },
    { why: 'an hour back', byMs: -HOUR_MS },
    { why: 'a year back', byMs: -365 * DAY_MS },
  ];
  for (const { why, byMs } of jumps) {
    it(`${why}: no burst and no stall, the next run is 24 real hours after the last`, async () => {
      const { clock, job, pass, scheduler } = openBench();
      scheduler.start();
      await pass(10 * HOUR_MS);
      clock.setWallClock(clock.nowMs() + byMs);
      await pass(14 * HOUR_MS - MINUTE_MS);
      assert.equal(job.runsMs.length, 0);
      await pass(MINUTE_MS);
      assert.equal(job.runsMs.length, 1);
      await pass(DAY_MS - MINUTE_MS);
      assert.equal(job.runsMs.length, 1);
      await pass(MINUTE_MS);
      assert.equal(job.runsMs.length, 2);
    });
  }

  it('back: the run is told what is due by the time that really went by, forward: now', async () => {
    for (const byMs of [-HOUR_MS, HOUR_MS]) {
      const clock = new SimulatedClock();
      const ticker = new ManualTicker();
      const scheduler = new Scheduler({ ticker, clock, log: silentLog });
      const dueMs = clock.nowMs() + DAY_MS;
      const told: (number | undefined)[] = [];
      scheduler.add({
        name: 'told',
        nextDueMs: async () => dueMs + told.length * DAY_MS,
        run: async (_signal, asOfMs) => void told.push(asOfMs),
      });
      scheduler.start();
      await clock.advance(0);
      clock.setWallClock(clock.nowMs() + byMs);
      await clock.advance(DAY_MS);
      ticker.tick();
      await clock.advance(0);
      assert.deepEqual(told, [byMs < 0 ? dueMs : dueMs + HOUR_MS]);
      await scheduler.close();
    }
  });

  it('a year forward: one run, then every 24 hours', async () => {
    const { clock, job, pass, scheduler } = openBench();
    scheduler.start();
    await pass(HOUR_MS);
    clock.setWallClock(clock.nowMs() + 365 * DAY_MS);
    await pass(MINUTE_MS);
    assert.equal(job.runsMs.length, 1);
    await pass(DAY_MS - MINUTE_MS);
    assert.equal(job.runsMs.length, 1);
    await pass(MINUTE_MS);
    assert.equal(job.runsMs.length, 2);
  });

  it('forward and back again: no burst', async () => {
    const { clock, job, pass, scheduler } = openBench();
    scheduler.start();
    for (let round = 0; round < 10; round += 1) {
      clock.setWallClock(clock.nowMs() + HOUR_MS);
      await pass(MINUTE_MS);
      clock.setWallClock(clock.nowMs() - HOUR_MS);
      await pass(MINUTE_MS);
    }
    assert.equal(job.runsMs.length, 0);
    await pass(DAY_MS);
    assert.equal(job.runsMs.length, 1);
  });

  const changes = [
    { why: 'summer time begins', startMs: Date.UTC(2026, 2, 28) },
    { why: 'summer time ends', startMs: Date.UTC(2026, 9, 24) },
    { why: 'a leap day', startMs: Date.UTC(2028, 1, 28) },
    { why: 'the end of a year', startMs: Date.UTC(2026, 11, 30) },
  ];
  for (const { why, startMs } of changes) {
    it(`${why}: every 24 hours, not at a time of the day`, async () => {
      const { job, pass, scheduler } = openBench(startMs);
      scheduler.start();
      await pass(3 * DAY_MS, 10 * MINUTE_MS);
      assert.deepEqual(
        job.runsMs,
        [1, 2, 3].map((days) => startMs + days * DAY_MS),
      );
    });
  }
});

describe('runs', () => {
  it('never overlap, whatever ticks and triggers say', async () => {
    const { clock, job, pass, scheduler } = openBench();
    const { gate, open } = openGate();
    job.gate = gate;
    scheduler.start();
    await pass(DAY_MS, HOUR_MS);
    assert.equal(job.runsMs.length, 1);
    assert.equal(scheduler.status()[0]?.isRunning, true);
    void scheduler.trigger('crl');
    await pass(HOUR_MS);
    assert.equal(job.runsMs.length, 1);
    open();
    await clock.advance(0);
    assert.equal(job.runsMs.length, 2);
    assert.equal(job.overlaps, 0);
  });

  it('of different jobs do not wait for each other', async () => {
    const { clock, job, scheduler } = openBench();
    job.gate = openGate().gate;
    const other = new CrlJob(clock, 'other');
    scheduler.add(other);
    void scheduler.trigger('crl');
    await scheduler.trigger('other');
    assert.equal(job.runsMs.length, 1);
  });

  it('that leave the job due are no failure when one more was asked for meanwhile', async () => {
    const { alarms, clock, job, scheduler } = openBench();
    const { gate, open } = openGate();
    job.gate = gate;
    scheduler.start();
    const first = scheduler.trigger('crl');
    const second = scheduler.trigger('crl');
    // Becomes due again while the first run goes on, as by a revocation that does not wait.
    Object.defineProperty(job, 'nextDueMs', {
      value: async () => (job.runsMs.length < 2 ? clock.nowMs() : clock.nowMs() + DAY_MS),
    });
    open();
    await Promise.all([first, second]);
    await clock.advance(0);
    assert.equal(job.runsMs.length, 2);
    assert.equal(scheduler.status()[0]?.failures, 0);
    assert.deepEqual(alarms, []);
  });

  it('that leave the job due are repeated with delay, not at every tick', async () => {
    const { alarms, clock, pass, scheduler } = openBench();
    let runs = 0;
    scheduler.add({
      name: 'stuck',
      nextDueMs: async () => clock.nowMs(),
      run: async () => {
        runs += 1;
      },
    });
    scheduler.start();
    await pass(HOUR_MS, 10_000);
    // At 0, 30, 90, 210, 450, 930, 1830, 2730 s.
    assert.equal(runs, 8);
    assert.deepEqual(kindsOf(alarms), ['failing']);
    assert.match(scheduler.status()[1]?.lastError ?? '', /^SCHEDULER_JOB_STILL_DUE/);
  });
});

describe('failures', () => {
  it('are retried after 30 s, doubling up to 15 min, until one run succeeds', async () => {
    const { clock, job, pass, scheduler } = openBench();
    job.failure = new Error('the HSM is away');
    const startMs = clock.nowMs() + DAY_MS;
    scheduler.start();
    await pass(DAY_MS, HOUR_MS);
    await pass(HOUR_MS, 10_000);
    const seconds = job.runsMs.map((runMs) => (runMs - startMs) / 1_000);
    assert.deepEqual(seconds, [0, 30, 90, 210, 450, 930, 1830, 2730]);
    assert.equal(scheduler.status()[0]?.failures, 8);
    assert.equal(scheduler.status()[0]?.lastError, 'the HSM is away');

    job.failure = undefined;
    await pass(15 * MINUTE_MS, 10_000);
    assert.equal(job.runsMs.length, 9);
    assert.equal(scheduler.status()[0]?.failures, 0);
    assert.equal(scheduler.status()[0]?.lastError, undefined);
    assert.equal(scheduler.status()[0]?.lastSuccessMs, job.runsMs[8]);
    await pass(DAY_MS, HOUR_MS);
    assert.equal(job.runsMs.length, 10);
  });

  it('of one job leave the others alone', async () => {
    const { clock, job, pass, scheduler } = openBench();
    const other = new CrlJob(clock, 'other');
    scheduler.add(other);
    job.failure = new Error('no');
    scheduler.start();
    await pass(2 * DAY_MS, HOUR_MS);
    assert.equal(other.runsMs.length, 2);
  });

  it('keep their delays when the clock is set', async () => {
    const { clock, job, pass, scheduler } = openBench();
    job.failure = new Error('no');
    scheduler.start();
    await pass(DAY_MS, HOUR_MS);
    clock.setWallClock(clock.nowMs() + DAY_MS);
    await pass(20_000, 10_000);
    assert.equal(job.runsMs.length, 1);
    await pass(10_000, 10_000);
    assert.equal(job.runsMs.length, 2);
    clock.setWallClock(clock.nowMs() - 5 * DAY_MS);
    await pass(50_000, 10_000);
    assert.equal(job.runsMs.length, 2);
    await pass(10_000, 10_000);
    assert.equal(job.runsMs.length, 3);
  });

  it('alarm once at the third in a row, and again after a recovery', async () => {
    const { alarms, job, pass, scheduler } = openBench();
    job.failure = new Error('no');
    scheduler.start();
    await pass(DAY_MS, HOUR_MS);
    await pass(80_000, 10_000);
    assert.deepEqual(alarms, []);
    await pass(10_000, 10_000);
    assert.deepEqual(alarms, [{ kind: 'failing', job: 'crl', failures: 3, error: job.failure }]);
    await pass(HOUR_MS, 10_000);
    assert.equal(alarms.length, 1);
    job.failure = undefined;
    await pass(15 * MINUTE_MS, 10_000);
    assert.deepEqual(kindsOf(alarms), ['failing', 'recovered']);
    job.failure = new Error('again');
    await pass(25 * HOUR_MS, MINUTE_MS);
    assert.deepEqual(kindsOf(alarms), ['failing', 'recovered', 'failing']);
  });

  it('to read the facts are retried and alarmed, and over when they can be read', async () => {
    const { alarms, job, pass, scheduler } = openBench();
    job.readFailure = new Error('store');
    scheduler.start();
    await pass(HOUR_MS, 10_000);
    assert.deepEqual(kindsOf(alarms), ['failing']);
    assert.equal(scheduler.status()[0]?.failures, 8);
    job.readFailure = undefined;
    await pass(10_000, 10_000);
    assert.deepEqual(kindsOf(alarms), ['failing', 'recovered']);
    assert.equal(scheduler.status()[0]?.failures, 0);
    assert.deepEqual(job.runsMs, []);
  });

  it('of the one who gets the alarm change nothing', async () => {
    const onAlarm = (): void => {
      throw new Error('no mail server');
    };
    const { job, pass, scheduler } = openBench(undefined, { onAlarm, failuresBeforeAlarm: 1 });
    job.failure = new Error('no');
    scheduler.start();
    await pass(DAY_MS, HOUR_MS);
    job.failure = undefined;
    await pass(HOUR_MS, MINUTE_MS);
    assert.equal(job.runsMs.length, 2);
  });
});

describe('lateness', () => {
  it('alarms at each threshold once: a job that fails', async () => {
    const { alarms, job, pass, scheduler } = openBench();
    job.failure = new Error('no');
    scheduler.start();
    await pass(26 * HOUR_MS - MINUTE_MS);
    assert.deepEqual(kindsOf(alarms), ['failing']);
    await pass(15 * MINUTE_MS);
    assert.deepEqual(kindsOf(alarms), ['failing', 'late 2 h']);
    await pass(10 * HOUR_MS);
    assert.deepEqual(kindsOf(alarms), ['failing', 'late 2 h', 'late 12 h']);
    await pass(10 * HOUR_MS);
    assert.equal(alarms.length, 3);
  });

  it('alarms for a run that hangs', async () => {
    const { alarms, job, pass, scheduler } = openBench();
    job.gate = openGate().gate;
    scheduler.start();
    await pass(37 * HOUR_MS);
    assert.deepEqual(kindsOf(alarms), ['late 2 h', 'late 12 h']);
    assert.equal(job.runsMs.length, 1);
  });

  it('alarms for a job that is paused', async () => {
    const { alarms, pass, scheduler } = openBench();
    scheduler.start();
    await scheduler.pause();
    await pass(27 * HOUR_MS);
    assert.deepEqual(kindsOf(alarms), ['late 2 h']);
    scheduler.resume();
    await pass(MINUTE_MS);
    assert.deepEqual(kindsOf(alarms), ['late 2 h', 'recovered']);
    await scheduler.pause();
    await pass(27 * HOUR_MS);
    assert.deepEqual(kindsOf(alarms), ['late 2 h', 'recovered', 'late 2 h']);
  });

  it('does not alarm for what is caught up with at start', async () => {
    const { alarms, job, pass, scheduler } = openBench();
    job.thisUpdateMs -= 30 * DAY_MS;
    scheduler.start();
    await pass(HOUR_MS);
    assert.deepEqual(alarms, []);
  });
});

describe('trigger', () => {
  it('runs at once, due or not, and the period starts anew', async () => {
    const { clock, job, pass, scheduler } = openBench();
    scheduler.start();
    await pass(10 * HOUR_MS, HOUR_MS);
    await scheduler.trigger('crl');
    assert.deepEqual(job.runsMs, [clock.nowMs()]);
    await pass(24 * HOUR_MS - MINUTE_MS);
    assert.equal(job.runsMs.length, 1);
    await pass(MINUTE_MS);
    assert.equal(job.runsMs.length, 2);
  });

  it('runs before start too', async () => {
    const { job, scheduler } = openBench();
    await scheduler.trigger('crl');
    assert.equal(job.runsMs.length, 1);
  });

  it('during a run makes one more, which began after every call', async () => {
    const { clock, job, scheduler } = openBench();
    const first = openGate();
    job.gate = first.gate;
    const order: string[] = [];
    const one = scheduler.trigger('crl').then(() => order.push('one'));
    await clock.advance(0);
    const later = [2, 3, 4].map((number) =>
      scheduler.trigger('crl').then(() => order.push(`call ${number}`)),
    );
    const second = openGate();
    job.gate = second.gate;
    first.open();
    await one;
    await clock.advance(0);
    assert.deepEqual(order, ['one']);
    assert.equal(job.runsMs.length, 2);
    second.open();
    await Promise.all(later);
    assert.equal(job.runsMs.length, 2);
    assert.equal(job.overlaps, 0);
  });

  it('does not wait for the delay after a failure', async () => {
    const { job, pass, scheduler } = openBench();
    job.failure = new Error('no');
    scheduler.start();
    await pass(DAY_MS, HOUR_MS);
    assert.equal(job.runsMs.length, 1);
    job.failure = undefined;
    await scheduler.trigger('crl');
    assert.equal(job.runsMs.length, 2);
  });

  it('tells its failure, and the run is retried although it is not due', async () => {
    const { job, pass, scheduler } = openBench();
    scheduler.start();
    job.failure = new Error('away');
    await assert.rejects(scheduler.trigger('crl'), { message: 'away' });
    await pass(20_000, 10_000);
    assert.equal(job.runsMs.length, 1);
    job.failure = undefined;
    await pass(10_000, 10_000);
    assert.equal(job.runsMs.length, 2);
    await pass(HOUR_MS);
    assert.equal(job.runsMs.length, 2);
  });

  it('may be ignored, failure and all', async () => {
    const { clock, job, scheduler } = openBench();
    job.failure = new Error('no');
    void scheduler.trigger('crl');
    await clock.advance(0);
    await scheduler.close();
    void scheduler.trigger('crl');
    await clock.advance(0);
  });

  it('SCHEDULER_JOB_UNKNOWN', async () => {
    const { scheduler } = openBench();
    for (const name of ['', 'CRL', '__proto__']) {
      await assert.rejects(scheduler.trigger(name), { code: 'SCHEDULER_JOB_UNKNOWN' });
    }
  });
});

describe('a run that began while the facts were read', () => {
  it('is not followed by another for the old facts', async () => {
    const { clock, scheduler, ticker } = openBench();
    const { gate, open } = openGate();
    let dueMs = clock.nowMs() - 1;
    let runs = 0;
    scheduler.add({
      name: 'slow to ask',
      nextDueMs: async () => {
        const asked = dueMs;
        if (runs === 0) {
          await gate;
        }
        return asked;
      },
      run: async () => {
        runs += 1;
        dueMs += DAY_MS;
      },
    });
    scheduler.start();
    await scheduler.trigger('slow to ask');
    await clock.advance(0);
    open();
    await clock.advance(0);
    ticker.tick();
    await clock.advance(0);
    assert.equal(runs, 1);
  });
});

describe('pause', () => {
  it('waits for what runs, starts nothing, and resume does what was missed', async () => {
    const { clock, job, pass, scheduler } = openBench();
    const { gate, open } = openGate();
    job.gate = gate;
    scheduler.start();
    void scheduler.trigger('crl');
    await clock.advance(0);
    let isPaused = false;
    const pausing = scheduler.pause().then(() => {
      isPaused = true;
    });
    await pass(HOUR_MS);
    assert.equal(isPaused, false);
    open();
    await pausing;

    const wanted = scheduler.trigger('crl');
    await pass(2 * DAY_MS, HOUR_MS);
    assert.equal(job.runsMs.length, 1);
    scheduler.resume();
    await wanted;
    await pass(HOUR_MS);
    assert.equal(job.runsMs.length, 2);
  });

  it('holds for jobs added meanwhile', async () => {
    const { clock, pass, scheduler } = openBench();
    scheduler.start();
    await scheduler.pause();
    const added = new CrlJob(clock, 'added');
    added.thisUpdateMs -= 2 * DAY_MS;
    scheduler.add(added);
    await pass(HOUR_MS);
    assert.equal(added.runsMs.length, 0);
    scheduler.resume();
    await pass(MINUTE_MS);
    assert.equal(added.runsMs.length, 1);
  });
});

describe('close', () => {
  it('tells the running job and waits for it; nothing starts any more', async () => {
    const { clock, job, pass, scheduler, ticker } = openBench();
    const { gate, open } = openGate();
    job.gate = gate;
    scheduler.start();
    const running = scheduler.trigger('crl');
    await clock.advance(0);
    const waiting = assert.rejects(scheduler.trigger('crl'), { code: 'SCHEDULER_CLOSED' });
    assert.equal(job.signal?.aborted, false);

    let isClosed = false;
    const closing = scheduler.close().then(() => {
      isClosed = true;
    });
    await waiting;
    await pass(HOUR_MS);
    assert.equal(job.signal?.aborted, true);
    assert.equal(isClosed, false);
    open();
    await closing;
    await running;

    await pass(3 * DAY_MS, HOUR_MS);
    assert.equal(job.runsMs.length, 1);
    assert.equal(ticker.isStarted, false);
    const closed = { code: 'SCHEDULER_CLOSED' };
    await assert.rejects(scheduler.trigger('crl'), closed);
    assert.throws(() => scheduler.add(new CrlJob(clock, 'n')), closed);
    assert.throws(() => scheduler.start(), closed);
    await scheduler.close();
  });
});

describe('status', () => {
  it('says where each job stands', async () => {
    const { clock, job, scheduler } = openBench();
    scheduler.start();
    await clock.advance(0);
    const idle = {
      name: 'crl',
      isRunning: false,
      failures: 0,
      lastError: undefined,
      lastSuccessMs: undefined,
      nextDueMs: job.thisUpdateMs + DAY_MS,
    };
    assert.deepEqual(scheduler.status(), [idle]);
    await clock.advance(HOUR_MS);
    await scheduler.trigger('crl');
    await clock.advance(0);
    assert.deepEqual(scheduler.status(), [
      { ...idle, lastSuccessMs: clock.nowMs(), nextDueMs: clock.nowMs() + DAY_MS },
    ]);
  });
});
