/**
 * LevelDB under a test's control: writes can be held back, made to fail, and counted.
 *
 * @module
 */

import { Keyspace } from '../../src/store/keyspace.ts';
import {
  type LevelDatabase,
  type OpenLevelDatabase,
  openLevelDatabase,
} from '../../src/store/level/level-database.ts';
import type { Row } from '../../src/store/level/sorted-rows.ts';

/** How a failing write fails: before anything has reached the disk, or after all of it has. */
export type WriteFault = 'not persisted' | 'persisted but reported as failed';

export class ControlledDatabase {
  /** Rows of each write that was begun, without those that say where the index itself stands. */
  readonly writes: (readonly Row[])[] = [];
  #hold: { readonly open: Promise<void>; readonly release: () => void } | undefined;
  #fault: WriteFault | undefined;
  #writesBeforeFault = 0;

  /** Opens LevelDB with this control in between. */
  readonly open: OpenLevelDatabase = async (folder, sizes, isNew) =>
    this.#wrap(await openLevelDatabase(folder, sizes, isNew));

  /** Waits until so many writes have been begun. */
  async begun(count: number): Promise<void> {
    while (this.writes.length < count) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** From now on, writes wait. */
  hold(): void {
    if (this.#hold !== undefined) {
      return;
    }
    const { promise, resolve } = withResolvers();
    this.#hold = { open: promise, release: resolve };
  }

  release(): void {
    this.#hold?.release();
    this.#hold = undefined;
  }

  /** Lets `count` more writes pass and fails the one after, once. */
  failAfter(count: number, fault: WriteFault): void {
    this.#writesBeforeFault = count;
    this.#fault = fault;
  }

  #wrap(database: LevelDatabase): LevelDatabase {
    return { ...database, write: (rows) => this.#write(database, [...rows]) };
  }

  async #write(database: LevelDatabase, rows: readonly Row[]): Promise<void> {
    this.writes.push(rows.filter(([key]) => key[0] !== Keyspace.meta));
    await this.#hold?.open;
    const fault = this.#takeFault();
    if (fault !== 'not persisted') {
      await database.write(rows);
    }
    if (fault !== undefined) {
      throw new Error('IO error: No space left on device');
    }
  }

  #takeFault(): WriteFault | undefined {
    if (this.#fault === undefined || this.#writesBeforeFault > 0) {
      this.#writesBeforeFault -= 1;
      return undefined;
    }
    const fault = this.#fault;
    this.#fault = undefined;
    return fault;
  }
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
