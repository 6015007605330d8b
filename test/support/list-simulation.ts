/**
 * Days of a CA's lists in milliseconds: the real schedule (scheduler, publication job, lists that do not wait, calendar,
 * cadence, the gate's look at entries) around a CA that is numbers alone. Time goes from one event to the next: what comes
 * due, revocations, an HSM that goes away and comes back, a server that is down, a clock that is put right.
 *
 * Whatever may never happen is asserted where it would (I1, I2, I3, I4, I7, I15 and the cadence); a seed replays exactly.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { deltaJob, ListPublication, scheduleOrigin } from '../../src/app/publication-job.ts';
import { UrgentLists } from '../../src/app/urgent-lists.ts';
import { PublicationCalendar } from '../../src/ca/authority-status.ts';
import { EntryGate } from '../../src/ca/lists/entry-gate.ts';
import {
  deltaValidityMs,
  dueMs,
  isRegular,
  longestWaitMs,
  periodMs,
  urgentDueMs,
  validityMs,
} from '../../src/ca/policy/cadence.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { hasDelta, Scopes } from '../../src/ca/policy/scope.ts';
import { delay } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import type { JobAlarm } from '../../src/scheduler/job.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import { CrlReason, type CrlReasonName } from '../../src/x509/crl-extensions.ts';
import { ManualTicker } from './manual-ticker.ts';
import { SimulatedClock } from './simulated-clock.ts';

export const HOUR_MS: number = 3_600_000;
export const DAY_MS: number = 24 * HOUR_MS;
/** The schedule looks every ten seconds. */
const TICK_MS = 10_000;

interface SimulatedEntry {
  readonly sequence: bigint;
  readonly revokedMs: number;
  readonly reason: CrlReasonName;
  readonly notAfterMs: number;
}

interface SimulatedList {
  readonly number: bigint;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  readonly sequence: bigint;
}

interface SimulatedDelta extends SimulatedList {
  readonly baseNumber: bigint;
}

interface ScopeState {
  published?: SimulatedList;
  /** Of scopes that have them. */
  delta?: SimulatedDelta;
  regular?: { readonly thisUpdateMs: number; readonly sequence: bigint };
  urgent?: { readonly sequence: bigint; readonly dueMs: number };
  acknowledged: bigint;
  lastNumber: bigint;
  listed: SimulatedEntry[];
  waiting: SimulatedEntry[];
}

export interface SimulationCounts {
  lists: number;
  regularLists: number;
  deltas: number;
  revocations: number;
  droppedEntries: number;
  /** The least that any list had left at any look. */
  leastLeftMs: number;
  /** From one list of a scope to the next, the least and the most, without faults. */
  shortestMs: number;
  longestMs: number;
  longestWaitMs: number;
  /** Times of the day (UTC) of lists by the cadence, by hour. */
  readonly byHour: number[];
  readonly alarms: JobAlarm[];
}

/** Who signs is away. */
class Away extends Error {}

export class ListSimulation {
  readonly clock: SimulatedClock;
  readonly policy: Policy;
  readonly scopeIds: readonly string[];
  readonly counts: SimulationCounts;
  readonly #states = new Map<string, ScopeState>();
  readonly #ticker = new ManualTicker();
  readonly #withDeltas: ReadonlySet<string>;
  #calendar: PublicationCalendar;
  #onUrgent: (scopeId: string, dueMs: number) => void = () => undefined;
  #scheduler: Scheduler | undefined;
  /** Of the server that runs. */
  urgent: UrgentLists | undefined;
  #publish: (scopeIds: readonly string[]) => Promise<unknown> = async () => undefined;
  isAway = false;
  /** Until then what goes wrong or late is a fault's. */
  #troubledUntilMs = 0;

  constructor(policy: Policy, startMs?: number) {
    this.policy = policy;
    this.clock = new SimulatedClock(startMs);
    const { list } = new Scopes(policy);
    this.scopeIds = list.map(({ id }) => id);
    const withDeltas = list.filter((scope) => hasDelta(scope, policy));
    this.#withDeltas = new Set(withDeltas.map(({ id }) => id));
    this.#calendar = this.#newCalendar();
    for (const id of this.scopeIds) {
      this.#states.set(id, { acknowledged: 0n, lastNumber: 0n, listed: [], waiting: [] });
    }
    this.counts = {
      ...{ lists: 0, regularLists: 0, deltas: 0, revocations: 0, droppedEntries: 0 },
      ...{ leastLeftMs: Number.POSITIVE_INFINITY, shortestMs: Number.POSITIVE_INFINITY },
      ...{ longestMs: 0, longestWaitMs: 0, byHour: new Array<number>(24).fill(0), alarms: [] },
    };
  }

  #newCalendar(): PublicationCalendar {
    return new PublicationCalendar(this.policy, (id) => this.#withDeltas.has(id));
  }

  /** Starts the server; whatever is due is caught up with. */
  async start(): Promise<void> {
    this.#calendar = this.#newCalendar();
    for (const [id, state] of this.#states) {
      this.#calendar.note(id, factsOf(state));
    }
    const { clock, policy } = this;
    const publication = new ListPublication({
      authority: this.#authority,
      clock,
      policy,
      log: silentLog,
    });
    const onAlarm = (alarm: JobAlarm): void => void this.counts.alarms.push(alarm);
    const scheduler = new Scheduler({ ticker: this.#ticker, clock, log: silentLog, onAlarm });
    scheduler.add(publication.job);
    if (policy.crl.delta !== undefined) {
      scheduler.add(
        deltaJob({ authority: { deltas: this.#deltas }, clock, policy, log: silentLog }),
      );
    }
    const publish = publication.through((name) => scheduler.trigger(name));
    this.#publish = (scopeIds) => publish({ scopeIds, origin: scheduleOrigin }, () => undefined);
    const authority = {
      dueScopes: this.#authority.dueScopes,
      onUrgentRevocation: (listener: (scopeId: string, dueMs: number) => void): void => {
        this.#onUrgent = listener;
      },
    };
    this.urgent = new UrgentLists({ authority, clock, log: silentLog }, this.#publish);
    this.#scheduler = scheduler;
    scheduler.start();
    await this.settle();
  }

  /** Kills it: nothing is said any more, and what gathered is due when it starts again. */
  async stop(): Promise<void> {
    this.#onUrgent = () => undefined;
    this.urgent = undefined;
    await this.#scheduler?.close();
    this.#scheduler = undefined;
  }

  get isServing(): boolean {
    return this.#scheduler !== undefined;
  }

  /** What follows is not held against the cadence for so long: there is, or was, a fault. */
  trouble(forMs: number): void {
    this.#troubledUntilMs = Math.max(this.#troubledUntilMs, this.clock.nowMs() + forMs);
  }

  /** Nobody can revoke at a server that is down. */
  revoke(scopeId: string, reason: CrlReasonName, lifeMs: number): void {
    const state = this.state(scopeId);
    const nowMs = this.clock.nowMs();
    state.acknowledged += 1n;
    const sequence = state.acknowledged;
    state.waiting.push({ sequence, reason, revokedMs: nowMs, notAfterMs: nowMs + lifeMs });
    this.counts.revocations += 1;
    const ownDueMs = urgentDueMs(reason, nowMs, this.policy);
    if (ownDueMs !== undefined) {
      state.urgent = { sequence, dueMs: Math.min(ownDueMs, state.urgent?.dueMs ?? ownDueMs) };
      this.#calendar.note(scopeId, { urgent: state.urgent });
      this.#onUrgent(scopeId, this.#calendar.dueMs(scopeId));
    }
  }

  /** Asks for a list, as an operator does. */
  order(scopeId: string): void {
    void this.#publish([scopeId]).catch(() => undefined);
  }

  nextDueMs(): number {
    return Math.min(this.#calendar.nextDueMs(), this.#calendar.nextDeltaDueMs());
  }

  /** Full lists, then delta lists. */
  dueScopes(): readonly string[] {
    const nowMs = this.clock.nowMs();
    return [...this.#calendar.dueScopes(nowMs), ...this.#calendar.dueDeltas(nowMs)];
  }

  state(scopeId: string): ScopeState {
    return this.#states.get(scopeId) ?? assert.fail(`no scope ${scopeId}`);
  }

  /** Moves on and lets the schedule look, as its ticker does, at the end of the time and once a tick at most. */
  async advance(byMs: number): Promise<void> {
    await this.clock.advance(byMs);
    this.#ticker.tick();
    await this.settle();
    this.#look();
  }

  async settle(): Promise<void> {
    await this.clock.advance(0);
  }

  /** At every moment, whatever happens, every list that ever came out is valid (I7). */
  #look(): void {
    const nowMs = this.clock.nowMs();
    for (const [id, { published, delta }] of this.#states) {
      if (published !== undefined && this.#withDeltas.has(id)) {
        this.#lookAtDelta(id, published, delta);
      }
      if (published !== undefined) {
        const leftMs = published.nextUpdateMs - nowMs;
        this.counts.leastLeftMs = Math.min(this.counts.leastLeftMs, leftMs);
        assert.ok(leftMs > 0, `I7: the list of ${id} has lapsed`);
        if (nowMs >= this.#troubledUntilMs) {
          const least = validityMs(this.policy) - periodMs(this.policy) - 2 * TICK_MS;
          assert.ok(leftMs >= least, `I7: the list of ${id} is late without a fault`);
        }
      }
    }
  }

  /** One that starts from the newest list is there, with as much time left as its period leaves. */
  #lookAtDelta(id: string, published: SimulatedList, delta: SimulatedDelta | undefined): void {
    const nowMs = this.clock.nowMs();
    const { periodHours = 0, validityHours = 0 } = this.policy.crl.delta ?? {};
    if (nowMs >= this.#troubledUntilMs) {
      const leftMs = (delta?.nextUpdateMs ?? nowMs) - nowMs;
      const least = (validityHours - periodHours) * HOUR_MS - 2 * TICK_MS;
      assert.ok(leftMs >= least, `I7: the delta list of ${id} is late without a fault`);
      assert.equal(delta?.baseNumber, published.number, `${id}: a delta list of an older list`);
    }
  }

  readonly #deltas = {
    dueScopes: (nowMs: number): readonly string[] => this.#calendar.dueDeltas(nowMs),
    nextDueMs: (): number => this.#calendar.nextDeltaDueMs(),
    publish: async (scopeId: string): Promise<never> => {
      await this.#makeDelta(scopeId);
      return undefined as never;
    },
  };

  async #makeDelta(scopeId: string): Promise<void> {
    const state = this.state(scopeId);
    const { published, delta: before } = state;
    assert.ok(published !== undefined, 'a delta list starts from a list');
    await this.#waitFor(Math.max((before?.thisUpdateMs ?? 0) + 1_000, published.thisUpdateMs));
    if (this.isAway) {
      throw new Away('the HSM is away');
    }
    const thisUpdateMs = Math.floor(this.clock.nowMs() / 1000) * 1000;
    assert.ok(thisUpdateMs >= published.thisUpdateMs, 'I2');
    assert.ok(before === undefined || thisUpdateMs > before.thisUpdateMs, 'I2');
    state.lastNumber += 1n;
    const nextUpdateMs = thisUpdateMs + (deltaValidityMs(this.policy) ?? 0);
    const { sequence, number: baseNumber } = published;
    state.delta = { number: state.lastNumber, thisUpdateMs, nextUpdateMs, sequence, baseNumber };
    this.counts.deltas += 1;
    this.#calendar.note(scopeId, { delta: state.delta as never });
  }

  async #waitFor(earliestMs: number): Promise<void> {
    if (earliestMs - this.clock.nowMs() > 2_000) {
      throw new Error('the clock is before the last list');
    }
    if (this.clock.nowMs() < earliestMs) {
      await delay(this.clock, earliestMs - this.clock.nowMs());
    }
  }

  readonly #authority = {
    dueScopes: (nowMs: number): readonly string[] => this.#calendar.dueScopes(nowMs),
    nextDueMs: (): number => this.#calendar.nextDueMs(),
    publish: async (scopeId: string): Promise<never> => {
      const state = this.state(scopeId);
      const lastMs = state.published?.thisUpdateMs ?? Number.NEGATIVE_INFINITY;
      await this.#waitFor(lastMs + 1_000);
      if (this.isAway) {
        throw new Away('the HSM is away');
      }
      const list = this.#make(scopeId, state);
      if (this.#withDeltas.has(scopeId)) {
        // The full list is out whatever becomes of it.
        await this.#makeDelta(scopeId).catch(() => undefined);
      }
      return list as never;
    },
  };

  #make(
    scopeId: string,
    state: ScopeState,
  ): SimulatedList & { readonly scope: { readonly id: string } } {
    const { policy, counts } = this;
    const nowMs = this.clock.nowMs();
    const thisUpdateMs = Math.floor(nowMs / 1000) * 1000;
    const { published: before, regular } = state;
    assert.ok(before === undefined || thisUpdateMs > before.thisUpdateMs, 'I2');
    const number = state.lastNumber + 1n;
    const regularNow = isRegular(scopeId, thisUpdateMs, {
      scope: regular === undefined ? {} : { regular },
      policy,
    });
    this.#judge(scopeId, { before, thisUpdateMs, regularNow, urgent: state.urgent });
    this.#carryOver(scopeId, state, before?.sequence ?? 0n);
    const list = {
      ...{ number, thisUpdateMs, nextUpdateMs: thisUpdateMs + validityMs(policy) },
      sequence: state.acknowledged,
    };
    assert.ok(before === undefined || number > before.number, 'I1');
    state.published = list;
    state.lastNumber = number;
    delete state.urgent;
    if (regularNow) {
      state.regular = { thisUpdateMs, sequence: list.sequence };
      counts.regularLists += 1;
      const hour = Math.floor(thisUpdateMs / HOUR_MS) % 24;
      counts.byHour[hour] = (counts.byHour[hour] ?? 0) + 1;
    }
    counts.lists += 1;
    this.#calendar.note(scopeId, { published: list as never });
    return { ...list, scope: { id: scopeId } };
  }

  /** Without a fault: no list is sooner than the policy lets it, none later, and no revocation waits for too long. */
  #judge(
    scopeId: string,
    made: {
      readonly before: SimulatedList | undefined;
      readonly thisUpdateMs: number;
      readonly regularNow: boolean;
      readonly urgent: ScopeState['urgent'];
    },
  ): void {
    const { before, thisUpdateMs, urgent } = made;
    const nowMs = this.clock.nowMs();
    if (before === undefined || nowMs < this.#troubledUntilMs) {
      return;
    }
    const { policy, counts } = this;
    const gapMs = thisUpdateMs - before.thisUpdateMs;
    counts.longestMs = Math.max(counts.longestMs, gapMs);
    assert.ok(gapMs <= periodMs(policy) + 2 * TICK_MS, `${scopeId}: ${gapMs} ms since the last`);
    const isOwn = urgent === undefined || urgent.sequence <= before.sequence;
    if (isOwn) {
      counts.shortestMs = Math.min(counts.shortestMs, gapMs);
      const dueAtMs = dueMs(scopeId, { published: before }, policy);
      assert.ok(thisUpdateMs >= dueAtMs, `${scopeId}: a list that nobody waited for came early`);
    }
    const oldestMs = this.state(scopeId).waiting[0]?.revokedMs ?? nowMs;
    counts.longestWaitMs = Math.max(counts.longestWaitMs, nowMs - oldestMs);
    assert.ok(nowMs - oldestMs <= longestWaitMs(policy), `I15: ${scopeId}`);
  }

  /** What serves no more leaves, what waited comes in; the gate looks at each (I3, I4). */
  #carryOver(scopeId: string, state: ScopeState, previousSequence: bigint): void {
    const { regular } = state;
    const distributionPointDer = new Uint8Array(1);
    const gate = new EntryGate({
      ...{ scope: scopeId, isFull: false, distributionPointDer, previousSequence },
      lastRegular: regular,
    });
    const hasServed = ({ sequence, notAfterMs }: SimulatedEntry): boolean =>
      regular !== undefined && sequence <= regular.sequence && notAfterMs < regular.thisUpdateMs;
    const kept: SimulatedEntry[] = [];
    for (const entry of state.listed) {
      if (hasServed(entry)) {
        const { sequence, notAfterMs } = entry;
        const reason = CrlReason[entry.reason];
        const serialNumber = sequence;
        gate.dropped({ serialNumber, reason, sequence, notAfterMs, recordedSequence: sequence });
        this.counts.droppedEntries += 1;
      } else {
        kept.push(entry);
      }
    }
    for (const { sequence, revokedMs, reason } of state.waiting) {
      const revocation = { sinceMs: revokedMs, reason: CrlReason[reason], sequence };
      gate.added({
        ...{
          serialNumber: sequence,
          revocationMs: revokedMs,
          reason: CrlReason[reason],
          revocation,
        },
        certificate: { scope: scopeId, distributionPointDer, isOfKey: true },
      });
    }
    const { faults, lastSequence } = gate.findings();
    assert.deepEqual([...faults], []);
    assert.equal(lastSequence, state.acknowledged, 'I14');
    state.listed = [...kept, ...state.waiting];
    state.waiting = [];
  }
}

function factsOf({
  published,
  urgent,
  delta,
}: ScopeState): Parameters<PublicationCalendar['note']>[1] {
  return {
    ...(published === undefined ? {} : { published: published as never }),
    ...(urgent === undefined ? {} : { urgent }),
    ...(delta === undefined ? {} : { delta: delta as never }),
  };
}
