import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { Municipalities } from '../../src/ca/policy/municipality.ts';
import { loadPolicy, type Policy } from '../../src/ca/policy/policy.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { smallGunma } from '../support/ca-test-bed.ts';
import { DAY_MS, HOUR_MS, ListSimulation } from '../support/list-simulation.ts';
import { byCount, secomLike, single } from '../support/scope-policies.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const isLong = process.env['CERTDIR_TEST_LONG'] === '1';
/** A year of each; a million days in all on demand. */
const DAYS = isLong ? 125_000 : 365;

function withCrl(crl: Partial<Policy['crl']>, base: Policy = smallGunma): Policy {
  return { ...base, crl: { ...base.crl, ...crl } };
}

const atEachRevocation = { coalesceSeconds: 5, alarmMinutes: 15 };

/** The presets that ship, with a few of their municipalities, and one of each kind of cadence. */
async function policies(): Promise<ReadonlyMap<string, Policy>> {
  const folder = join(packageRoot, 'cps');
  const presets = readdirSync(folder).filter((file) =>
    /^(?!municipalities)[a-z-]+\.yaml$/.test(file),
  );
  const shipped = await Promise.all(
    presets.map(async (file): Promise<readonly [string, Policy]> => {
      const policy = await loadPolicy(join(folder, file));
      const municipalities = new Municipalities(policy.municipalities.list.slice(0, 2));
      return [file, { ...policy, municipalities }];
    }),
  );
  return new Map([
    ...shipped,
    ['spread over the day', withCrl({ timing: 'spread' })],
    ['all at 03:00', withCrl({ timing: { at: ['03:00'] } })],
    [
      'twice a day',
      withCrl({
        ...{ timing: { at: ['06:30', '18:30'] }, periodHours: 12, validityHours: 72 },
      }),
    ],
    [
      '23 to 24 hours, each revocation (secom)',
      { ...secomLike, crl: { ...secomLike.crl, scopes: byCount({ certificates: 9 }).crl.scopes } },
    ],
    ['23 to 24 hours, spread', withCrl({ earliestHours: 23, timing: 'spread' })],
    [
      'each revocation, one list (mic)',
      withCrl({ atEachRevocation, atOnceReasons: ['cACompromise'] }, single),
    ],
    ['each revocation, at 03:00', withCrl({ atEachRevocation, timing: { at: ['03:00'] } })],
    ['delta lists', withCrl({ delta: { periodHours: 4, validityHours: 12 }, timing: 'spread' })],
  ]);
}

/** What happens next, drawn again after it has. */
class Fates {
  readonly #random: SeededRandom;
  readonly #simulation: ListSimulation;
  #revokeMs: number;
  #faultMs: number;

  constructor(simulation: ListSimulation, seed: string) {
    this.#random = new SeededRandom(seed);
    this.#simulation = simulation;
    this.#revokeMs = simulation.clock.nowMs() + this.#within(DAY_MS);
    this.#faultMs = simulation.clock.nowMs() + 10 * DAY_MS + this.#within(20 * DAY_MS);
  }

  get nextMs(): number {
    return Math.min(this.#revokeMs, this.#faultMs);
  }

  async befall(): Promise<void> {
    const nowMs = this.#simulation.clock.nowMs();
    if (nowMs >= this.#revokeMs) {
      this.#revokeMs = nowMs + 1 + this.#within(DAY_MS);
      const { scopeIds, policy } = this.#simulation;
      const scopeId = scopeIds[this.#random.below(scopeIds.length)] ?? '';
      const { reasons } = policy.revocation;
      const reason = reasons[this.#random.below(reasons.length)] ?? 'superseded';
      this.#simulation.revoke(scopeId, reason, this.#within(60 * DAY_MS));
    }
    if (nowMs >= this.#faultMs) {
      this.#faultMs = nowMs + 10 * DAY_MS + this.#within(20 * DAY_MS);
      await this.#strike();
    }
  }

  /** An HSM away for up to 46 h, a server down for as long, a clock put right by up to two minutes. */
  async #strike(): Promise<void> {
    const simulation = this.#simulation;
    const kind = this.#random.below(3);
    const forMs = this.#random.below(2) === 0 ? 46 * HOUR_MS : this.#within(46 * HOUR_MS);
    if (kind === 2) {
      const byMs = this.#within(240_000) - 120_000;
      // Until each list has come out by the time that it is now.
      simulation.trouble((simulation.policy.crl.periodHours + 1) * HOUR_MS);
      simulation.clock.setWallClock(simulation.clock.nowMs() + byMs);
      return;
    }
    // Until it is over, and the schedule has tried again: a quarter of an hour at the most.
    simulation.trouble(forMs + HOUR_MS);
    if (kind === 1) {
      await simulation.stop();
      await passTime(simulation, forMs);
      await simulation.start();
    } else {
      simulation.isAway = true;
      await passTime(simulation, forMs);
      simulation.isAway = false;
    }
    await passTime(simulation, HOUR_MS / 2);
    simulation.trouble(0);
  }

  #within(ms: number): number {
    return this.#random.below(Math.max(1, Math.floor(ms / 1000))) * 1000;
  }
}

/** Looks a few times an hour while something is wrong, also while the schedule waits before it tries again. */
async function passTime(simulation: ListSimulation, forMs: number): Promise<void> {
  const untilMs = simulation.clock.monotonicMs() + forMs;
  while (simulation.clock.monotonicMs() < untilMs) {
    await simulation.advance(Math.min(HOUR_MS / 9, untilMs - simulation.clock.monotonicMs()));
  }
}

async function live(simulation: ListSimulation, days: number, seed: string): Promise<void> {
  await simulation.start();
  await simulation.advance(20_000);
  const fates = new Fates(simulation, seed);
  const untilMs = simulation.clock.nowMs() + days * DAY_MS;
  while (simulation.clock.nowMs() < untilMs) {
    const { clock } = simulation;
    const nextMs = Math.min(simulation.nextDueMs(), fates.nextMs, clock.nowMs() + 6 * HOUR_MS);
    // At the next tick behind it.
    await simulation.advance(Math.max(1_000, Math.ceil((nextMs - clock.nowMs()) / 1_000) * 1_000));
    await fates.befall();
    await simulation.advance(6_000);
  }
}

describe(`${DAYS} simulated days with faults`, async () => {
  for (const [name, policy] of await policies()) {
    it(`${name}: no list lapses, none is late, none is early (I1 to I4, I7, I14, I15)`, async () => {
      const simulation = new ListSimulation(policy);
      await live(simulation, DAYS, name);
      const { counts, scopeIds } = simulation;
      const periods = (DAYS * 24) / policy.crl.periodHours;
      const perScope = counts.regularLists / scopeIds.length;
      // A list for a revocation puts off the next by the cadence, where that counts from the last: by a period at the most.
      const { crl, revocation } = policy;
      const isOwn = revocation.reasons.every((reason) => crl.atOnceReasons.includes(reason));
      const isPutOff = (isOwn || crl.atEachRevocation !== undefined) && crl.timing === 'after-last';
      const least = isPutOff ? 0.5 : 0.85;
      assert.ok(
        perScope >= periods * least,
        `${perScope} lists by the cadence in ${periods} periods`,
      );
      assert.ok(
        perScope <= periods * 1.1 + 1,
        `${perScope} lists by the cadence in ${periods} periods`,
      );
      // Every four hours; the ARL has none.
      const perDay = 24 / (policy.crl.delta?.periodHours ?? Number.POSITIVE_INFINITY);
      const deltas = counts.deltas / Math.max(1, scopeIds.length - 1) / DAYS;
      assert.ok(deltas >= perDay * 0.85 && deltas <= perDay * 1.3, `${deltas} delta lists a day`);
      assert.ok(counts.revocations > DAYS / 2 && counts.droppedEntries > 0, 'something happened');
      // 72 h of validity outlast 24 h and 46 h.
      const slackMs = (policy.crl.validityHours - policy.crl.periodHours - 46) * HOUR_MS;
      assert.ok(counts.leastLeftMs >= slackMs - HOUR_MS, `${counts.leastLeftMs / HOUR_MS} h left`);
      assert.ok(
        // An outage begins soon after a list where lists are many.
        counts.leastLeftMs < (crl.validityHours - crl.periodHours - (isPutOff ? 30 : 40)) * HOUR_MS,
      );
      const kinds = new Set(counts.alarms.map(({ kind }) => kind));
      assert.deepEqual(kinds, new Set(['failing', 'late', 'recovered']));
    });
  }

  it('are level where lists are spread, and at their hour where they are set', async () => {
    const { list } = smallGunma.municipalities;
    const [one] = list;
    assert.ok(one !== undefined);
    const many = Array.from({ length: 200 }, (_, index) => {
      const code5 = String(20_000 + index);
      return { ...one, code5, code6: `${code5}0`, dnName: `Place ${index}` };
    });
    const municipalities = new Municipalities(many);
    const byHour = async (crl: Partial<Policy['crl']>): Promise<readonly number[]> => {
      const simulation = new ListSimulation(withCrl(crl, { ...smallGunma, municipalities }));
      await simulation.start();
      for (let minutes = 0; minutes < 10 * 24 * 60; minutes += 10) {
        await simulation.advance(600_000 - 1);
        await simulation.advance(1);
      }
      return simulation.counts.byHour.map((count) => count / simulation.counts.regularLists);
    };
    const spread = await byHour({ timing: 'spread', warningAgeHours: 26 });
    // The first of all come out when the CA is made.
    assert.ok(Math.max(...spread) < 0.2 && Math.min(...spread) > 0, String(spread));
    const set = await byHour({ timing: { at: ['03:00'] } });
    assert.ok((set[18] ?? 0) > 0.85, 'three in the morning in Japan');
  });
});

type Step =
  | { readonly kind: 'pass'; readonly minutes: number }
  | { readonly kind: 'away' | 'back' | 'restart' }
  | { readonly kind: 'revoke' | 'order'; readonly scope: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const), minutes: fc.integer({ min: 1, max: 900 }) }),
  fc.record({ kind: fc.constantFrom('away' as const, 'back' as const, 'restart' as const) }),
  fc.record({
    kind: fc.constantFrom('revoke' as const, 'order' as const),
    scope: fc.integer({ min: 0, max: 3 }),
  }),
);

describe('the schedule of lists, whatever happens (property)', () => {
  it('has nothing left to do a quarter of an hour after the HSM is back', async () => {
    const all = [...(await policies()).values()];
    const policy = fc.constantFrom(...all);
    const steps = fc.array(step, { minLength: 1, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(policy, steps, async (chosen, list) => {
        const simulation = new ListSimulation(withCrl({ validityHours: 8_000 }, chosen));
        simulation.trouble(Number.MAX_SAFE_INTEGER / 2);
        await simulation.start();
        for (const one of list) {
          await take(simulation, one);
        }
        simulation.isAway = false;
        for (let minute = 0; minute < 17; minute += 1) {
          await simulation.advance(60_000);
        }
        assert.deepEqual(simulation.dueScopes(), []);
        for (const scopeId of simulation.scopeIds) {
          const { published, waiting, urgent } = simulation.state(scopeId);
          assert.ok(published !== undefined, 'every list came out');
          assert.equal(urgent, undefined);
          assert.ok(waiting.length === 0 || chosen.crl.atEachRevocation === undefined);
        }
        await simulation.stop();
      }),
      { seed: 6, numRuns: isLong ? 5_000 : 60 },
    );
  });
});

async function take(simulation: ListSimulation, one: Step): Promise<void> {
  switch (one.kind) {
    case 'pass':
      for (let minutes = 0; minutes < one.minutes; minutes += 30) {
        await simulation.advance(Math.min(30, one.minutes - minutes) * 60_000);
      }
      return;
    case 'restart':
      await simulation.stop();
      await simulation.advance(1_000);
      await simulation.start();
      return;
    case 'away':
    case 'back':
      simulation.isAway = one.kind === 'away';
      return;
    default: {
      const scopeId = simulation.scopeIds[one.scope % simulation.scopeIds.length] ?? '';
      if (one.kind === 'order') {
        simulation.order(scopeId);
      } else {
        simulation.revoke(scopeId, 'superseded', DAY_MS);
      }
      await simulation.advance(2_000);
    }
  }
}
