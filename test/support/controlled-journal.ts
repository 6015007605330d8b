/**
 * The journal's files under a test's control: appends and syncs can be made to fail, and are told in order.
 *
 * @module
 */

import {
  type AppendFile,
  type OpenAppendFile,
  openAppendFile,
} from '../../src/store/journal/journal-file.ts';

/** How a failing append fails: with nothing, a part, or all of it on the disk. */
export const journalFaults = [
  'not persisted',
  'torn',
  'written and not synced',
  'persisted but reported as failed',
] as const;

export type JournalFault = (typeof journalFaults)[number];

export class ControlledJournal {
  /** What was done to the files, in order; a test may add to it. */
  readonly steps: string[] = [];
  #begun = 0;
  #hold: Promise<void> | undefined;
  #release = (): void => undefined;
  #fault: JournalFault | undefined;
  #appendsBeforeFault = 0;

  readonly open: OpenAppendFile = async (path, size) =>
    this.#wrap(await openAppendFile(path, size));

  /** From now on, appends wait. */
  hold(): void {
    this.#hold ??= new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#hold = undefined;
    this.#release();
  }

  /** Waits until so many more appends have been begun since this was asked last. */
  async begun(count: number): Promise<void> {
    while (this.#begun < count) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#begun = 0;
  }

  /** Lets `count` more appends pass and fails the one after, once. */
  failAfter(count: number, fault: JournalFault): void {
    this.#appendsBeforeFault = count;
    this.#fault = fault;
  }

  #wrap(file: AppendFile): AppendFile {
    let failsSync = false;
    return {
      append: async (parts) => {
        this.steps.push('append');
        this.#begun += 1;
        await this.#hold;
        const fault = this.#takeFault();
        if (fault === 'not persisted') {
          throw noSpace();
        }
        const all = Buffer.concat(parts);
        await file.append([fault === 'torn' ? all.subarray(0, all.length >>> 1) : all]);
        if (fault === 'torn') {
          throw noSpace();
        }
        if (fault === 'persisted but reported as failed') {
          await file.sync();
        }
        failsSync ||= fault !== undefined;
      },
      sync: async () => {
        if (failsSync) {
          // The kernel tells of it once.
          failsSync = false;
          throw noSpace();
        }
        await file.sync();
        this.steps.push('sync');
      },
      cut: (size) => file.cut(size),
      close: () => file.close(),
    };
  }

  #takeFault(): JournalFault | undefined {
    if (this.#fault === undefined || this.#appendsBeforeFault > 0) {
      this.#appendsBeforeFault -= 1;
      return undefined;
    }
    const fault = this.#fault;
    this.#fault = undefined;
    return fault;
  }
}

function noSpace(): Error {
  return new Error('ENOSPC: No space left on device, write');
}
