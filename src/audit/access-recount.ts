/**
 * The accounts counted once more from the sealed segments of the access journal: what the report of provisions says
 * must be what was provided.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { ReadView } from '../store/store.ts';
import { countAccesses, readFrame } from './access-encoding.ts';
import type { AccessFacts } from './access-event.ts';
import { monthOf } from './civil-month.ts';
import { AuditError } from './errors.ts';
import { type ProvisionCount, ProvisionTally, readAccounts } from './provision-accounts.ts';

/** Every month there can be. */
const ALL_MONTHS = '';

export class AccountRecount {
  readonly #utcOffsetMs: number;
  /** By month. */
  readonly #tallies = new Map<string, ProvisionTally>();

  /** @param utcOffsetMs From UTC to the clock that months go by. */
  constructor(utcOffsetMs: number) {
    this.#utcOffsetMs = utcOffsetMs;
  }

  /**
   * Adds what a segment has.
   *
   * @param bytes Its frames, which are those that were sealed.
   * @param name For messages.
   * @throws {AuditError} `AUDIT_JOURNAL_DAMAGED` when they are none.
   */
  async add(bytes: Uint8Array, name: string): Promise<void> {
    const dictionary: AccessFacts[] = [];
    const counts: number[] = [];
    let firstMs: number | undefined;
    for (let at = 0; at < bytes.length; ) {
      const frame = readFrame(bytes, at);
      const counted = frame === undefined ? undefined : countAccesses(frame, dictionary, counts);
      if (frame === undefined || counted === undefined) {
        throw new AuditError('AUDIT_JOURNAL_DAMAGED', `${name} cannot be read as it was sealed`);
      }
      firstMs ??= counted === 0 ? undefined : frame.baseMs;
      at = frame.end;
      await nextTurn();
    }
    const { name: month } = monthOf(firstMs ?? 0, this.#utcOffsetMs);
    const tally = this.#tallies.get(month) ?? new ProvisionTally();
    this.#tallies.set(month, tally);
    for (const [number, facts] of dictionary.entries()) {
      const count = counts[number] ?? 0;
      if (count > 0) {
        tally.add(facts, count);
      }
    }
  }

  /**
   * Compares with the accounts as they are.
   *
   * @param isWhole False where segments are not here any more: then there may be more on the accounts, and not less.
   * @returns how many accounts there are.
   * @throws {AuditError} `AUDIT_ACCOUNTS_DIFFER`
   */
  async compare(view: ReadView, isWhole: boolean): Promise<number> {
    const counted = new Map<string, number>();
    for (const [month, tally] of this.#tallies) {
      for (const one of tally.counts(month)) {
        counted.set(nameOf(one), one.count);
      }
    }
    let accounts = 0;
    for await (const account of readAccounts(view, ALL_MONTHS)) {
      const name = nameOf(account);
      const count = counted.get(name) ?? 0;
      if (isWhole ? account.count !== count : account.count < count) {
        throw differs(account, count);
      }
      counted.delete(name);
      accounts += 1;
    }
    for (const [name, count] of counted) {
      throw new AuditError(
        'AUDIT_ACCOUNTS_DIFFER',
        `${name} has no account, and ${count} accesses`,
      );
    }
    return accounts;
  }
}

function nameOf({ month, verifier, partition, method, outcome }: ProvisionCount): string {
  return [month, verifier, partition, method, outcome].join(' | ');
}

function differs(account: ProvisionCount, count: number): AuditError {
  return new AuditError(
    'AUDIT_ACCOUNTS_DIFFER',
    `the account ${nameOf(account)} says ${account.count}, and the access journal has ${count}: one of them was changed`,
  );
}
