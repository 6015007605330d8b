/**
 * The states that snapshots show: what is durable between two flushes, once for all snapshots made in
 * that time.
 *
 * Until the next flush begins the database itself is that state, and nothing has to be held: a snapshot
 * of LevelDB costs 3 µs to take and close, and reading through one twice as much as reading without.
 * It is taken when a flush is about to change what somebody still looks at.
 *
 * @module
 */

import type { Awaitable } from '../../core/awaitable.ts';
import type { DatabaseSnapshot, LevelDatabase } from './level-database.ts';

/** One state, from `DurableStates.hold` until it is released. */
export class DurableState {
  readonly #database: LevelDatabase;
  #holders = 0;
  #pinned: DatabaseSnapshot | undefined;

  constructor(database: LevelDatabase) {
    this.#database = database;
  }

  get isHeld(): boolean {
    return this.#holders > 0;
  }

  /** What to read through now; undefined while that is the database as it is. */
  get snapshot(): DatabaseSnapshot | undefined {
    return this.#pinned;
  }

  hold(): void {
    this.#holders += 1;
  }

  /** @throws {StoreError} `STORE_CLOSED`. */
  pin(): DatabaseSnapshot {
    this.#pinned ??= this.#database.snapshot();
    return this.#pinned;
  }

  /** To be called once for each `hold`. */
  release(): Awaitable<void> {
    this.#holders -= 1;
    if (this.#holders > 0 || this.#pinned === undefined) {
      return undefined;
    }
    const pinned = this.#pinned;
    this.#pinned = undefined;
    return pinned.close();
  }
}

export class DurableStates {
  readonly #database: LevelDatabase;
  #newest: DurableState | undefined;
  /** From the begin of a write until it has succeeded nobody can tell when it shows. */
  #isWriting = false;
  #frozen: DurableState | undefined;

  constructor(database: LevelDatabase) {
    this.#database = database;
  }

  /**
   * Holds the newest durable state.
   *
   * @throws {StoreError} `STORE_CLOSED`.
   */
  hold(): DurableState {
    const state = this.#frozen ?? (this.#isWriting ? this.#ownState() : this.#newestState());
    state.hold();
    return state;
  }

  /**
   * From now on `hold` gives the state as it is now, whatever is written, until the function is called that
   * this returns.
   */
  freeze(): () => Promise<void> {
    const state = this.hold();
    state.pin();
    this.#frozen = state;
    return async () => {
      this.#frozen = undefined;
      await state.release();
    };
  }

  /** Changes the database by `work`; until it has ended, and after a failure, states are pinned. */
  async change(work: () => Promise<void>): Promise<void> {
    if (this.#newest?.isHeld === true) {
      this.#newest.pin();
    }
    this.#newest = undefined;
    this.#isWriting = true;
    await work();
    this.#isWriting = false;
  }

  #newestState(): DurableState {
    this.#newest ??= new DurableState(this.#database);
    return this.#newest;
  }

  #ownState(): DurableState {
    // The database gets a batch after the journal has made it durable.
    const state = new DurableState(this.#database);
    state.pin();
    return state;
  }
}
