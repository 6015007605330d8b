/**
 * Runs a change of a client: one transaction with the change, its number and its audit record; a
 * record of its own for a change that was refused; errors of the store made errors of the directory.
 *
 * @module
 */

import type { AuditEvent } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import { StoreError, type StoreErrorCode } from '../../store/errors.ts';
import type { ReadView, Transaction } from '../../store/store.ts';
import type { CallerAccess } from '../access/access.ts';
import { RefusedError } from '../access/change-access.ts';
import type { Credentials } from '../accounts/credentials.ts';
import { actorName, actorOf, type Principal } from '../accounts/principal.ts';
import { type DirectoryCore, suffixOf } from '../directory-core.ts';
import type { Entry } from '../entries/entry.ts';
import { encodeEntry } from '../entries/entry-encoding.ts';
import { DirectoryError } from '../errors.ts';
import { Dn } from '../names/dn.ts';
import { followReferral } from '../search/referrals.ts';
import type { Caller, ChangeOutcome, OperationOptions } from '../service.ts';
import { stampChange } from './change-stamp.ts';
import type { ChangeFacts } from './entry-stamp.ts';
import { RefusalRecords } from './refusal-records.ts';
import type { RequestDigest } from './request-digest.ts';

/** What is tried, for the records. */
export interface ChangeDescription extends RequestDigest {
  readonly kind:
    | 'directory.add'
    | 'directory.modify'
    | 'directory.delete'
    | 'directory.rename'
    | 'directory.password';
  readonly dn: Dn;
  readonly caller: Caller;
  readonly details?: Readonly<Record<string, string>>;
  /** The options of the request. */
  readonly options?: OperationOptions;
}

/** An entry before and after, undefined where there was or is none, and what is answered. */
export interface CommittedChange {
  readonly before?: Entry;
  readonly after?: Entry;
  /** Entries that moved along with one that was renamed, as they were. */
  readonly movedBelow?: readonly Entry[];
  readonly outcome: ChangeOutcome;
}

/** Where changes are carried out: each in a transaction of its own, or several in one. */
export interface Changes {
  /** @param body Makes the change within the transaction; may run more than once. */
  run(
    what: ChangeDescription,
    body: (transaction: Transaction, access: CallerAccess) => Promise<CommittedChange>,
  ): Promise<ChangeOutcome>;
  /** Runs the checks of a change alone, on the newest state that the change could see. */
  rehearse<T>(
    what: ChangeDescription,
    body: (view: ReadView, access: CallerAccess) => Promise<T>,
  ): Promise<T>;
  /** Numbers a change to the entry `dn` and says by whom and when it is made. */
  stamp(transaction: Transaction, dn: Dn, principal: Principal): Promise<ChangeFacts>;
}

export class ChangeRunner implements Changes {
  readonly #core: DirectoryCore;
  readonly #credentials: Credentials;
  readonly #refusals: RefusalRecords;

  constructor(core: DirectoryCore, credentials: Credentials) {
    const { store, audit, clock, log } = core;
    this.#core = core;
    this.#credentials = credentials;
    this.#refusals = new RefusalRecords({
      clock,
      log,
      write: (events) =>
        store.transact('directory: record refusals', async (transaction) => {
          for (const event of events) {
            await audit.append(transaction, event);
          }
        }),
    });
  }

  async run(
    what: ChangeDescription,
    body: (transaction: Transaction, access: CallerAccess) => Promise<CommittedChange>,
  ): Promise<ChangeOutcome> {
    let change: CommittedChange | undefined;
    try {
      const outcome = await this.#guard(what, () =>
        this.#core.store.transact(what.kind, async (transaction) => {
          change = await this.#make(transaction, what, body);
          return change.outcome;
        }),
      );
      this.#core.counters.writes += 1;
      return outcome;
    } finally {
      // A commit that was reported as failed may be there all the same.
      if (change !== undefined) {
        this.#forget(change);
      }
    }
  }

  /** The same as a part of a transaction. Whoever ends that calls `made`, whatever became of it. */
  async runWithin(
    transaction: Transaction,
    what: ChangeDescription,
    body: (transaction: Transaction, access: CallerAccess) => Promise<CommittedChange>,
  ): Promise<CommittedChange> {
    return await this.#guard(what, () => this.#make(transaction, what, body));
  }

  /** To be told of a change that `runWithin` has made, when its transaction has ended. */
  made(change: CommittedChange): void {
    this.#core.counters.writes += 1;
    this.#forget(change);
  }

  async rehearse<T>(
    what: ChangeDescription,
    body: (view: ReadView, access: CallerAccess) => Promise<T>,
  ): Promise<T> {
    return await this.#guard(what, async () => {
      const snapshot = this.#core.store.snapshot();
      try {
        return await body(snapshot, await this.#enter(what, snapshot));
      } finally {
        await snapshot.close();
      }
    });
  }

  async rehearseWithin<T>(
    transaction: Transaction,
    what: ChangeDescription,
    body: (view: Transaction, access: CallerAccess) => Promise<T>,
  ): Promise<T> {
    return await this.#guard(what, async () =>
      body(transaction, await this.#enter(what, transaction)),
    );
  }

  async #make(
    transaction: Transaction,
    what: ChangeDescription,
    body: (transaction: Transaction, access: CallerAccess) => Promise<CommittedChange>,
  ): Promise<CommittedChange> {
    const change = await body(transaction, await this.#enter(what, transaction));
    await this.#core.audit.append(transaction, this.#doneEvent(what, change));
    return change;
  }

  /** What is remembered of accounts may no longer be so. */
  #forget(change: CommittedChange): void {
    this.#credentials.entryChanged(change.before, change.after);
    for (const moved of change.movedBelow ?? []) {
      this.#credentials.entryChanged(moved, undefined);
    }
  }

  async stamp(transaction: Transaction, dn: Dn, principal: Principal): Promise<ChangeFacts> {
    const nowMs = this.#core.clock.nowMs();
    const suffix = suffixOf(this.#core, dn) ?? Dn.root;
    const sequence = await stampChange(transaction, suffix.key, nowMs);
    return { sequence, nowMs, actorName: actorName(principal, this.#core.schema) };
  }

  /** Records something that was refused, without making the answer wait for it. */
  recordRefusal(event: AuditEvent): void {
    this.#refusals.add(event);
  }

  /** Resolves when every refusal so far is recorded. */
  async settle(): Promise<void> {
    await this.#refusals.close();
  }

  /** What the caller may, once it is sure that the target is not another server's. */
  async #enter({ caller, dn, options }: ChangeDescription, view: ReadView): Promise<CallerAccess> {
    const access = this.#core.policy.forCaller(caller, this.#core.clock.nowMs());
    if (options?.manageDsaIt !== true) {
      await followReferral(this.#core, dn, { view, access });
    }
    return access;
  }

  async #guard<T>(what: ChangeDescription, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      if (error instanceof RefusedError || isManagedRefusal(error)) {
        this.#core.counters.refusedWrites += 1;
        this.recordRefusal({ ...eventOf(what), result: 'refused', details: { code: error.code } });
      }
      throw asDirectoryError(error);
    }
  }

  #doneEvent(what: ChangeDescription, change: CommittedChange): AuditEvent {
    return {
      ...eventOf(what),
      result: 'done',
      details: {
        ...what.details,
        ...(change.movedBelow?.length ? { movedBelow: String(change.movedBelow.length) } : {}),
      },
      ...(change.before === undefined ? {} : { before: digestOf(change.before) }),
      ...(change.after === undefined ? {} : { after: digestOf(change.after) }),
    };
  }
}

const notWritable: ReadonlySet<string> = new Set<StoreErrorCode>([
  'STORE_WRITE_FAILED',
  'STORE_WRITER_CLOSED',
  'STORE_CLOSED',
]);

/** The store's refusal to write is the directory's unavailability; everything else stays what it is. */
export function asDirectoryError(error: unknown): unknown {
  if (error instanceof StoreError && notWritable.has(error.code)) {
    return new DirectoryError('DIRECTORY_UNAVAILABLE', 'the store accepts no writes', {
      cause: error,
    });
  }
  return error;
}

function isManagedRefusal(error: unknown): error is DirectoryError {
  return error instanceof DirectoryError && error.code === 'DIRECTORY_MANAGED_ATTRIBUTE';
}

function eventOf({ kind, dn, caller, request }: ChangeDescription): Omit<AuditEvent, 'result'> {
  const { principal, session } = caller;
  return {
    kind,
    subject: dn.format(),
    origin: {
      channel: session.channel,
      actor: actorOf(principal),
      address: session.address,
    },
    ...(request === undefined ? {} : { request }),
  };
}

/** SHA-256 over the entry as stored; large values are in it by their own hash. */
function digestOf(entry: Entry): string {
  return recordDigest(encodeEntry(entry));
}
