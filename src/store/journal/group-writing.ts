/**
 * Writes a group to the end of a segment, in turns: while the disk has one, the next is made ready; and what is written of
 * a long group is synced already while more of it is being written, so that the last sync finds little left.
 *
 * @module
 */

import type { AppendFile } from './journal-file.ts';

export class GroupWriting {
  readonly #file: AppendFile;
  #waiting: Uint8Array[] = [];
  /** Of what is to be done in one turn of the event loop. */
  #share = 0;
  #writing: Promise<void> = Promise.resolve();
  #syncing: Promise<void> = Promise.resolve();
  #isBegun = false;
  #isSyncing = false;
  #bytes = 0;

  constructor(file: AppendFile) {
    this.#file = file;
  }

  /** Of everything that was added. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True when as much was added as should be in one turn. */
  get isTurnOver(): boolean {
    return this.#share >= 1;
  }

  /** @param share How much of a turn it took to make the parts. */
  add(parts: readonly Uint8Array[], share: number): void {
    this.#waiting.push(...parts);
    this.#share += share;
    this.#bytes += parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** Hands over what was added, and waits until what was handed over before is written. */
  async turn(): Promise<void> {
    await this.#writing;
    this.#syncBehind();
    this.#isBegun = true;
    const parts = this.#waiting;
    this.#waiting = [];
    this.#share = 0;
    this.#writing = this.#file.append(parts);
    this.#writing.catch(() => undefined);
  }

  /** One at a time. A failure stays: the kernel tells of it once. */
  #syncBehind(): void {
    if (this.#isSyncing || !this.#isBegun) {
      return;
    }
    this.#isSyncing = true;
    this.#syncing = this.#file.sync().then(() => {
      this.#isSyncing = false;
    });
    this.#syncing.catch(() => undefined);
  }

  /** Writes the rest and makes all of it durable. */
  async finish(): Promise<void> {
    await this.#writing;
    await this.#file.append(this.#waiting);
    this.#waiting = [];
    await this.#syncing;
    await this.#file.sync();
  }

  /** Waits until nothing is under way. @throws What writing or syncing has failed with. */
  async settled(): Promise<void> {
    await Promise.all([this.#writing, this.#syncing]);
  }
}
