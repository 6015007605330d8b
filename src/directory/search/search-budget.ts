/**
 * What one search may use up (RFC 4511 §4.5.1.4, §4.5.1.5), and its turns on the event loop.
 *
 * @module
 */

import type { Clock } from '../../core/clock.ts';
import type { DirectoryLimits } from '../directory-limits.ts';
import { DirectoryError } from '../errors.ts';
import { EventLoopTurn } from '../event-loop-turn.ts';
import type { SearchRequest, StopSignal } from '../service.ts';

export class SearchBudget {
  readonly #clock: Clock;
  readonly #signal: StopSignal | undefined;
  readonly #maxEntries: number;
  readonly #maxLookThrough: number;
  readonly #deadlineMs: number;
  readonly #turn: EventLoopTurn;
  #entries: number;
  #looked = 0;

  /** @param returnedBefore Entries on earlier pages of the same search; they count. */
  constructor(
    { clock, limits }: { readonly clock: Clock; readonly limits: DirectoryLimits },
    request: SearchRequest,
    returnedBefore: number,
  ) {
    const nowMs = clock.monotonicMs();
    this.#clock = clock;
    this.#signal = request.signal;
    this.#maxEntries = smaller(request.sizeLimit, limits.maxSizeLimit);
    this.#maxLookThrough = limits.maxLookThrough;
    this.#deadlineMs = nowMs + smaller(request.timeLimitMs, limits.maxTimeLimitMs);
    this.#entries = returnedBefore;
    this.#turn = new EventLoopTurn(clock);
  }

  /**
   * To be awaited for every candidate, known to the caller or not.
   *
   * @throws {DirectoryError} `DIRECTORY_ABANDONED`, `DIRECTORY_TIME_LIMIT`.
   */
  step(): Promise<void> | undefined {
    return this.#turn.yieldIfDue(this.check());
  }

  /**
   * The same without a pause, for a few candidates.
   *
   * @returns the time.
   * @throws {DirectoryError} as `step`.
   */
  check(): number {
    if (this.#signal?.aborted === true) {
      throw new DirectoryError('DIRECTORY_ABANDONED', 'the search was abandoned');
    }
    const nowMs = this.#clock.monotonicMs();
    if (nowMs > this.#deadlineMs) {
      throw new DirectoryError('DIRECTORY_TIME_LIMIT', 'the search took too long');
    }
    return nowMs;
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
}

/** The client's wish, within the server's limit; 0 is no wish. */
function smaller(wish: number, limit: number): number {
  return wish > 0 ? Math.min(wish, limit) : limit;
}
