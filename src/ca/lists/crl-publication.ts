/**
 * Publishing revocation lists: assemble from a snapshot, sign, read back, and then, in one transaction, ask
 * the gate and write archive, directory entry, number and audit record. A revocation or release acknowledged in
 * between makes the list stale before it is out, so it is assembled again; after a few such rounds the
 * writer is held while the list is made.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { formatHex } from '../../core/bytes.ts';
import { isCertdirError } from '../../core/errors.ts';
import { Room } from '../../core/room.ts';
import type { ReadView, Transaction } from '../../store/store.ts';
import { type CaCore, reading, recordFailure, transactAsOwner } from '../ca-core.ts';
import { isLastList } from '../policy/cadence.ts';
import { hasDelta, type Scope } from '../policy/scope.ts';
import { writeLedger } from '../records/entry-ledger.ts';
import {
  encodePublishedList,
  encodeScopeRecord,
  type PublishedList,
  type ScopeRecord,
} from '../records/scope-record.ts';
import { readScopeRecord } from '../records/scope-state.ts';
import { type AssembledList, assembleList, hashInTurns } from './crl-assembly.ts';
import { DeltaLists, type DeltaPublication } from './delta-publication.ts';
import { GateKeeper } from './gate-keeper.ts';
import { showList } from './list-showing.ts';
import { waitUntil } from './list-spacing.ts';
import { type CandidateFacts, examineCandidate } from './publication-facts.ts';
import { countLive } from './scope-append.ts';
import { packWaiting } from './waiting-packing.ts';

/** A list that is durable and visible. */
export interface Publication extends PublishedList {
  readonly scope: Scope;
  readonly isRegular: boolean;
  /** Entries of released holds and the like that it accounts for, of all that the scope ever had. */
  readonly servedWithdrawn: number;
  /** Entries that left with this list. */
  readonly droppedCount: number;
  /** The delta list that came out behind it. */
  readonly delta?: DeltaPublication;
}

/** Rounds with an assembly beside other work, before the writer is held. */
const MAX_FREE_ROUNDS = 3;

/** Of lists that are made at the same time; one that is longer is made alone. */
const MAX_BYTES_IN_WORK = 192 * 1024 * 1024;
/** An entry with a reason and a serial number of 20 octets has 53; what is around the entries is less than the other. */
const BYTES_OF_ENTRY = 56;
const BYTES_AROUND = 4096;

/** A list that was made and looked at, and not published. */
interface MadeList {
  readonly assembled: AssembledList;
  readonly candidate: CandidateFacts;
  readonly sha256: Uint8Array;
}

export class CrlPublication {
  readonly #core: CaCore;
  readonly #gate: GateKeeper;
  readonly #deltas: DeltaLists;
  /** Lists are in memory from the moment they are put together until they are durable. */
  readonly #room = new Room(MAX_BYTES_IN_WORK);
  /** The publication under way in each scope: the next one waits for it. */
  readonly #tails = new Map<string, Promise<void>>();
  constructor(core: CaCore) {
    this.#core = core;
    this.#gate = new GateKeeper(core);
    this.#deltas = new DeltaLists(core, this.#gate);
  }

  /** How often the gate has found an invariant broken, by its number. */
  get findings(): ReadonlyMap<string, number> {
    return this.#gate.findings;
  }

  /**
   * Publishes the next list of a scope. Every revocation acknowledged before the call is in it. One
   * publication of a scope runs at a time; others wait for it and then make their own.
   *
   * @throws {CaError} `CA_CLOCK_BACK`, `CA_GATE_…` (nothing was published), `CA_NOT_OWNER`.
   * @throws {SigningError}
   */
  publish(scope: Scope, origin: AuditOrigin): Promise<Publication> {
    return this.#inTurn(scope, async () => {
      const publication = await this.#publishRecorded(scope, origin);
      const delta = await this.#followWithDelta(scope, origin);
      return delta === undefined ? publication : { ...publication, delta };
    });
  }

  /**
   * Publishes the next delta list of a scope: all that has changed since the full list on show.
   *
   * @returns undefined where the policy has none for this scope, before the first full list and behind the last one.
   * @throws {CaError} as `publish`.
   * @throws {SigningError}
   */
  async publishDelta(scope: Scope, origin: AuditOrigin): Promise<DeltaPublication | undefined> {
    return hasDelta(scope, this.#core.policy)
      ? await this.#inTurn(scope, () => this.#publishDeltaRecorded(scope, origin))
      : undefined;
  }

  /** The full list is out and stays so: a delta list that fails is due until it comes. */
  async #followWithDelta(scope: Scope, origin: AuditOrigin): Promise<DeltaPublication | undefined> {
    if (!hasDelta(scope, this.#core.policy)) {
      return undefined;
    }
    try {
      return await this.#publishDeltaRecorded(scope, origin);
    } catch (error) {
      if (!isCertdirError(error)) {
        throw error;
      }
      const { code } = error;
      this.#core.log.error('a full list is out without its delta list', { scope: scope.id, code });
      return undefined;
    }
  }

  async #publishDeltaRecorded(
    scope: Scope,
    origin: AuditOrigin,
  ): Promise<DeltaPublication | undefined> {
    try {
      await packWaiting(this.#core, scope.id);
      const bytes = await this.#estimateDeltaBytes(scope);
      return await this.#room.within(bytes, () => this.#deltas.publish(scope, origin));
    } catch (error) {
      await recordFailure(this.#core, { kind: 'crl.publish', origin, subject: scope.id }, error);
      throw error;
    }
  }

  async #inTurn<Result>(scope: Scope, publish: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(turnOf(scope)) ?? Promise.resolve();
    const run = before.then(publish);
    const tail = run.then(
      () => undefined,
      () => undefined,
    );
    this.#tails.set(turnOf(scope), tail);
    try {
      return await run;
    } finally {
      if (this.#tails.get(turnOf(scope)) === tail) {
        this.#tails.delete(turnOf(scope));
      }
    }
  }

  async #publishRecorded(scope: Scope, origin: AuditOrigin): Promise<Publication> {
    try {
      await packWaiting(this.#core, scope.id);
      const bytes = await this.#estimateBytes(scope);
      return await this.#room.within(bytes, () => this.#publishNow(scope, origin));
    } catch (error) {
      await recordFailure(this.#core, { kind: 'crl.publish', origin, subject: scope.id }, error);
      throw error;
    }
  }

  /** How long the list will be, more or less. */
  async #estimateBytes(scope: Scope): Promise<number> {
    const { store, tables } = this.#core;
    const { published, liveEntries } = await reading(store, (view) =>
      readScopeRecord(view, tables, scope.id),
    );
    const bytes = BYTES_AROUND + liveEntries * BYTES_OF_ENTRY;
    return Math.max(published?.byteLength ?? 0, bytes);
  }

  async #estimateDeltaBytes(scope: Scope): Promise<number> {
    const { store, tables } = this.#core;
    const {
      published,
      delta,
      acknowledgedSequence,
      withdrawn = 0,
    } = await reading(store, (view) => readScopeRecord(view, tables, scope.id));
    const changes = Number(acknowledgedSequence - (published?.sequence ?? 0n));
    // Holds that are released are looked for in the full list and the delta list before.
    const base = withdrawn === 0 ? 0 : (published?.byteLength ?? 0) + (delta?.byteLength ?? 0);
    return BYTES_AROUND + changes * BYTES_OF_ENTRY + base;
  }

  async #publishNow(scope: Scope, origin: AuditOrigin): Promise<Publication> {
    for (let round = 1; round <= MAX_FREE_ROUNDS; round += 1) {
      await this.#waitPastLastUpdate(scope);
      const published = await this.#publishFromSnapshot(scope, origin);
      if (published !== undefined) {
        return published;
      }
    }
    this.#core.log.info('revocations keep coming: the writer is held for this list', {
      scope: scope.id,
    });
    await this.#waitPastLastUpdate(scope);
    return await transactAsOwner(this.#core, 'ca: publish, writer held', async (transaction) => {
      const made = await this.#make(scope, transaction);
      return await this.#commit(transaction, scope, { ...made, origin });
    });
  }

  /** @returns undefined when the list was stale before it could be committed. */
  async #publishFromSnapshot(scope: Scope, origin: AuditOrigin): Promise<Publication | undefined> {
    const snapshot = this.#core.store.snapshot();
    let made: MadeList;
    try {
      made = await this.#make(scope, snapshot);
    } finally {
      await snapshot.close();
    }
    return await transactAsOwner(this.#core, 'ca: publish', async (transaction) => {
      const state = await readScopeRecord(transaction, this.#core.tables, scope.id);
      const isStale =
        state.acknowledgedSequence !== made.assembled.sequence ||
        // A hold was released since: it would be in the list, and the gate would stop that.
        state.withdrawn !== made.assembled.state.withdrawn ||
        state.lastNumber !== made.assembled.state.lastNumber ||
        // Another key signs since: this list would be the only one of the old one's.
        made.assembled.authority !== this.#core.authorities.forScope(scope) ||
        // Its end was decided since, or its key's.
        isLastList(made.assembled) !==
          this.#core.service.isClosing(made.assembled.authority.generation);
      return isStale ? undefined : await this.#commit(transaction, scope, { ...made, origin });
    });
  }

  async #make(scope: Scope, view: ReadView): Promise<MadeList> {
    const nowMs = this.#core.clock.nowMs();
    const assembled = await assembleList(this.#core, scope, { view, nowMs });
    const candidate = await examineCandidate(this.#core, scope, { assembled, view });
    return { assembled, candidate, sha256: await hashInTurns('sha256', [assembled.der]) };
  }

  /** The publishing transaction: archive, gate, then everything that makes the list visible. */
  async #commit(
    transaction: Transaction,
    scope: Scope,
    made: MadeList & { readonly origin: AuditOrigin },
  ): Promise<Publication> {
    const { tables, audit } = this.#core;
    const { assembled, candidate, origin } = made;
    const state = await readScopeRecord(transaction, tables, scope.id);
    const { der } = assembled;
    const sha256 = await transaction.putLarge(der, { sha256: made.sha256 });
    const { number, thisUpdateMs, nextUpdateMs, entryCount, sequence, isRegular } = assembled;
    const byteLength = der.length;
    const list = { number, thisUpdateMs, nextUpdateMs, entryCount, byteLength, sha256, sequence };
    transaction.put(tables.archive(scope.id, number), encodePublishedList(list));
    const alarms = await this.#gate.ask(transaction, { scope, assembled, candidate, state });
    await this.#show(transaction, scope, { der, sha256 });
    await this.#moveOn(transaction, scope, { state, list, assembled });
    await audit.append(transaction, {
      kind: 'crl.publish',
      result: 'done',
      origin,
      subject: scope.id,
      ...(state.published === undefined ? {} : { before: formatHex(state.published.sha256) }),
      after: formatHex(sha256),
      details: {
        number: number.toString(),
        entries: entryCount,
        bytes: byteLength,
        regular: isRegular,
        ...(alarms.length === 0 ? {} : { alarm: alarms.join('; ') }),
      },
    });
    const { region } = assembled;
    const servedWithdrawn = state.withdrawn ?? 0;
    return { ...list, scope, isRegular, servedWithdrawn, droppedCount: region.leftOut.length };
  }

  /** In the directory's entry; a reference of its own beside the archive's. */
  async #show(
    transaction: Transaction,
    scope: Scope,
    { der, sha256 }: { readonly der: Uint8Array; readonly sha256: Uint8Array },
  ): Promise<void> {
    const others = await this.#othersBeside(transaction, scope);
    await showList(this.#core, transaction, {
      dn: scope.dn,
      description: scope.attribute,
      others,
      der,
      sha256,
    });
  }

  /** The full lists of other keys, which stand in the same attribute of the CA's entry. */
  async #othersBeside(transaction: Transaction, { id, isFull }: Scope): Promise<Uint8Array[]> {
    const { scopes, tables } = this.#core;
    const others: Uint8Array[] = [];
    for (const other of isFull ? scopes.list : []) {
      const { published } =
        other.isFull && other.id !== id
          ? await readScopeRecord(transaction, tables, other.id)
          : { published: undefined };
      const der = published && (await transaction.readLarge(published.sha256));
      others.push(...(der === undefined ? [] : [der]));
    }
    return others;
  }

  /** The number, the counts, and the entries that have served. */
  async #moveOn(
    transaction: Transaction,
    scope: Scope,
    {
      state,
      list,
      assembled,
    }: {
      readonly state: ScopeRecord;
      readonly list: PublishedList;
      readonly assembled: AssembledList;
    },
  ): Promise<void> {
    const { tables } = this.#core;
    const { region, isRegular } = assembled;
    for (const firstSequence of region.waitingKeys) {
      transaction.delete(tables.waitingEntry(scope.id, firstSequence));
    }
    for (const sequence of region.withdrawals.keys()) {
      transaction.delete(tables.withdrawal(scope.id, sequence));
    }
    writeLedger(transaction, tables, { scopeId: scope.id, change: region.change });
    const { oldestPendingMs: _served, urgent: _listed, delta, ...kept } = state;
    const isDeltaKept = await this.#deltas.keepOrTakeOff(transaction, scope, { state, list });
    transaction.put(
      tables.scope(scope.id),
      encodeScopeRecord({
        ...kept,
        lastNumber: list.number,
        liveEntries: list.entryCount,
        published: list,
        ...(isDeltaKept && delta !== undefined ? { delta } : {}),
        ...(isRegular
          ? { regular: { thisUpdateMs: list.thisUpdateMs, sequence: list.sequence } }
          : {}),
      }),
    );
    await countLive(this.#core, transaction, scope, list.entryCount - state.liveEntries);
  }

  /** I2: thisUpdate has whole seconds and moves on, so lists are at least a second apart. */
  async #waitPastLastUpdate(scope: Scope): Promise<void> {
    const { store, clock } = this.#core;
    const snapshot = store.snapshot();
    const lastMs = await this.#lastUpdateMs(snapshot, scope).finally(() => snapshot.close());
    if (lastMs !== undefined) {
      await waitUntil(
        clock,
        lastMs + 1000,
        `the last list of ${scope.id} is of ${new Date(lastMs).toISOString()}`,
      );
    }
  }

  /**
   * Of the scope's last list. Full lists of several keys stand in one attribute, where lists of one issuer and one
   * thisUpdate are the same value (RFC 4523 §4.3, certificateListExactMatch): they keep out of each other's second.
   */
  async #lastUpdateMs(view: ReadView, scope: Scope): Promise<number | undefined> {
    const { scopes, tables } = this.#core;
    const beside = scope.isFull ? scopes.list.filter(({ isFull }) => isFull) : [scope];
    let lastMs: number | undefined;
    for (const { id } of beside) {
      const { published } = await readScopeRecord(view, tables, id);
      lastMs = Math.max(lastMs ?? 0, published?.thisUpdateMs ?? 0) || undefined;
    }
    return lastMs;
  }
}

/** Lists that are made one after the other: those of a scope, and all full ones, which share an attribute. */
function turnOf({ id, isFull, definition }: Scope): string {
  return isFull ? definition.id : id;
}
