/**
 * Where the CA stands: its counts, its lists, what is due and what is late.
 *
 * @module
 */

import type { ReadView } from '../store/store.ts';
import { type CaCore, readCounters } from './ca-core.ts';
import type { KeyRenewalStatus } from './generations/key-renewal.ts';
import {
  type CrlCadence,
  deltaDueMs,
  dueMs,
  type Lateness,
  type ListState,
  latenessAt,
} from './policy/cadence.ts';
import { legacyWarnings } from './policy/legacy-algorithms.ts';
import { hasDelta, type Scope } from './policy/scope.ts';
import type {
  PublishedDelta,
  PublishedList,
  ScopeRecord,
  UrgentRevocations,
} from './records/scope-record.ts';
import { readScopeRecord } from './records/scope-state.ts';
import type { Cessation } from './records/service-record.ts';

export interface ListStatus {
  readonly scope: Scope;
  /** The newest list; undefined before the first. */
  readonly published: PublishedList | undefined;
  /** There are delta lists between this one and the next. */
  readonly hasDelta: boolean;
  /** The delta list in the directory; undefined when there is none. */
  readonly delta: PublishedDelta | undefined;
  /** When the next one is due, in epoch milliseconds; 0 before the first. */
  readonly dueMs: number;
  /** Revocations that are in no list yet. */
  readonly pendingCount: number;
  readonly oldestPendingMs: number | undefined;
  readonly lateness: Lateness;
}

export interface AuthorityStatus {
  readonly policyId: string;
  /** Name of the CA's entry. */
  readonly caDn: string;
  readonly generation: number;
  readonly certificateEndsMs: number;
  readonly renewal: KeyRenewalStatus;
  readonly issuedCount: number;
  readonly revokedCount: number;
  readonly lists: readonly ListStatus[];
  /** What ends a key or the service, oldest first. */
  readonly cessations: readonly Cessation[];
  /** What keeps the CA from issuing. */
  readonly stop: Cessation | undefined;
  /** What of the policy is no longer safe, for people. */
  readonly legacy: readonly string[];
}

export async function readStatus(
  core: CaCore,
  view: ReadView,
): Promise<Omit<AuthorityStatus, 'renewal'>> {
  const { policy, authority, tables, scopes, clock, service } = core;
  const counters = await readCounters(view, tables);
  const lists: ListStatus[] = [];
  for (const scope of scopes.list) {
    const record = await readScopeRecord(view, tables, scope.id);
    lists.push({
      scope,
      published: record.published,
      hasDelta: hasDelta(scope, policy),
      delta: record.delta,
      dueMs: dueMs(scope.id, record, policy),
      pendingCount: Number(record.acknowledgedSequence - (record.published?.sequence ?? 0n)),
      oldestPendingMs: record.oldestPendingMs,
      lateness: latenessAt(clock.nowMs(), record, policy),
    });
  }
  return {
    policyId: policy.id,
    caDn: policy.names.issuer,
    generation: authority.generation,
    certificateEndsMs: authority.certificate.notAfterMs,
    issuedCount: counters.issued,
    revokedCount: counters.revoked,
    lists,
    cessations: service.cessations,
    stop: service.stopOf(authority.generation, clock.nowMs()),
    legacy: legacyWarnings(policy),
  };
}

/** What of a list's state says when it is due. */
type ScheduleFacts = Pick<ScopeRecord, 'published' | 'urgent' | 'delta'> &
  Pick<ListState, 'servedWithdrawn'>;

/** When each list is due, kept in memory so that the scheduler can ask at any time. */
export class PublicationCalendar {
  readonly #policy: CrlCadence;
  readonly #facts = new Map<string, ScheduleFacts>();
  readonly #dueMs = new Map<string, number>();
  readonly #deltaDueMs = new Map<string, number>();
  readonly #hasDelta: (scopeId: string) => boolean;

  /** @param hasDelta Whether a scope has delta lists. */
  constructor(policy: CrlCadence, hasDelta: (scopeId: string) => boolean = () => false) {
    this.#hasDelta = hasDelta;
    this.#policy = policy;
  }

  /**
   * Takes in what has become durable. Older facts than those known change nothing: acts that end at the
   * same time may tell of them in any order.
   */
  note(scopeId: string, news: ScheduleFacts): void {
    const known = this.#facts.get(scopeId);
    const published =
      (news.published?.number ?? 0n) > (known?.published?.number ?? 0n)
        ? news.published
        : known?.published;
    const urgent = later(known?.urgent, news.urgent);
    const delta =
      (news.delta?.number ?? 0n) > (known?.delta?.number ?? 0n) ? news.delta : known?.delta;
    const facts = {
      ...(published === undefined ? {} : { published }),
      ...(urgent === undefined ? {} : { urgent }),
      ...(delta === undefined ? {} : { delta }),
      servedWithdrawn: Math.max(known?.servedWithdrawn ?? 0, news.servedWithdrawn ?? 0),
    };
    this.#facts.set(scopeId, facts);
    this.#dueMs.set(scopeId, dueMs(scopeId, facts, this.#policy));
    if (this.#hasDelta(scopeId)) {
      this.#deltaDueMs.set(scopeId, deltaDueMs(facts, this.#policy));
    }
  }

  /** Of a list that comes out no more. */
  forget(scopeId: string): void {
    this.#facts.delete(scopeId);
    this.#dueMs.delete(scopeId);
    this.#deltaDueMs.delete(scopeId);
  }

  /** When the next list of a scope is due; 0 for one that is not known. */
  dueMs(scopeId: string): number {
    return this.#dueMs.get(scopeId) ?? 0;
  }

  dueScopes(nowMs: number): readonly string[] {
    return dueAt(nowMs, this.#dueMs);
  }

  /** Scopes whose delta list is due. */
  dueDeltas(nowMs: number): readonly string[] {
    return dueAt(nowMs, this.#deltaDueMs);
  }

  /** Infinity where there are no delta lists. */
  nextDeltaDueMs(): number {
    return Math.min(...this.#deltaDueMs.values());
  }

  nextDueMs(): number {
    return Math.min(...this.#dueMs.values());
  }
}

/** Both counts of a scope only grow. */
function later(
  known: UrgentRevocations | undefined,
  news: UrgentRevocations | undefined,
): UrgentRevocations | undefined {
  const isNews =
    (news?.sequence ?? 0n) > (known?.sequence ?? 0n) ||
    (news?.withdrawn ?? 0) > (known?.withdrawn ?? 0);
  return isNews ? news : known;
}

/** The longest overdue first. */
function dueAt(nowMs: number, dueMs: ReadonlyMap<string, number>): readonly string[] {
  return [...dueMs]
    .filter(([, due]) => due <= nowMs)
    .sort(([, left], [, right]) => left - right)
    .map(([scopeId]) => scopeId);
}
