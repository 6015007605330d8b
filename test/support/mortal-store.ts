/**
 * A store whose process dies at a chosen transaction.
 *
 * @module
 */

import { StoreError } from '../../src/store/errors.ts';
import type { Store, StoreStatistics, Transaction } from '../../src/store/store.ts';

/** Before the transaction is durable, or after it and before anyone is told. */
export type Moment = 'before' | 'after';

/** A store whose writer dies at a chosen transaction, counted from the moment it is armed. */
export class MortalStore implements Store {
  readonly #store: Store;
  #countdown = Number.POSITIVE_INFINITY;
  #moment: Moment = 'before';
  #isDead = false;
  transactions = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The writer dies at the next transaction (0), the one after it (1), … */
  arm(countdown: number, moment: Moment): void {
    this.#countdown = countdown;
    this.#moment = moment;
  }

  get isWritable(): boolean {
    return !this.#isDead && this.#store.isWritable;
  }

  async transact<T>(reason: string, body: (transaction: Transaction) => Promise<T>): Promise<T> {
    this.transactions += 1;
    if (this.#isDead) {
      throw new StoreError('STORE_WRITER_CLOSED', 'dead');
    }
    this.#countdown -= 1;
    this.#isDead = this.#countdown < 0;
    if (this.#isDead) {
      if (this.#moment === 'after') {
        await this.#store.transact(reason, body);
      }
      throw new StoreError('STORE_WRITE_FAILED', `died in ${reason}`);
    }
    return await this.#store.transact(reason, body);
  }

  get journal(): Store['journal'] {
    return this.#store.journal;
  }

  sealJournal(): ReturnType<Store['sealJournal']> {
    return this.#store.sealJournal();
  }

  beginLoad(): ReturnType<Store['beginLoad']> {
    return this.#store.beginLoad();
  }

  snapshot(): ReturnType<Store['snapshot']> {
    return this.#store.snapshot();
  }

  onFlushed(listener: (durationMs: number) => void): void {
    this.#store.onFlushed(listener);
  }

  get statistics(): StoreStatistics {
    return this.#store.statistics;
  }

  onWriterClosed(listener: (error: Error) => void): void {
    this.#store.onWriterClosed(listener);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
