/**
 * A value that several ask for at about the same time, worked out once for all of them.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';

/** A value is given again for so long. */
const RECENT_MS = 500;

/** @returns what `read` gives, or gave a moment ago. A failure is not kept. */
export function recent<T>(clock: Clock, read: () => Promise<T>): () => Promise<T> {
  let last: { readonly atMs: number; readonly value: Promise<T> } | undefined;
  return () => {
    const nowMs = clock.monotonicMs();
    if (last === undefined || nowMs - last.atMs > RECENT_MS) {
      const made = { atMs: nowMs, value: read() };
      last = made;
      made.value.catch(() => {
        last = last === made ? undefined : last;
      });
    }
    return last.value;
  };
}
