/**
 * Changes that are parts of one transaction: each sees what the ones before it have written, and all are
 * committed together or not at all.
 *
 * A password that is hashed for one of them holds the transaction for as long as that takes.
 *
 * @module
 */

import type { Transaction } from '../../store/store.ts';
import type { CallerAccess } from '../access/access.ts';
import type { Principal } from '../accounts/principal.ts';
import type { Dn } from '../names/dn.ts';
import type { ChangeOutcome } from '../service.ts';
import type { ChangeDescription, ChangeRunner, Changes, CommittedChange } from './change-runner.ts';
import type { ChangeFacts } from './entry-stamp.ts';

export class JoinedChanges implements Changes {
  readonly #runner: ChangeRunner;
  readonly #transaction: Transaction;
  readonly #made: CommittedChange[] = [];

  constructor(runner: ChangeRunner, transaction: Transaction) {
    this.#runner = runner;
    this.#transaction = transaction;
  }

  async run(
    what: ChangeDescription,
    body: (transaction: Transaction, access: CallerAccess) => Promise<CommittedChange>,
  ): Promise<ChangeOutcome> {
    const change = await this.#runner.runWithin(this.#transaction, what, body);
    this.#made.push(change);
    return change.outcome;
  }

  async rehearse<T>(
    what: ChangeDescription,
    body: (view: Transaction, access: CallerAccess) => Promise<T>,
  ): Promise<T> {
    return await this.#runner.rehearseWithin(this.#transaction, what, body);
  }

  stamp(transaction: Transaction, dn: Dn, principal: Principal): Promise<ChangeFacts> {
    return this.#runner.stamp(transaction, dn, principal);
  }

  /** To be called when it is known what has become of the transaction, or when it may be there. */
  settled(): void {
    for (const change of this.#made) {
      this.#runner.made(change);
    }
  }
}
