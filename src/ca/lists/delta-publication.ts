/**
 * Publishing delta lists, as `crl-publication.ts` does full ones: from a snapshot, and then, in one transaction, the gate,
 * archive, directory entry, number and audit record. Full and delta lists of a scope share one sequence of numbers
 * (RFC 5280 §5.2.3), and take turns.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { formatHex } from '../../core/bytes.ts';
import type { ReadView, Transaction } from '../../store/store.ts';
import { type CaCore, reading, transactAsOwner } from '../ca-core.ts';
import { isLastList } from '../policy/cadence.ts';
import { hasDelta, type Scope } from '../policy/scope.ts';
import {
  encodePublishedDelta,
  encodeScopeRecord,
  type PublishedDelta,
  type PublishedList,
  type ScopeRecord,
} from '../records/scope-record.ts';
import { readScopeRecord } from '../records/scope-state.ts';
import { hashInTurns } from './crl-assembly.ts';
import { type AssembledDelta, assembleDelta } from './delta-assembly.ts';
import { type DeltaCandidate, examineDelta, gatherDeltaFacts } from './delta-facts.ts';
import type { GateKeeper } from './gate-keeper.ts';
import { showList } from './list-showing.ts';
import { waitUntil } from './list-spacing.ts';

/** A delta list that is durable and visible. */
export interface DeltaPublication extends PublishedDelta {
  readonly scope: Scope;
}

/** The attribute of the distribution point's entry (RFC 4523 §2.6). */
const ATTRIBUTE = 'deltaRevocationList';
/** Rounds beside other work, before the writer is held. */
const MAX_FREE_ROUNDS = 3;

interface MadeDelta {
  readonly assembled: AssembledDelta;
  readonly candidate: DeltaCandidate;
  readonly sha256: Uint8Array;
}

export class DeltaLists {
  readonly #core: CaCore;
  readonly #gate: GateKeeper;

  constructor(core: CaCore, gate: GateKeeper) {
    this.#core = core;
    this.#gate = gate;
  }

  /** In the scope's turn. @throws {CaError} `CA_CLOCK_BACK`, `CA_GATE_…`, `CA_NOT_OWNER`. @throws {SigningError} */
  async publish(scope: Scope, origin: AuditOrigin): Promise<DeltaPublication | undefined> {
    for (let round = 1; round <= MAX_FREE_ROUNDS; round += 1) {
      await this.#waitPastLastUpdate(scope);
      const made = await reading(this.#core.store, (view) => this.#make(scope, view));
      if (made === undefined) {
        return undefined;
      }
      const published = await transactAsOwner(
        this.#core,
        'ca: publish a delta list',
        async (transaction) =>
          (await this.#isStale(transaction, scope, made))
            ? undefined
            : await this.#commit(transaction, scope, { ...made, origin }),
      );
      if (published !== undefined) {
        return published;
      }
    }
    await this.#waitPastLastUpdate(scope);
    return await transactAsOwner(
      this.#core,
      'ca: publish a delta list, writer held',
      async (transaction) => {
        const made = await this.#make(scope, transaction);
        return made && (await this.#commit(transaction, scope, { ...made, origin }));
      },
    );
  }

  /**
   * When a full list comes out: whether the delta list on show stays until its successor is there. It is taken off when it
   * starts from a list before the one that is replaced now, and where none will follow.
   */
  async keepOrTakeOff(
    transaction: Transaction,
    scope: Scope,
    { state, list }: { readonly state: ScopeRecord; readonly list: PublishedList },
  ): Promise<boolean> {
    const { delta, published } = state;
    if (delta === undefined) {
      return false;
    }
    const isKept =
      hasDelta(scope, this.#core.policy) &&
      !isLastList(list) &&
      delta.baseNumber >= (published?.number ?? 0n);
    if (!isKept) {
      const nothing = { description: ATTRIBUTE, values: [] };
      await this.#core.entries.replaceValues(transaction, scope.dn, nothing);
    }
    return isKept;
  }

  async #make(scope: Scope, view: ReadView): Promise<MadeDelta | undefined> {
    const nowMs = this.#core.clock.nowMs();
    const assembled = await assembleDelta(this.#core, scope, { view, nowMs });
    if (assembled === undefined) {
      return undefined;
    }
    const candidate = await examineDelta(this.#core, scope, { assembled, view });
    return { assembled, candidate, sha256: await hashInTurns('sha256', [assembled.der]) };
  }

  async #isStale(view: ReadView, scope: Scope, { assembled }: MadeDelta): Promise<boolean> {
    const state = await readScopeRecord(view, this.#core.tables, scope.id);
    return (
      state.acknowledgedSequence !== assembled.sequence ||
      state.lastNumber !== assembled.state.lastNumber ||
      state.withdrawn !== assembled.state.withdrawn ||
      assembled.authority !== this.#core.authorities.forScope(scope)
    );
  }

  async #commit(
    transaction: Transaction,
    scope: Scope,
    made: MadeDelta & { readonly origin: AuditOrigin },
  ): Promise<DeltaPublication> {
    const { tables, audit } = this.#core;
    const { assembled, candidate, origin } = made;
    const state = await readScopeRecord(transaction, tables, scope.id);
    const { der, number, thisUpdateMs, nextUpdateMs, entryCount, sequence, base } = assembled;
    const sha256 = await transaction.putLarge(der, { sha256: made.sha256 });
    const delta: PublishedDelta = {
      ...{ number, thisUpdateMs, nextUpdateMs, entryCount, sequence, sha256 },
      byteLength: der.length,
      baseNumber: base.number,
    };
    transaction.put(tables.deltaArchive(scope.id, number), encodePublishedDelta(delta));
    const facts = { scope, assembled, candidate, state };
    const alarms = this.#gate.judge(await gatherDeltaFacts(this.#core, transaction, facts));
    const place = { dn: scope.dn, description: ATTRIBUTE, others: [] };
    await showList(this.#core, transaction, { ...place, der, sha256 });
    const next = { ...state, lastNumber: number, delta };
    transaction.put(tables.scope(scope.id), encodeScopeRecord(next));
    await audit.append(transaction, {
      kind: 'crl.publish',
      result: 'done',
      origin,
      subject: scope.id,
      ...(state.delta === undefined ? {} : { before: formatHex(state.delta.sha256) }),
      after: formatHex(sha256),
      details: {
        number: number.toString(),
        deltaOf: base.number.toString(),
        entries: entryCount,
        bytes: der.length,
        ...(alarms.length === 0 ? {} : { alarm: alarms.join('; ') }),
      },
    });
    return { ...delta, scope };
  }

  /** I2: a second after the delta list before, and not before the full list. */
  async #waitPastLastUpdate(scope: Scope): Promise<void> {
    const { store, tables, clock } = this.#core;
    const { delta, published } = await reading(store, (view) =>
      readScopeRecord(view, tables, scope.id),
    );
    const earliestMs = Math.max((delta?.thisUpdateMs ?? 0) + 1000, published?.thisUpdateMs ?? 0);
    const earliest = new Date(earliestMs).toISOString();
    await waitUntil(
      clock,
      earliestMs,
      `the next delta list of ${scope.id} is not before ${earliest}`,
    );
  }
}
