/**
 * Long reading in short slices: after so much of it everything else that waits for the event loop runs.
 *
 * What is counted is work, not time, so that nobody who reads needs a clock; a slice takes some milliseconds
 * of processor time.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

/** What reading one record costs beside its bytes, as bytes. */
const RECORD_BYTES = 1_024;
const SLICE_BYTES = 96 * RECORD_BYTES;
/** Hashing a full tile to its root. */
export const TILE_WORK_BYTES: number = 16 * RECORD_BYTES;

export class WorkSlices {
  #done = 0;

  /**
   * To be awaited after each piece of work; undefined, and nothing to wait for, within a slice.
   *
   * @param bytes Of the record that was worked on.
   */
  add(bytes: number): Promise<void> | undefined {
    this.#done += RECORD_BYTES + bytes;
    if (this.#done < SLICE_BYTES) {
      return undefined;
    }
    this.#done = 0;
    return nextTurn();
  }
}
