/**
 * Lists that do not wait for the cadence (gunma 4-4-9, secom 4.5.3): made as soon as a revocation makes them due,
 * or a few seconds later, so that the revocations of one act are in one list.
 *
 * Whoever revokes does not wait for them. What fails is due as before, and the schedule tries it again.
 *
 * @module
 */

import type { TimerHandle } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import type { CaInstance } from './ca-instance.ts';

type Surroundings = Pick<CaInstance, 'clock' | 'log'> & {
  readonly authority: Pick<CaInstance['authority'], 'onUrgentRevocation' | 'dueScopes'>;
};

export class UrgentLists {
  readonly #surroundings: Surroundings;
  readonly #publish: (scopeIds: readonly string[]) => Promise<unknown>;
  /** Timers of those that are due later. */
  readonly #waiting = new Map<string, TimerHandle>();
  /** What was asked for and is not out yet. */
  readonly #underWay = new Set<Promise<void>>();
  #isClosed = false;

  /**
   * Listens to the authority's revocations.
   *
   * @param publish Publishes these lists, now.
   */
  constructor(
    surroundings: Surroundings,
    publish: (scopeIds: readonly string[]) => Promise<unknown>,
  ) {
    this.#surroundings = surroundings;
    this.#publish = publish;
    surroundings.authority.onUrgentRevocation((scopeId, dueMs) => this.#note(scopeId, dueMs));
  }

  /** Publishes what still gathers, and waits for what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const scopeId of [...this.#waiting.keys()]) {
      this.#start(scopeId);
    }
    await Promise.all(this.#underWay);
  }

  #note(scopeId: string, dueMs: number): void {
    const { clock } = this.#surroundings;
    const waitMs = dueMs - clock.nowMs();
    if (waitMs <= 0 || this.#isClosed) {
      this.#start(scopeId);
    } else if (!this.#waiting.has(scopeId)) {
      this.#waiting.set(
        scopeId,
        clock.schedule(waitMs, () => this.#start(scopeId)),
      );
    }
  }

  #start(scopeId: string): void {
    this.#waiting.get(scopeId)?.cancel();
    this.#waiting.delete(scopeId);
    const { log } = this.#surroundings;
    log.info('a revocation that does not wait: its list is published', { scope: scopeId });
    const run = this.#publish([scopeId]).then(
      () => undefined,
      (error: unknown) => {
        const facts = { scope: scopeId, error: formatError(error) };
        log.error('a list that does not wait was not published', facts);
      },
    );
    this.#underWay.add(run);
    void run.finally(() => this.#underWay.delete(run));
  }
}
