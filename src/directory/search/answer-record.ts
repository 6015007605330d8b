/**
 * What the answer to one search was made for and from: for whom it is the same, and which entries must
 * stay as they are for it to be the answer still.
 *
 * A front end hands a record in with a search and may give the same answer again, to every caller of
 * the record's audience, until the record is outdated.
 *
 * @module
 */

import type { AccessFacts } from '../access/access-notes.ts';
import { type Audience, isPersonal } from '../access/audience.ts';
import type { TreeWatch, TreeWatches } from '../entries/tree-watches.ts';

/** What a search begins with. */
export interface AnswerGround {
  readonly watches: TreeWatches;
  /** The key of the base's name. */
  readonly baseKey: Uint8Array;
  readonly audience: Audience | undefined;
}

export class AnswerRecord {
  /** Entries that were returned. */
  entries = 0;
  /** Attributes that were asked for by name, had a value and were withheld. */
  withheldAttributes = 0;
  /** For an observer, where there is one. */
  notes: AccessFacts | undefined;
  #ground: AnswerGround | undefined;
  #watch: TreeWatch | undefined;

  /** To be called by the search when it knows who asks, before it takes its snapshot. */
  begin(ground: AnswerGround): void {
    const { audience, watches, baseKey } = ground;
    this.#ground = ground;
    if (audience !== undefined && !isPersonal(audience, baseKey)) {
      this.#watch = watches.watch(baseKey, true);
    }
  }

  /** Nothing but the entry at the base itself turns out to play a part. */
  narrow(): void {
    if (this.#watch !== undefined && !this.#watch.isOutdated && this.#ground !== undefined) {
      this.#watch.close();
      this.#watch = this.#ground.watches.watch(this.#ground.baseKey, false);
    }
  }

  /** For whom the answer is the same; undefined when it must not be given again. */
  get audience(): Audience | undefined {
    return this.#watch === undefined || this.#watch.isOutdated ? undefined : this.#ground?.audience;
  }

  get baseKey(): Uint8Array | undefined {
    return this.#ground?.baseKey;
  }

  /** Calls `onOutdated` once, when the answer is not to be given again. */
  whenOutdated(onOutdated: () => void): void {
    if (this.#watch !== undefined) {
      this.#watch.onOutdated = onOutdated;
    }
  }

  /** The answer is not kept, or not any more. */
  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }
}
