/**
 * What one search may use up (RFC 4511 §4.5.1.4, §4.5.1.5), and its turn on the event loop: a search
 * that has run for some milliseconds lets others run before it goes on.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import type { DirectoryLimits } from './directory-limits.ts';
import { DirectoryError } from './errors.ts';
import type { SearchRequest } from './service.ts';

/** Milliseconds of work after which others get their turn. */
const SLICE_MS = 5;

export class SearchBudget {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #maxEntries: number;
  readonly #maxLookThrough: number;
  readonly #deadlineMs: number;
  #entries = 0;
  #looked = 0;
  #sliceEndMs: number;

  constructor(clock: Clock, request: SearchRequest, limits: DirectoryLimits) {
    const nowMs = clock.monotonicMs();
    this.#clock = clock;
    this.#signal = request.signal;
    this.#maxEntries = smaller(request.sizeLimit, limits.maxSizeLimit);
    this.#maxLookThrough = limits.maxLookThrough;
    this.#deadlineMs = nowMs + smaller(request.timeLimitMs, limits.maxTimeLimitMs);
    this.#sliceEndMs = nowMs + SLICE_MS;
  }

  /**
   * To be awaited for every candidate, known to the caller or not.
   *
   * @throws {DirectoryError} `DIRECTORY_ABANDONED`, `DIRECTORY_TIME_LIMIT`.
   */
  step(): Promise<void> | undefined {
    if (this.#signal?.aborted === true) {
      throw new DirectoryError('DIRECTORY_ABANDONED', 'the search was abandoned');
    }
    const nowMs = this.#clock.monotonicMs();
    if (nowMs > this.#deadlineMs) {
      throw new DirectoryError('DIRECTORY_TIME_LIMIT', 'the search took too long');
    }
    return nowMs > this.#sliceEndMs ? this.#pause() : undefined;
  }

  /**
   * Counts a candidate that the caller may know of; others must not be felt.
   *
   * @throws {DirectoryError} `DIRECTORY_LOOK_THROUGH_LIMIT`.
   */
  takeLook(): void {
    this.#looked += 1;
    if (this.#looked > this.#maxLookThrough) {
      throw new DirectoryError(
        'DIRECTORY_LOOK_THROUGH_LIMIT',
        `the search would look at more than ${this.#maxLookThrough} entries; narrow it`,
      );
    }
  }

  /** Counts an entry to return. @throws {DirectoryError} `DIRECTORY_SIZE_LIMIT`. */
  takeEntry(): void {
    this.#entries += 1;
    if (this.#entries > this.#maxEntries) {
      throw new DirectoryError('DIRECTORY_SIZE_LIMIT', 'there are more entries');
    }
  }

  async #pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#sliceEndMs = this.#clock.monotonicMs() + SLICE_MS;
  }
}

/** The client's wish, within the server's limit; 0 is no wish. */
function smaller(wish: number, limit: number): number {
  return wish > 0 ? Math.min(wish, limit) : limit;
}
