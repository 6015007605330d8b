/**
 * Writes a group to the end of a segment, in turns: while the disk has one, the next is made ready; and what is written of
 * a long group is synced already while more of it is being written, so that the last sync finds little left.
 *
 * @module
 */

import type { AppendFile } from './journal-file.ts';

/** Records that wait for the disk; large values wait where they are. */
const MAX_MADE_BYTES = 4 * 1024 * 1024;

interface Added {
  readonly share: number;
  readonly isMade: boolean;
}

export class GroupWriting {
  readonly #file: AppendFile;
  #waiting: Uint8Array[] = [];
  /** Of what is to be done in one turn of the event loop. */
  #share = 0;
  #writing: Promise<void> = Promise.resolve();
  #syncing: Promise<void> = Promise.resolve();
  #madeBytes = 0;
  #isBegun = false;
  #isWriting = false;
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

  /** `share`: how much of a turn it took to make the parts; `isMade`: they are in memory for this alone. */
  add(parts: readonly Uint8Array[], { share, isMade }: Added): void {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.#waiting.push(...parts);
    this.#share += share;
    this.#madeBytes += isMade ? bytes : 0;
    this.#bytes += bytes;
  }

  /** Hands over what was added when the disk has nothing else to write, or too much of it is in memory. */
  async turn(): Promise<void> {
    this.#share = 0;
    if (this.#isWriting && this.#madeBytes < MAX_MADE_BYTES) {
      return;
    }
    await this.#writing;
    this.#syncBehind();
    this.#isBegun = true;
    this.#isWriting = true;
    const parts = this.#waiting;
    this.#waiting = [];
    this.#madeBytes = 0;
    this.#writing = this.#file.append(parts).then(() => {
      this.#isWriting = false;
    });
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
